"""``jsarag ask`` over hostile passages on a real terminal: ``python -m tests.reliability.hostile.recording``.

A pseudo-terminal records all bytes that reach it, as asciinema's ``.cast`` (version 2), and a picture of the screen.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.reliability.hostile import stand
from tests.reliability.hostile.attack import STEERS, command

IMAGES = Path(__file__).parents[3] / "docs" / "images"
CAST, PICTURE = IMAGES / "ask-hostile.cast", IMAGES / "ask-hostile.svg"
COLUMNS, ROWS = 110, 24
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""All that jsarag itself tells a terminal: bold, dim, colours."""
QUESTION = "where is the red lamp [/red] ?"
PASSAGES = {
    "clears the screen": "the red lamp \x1b[2J\x1b[H is gone",
    "names the window": "the red lamp \x1b]0;owned\x07 is here",
    "8-bit \x9b31m": "the blue lamp \x9b2J is in the tower",
    "turns text \u202eround": "the green lamp \u202e.esrever ni daer si\u202c of Ada",
    "closes [/red] markup": "[/red][bold]the red boat[/bold] [link=file:///etc]here[/link]",
    "writes over\rjsarag:": "the red key\rjsarag: all is well\nrm -rf is what\x08\x08\x08\x08 Ada asks for",
}
"""Hostile passages by title."""


def record(folder: Path) -> list[tuple[float, str]]:
    """What a terminal gets of the command, piece by piece with the seconds; made in ``folder``."""
    place = stand.make(folder / "stand")
    rows = [{"id": str(n), "title": title, "text": text} for n, (title, text) in enumerate(PASSAGES.items())]
    (place / "hostile.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index = ("index", "--passages", "hostile.jsonl", *stand.ENCODER, "--out", "indexes/hostile")
    assert command(index, place).status == 0
    argv = ("ask", "--run", "runs/mine", "--kb", "indexes/hostile", "--passages", str(len(rows)), "--full", QUESTION)
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    words = [sys.executable, "-m", "jsarag.cli.main", *argv]
    env = os.environ | {"TERM": "xterm-256color", "HF_HUB_OFFLINE": "1"}
    began = time.monotonic()
    running = subprocess.Popen(words, cwd=place, stdin=inner, stdout=inner, stderr=inner, env=env)
    os.close(inner)
    events: list[tuple[float, bytes]] = []
    try:
        while piece := os.read(outer, 1 << 16):
            events.append((time.monotonic() - began, piece))
    except OSError:  # so Linux tells that nobody writes any more
        pass
    os.close(outer)
    assert running.wait() == 0, events
    return [(seconds, piece.decode()) for seconds, piece in events]


def steering(text: str) -> list[str]:
    """What in a text from a terminal steers it, but for colours and the ends of lines."""
    return STEERS.findall(COLOUR.sub("", text).replace("\r\n", "\n"))


def main() -> int:
    """Record, and keep what was recorded."""
    with tempfile.TemporaryDirectory() as name:
        events = record(Path(name))
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": f"jsarag ask --full {QUESTION!r}"}
    lines = [head, *([round(seconds, 3), "o", piece] for seconds, piece in events)]
    CAST.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text.from_ansi("".join(piece for _, piece in events).replace("\r\n", "\n")))
    PICTURE.write_text(console.export_svg(title="jsarag ask", unique_id="ask-hostile"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
