"""Exports on the model hub: pushed there, and fetched from there. HF_ENDPOINT names another hub."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from jsarag import layout
from jsarag.exporting.folder import write
from jsarag.exporting.parts import Parts
from jsarag.types import InputError

_NAME = re.compile(r"(?P<repo>(?P<owner>\w[\w.-]*)/\w[\w.-]*)(@(?P<revision>[^@\s]+))?", re.ASCII)
STALE = [f"{layout.RETRIEVER}/*", f"{layout.GENERATOR}/*", layout.SUMMARY]
"""What an earlier push may have left that the new export does not hold."""


def check_name(name: str) -> None:
    """Refuse what is not OWNER/NAME."""
    match = _NAME.fullmatch(name)
    if match is None or match["revision"]:
        raise InputError(f"name: expected OWNER/NAME on the hub, got {name!r}")


def check_login() -> None:
    """Refuse to go on without a token that the hub knows.

    Raises:
        InputError: no token, or the hub refuses the token or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise InputError("push: expected a token of the hub in HF_TOKEN, or that of `hf auth login`; there is none")
    with _told("push: the hub does not take the token"):
        HfApi().whoami()


def push(parts: Parts, name: str, *, private: bool = False, revision: str | None = None) -> str:
    """Write an export and bring it to the hub; returns the address of the commit.

    Args:
        parts: What is exported.
        name: OWNER/NAME; made if it is not there.
        private: Whether a repository that is made is private.
        revision: The branch; made if it is not there. None: main.

    Raises:
        InputError: a base that nobody else has, or the hub refuses.
    """
    from huggingface_hub import HfApi

    check_name(name)
    base = parts.bases["generator"]
    if parts.adapters and base.local:
        raise InputError(
            f"push: the generator is adapters for {base.told}, which others lack; push the whole model with --merged"
        )
    api = HfApi()
    with _told(f"push: cannot make {name}"):
        api.create_repo(name, private=private or None, exist_ok=True)
        if revision is not None:
            api.create_branch(name, branch=revision, exist_ok=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # The hub's client wonders at Parquet beside models.
        warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")
        export = Path(folder) / "export"
        write(parts, export, name)
        with _told(f"push: cannot write to {name}"):
            done = api.upload_folder(
                repo_id=name,
                folder_path=export,
                revision=revision,
                delete_patterns=STALE,
                commit_message=f"Export of {Path(parts.config.out).name}, weights {parts.weights}",
            )
    return str(getattr(done, "commit_url", done))


def fetched(folder: str | Path) -> Path:
    """The folder itself; where there is none of that name, the hub's copy of OWNER/NAME or OWNER/NAME@REVISION.

    A name whose first part is a folder here is a path.

    Raises:
        InputError: neither a folder nor on the hub.
    """
    path, match = Path(folder), _NAME.fullmatch(str(folder))
    if path.exists() or match is None or Path(match["owner"]).exists():
        return path
    from huggingface_hub import snapshot_download

    with _told(f"{folder}: no such folder, and the hub does not give it"):
        place = Path(snapshot_download(match["repo"], revision=match["revision"]))
    if not (place / layout.EXPORT).is_file():
        raise InputError(f"{folder}: expected what `jsarag push` wrote, found a repository without {layout.EXPORT}")
    return place


@contextmanager
def _told(what: str) -> Iterator[None]:
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
