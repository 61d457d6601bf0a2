"""A folder of documents becomes a knowledge base; run again, it reads only what changed."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsarag.checks import positive, positive_or_null, require, up_to
from jsarag.display import Display, Silent
from jsarag.display.visible import visible_line
from jsarag.documents import folder as kb
from jsarag.documents.chunks import Chunk
from jsarag.documents.measure import Measure
from jsarag.documents.near import Twins
from jsarag.documents.sources import Found, Source, find
from jsarag.documents.workers import read_all
from jsarag.places import check_apart, check_new_folder
from jsarag.types import InputError
from jsarag.whole import whole

PACKAGES = ("pypdfium2", "mammoth", "trafilatura", "lxml_html_clean", "pptx", "docutils", "semantic_text_splitter")
SPOOL = "spool.jsonl"


WORKERS = 1000
"""The most processes."""


@dataclass(frozen=True)
class IngestConfig:
    """How documents become passages.

    Attributes:
        tokens: Tokens of the longest passage, its title counted; null: as many as the encoder reads, at most 512.
        keep_duplicates: Keep passages that say what another one says.
        add: Keep the passages of files that are not among those named now.
        workers: Processes that read files; null: two where the machine has them.
        seconds: Longest time for a file.
    """

    tokens: int | None = None
    keep_duplicates: bool = False
    add: bool = False
    workers: int | None = None
    seconds: float = 120.0

    def __post_init__(self) -> None:
        positive_or_null("tokens", self.tokens)
        if self.workers is not None:
            up_to("workers", self.workers, WORKERS)
        positive("seconds", self.seconds)


@dataclass
class Report:
    """What was done.

    Attributes:
        passages: How many the knowledge base holds now; 0: nothing was written.
        files: How many files they are from.
        new, changed, same, gone: Names of the files that are new, are read again, are as they were, are no more.
        new_passages, gone_passages: Passages that were not there before, and that are there no more.
        exact, near: Duplicates that were left out.
        errors: The reason for each file that cannot be read.
        told: How a file was read where that is worth a word, such as a table of columns that are not known.
        others: How many files of each other extension there are.
    """

    passages: int = 0
    files: int = 0
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    new_passages: int = 0
    gone_passages: int = 0
    exact: int = 0
    near: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)


class _NothingError(Exception):
    """No passage was found: what lies in the folder stays."""


def ingest(
    paths: Sequence[str | Path],
    out: str | Path,
    measure: Measure,
    config: IngestConfig | None = None,
    display: Display | None = None,
) -> Report:
    """Read documents into a knowledge base, the folder ``out``, which is written whole or not at all.

    Args:
        paths: Files, folders, patterns; zip files are looked into.
        out: The folder; of one that an earlier run wrote, files that did not change are not read again.
        measure: Counts tokens as the encoder that will read the passages does: ``Measure.of(encoder)``.
        config: How passages are made.
        display: Shown progress.

    Returns:
        What was done. A file that cannot be read is among its ``errors``.

    Raises:
        InputError: a path that is not there, a folder that `jsarag ingest` did not make, or one whose files are none
            of those named now.
    """
    config, display, out = config or IngestConfig(), display or Silent(), Path(out)
    require_packages()
    require(bool(paths), "PATH", "files or folders, such as docs/", None)
    check_apart(out, paths)
    check_new_folder(out, "--out")
    kb.check_place(out)
    made_as = {"tokens": measure.limit, "measure": _digest(measure)}
    kept = kb.Kept(out, made_as)
    found = find(paths)
    names = {source.name for source in found.sources}
    if kept.files and not config.add and names.isdisjoint(kept.files):
        raise InputError(
            f"{out}: none of its {len(kept.files):,} files is among those named now (a file is known by its "
            "path below the folder that is named); keep them with --add true, or name another folder"
        )
    if kept.fault and config.add and not names.issuperset(kept.files):
        raise InputError(f"{out}: {kept.fault}; name all its files, or another folder: --add keeps nothing of it")
    if kept.fault and kept.files:
        display.say(f"{out}: {kept.fault}; all files are read again")
    report = Report(errors=dict(found.errors), others=found.others)
    try:
        with whole(out, kb.check_place) as temporary:
            temporary.mkdir()
            _Work(temporary, kept, config, report).run(found, measure, display, made_as)
    except _NothingError:
        pass
    return report


def require_packages() -> None:
    """Refuse to work without the packages that read documents.

    Raises:
        InputError: one is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(f'reading documents needs more packages ({missing[0]} ...): pip install "jsarag[documents]"')


def _digest(measure: Measure) -> str:
    return hashlib.sha256(json.dumps(asdict(measure), sort_keys=True).encode()).hexdigest()[:16]


class _Work:
    """Writes one folder: all passages go to a spool first, since a duplicate is known only when all are there."""

    def __init__(self, folder: Path, kept: kb.Kept, config: IngestConfig, report: Report) -> None:
        self.folder, self.kept, self.config, self.report = folder, kept, config, report
        self.files: dict[str, dict[str, Any]] = {}
        self.offsets = array("Q")

    def run(self, found: Found, measure: Measure, display: Display, made_as: dict[str, Any]) -> None:
        """Read all files and write all there is to write."""
        spool = self.folder / SPOOL
        with spool.open("w+b") as file, closing(self._all(found.sources, measure, display)) as everything:
            twins = Twins(lambda i: self._read(file, i))
            for name, rows in everything:
                for row in rows:
                    self.offsets.append(file.tell())
                    file.write(kb.line(row))
                    twins.add(row["title"], row["text"])
                self.files[name]["passages"] = len(rows)
            if not self.offsets:
                raise _NothingError
            duplicates = {} if self.config.keep_duplicates else twins.find()
            rows_of = self._sort(file, duplicates)
        spool.unlink()
        rows_of[kb.ERRORS] = self._errors()
        self.report.files = len(self.files)
        facts = {"made_as": made_as, "left_out": self.report.others, "files": self.files}
        kb.seal(self.folder, facts, rows_of)

    def _all(
        self, sources: Sequence[Source], measure: Measure, display: Display
    ) -> Generator[tuple[str, list[kb.Row]], None, None]:
        """The passages of each file in the order of names: those read now, and those that stay."""
        report, kept = self.report, self.kept
        named = {source.name: source for source in sources}
        report.gone = sorted(kept.files.keys() - named.keys()) if not self.config.add else []
        staying = kept.files.keys() - named.keys() if self.config.add else set()
        requests = [_request(source, kept) for source in sources]
        workers = min(self.config.workers or min(2, os.cpu_count() or 1), max(len(requests), 1))
        reading = read_all(requests, measure, workers, self.config.seconds)
        with closing(reading) as replies, display.task("reading", len(requests)) as advance:
            for name in sorted(named.keys() | staying):
                if name in staying:
                    self.files[name] = dict(kept.files[name])
                    yield name, kept.rows(name)
                    continue
                found = next(replies)
                advance(1, visible_line(name))
                if "error" in found:
                    report.errors[name] = found["error"]
                    report.gone += [name] * (name in kept.files)
                    continue
                known = kept.facts(name) if found.get("same") else found
                self.files[name] = {key: known[key] for key in ("sha256", "reader", "told") if key in known}
                if "told" in known:
                    report.told[name] = known["told"]
                before = report.changed if name in kept.files else report.new
                (report.same if found.get("same") else before).append(name)
                if found.get("same"):
                    yield name, kept.rows(name)
                else:
                    yield name, list(kb.identified(name, [Chunk(**chunk) for chunk in found["chunks"]]))

    def _read(self, file: Any, position: int) -> tuple[str, str]:
        file.seek(self.offsets[position])
        row = json.loads(file.readline())
        return row["title"], row["text"]

    def _sort(self, spool: Any, duplicates: dict[int, tuple[int, float]]) -> dict[str, int]:
        """Write passages and duplicates; how many rows each file has."""
        report, there, new = self.report, set[str](), 0
        firsts = dict.fromkeys((first for first, _ in duplicates.values()), "")
        spool.seek(0)
        with (self.folder / kb.PASSAGES).open("wb") as passages, (self.folder / kb.DUPLICATES).open("wb") as dropped:
            source, position = "", 0
            for i, line in enumerate(spool):
                row = json.loads(line)
                position = position + 1 if row["source"] == source else 0
                source = row["source"]
                if i in firsts:
                    firsts[i] = row["id"]
                if i not in duplicates:
                    passages.write(line)
                    there.add(row["id"])
                    new += row["id"] not in self.kept.ids
                    continue
                first, alike = duplicates[i]
                report.exact += alike == 1
                report.near += alike < 1
                more = {"duplicate_of": firsts[first], "similarity": round(alike, 4), "position": position}
                dropped.write(kb.line(row | more))
        report.passages, report.new_passages = len(there), new
        report.gone_passages = len(self.kept.ids - there)
        return {kb.PASSAGES: len(there), kb.DUPLICATES: len(duplicates)}

    def _errors(self) -> int:
        errors = sorted(self.report.errors.items())
        with (self.folder / kb.ERRORS).open("wb") as file:
            file.writelines(kb.line({"path": name, "reason": reason}) for name, reason in errors)
        return len(errors)


def _request(source: Source, kept: kb.Kept) -> dict[str, Any]:
    facts = {key: value for key, value in kept.facts(source.name).items() if key in ("sha256", "reader")}
    return {"name": source.name, "path": str(source.path.absolute()), "inside": list(source.inside), **facts}
