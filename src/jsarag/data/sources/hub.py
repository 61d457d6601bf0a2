"""Published files from the Hugging Face hub, or from a mirror that HF_ENDPOINT names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jsarag.data.sources.files import File
from jsarag.types import InputError

START = "hf://datasets/"
"""What an address on the hub begins with."""
FORM = f"{START}OWNER/NAME, {START}OWNER/NAME@REVISION or {START}OWNER/NAME/FOLDER"


def fetch(address: str, files: Sequence[File]) -> Path:
    """Download what is there of ``files`` into the hub's cache and name their folder; only what is missing is loaded.

    Args:
        address: As `FORM` says; a private data set needs HF_TOKEN.
        files: The files of a data set; other files of the repository stay where they are.

    Raises:
        InputError: no such address, or it cannot be read.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    match = re.fullmatch(re.escape(START) + r"([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(.+?))?/?", address)
    if match is None:
        raise InputError(f"--from: expected {FORM}, got {address!r}")
    name, revision, folder = match.groups()
    inside = f"{folder}/" if folder else ""
    wanted = [f"{inside}{name}" for file in files for name in file.names]
    try:
        found = snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=wanted)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"--from: cannot read {address}: {reason}") from None
    return Path(found) / inside
