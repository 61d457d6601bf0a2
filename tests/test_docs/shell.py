"""A shell whose commands are functions of this process: loops, variables and globs are the shell's own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

Command = Callable[[list[str]], int]
"""Takes the words behind the command's name and gives an exit status; reads ``sys.stdin``, prints."""

_STAND_IN = """#!{python} -SE
import json, sys
said = "" if sys.stdin.isatty() else sys.stdin.read()
with open({request!r}, "w") as request:
    json.dump([{name!r}, sys.argv[1:], said], request)
with open({reply!r}) as reply:
    status, printed = json.load(reply)
print(printed, end="")
sys.exit(status)
"""


def run(text: str, folder: Path, commands: Mapping[str, Command]) -> list[tuple[list[str], int]]:
    """Run a script with ``sh -e`` in ``folder``; returns the command lines met, each with its exit status.

    Args:
        text: The script.
        folder: Where it runs.
        commands: By name; a name with a slash is a path in ``folder``, any other is found on the PATH.

    Raises:
        AssertionError: the script failed.
    """
    request, reply = (folder / f".{name}" for name in ("request", "reply"))
    for pipe in (request, reply):
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
    for name in commands:
        file = folder / name if "/" in name else folder / ".commands" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            _STAND_IN.format(python=sys.executable, name=name, request=str(request), reply=str(reply)), encoding="utf-8"
        )
        file.chmod(0o755)
    shell = subprocess.Popen(
        ["sh", "-e"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PATH": f"{folder / '.commands'}:{os.environ['PATH']}"},
    )
    ended: list[str] = []

    def wait() -> None:
        ended.extend(shell.communicate(f"{{\n{text}}} < /dev/null\n"))
        request.write_text("null", encoding="utf-8")

    # A command that raises leaves the thread at a pipe that nobody reads any more.
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    met = []
    while (asked := json.loads(request.read_text(encoding="utf-8"))) is not None:
        name, words, said = asked
        printed = io.StringIO()
        status = 1
        try:
            with redirect_stdout(printed), patch("sys.stdin", io.StringIO(said)):
                status = commands[name](words)
        finally:
            reply.write_text(json.dumps([status, printed.getvalue()]), encoding="utf-8")
        met.append(([name, *words], status))
    waiting.join()
    assert shell.returncode == 0, f"exit status {shell.returncode}\n{''.join(ended)}\n{met}"
    return met
