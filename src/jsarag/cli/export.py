"""``jsarag export``: a run as other libraries open it, and its passages in a vector store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsarag import api, layout
from jsarag.display.terminal import Terminal
from jsarag.exporting import STORES, WEIGHTS, secretless
from jsarag.parsing import Parser
from jsarag.types import InputError

DESCRIPTION = """Write a run as other libraries open it, or its passages into a vector store.

The folder gets the retriever for sentence-transformers, the generator for PEFT or transformers, the passages with their
vectors as Parquet, a FAISS index and a model card. `jsarag ask` and `Run.load` answer from it as from the run.

A store gets the passages with their vectors. What is there already is not sent again; what the run no longer has is
removed. A collection that jsarag did not write is left alone."""

EXAMPLE = """jsarag export runs/mine --out exported
jsarag export runs/mine --to qdrant http://localhost:6333 --collection docs"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag export", description=DESCRIPTION, example=EXAMPLE)
    add_source(parser)
    parser.add_argument("--out", type=Path, default=None, help="Folder to write; new or empty.")
    parser.add_argument("--to", nargs=2, help=f"A vector store ({', '.join(STORES)}) and its URI.")
    parser.add_argument("--collection", type=str, default=None, help="Collection or table of the store (jsarag).")
    values = parser.read(argv)
    if values.out is None and values.to is None:
        raise InputError("--out: expected a folder to write, or a store with --to")
    if values.merged and values.out is None:
        raise InputError("--merged: expected with --out; a store gets no generator")
    if values.collection is not None and values.to is None:
        raise InputError("--collection: expected with --to")
    if values.to is not None:
        STORES.named(values.to[0], "--to")  # before a folder is written
    source = values.run
    if values.out is not None:
        out = api.export(source, values.out, weights=values.weights, merged=values.merged, display=Terminal())
        print(f"{out}: {layout.RETRIEVER}/, {layout.GENERATOR}/, {layout.PASSAGES}, {layout.FAISS}, {layout.CARD}")
        print(f'ask it with: jsarag ask --run {out} "your question"')
    if values.to is not None:
        (name, uri), collection = values.to, values.collection or "jsarag"
        done = api.store(source, name, uri, collection=collection, weights=values.weights, display=Terminal())
        place = f"{name} {secretless(uri)}, {collection}"
        print(f"{place}: {done.sent:,} passages sent, {done.kept:,} were there, {done.removed:,} removed")
    return 0


def add_source(parser: Parser) -> None:
    """Add the run and what of it is taken."""
    parser.add_argument("run", type=Path, help="Run folder made by `jsarag train`.")
    parser.add_argument("--weights", choices=WEIGHTS, default="best", help="Which weights of the run.")
    parser.add_argument(
        "--merged", action="store_true", help="Add the adapters to the generator's weights: no base model is needed."
    )
