"""The pages of help: what a command does and an example first, one screen, no types of Python."""

from __future__ import annotations

import re
import shlex

import pytest

from jsarag.cli.main import COMMANDS, main
from jsarag.objectives import OBJECTIVES


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_begins_with_what_the_command_does_and_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, command, "--help")
    assert lines[0].endswith((".", ","))
    example = next(line for line in lines if line.startswith("  "))
    assert shlex.split(example)[:2] == ["jsarag", command]
    assert lines.index(example) < next(i for i, line in enumerate(lines) if line.startswith("usage:"))
    for page in (lines, shown(capsys, command, "--help-all")):
        assert max(map(len, page)) <= 100
        assert not re.search(r"<class|typing|NoneType|Optional\[|SUPPRESS", "\n".join(page))


@pytest.mark.parametrize("command", ["train", "quickstart"])
def test_the_options_that_people_change_fit_a_screen(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(shown(capsys, command, "--help")) <= 40
    monkeypatch.setenv("COLUMNS", "80")
    narrow = shown(capsys, command, "--help")
    assert len(narrow) <= 44


def test_training_tells_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    page = "\n".join(shown(capsys, "train", "--help"))
    for option in (
        "--resume RUN",
        "--accept-changes",
        "--from RUN",
        "--stage concat|again",
        "--objective NAME",
        "--help-all",
    ):
        assert f"  {option} " in page
    every = "\n".join(shown(capsys, "train", "--help-all"))
    assert len(every.splitlines()) > 150
    # Settings of an option that may be null stand there too, and values of a choice.
    assert "--generator.lora.alpha N" in every
    assert "--generator.prompt.chat-options" in every
    for name in OBJECTIVES:
        assert name in every
    for option in set(re.findall(r"^  (--[\w.-]+)", page, re.MULTILINE)):
        assert option in every


def test_the_options_of_a_named_part_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--index.recall" not in "\n".join(shown(capsys, "index", "--help"))
    page = shown(capsys, "index", "--index", "ivf", "--help")
    assert any(line.startswith("  --index.recall X") for line in page)
    page = shown(capsys, "train", "--objective", "vod", "--help")
    assert any(line.startswith("  --objective.k") for line in page)
    assert "--objective.burn-in" not in "\n".join(page)


def test_defaults_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {line.split()[0]: line for line in shown(capsys, "train", "--help") if line.startswith("  --")}
    assert rows["--objective.k"].endswith("(5)")
    assert rows["--loop.seed"].endswith("(0)")
    rows = {line.split()[0]: line for line in shown(capsys, "quickstart", "--help") if line.startswith("  --")}
    assert rows["--objective.k"].endswith("(6)")
    assert rows["--loop.steps"].endswith("(76)")
