"""``jsarag index``: encode passages into a folder that `train` and `ask` can use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsarag import api, processes
from jsarag.cli.display import Terminal
from jsarag.data import Columns
from jsarag.models import EncoderConfig
from jsarag.parsing import INDEX, Parser

DESCRIPTION = """Encode passages and index them.

The folder gets passages, vectors, a FAISS index and a manifest with the fingerprint of the encoder; training or asking
with another encoder is refused. Give it to a run with `--index.path FOLDER`."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag index", description=DESCRIPTION, exit_on_error=False)
    parser.add_argument(
        "--passages",
        type=Path,
        required=True,
        help="Passages {id, title, text}, or another shape that is known: .jsonl, .json, .csv, .tsv, .xlsx, .parquet.",
    )
    parser.add_class_arguments(Columns, "data.columns")
    parser.add_argument("--data.encoding", default="auto", help="Encoding of the file; auto: found out.")
    parser.add_argument("--out", type=Path, required=True, help="Folder to write; an index folder there is replaced.")
    INDEX.add_to(parser, INDEX.named(argv) or INDEX.default)
    parser.add_class_arguments(EncoderConfig, "encoder")
    values = parser.read(argv)
    kind = INDEX.built(values)
    built = parser.instantiate(values)
    with processes.joined():
        kb = api.build_index(
            values.passages,
            values.out,
            encoder=built.encoder,
            index=kind,
            columns=built.data.columns,
            encoding=values.data.encoding,
            display=Terminal(),
        )
        if processes.first():
            facts = "".join(f", {name} {value}" for name, value in kb.facts.items())
            print(f"{values.out}: {len(kb):,} passages, {kb.vectors.shape[1]} dimensions, encoder {kb.fingerprint}")
            print(f"index {kb.kind.name}{facts}")
    return 0
