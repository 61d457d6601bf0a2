"""Names of runs on the model hub, and what the hub refuses, in one line; HF_ENDPOINT names another hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jsarag import layout
from jsarag.types import InputError

NAME = re.compile(r"(?P<repo>(?P<owner>\w[\w.-]*)/\w[\w.-]*)(@(?P<revision>[^@\s]+))?", re.ASCII)
"""OWNER/NAME, or OWNER/NAME@REVISION."""
DATA_SET = "hf:"
"""How the address of a data set on the hub begins."""


def fetched(folder: str | Path) -> Path:
    """The folder itself; where there is none of that name, the hub's copy of OWNER/NAME or OWNER/NAME@REVISION.

    A name whose first part is a folder here is a path.

    Raises:
        InputError: neither a folder nor on the hub.
    """
    path, match = Path(folder), NAME.fullmatch(str(folder))
    if path.exists() or match is None or Path(match["owner"]).exists():
        return path
    from huggingface_hub import snapshot_download

    with told(f"{folder}: no such folder, and the hub does not give it"):
        place = Path(snapshot_download(match["repo"], revision=match["revision"]))
    if not (place / layout.EXPORT).is_file():
        raise InputError(f"{folder}: expected what `jsarag push` wrote, found a repository without {layout.EXPORT}")
    return place


@contextmanager
def told(what: str) -> Iterator[None]:
    """What the hub refuses, and a hub that is not there, in one line."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except Exception as error:
        # The client wraps what went wrong with a single file.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        of_client = type(cause).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore")
        if not of_client and not isinstance(cause, OSError | ValueError):
            raise
        answer = isinstance(cause, HfHubHTTPError) and cause.server_message
        line = answer or (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise InputError(f"{what}: {' '.join(line.split())}") from None
