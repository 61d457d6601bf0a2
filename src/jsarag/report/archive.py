"""What a comparison reads of finished runs: from their folders, or from an archive, one file that holds many runs.

An archive is a Parquet file with one row a run: ``run`` (its name), the texts of its ``config.yaml``,
``summary.json`` and ``metrics.jsonl``, ``content`` (a word for what lay where its settings say), and ``scores``, a list
with the id and the scores of every test example. Beside
``NAME.parquet`` stands its manifest ``NAME.parquet.sha256``, which ``sha256sum -c`` reads too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsarag import layout
from jsarag.checksums import check_config
from jsarag.files import JSON, read_bytes, read_jsonl, read_text, whole, write_text
from jsarag.run import sealed
from jsarag.run.fingerprints import contents
from jsarag.types import InputError

FORMAT = "1"
"""Version of the archive's format."""
TEXTS = {"config": layout.CONFIG, "summary": layout.SUMMARY, "metrics": layout.METRICS}
"""Columns with the text of a file, and the file in a run folder."""
SCORES = Path(layout.EVALUATION, "after.jsonl")
"""The file with the scores of every test example in a run folder."""
APART = "::"
"""Stands between an archive and the names of runs in it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """One finished run.

    Attributes:
        place: Its folder, or ``ARCHIVE::NAME``.
        config: Text of its ``config.yaml``.
        summary: Text of its ``summary.json``.
        metrics: Text of its ``metrics.jsonl``.
        scores: ``id`` and the scores (``block/metric``) of every test example.
        content: What lay where its settings say, in a word by option; empty where that is not known.
    """

    place: Path
    config: str
    summary: str
    metrics: str
    scores: tuple[Row, ...]
    content: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name among others: that of its folder, or the one in the archive."""
        return self.place.name.rpartition(APART)[2]


def find(address: Path) -> list[Kept]:
    """The runs at an address: a run folder, ``ARCHIVE`` (all its runs) or ``ARCHIVE::PATTERN``.

    Args:
        address: In a pattern ``*``, ``?`` and ``[...]`` stand for parts of names, as in a shell.

    Raises:
        InputError: no finished run, no archive, a damaged one, or a pattern that no run has.
    """
    file, apart, pattern = str(address).partition(APART)
    if address.is_dir() or not (apart or address.is_file()):
        return [read_folder(address)]
    return read_archive(Path(file), pattern if apart else "*")


def files_of(address: Path) -> list[Path]:
    """The folder, or the archive and its manifest, that an address reads."""
    file = Path(str(address).partition(APART)[0])
    return [address] if address.is_dir() else [file, manifest(file)]


def read_folder(folder: Path) -> Kept:
    """Read a run folder; its ``metrics.jsonl`` may be missing.

    Raises:
        InputError: no finished run with test pairs, or a file that cannot be read.
    """
    for name in (layout.CONFIG, layout.SUMMARY, str(SCORES)):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: not a finished run with test pairs (no {name})")
    sealed.check(folder, sealed.RESULTS)
    check_config(folder / layout.CONFIG)
    texts = {column: read_text(folder / name) for column, name in TEXTS.items() if (folder / name).exists()}
    rows = []
    for line, row in read_jsonl(folder / SCORES):
        if not isinstance(row, dict) or "id" not in row:
            raise InputError(f"{folder / SCORES}:{line}: expected the scores of an example with its id")
        rows.append(
            {"id": str(row["id"])} | {k: float(v) for k, v in row.items() if "/" in k and isinstance(v, int | float)}
        )
    return Kept(folder, texts["config"], texts["summary"], texts.get("metrics", ""), tuple(rows), contents(folder))


def write_archive(file: Path, runs: Sequence[Kept]) -> None:
    """Write runs into an archive, in the order of their names, and its manifest beside it.

    Raises:
        InputError: two runs have one name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = sorted(runs, key=lambda run: run.name)
    for run, after in pairwise(ordered):
        if run.name == after.name:
            raise InputError(f"{after.place}: {run.place} has the same name; rename one of the folders")
    names = dict.fromkeys(name for run in ordered for row in run.scores for name in row if name != "id")
    example = pa.struct([("id", pa.string()), *((name, pa.float64()) for name in names)])
    texts = [(column, pa.string()) for column in ("run", *TEXTS, "content")]
    columns = [*texts, ("scores", pa.list_(example))]
    table = pa.Table.from_pylist(
        [
            {"run": run.name, "scores": run.scores, "content": json.dumps(run.content)}
            | {column: getattr(run, column) for column in TEXTS}
            for run in ordered
        ],
        schema=pa.schema(columns, metadata={"jsarag.archive": FORMAT}),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=19)
    raw = sink.getvalue().to_pybytes()
    # A kill between the two leaves an archive that is refused, and never one that is taken for another.
    with whole(file) as temporary:
        temporary.write_bytes(raw)
    write_text(manifest(file), f"{hashlib.sha256(raw).hexdigest()}  {file.name}\n")


def read_archive(file: Path, pattern: str = "*") -> list[Kept]:
    """Read the runs of an archive whose names fit a pattern, in the order of their names.

    Raises:
        InputError: no archive, one of a later version, one that its manifest does not vouch for, or no such run.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = read_bytes(file)
    _vouch(file, hashlib.sha256(raw).hexdigest())
    try:
        table = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file}: expected an archive of runs in Parquet ({str(error).splitlines()[0]})") from None
    version = (table.schema.metadata or {}).get(b"jsarag.archive", b"").decode()
    if version != FORMAT or not {"run", "scores", *TEXTS}.issubset(table.column_names):
        found = f"version {version}" if version not in ("", FORMAT) else "another Parquet file"
        raise InputError(f"{file}: expected an archive of runs in version {FORMAT} of its format, found {found}")
    names = table["run"].to_pylist()
    wanted = [fnmatchcase(name, pattern) or name == pattern for name in names]
    if not any(wanted):
        raise InputError(f"{file}{APART}{pattern}: expected the name of a run there: {', '.join(names)}")
    return [
        Kept(
            file.with_name(f"{file.name}{APART}{row['run']}"),
            row["config"],
            row["summary"],
            row["metrics"],
            tuple({name: value for name, value in scores.items() if value is not None} for scores in row["scores"]),
            json.loads(row.get("content") or "{}"),
        )
        for row in table.filter(pa.array(wanted)).to_pylist()
    ]


def manifest(file: Path) -> Path:
    """The file with the SHA-256 of an archive."""
    return file.with_name(f"{file.name}.sha256")


def _vouch(file: Path, sum_: str) -> None:
    """Refuse an archive whose manifest is missing, names another file or has another sum."""
    line = read_text(manifest(file)).split()
    if line[1:] != [file.name]:
        raise InputError(
            f"{manifest(file)}: expected the SHA-256 of {file.name} and its name, as sha256sum writes them"
        )
    if line[0] != sum_:
        raise InputError(f"{file}: damaged or exchanged: {manifest(file).name} says {line[0][:16]}, got {sum_[:16]}")


def parse_lines(place: Path, text: str) -> list[Row]:
    """The JSON objects of a text with one a line, as `parse` reads them; blank lines are skipped."""
    lines = enumerate(text.split("\n"), start=1)
    return [parse(place, line, number) for number, line in lines if line.strip()]


def parse(place: Path, text: str, line: int = 1) -> Row:
    """The JSON object in a text that begins at ``line`` of ``place``; ``InputError`` names the line that is wrong."""
    try:
        value = JSON.decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}:{line + error.lineno - 1}: not valid JSON ({error.msg})") from None
    if not isinstance(value, dict):
        raise InputError(f"{place}:{line}: expected an object, found {str(value)[:60]!r}")
    return value
