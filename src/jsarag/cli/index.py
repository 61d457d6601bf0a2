"""``jsarag index``: encode passages into a folder that `train` and `ask` can use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsarag import api, processes
from jsarag.data import Columns
from jsarag.display.terminal import Terminal
from jsarag.models import EncoderConfig
from jsarag.parsing import INDEX, Parser

DESCRIPTION = """Encode passages once and index them, for several runs.

The folder gets passages, vectors, a FAISS index and a manifest with the fingerprint of the encoder; training or asking
with another encoder is refused. Give it to a run with `--index.path FOLDER`. Of an index that is there, the vectors of
passages that did not change are taken over."""

EXAMPLE = """jsarag index --passages kb.jsonl --out indexes/kb"""

USUAL = {
    "files": {
        "passages": "the knowledge base: a file, or a folder of `jsarag ingest`",
        "out": "folder to write; an index there is brought up to date",
    },
    "making": {
        "index.kind": "how passages are searched; its options: --index NAME --help",
        "encoder.model": "a folder or a hub id",
        "encoder.passage": "how a passage is written for the encoder",
        "encoder.max_length": "longest passage in tokens; null: the model's own",
        "encoder.precision": "format of the computation",
    },
    "help": {"help_all": "every option"},
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag index", description=DESCRIPTION, example=EXAMPLE, usual=USUAL)
    parser.add_argument(
        "--passages",
        type=Path,
        required=True,
        help="Passages {id, title, text}, or another shape that is known: .jsonl, .json, .csv, .tsv, .xlsx, .parquet.",
    )
    parser.add_class_arguments(Columns, "data.columns")
    parser.add_argument(
        "--data.encoding",
        default="auto",
        help="Encoding of text that is not Unicode, such as cp1252; auto: found out for .csv and .tsv.",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="Folder to write; an index there is brought up to date."
    )
    parser.add_choice(INDEX, INDEX.named(argv) or INDEX.default)
    parser.add_class_arguments(EncoderConfig, "encoder")
    values = parser.read(argv)
    kind = parser.part(INDEX, values)
    built = parser.built(values)
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
