"""Exports brought to the model hub. HF_ENDPOINT names another hub."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from jsarag import layout
from jsarag.exporting.folder import write
from jsarag.exporting.parts import Parts
from jsarag.system.hub import NAME, told
from jsarag.types import InputError

STALE = [f"{layout.RETRIEVER}/*", f"{layout.GENERATOR}/*", layout.SUMMARY]
"""What an earlier push may have left that the new export does not hold."""


def check_name(name: str) -> None:
    """Refuse what is not OWNER/NAME."""
    match = NAME.fullmatch(name)
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
    with told("push: the hub does not take the token"):
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
    with told(f"push: cannot make {name}"):
        api.create_repo(name, private=private or None, exist_ok=True)
        if revision is not None:
            api.create_branch(name, branch=revision, exist_ok=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # The hub's client wonders at Parquet beside models.
        warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")
        export = Path(folder) / "export"
        write(parts, export, name)
        with told(f"push: cannot write to {name}"):
            done = api.upload_folder(
                repo_id=name,
                folder_path=export,
                revision=revision,
                delete_patterns=STALE,
                commit_message=f"Export of {Path(parts.config.out).name}, weights {parts.weights}",
            )
    return str(getattr(done, "commit_url", done))
