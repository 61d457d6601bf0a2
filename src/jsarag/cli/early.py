"""What a command line names and is not there, told before the packages are imported that take seconds.

The commands check all of this again, and more; here stands only what a slip of the finger costs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jsarag import layout
from jsarag.places import check_new_folder
from jsarag.system.hub import DATA_SET, fetched
from jsarag.system.listen import bind
from jsarag.types import InputError

RUNS = {"ask": ("--run",), "evaluate": ("--run",), "train": ("--from",)}
"""Options that name a run."""
FIRST = ("export", "push", "serve")
"""Commands whose first word is a run."""
FROM_HUB = ("ask", "evaluate", "serve")
"""Commands that take an export, and one that is on the hub."""
DATA = ("--config", "--data.passages", "--data.train", "--data.dev", "--data.test")
FILES = {
    "train": DATA,
    "quickstart": DATA,
    "index": ("--passages",),
    "split": ("--passages",),
    "ask": ("--kb", "--questions"),
    "evaluate": ("--kb", "--data"),
    "serve": ("--kb", "--keys"),
}
"""Options that name a file or a folder to read."""
HELP = {"-h", "--help", "--help-all", "--help_all"}


def check(command: str, argv: Sequence[str]) -> None:
    """Refuse runs and files that are not there, a run that cannot be written, and a port that is taken.

    Raises:
        InputError: the first of them.
    """
    if not HELP.isdisjoint(argv):
        return
    given = dict(_options(argv))
    for option in (*RUNS.get(command, ()), *FILES.get(command, ()), "--resume", "--from", "--out"):
        if given.get(option) == "":
            raise InputError(f"{option}: expected a value after it")
    runs = [given[option] for option in RUNS.get(command, ()) if given.get(option)]
    if command in FIRST and argv and not argv[0].startswith("-"):
        runs.append(argv[0])
    for run in runs:
        place = fetched(run) if command in FROM_HUB else Path(run)
        if not (place / layout.CONFIG).is_file():
            reason = f"no {layout.CONFIG}" if place.is_dir() else "no such folder"
            raise InputError(f"{Path(run)}: not a run folder ({reason})")
    if command == "train" and given.get("--out") and "--resume" not in given:
        check_new_folder(Path(given["--out"]), "out")
    for option in FILES.get(command, ()):
        named = given.get(option, "null")
        if named != "null" and not named.startswith(DATA_SET) and not os.path.lexists(named):
            raise InputError(f"{Path(named)}: no such file")
    port = given.get("--port", "8000")
    if command == "serve" and port.isdecimal() and int(port) < 65536:
        bind(given.get("--host", "127.0.0.1"), int(port), listen=False).close()


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Options with the word after them."""
    for i, word in enumerate(argv):
        option, equals, value = word.partition("=")
        if option.startswith("--"):
            yield option.replace("_", "-"), value if equals else "".join(argv[i + 1 : i + 2])
