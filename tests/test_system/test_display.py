"""Progress: lines where the output is a file, bars where it is a terminal."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from rich.console import Console

import jsarag
from jsarag.display import Silent
from jsarag.display.terminal import Terminal, shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only item."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_file_gets_a_line_at_the_start_now_and_then_and_at_the_end(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Terminal().task("train", total=10, done=2) as advance:
        for more, later, state in [(1, 1, "a"), (1, 1, "b"), (2, 14, "c"), (1, 20, ""), (3, 1, "end")]:
            clock[0] += later
            advance(more, state)
    assert capsys.readouterr().err.splitlines() == [
        "train 2/10",  # at once: whoever waits knows for what
        "train 6/10  16 s, ETA 16 s  c",  # the first after 15 seconds; 4 of 8 in 16 seconds
        "train 7/10  36 s, ETA 22 s",
        "train 10/10  37 s, ETA 0 s  end",  # the last at once
    ]


def bars(shown: Terminal) -> list[Any]:
    return [] if shown._progress is None else list(shown._progress.tasks)


def terminal() -> tuple[Terminal, io.StringIO]:
    shown, written = Terminal(), io.StringIO()
    shown._console = Console(file=written, force_terminal=True, width=120, color_system=None, highlight=False)
    return shown, written


def test_a_terminal_gets_a_bar_with_counts_and_state() -> None:
    shown, written = terminal()
    with shown.task("train", total=4, done=1) as advance:
        advance(2, "loss 1.5")
        (bar,) = bars(shown)
        assert (bar.description, bar.completed, bar.total, bar.fields["state"]) == ("train", 3, 4, "loss 1.5")
    assert bars(shown) == []
    for part in ("train", "3/4", "ETA", "loss 1.5"):
        assert part in written.getvalue()


def test_a_task_within_a_task_has_its_own_bar_until_it_ends() -> None:
    shown, _ = terminal()
    with shown.task("train", total=4) as outer:
        outer(1, "")
        with pytest.raises(ZeroDivisionError), shown.task("evaluate", total=2) as inner:
            inner(1, "")
            assert [bar.description for bar in bars(shown)] == ["train", "evaluate"]
            raise ZeroDivisionError
        assert [bar.completed for bar in bars(shown)] == [1]
    assert bars(shown) == []


def test_what_is_said_is_neither_marked_up_nor_wrapped() -> None:
    shown, written = terminal()
    text = f"[red]a[/red] {'long ' * 60}end"
    shown.say(text)
    assert written.getvalue() == f"{text}\n"


def test_python_shows_progress_where_a_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(shown(None), Silent)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(shown(None), Terminal)
    own = Silent()
    assert shown(own) is own
    assert (jsarag.Terminal, jsarag.Silent) == (Terminal, Silent)
    assert isinstance(jsarag.Terminal(), jsarag.Terminal)
    assert hasattr(jsarag.Display, "task")
