"""``jsarag ask`` as a dialog, on a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import jsarag
from jsarag.cli.dialog import Dialog
from jsarag.cli.main import main
from jsarag.types import Turn
from tests import world

FIRST, SECOND = "where is the red lamp ?", "who has the boat ?"


@pytest.fixture(scope="module")
def run(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("talked") / "run"
    options = world.options(data, encoder_model, causal_model, out)
    assert main(["train", *options, "--loop.steps", "1", "--evaluation.before", "false"]) == 0
    return out


class Screen:
    """A process on a terminal of its own."""

    def __init__(self, *words: str) -> None:
        self._master, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jsarag", *words], stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)

    def until(self, mark: str) -> str:
        """What is shown up to and with ``mark``."""
        shown = ""
        while mark not in shown:
            shown += os.read(self._master, 1).decode(errors="replace")
        return shown.replace("\r\n", "\n")

    def type(self, line: str) -> None:
        os.write(self._master, line.encode())


def test_a_dialog_asks_with_the_turns_before(run: Path) -> None:
    loaded = jsarag.Run.load(run)
    first = loaded.ask(FIRST)
    history = [Turn("user", FIRST), Turn("assistant", first.text)] if first.text else []
    second, alone = loaded.ask(SECOND, history), loaded.ask(SECOND)
    assert second.passages != alone.passages

    screen = Screen("ask", "--run", str(run))
    assert "12 passages. Ask, and ask on" in screen.until("\n? ")
    screen.type(f"{FIRST}\n")
    assert f"{first.text or '(no answer)'}\n" in screen.until("\n? ")
    screen.type(f"{SECOND}\n")
    shown = screen.until("\n? ")
    assert f"{second.text or '(no answer)'}\n" in shown
    assert f"{second.passages[0].probability:.3f}  {second.passages[0].passage.id}" in shown
    screen.type("/passges\n")
    assert "There is no command /passges; did you mean /passages?; /help lists them." in screen.until("\n? ")
    screen.type("/passages\n")
    assert " ".join(second.passages[0].passage.text.split()) in " ".join(screen.until("\n? ").split())
    screen.type("/clear\n")
    screen.until("\n? ")
    screen.type("\x1b[A\x1b[A\x1b[A\x1b[A\n")  # four lines up: the second question again
    assert f"{alone.text or '(no answer)'}\n" in screen.until("\n? ")
    screen.type("/exit\n")
    assert screen.process.wait(60) == 0


def test_what_was_declined_is_no_turn(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    loaded = jsarag.Run.load(run)
    dialog = Dialog(replace(loaded, pipeline=replace(loaded.pipeline, least=1e9)))
    dialog.ask(FIRST)
    assert dialog.last is not None
    assert dialog.last.declined
    assert dialog.turns == []
    assert "The documents do not hold the answer." in capsys.readouterr().out


def test_questions_come_from_a_file(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "questions.txt"
    file.write_text(f"{FIRST}\n\n{SECOND}\n")
    capsys.readouterr()
    assert main(["ask", "--run", str(run), "--questions", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.index(FIRST) < shown.index(SECOND)
    file.write_text("\n")
    assert main(["ask", "--run", str(run), "--questions", str(file)]) == 0
    assert f"{file}: holds no question" in "".join(capsys.readouterr().err.splitlines())
    for content, options, line in (
        ("x", ("what ?",), "jsarag: --questions: expected without a question beside it"),
        ("x\n{", (), f"jsarag: {file}:2: not valid JSON"),
    ):
        file.write_text(content)
        assert main(["ask", *options, "--run", str(run), "--questions", str(file)]) == 2
        assert line in capsys.readouterr().err
