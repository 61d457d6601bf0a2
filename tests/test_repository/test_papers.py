"""The project's own papers: versions, links and links' targets agree with the code."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from jsarag.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("experiments/*/*.md"),
    ROOT / "benchmarks/README.md",
]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def loaded(name: str) -> Any:
    return yaml.safe_load(text(name))


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]


def test_all_papers_name_the_version_of_the_package() -> None:
    version = PROJECT["version"]
    assert str(loaded("CITATION.cff")["version"]) == version
    newest = re.search(r"^## \[(.+?)\]", text("CHANGELOG.md"), flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


def test_the_workflow_runs_on_every_python_that_the_package_allows() -> None:
    tested = loaded(".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert tested == named
    first, last = (tuple(map(int, version.split("."))) for version in (tested[0], tested[-1]))
    assert PROJECT["requires-python"] == f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"


def test_the_citation_has_what_its_format_demands() -> None:
    citation = loaded("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert paper["url"].endswith("2508.18168")
    assert citation["license"] == PROJECT["license"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    written = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", written):
        if link.startswith(("http", "mailto")):
            continue
        target, _, heading = link.partition("#")
        file = page.parent / target if target else page
        assert file.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, link


def test_the_command_says_the_version_that_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"jsarag {metadata.version('jsarag')}\n"


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("jsarag").joinpath("py.typed").is_file()


def test_every_pattern_of_the_package_s_files_names_some() -> None:
    data = tomllib.loads(text("pyproject.toml"))["tool"]["setuptools"]["package-data"]["jsarag"]
    assert [pattern for pattern in data if not any((ROOT / "src" / "jsarag").glob(pattern))] == []
