"""API keys: where they come from, and whether a request brings one."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path

from jsarag.files import read_text
from jsarag.types import InputError

VARIABLE = "JSARAG_API_KEYS"
"""Of the environment: keys with blanks or commas between them."""


def read_keys(file: Path | None) -> tuple[str, ...]:
    """The keys of the environment and of a file, which has one a line; a line that begins with # is none.

    Raises:
        InputError: a file that cannot be read or holds no key, or a key with a blank or a letter beyond ASCII in it.
    """
    found = os.environ.get(VARIABLE, "").replace(",", " ").split()
    if file is not None:
        lines = [line.strip() for line in read_text(file).splitlines()]
        listed = [line for line in lines if line and not line.startswith("#")]
        if not listed:
            raise InputError(f"--keys: {file} holds no key; expected one a line")
        found += listed
    for number, key in enumerate(found, start=1):
        if not key.isascii() or len(key.split()) != 1:
            raise InputError(f"--keys: key {number}: expected ASCII letters, digits and marks, without blanks")
    return tuple(dict.fromkeys(found))


class Keys:
    """The keys of a server, as hashes of one length: a comparison takes as long whatever is compared."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._hashes = [_hash(key.encode()) for key in keys]

    def __bool__(self) -> bool:
        """Whether a key is asked for."""
        return bool(self._hashes)

    def allow(self, authorization: bytes) -> bool:
        """Whether the value of the header ``Authorization`` is ``Bearer`` and one of the keys."""
        scheme, _, key = authorization.partition(b" ")
        given = _hash(key.strip())
        # All are compared, so that the time does not tell which one is near.
        same = [hmac.compare_digest(given, known) for known in self._hashes]
        return scheme.lower() == b"bearer" and any(same)


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
