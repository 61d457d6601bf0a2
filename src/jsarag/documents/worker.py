"""A process that reads files for `jsarag ingest`: what crashes or hangs in a parser costs one file.

It reads requests on standard input and writes replies on standard output, JSON a line: first the settings, then a file
each. `jsarag.documents.workers` is the other side.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from jsarag.documents.measure import Measure
from jsarag.documents.reading import MEMORY, reply

FAT = 1 << 30
"""Bytes of memory from which on a worker is replaced."""


def main() -> None:
    """Serve until standard input ends."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not stand among the replies
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    settings = json.loads(asked.readline())
    measure = Measure(**settings["measure"])
    for line in asked:
        signal.setitimer(signal.ITIMER_REAL, settings["seconds"])  # its signal ends the process
        found = reply(json.loads(line), measure)
        signal.setitimer(signal.ITIMER_REAL, 0)
        found["last"] = _fat()
        answers.write(json.dumps(found, ensure_ascii=True).encode() + b"\n")
        answers.flush()
        if found["last"]:
            return


def _fat() -> bool:
    """Whether a parser has left much memory behind."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > FAT


if __name__ == "__main__":
    main()
