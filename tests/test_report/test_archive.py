"""Archives of runs: the same comparison as from the folders; what is damaged, exchanged or no archive is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import runpy
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jsarag import api
from jsarag.cli.main import main
from jsarag.files import read_bytes, read_json, read_text, write_text
from jsarag.report.archive import APART, find, manifest, read_archive, read_folder, write_archive
from jsarag.types import InputError
from tests.test_report.test_compare import make, runs

ROOT = Path(__file__).parents[2]
ARCHIVES = sorted((ROOT / "experiments").rglob("*.parquet"))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return runs(tmp_path / "runs")


@pytest.fixture
def archive(tmp_path: Path, folders: list[Path]) -> Path:
    file = tmp_path / "runs.parquet"
    write_archive(file, [read_folder(folder) for folder in folders])
    return file


def at(archive: Path, name: str) -> Path:
    return Path(f"{archive}{APART}{name}")


def sign(file: Path) -> None:
    """Write the manifest that fits the file as it is."""
    write_text(manifest(file), f"{hashlib.sha256(read_bytes(file)).hexdigest()}  {file.name}\n")


def without_places(groups: list[Any]) -> list[Any]:
    return [
        dataclasses.replace(
            group, members=tuple(dataclasses.replace(member, folder=Path()) for member in group.members)
        )
        for group in groups
    ]


def test_the_comparison_is_that_of_the_folders(archive: Path, folders: list[Path]) -> None:
    expected = without_places(api.compare(folders))
    for folder in folders:
        shutil.rmtree(folder)
    assert without_places(api.compare([archive])) == expected
    assert without_places(api.compare([at(archive, "a?"), str(at(archive, "b0")), at(archive, "b1")])) == expected
    assert [g.label for g in api.compare([at(archive, "b*"), at(archive, "a0")])] == ["gold", "jsa"]


def test_folders_and_archives_are_compared_with_each_other(archive: Path, folders: list[Path]) -> None:
    first, second = api.compare([at(archive, "a*"), *folders[2:]])
    assert [str(member.folder) for member in first.members] == [f"{archive}::a0", f"{archive}::a1"]
    assert [member.folder for member in second.members] == folders[2:]


def test_pack_and_unpack_give_every_byte_back_that_is_compared(tmp_path: Path, folders: list[Path]) -> None:
    """The files of settings, summary and curves are the same to the last byte."""
    tool = runpy.run_path(str(ROOT / "experiments" / "archive.py"))
    tool["pack"](tmp_path / "runs", tmp_path / "packed.parquet")
    tool["unpack"](tmp_path / "packed.parquet", tmp_path / "again")
    for folder in folders:
        for name in ("config.yaml", "summary.json", "metrics.jsonl"):
            assert read_bytes(tmp_path / "again" / folder.name / name) == read_bytes(folder / name)
        assert read_folder(tmp_path / "again" / folder.name).scores == read_folder(folder).scores
    with pytest.raises(InputError, match="found none"):
        tool["pack"](tmp_path / "nothing", tmp_path / "packed.parquet")


def test_a_run_of_a_name_that_is_a_pattern_of_another_is_found_by_its_own(tmp_path: Path) -> None:
    kept = [read_folder(make(tmp_path / name, seed=0, wins=3)) for name in ("a[0]", "a0")]
    write_archive(tmp_path / "runs.parquet", kept)
    assert [run.name for run in find(at(tmp_path / "runs.parquet", "a[0]"))] == ["a0", "a[0]"]
    with pytest.raises(InputError, match="has the same name"):
        write_archive(tmp_path / "runs.parquet", [*kept, kept[0]])


def test_every_changed_byte_and_every_cut_is_refused(archive: Path) -> None:
    whole = archive.read_bytes()
    for place in range(0, len(whole), 97):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"runs\.parquet: damaged or exchanged"):
            read_archive(archive)
        archive.write_bytes(whole[:place])
        with pytest.raises(InputError, match=r"runs\.parquet: damaged or exchanged"):
            read_archive(archive)
    archive.write_bytes(whole)
    assert len(read_archive(archive)) == 4


def test_an_archive_in_the_place_of_another_is_refused(archive: Path, tmp_path: Path, folders: list[Path]) -> None:
    other = tmp_path / "other.parquet"
    write_archive(other, [read_folder(folder) for folder in folders[:2]])
    archive.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match="damaged or exchanged"):
        read_archive(archive)
    shutil.copy(manifest(other), manifest(archive))
    with pytest.raises(InputError, match=r"runs\.parquet\.sha256: expected the SHA-256 of runs\.parquet and its name"):
        read_archive(archive)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("no manifest", r"runs\.parquet\.sha256: no such file"),
        ("no archive", r"runs\.parquet: no such file"),
        ("empty manifest", "expected the SHA-256"),
        ("cut and signed", "expected an archive of runs in Parquet"),
        ("text and signed", "expected an archive of runs in Parquet"),
        ("another table", "version 1 of its format, found another Parquet file"),
        ("a later version", "version 1 of its format, found version 2"),
        ("no such run", r"::c\*: expected the name of a run there: a0, a1, b0, b1"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_line(
    archive: Path, change: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = str(at(archive, "c*" if change == "no such run" else "a*"))
    if change == "no manifest":
        manifest(archive).unlink()
    elif change == "no archive":
        archive.unlink()
    elif change == "empty manifest":
        write_text(manifest(archive), "")
    elif change == "cut and signed":
        archive.write_bytes(archive.read_bytes()[:-9])
    elif change == "text and signed":
        write_text(archive, "run,scores\n")
    elif change == "another table":
        pq.write_table(pa.table({"run": ["a0"]}), archive)
    elif change == "a later version":
        table = pq.read_table(archive)
        pq.write_table(table.replace_schema_metadata({"jsarag.archive": "2"}), archive)
    if change.endswith(("signed", "table", "version")):
        sign(archive)
    with pytest.raises(InputError, match=message):
        find(Path(address))
    assert main(["compare", address]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_a_run_is_given_twice_by_two_patterns(archive: Path) -> None:
    with pytest.raises(InputError, match="::a0: given twice"):
        api.compare([at(archive, "a*"), at(archive, "?0")])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("config.yaml", "a: [\n", r"a0/config\.yaml: expected the settings of a run in YAML"),
        ("config.yaml", "text\n", r"a0/config\.yaml: expected the settings of a run in YAML"),
        ("summary.json", "{\n,", r"a0/summary\.json:2: not valid JSON"),
        ("metrics.jsonl", '{"kind": "x"}\n\n[]\n', r"a0/metrics\.jsonl:3: expected an object"),
        ("evaluation/after.jsonl", '{"id": "a"}\n[]\n', r"after\.jsonl:2: expected the scores of an example"),
    ],
)
def test_a_bad_file_of_a_run_is_named(folders: list[Path], name: str, text: str, message: str) -> None:
    write_text(folders[0] / name, text)
    with pytest.raises(InputError, match=message):
        api.compare(folders)


def test_a_result_does_not_go_over_the_archive_or_its_manifest(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = archive.read_bytes()
    for file in (archive, manifest(archive)):
        assert main(["compare", str(at(archive, "*")), "--json", str(file)]) == 2
        assert "which this command reads" in capsys.readouterr().err
    assert archive.read_bytes() == before


def test_the_archives_of_the_experiments_are_whole() -> None:
    assert [len(read_archive(file)) for file in ARCHIVES] == [43, 76, 33, 15]
    assert sum(file.stat().st_size for file in ARCHIVES) < 2_000_000


ANSWERS = [
    "rag-sequence",
    "jsa",
    "jsa-short",
    "gold",
    "gold-steps",
    "vrag",
    "frozen",
    "decoupled",
    "untrained",
    "concat",
]
TABLES = [
    ("passages", "open-squad"),
    ("passages", "dstc11"),
    *((f"answers/{budget}", data) for budget in ("compute", "tokens") for data in ("dstc11", "open-squad")),
    *(("answers/long", data) for data in ("dstc11", "open-squad", "doqa")),
]


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values in a JSON value, each with its place."""
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(below, f"{place}/{key}")
    else:
        yield place, value


@pytest.mark.parametrize(
    ("folder", "data"), [TABLES[0], *(pytest.param(*table, marks=pytest.mark.slow) for table in TABLES[1:])]
)
def test_the_tables_of_the_experiments_come_from_their_archives(
    folder: str, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last lines of their ``run.sh`` make them."""
    monkeypatch.chdir(ROOT)
    archive = Path("experiments", folder, "runs.parquet")
    metrics, reference = ["prior/hit@1", "prior/mrr@10", "posterior/mrr@10"], None
    patterns = [f"{data}-frozen-[0-9]", f"{data}-own-*-[0-9]"]
    if folder != "passages":
        metrics, reference = [*metrics, "answers/f1", "answers/rougeL"], "rag-sequence"
        names = [run.name for run in read_archive(archive)]
        patterns = [p for p in (f"{data}-{name}-[0-9]" for name in ANSWERS) if any(fnmatch(name, p) for name in names)]
    made = (tmp_path / f"{data}.json", tmp_path / f"{data}.md")
    runs = [at(archive, pattern) for pattern in patterns]
    api.compare(runs, metrics=metrics, reference=reference, figures=made[0], markdown=made[1])
    assert read_text(made[1]) == read_text(archive.parent / made[1].name)
    # The last bits of a figure are those of the installed numpy.
    ours, theirs = (list(leaves(read_json(file))) for file in (made[0], archive.parent / made[0].name))
    assert [place for place, _ in ours] == [place for place, _ in theirs]
    for (place, one), (_, other) in zip(ours, theirs, strict=True):
        assert one == (pytest.approx(other, rel=1e-9, abs=1e-12) if isinstance(other, float) else other), place
