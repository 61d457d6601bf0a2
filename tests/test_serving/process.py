"""``jsarag serve`` whose worker waits for a line on standard input before each answer; run as a program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from jsarag.api import Run
from jsarag.cli.main import main
from jsarag.serving.work import Ask

if __name__ == "__main__":
    do = Ask.do

    def held(run: Run, works: Sequence[Ask]) -> Any:
        print("taken", flush=True)
        sys.stdin.readline()
        return do(run, works)

    Ask.do = held  # type: ignore[method-assign]
    sys.exit(main(["serve", *sys.argv[1:]]))
