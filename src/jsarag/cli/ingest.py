"""``jsarag ingest``: a folder of documents becomes a knowledge base."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from jsarag import api
from jsarag.checks import require
from jsarag.display.terminal import Terminal
from jsarag.display.visible import visible_line
from jsarag.documents.folder import DUPLICATES, ERRORS
from jsarag.documents.ingest import IngestConfig, Report, ingest, require_packages
from jsarag.documents.measure import Measure
from jsarag.models import EncoderConfig, load_encoder
from jsarag.parsing import Parser
from jsarag.types import InputError

DESCRIPTION = """Turn PDF, HTML, Word, PowerPoint, Markdown, reStructuredText, text and tables into a knowledge base.

Passages are as long as the encoder can read, and keep title, headings, file and page. Duplicates are left out. Run
again, it reads only what changed, and ids stay. Then: `jsarag index`, `jsarag train`."""

EXAMPLE = """jsarag ingest docs/ --out kb/
jsarag train --data.passages kb/ --data.train log.csv
jsarag ingest new.pdf --run runs/mine"""

USUAL = {
    "documents": {
        "paths": "files, folders, quoted patterns such as 'docs/**/*.pdf', zip files",
        "out": "folder to write; of an earlier one only what changed is read",
        "add": "keep the passages of files that are not named now",
        "run": "run whose knowledge base gets the documents: `jsarag ask` answers from them untrained",
    },
    "passages": {
        "encoder.model": "what will read the passages: a folder or a hub id",
        "tokens": "tokens of the longest passage; null: what the encoder reads, at most 512",
        "keep_duplicates": "keep passages that say what another one says",
    },
    "reading": {
        "workers": "processes; null: two where the machine has them",
        "seconds": "longest time for a file",
    },
    "help": {"help_all": "every option"},
}
LISTED = 20
"""Lines about files that the terminal shows."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag ingest", description=DESCRIPTION, example=EXAMPLE, usual=USUAL)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="Files, folders, quoted patterns, zip files.")
    parser.add_argument("--out", type=Path, help="Folder to write; of an earlier one changes are read.")
    parser.add_argument("--run", type=Path, help="Run whose knowledge base gets these documents; --out: RUN-kb.")
    parser.add_class_arguments(IngestConfig, as_group=False)
    parser.add_class_arguments(EncoderConfig, "encoder")
    values = parser.read(argv)
    built = parser.built(values)
    require_packages()
    config = IngestConfig(**{name: values[name] for name in IngestConfig.__dataclass_fields__})
    if values.run is not None:
        return _add(values.run, values.paths, values.out, config, given=values.encoder != parser.get_defaults().encoder)
    require(values.out is not None, "--out", "a folder to write, such as kb", None)
    measure = Measure.of(load_encoder(built.encoder, "cpu"), config.tokens)
    report = ingest(values.paths, values.out, measure, config, Terminal())
    show(report, values.out, measure.limit)
    if not report.passages:
        raise _nothing(values.paths)
    return 0


def _add(run: Path, paths: Sequence[str], out: Path | None, config: IngestConfig, *, given: bool) -> int:
    """Into the knowledge base of a run."""
    require(not given, "--encoder", "not with --run, whose own encoder reads the passages", "one")
    out = out or run.with_name(f"{run.name}-kb")
    report, kb = api.add_documents(run, paths, out, config=config, display=Terminal())
    show(report, out / "passages", config.tokens)
    if kb is None:
        raise _nothing(paths)
    print(visible_line(f"{kb.folder}: {len(kb):,} passages, {len(kb) - report.passages:,} of them of {run}"))
    print(visible_line(f"next: jsarag ask --run {shlex.quote(str(run))} --kb {shlex.quote(str(kb.folder))}"))
    return 0


def _nothing(paths: Sequence[str]) -> InputError:
    return InputError(f"{', '.join(paths)}: nothing to read was found; nothing is written")


def show(report: Report, out: Path, tokens: int | None) -> None:
    """Print what was done."""
    console = Console(highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        console.print(visible_line(text), markup=False)

    if report.passages:
        files = ((report.new, "new"), (report.changed, "changed"), (report.same, "unchanged"), (report.gone, "removed"))
        counts = ", ".join(f"{len(names):,} {what}" for names, what in files if names)
        moved = f"{report.new_passages:,} added, {report.gone_passages:,} removed"
        most = f" of at most {tokens} tokens" if tokens else ""
        say(f"{out}: {report.passages:,} passages{most} ({moved})")
        say(f"files: {report.files:,} read ({counts})")
    for line in _together(report.told)[:LISTED]:
        say(f"  {line}")
    if report.exact or report.near:
        say(f"duplicates left out: {report.exact:,} exact, {report.near:,} near ({out / DUPLICATES})")
    if report.others:
        kinds = ", ".join(f"{count:,} {extension}" for extension, count in sorted(report.others.items()))
        say(f"of other formats: {kinds}")
    if report.errors:
        where = f" ({out / ERRORS})" if report.passages else ""
        say(f"not read: {len(report.errors):,} file{'s' * (len(report.errors) > 1)}{where}")
    for line in _together(report.errors)[:LISTED]:
        say(f"  {line}")


def _together(said: Mapping[str, str]) -> list[str]:
    """A line for all files of which the same is said, the rarest first, which else were lost among many."""
    files: dict[str, list[str]] = {}
    for name in sorted(said):
        files.setdefault(said[name].partition(";")[0], []).append(name)
    found = sorted(files.values(), key=len)
    more = {names[0]: f" and {len(names) - 1:,} more" if len(names) > 1 else "" for names in found}
    return [f"{name}{others}: {said[name]}" for name, others in more.items()]
