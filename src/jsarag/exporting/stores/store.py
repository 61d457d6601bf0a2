"""What a store of vectors is, and how a collection becomes equal to a knowledge base.

Each row holds a digest of all that is in it. Only rows whose digest is not there yet are sent, so a call that was
killed is finished by calling again, and a second call sends nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from jsarag.display import Display
from jsarag.kb import KnowledgeBase
from jsarag.types import InputError

ROWS = 500
"""Rows that are sent at once."""
DIGEST = "jsarag"
"""The field of a row that holds its digest."""


@dataclass(frozen=True)
class Row:
    """A passage as it goes into a store.

    Attributes:
        id: Of the passage.
        record: Its fields, as far as they are known.
        vector: ``[dimensions]``; inner products are similarities.
    """

    id: str
    record: Mapping[str, str | int]
    vector: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """Of fields and vector."""
        made = hashlib.sha256(json.dumps(self.record, sort_keys=True).encode())
        made.update(np.ascontiguousarray(self.vector).tobytes())
        return made.hexdigest()[:32]


@dataclass(frozen=True)
class Stored:
    """What was done to a collection: rows sent, rows that were there already, rows removed."""

    sent: int
    kept: int
    removed: int


class Store(ABC):
    """A collection of a store; a context manager, which closes the connection."""

    name: ClassVar[str]
    """The name in `STORES`."""
    most: ClassVar[int | None] = None
    """Bytes of a text that the store takes; None: any."""

    def __init__(self, uri: str, collection: str) -> None:
        """Open the store at ``uri``; nothing is written.

        Raises:
            InputError: no package for this store, nobody there, or a name that the store does not take.
        """
        self.uri, self.collection = uri, collection

    @abstractmethod
    def begin(self, dimensions: int) -> None:
        """Make the collection if it is not there.

        Raises:
            InputError: a collection that jsarag did not write, or one for vectors of another length.
        """

    @abstractmethod
    def digests(self) -> dict[str, str]:
        """The digest of each row that is there, by id."""

    @abstractmethod
    def put(self, rows: Sequence[Row]) -> None:
        """Write rows, in the place of those with the same ids; they are there when this returns."""

    @abstractmethod
    def remove(self, ids: Collection[str]) -> None:
        """Remove rows."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def foreign(self) -> InputError:
        """What is said of a collection that jsarag did not write."""
        return InputError(f"--collection: {self.collection} is there and was not written by jsarag; name another one")

    def other(self, found: int, dimensions: int) -> InputError:
        """What is said of a collection for vectors of another length."""
        return InputError(
            f"--collection: {self.collection} holds vectors of {found} numbers, expected {dimensions}; name another one"
        )

    @contextmanager
    def told(self, *errors: type[Exception]) -> Iterator[None]:
        """Tell errors of the store's package in one line, which holds no password."""
        try:
            yield
        except InputError:
            raise
        except errors as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"--to: {self.name} at {secretless(self.uri)}: {secretless(reason, self.uri)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fill(store: Store, kb: KnowledgeBase, display: Display) -> Stored:
    """Make a collection hold the passages of a knowledge base, but for the null passage, and nothing else."""
    positions = [i for i, passage in enumerate(kb.passages) if not passage.null]
    for passage in kb.passages:
        if store.most is not None and any(len(str(value).encode()) > store.most for value in passage.record().values()):
            raise InputError(f"--to: {store.name} takes texts of {store.most:,} bytes, passage {passage.id!r} has more")
    vectors = kb.vectors.numpy()
    store.begin(vectors.shape[1])
    there = store.digests()
    sent = 0
    with display.task(f"{store.name} {store.collection}", len(positions)) as advance:
        for first in range(0, len(positions), ROWS):
            some = positions[first : first + ROWS]
            rows = [Row(kb.passages[i].id, kb.passages[i].record(), vectors[i]) for i in some]
            new = [row for row in rows if there.get(row.id) != row.digest]
            if new:
                store.put(new)
            sent += len(new)
            advance(len(some), f"{sent:,} sent")
    gone = there.keys() - {kb.passages[i].id for i in positions}
    if gone:
        store.remove(gone)
    return Stored(sent, len(positions) - sent, len(gone))


_SECRETS = r"(?i)((?:password|passwd|pwd|token|api[-_]?key|secret)\s*=\s*)('[^']*'|[^\s&;]+)"


def secretless(text: str, uri: str = "") -> str:
    """Text without the passwords in it: those of an address in the text, of ``key=value`` pairs, and of ``uri``."""
    for secret in _secrets(uri or text):
        text = text.replace(secret, "***")
    text = re.sub(r"(?<=://)([^/@\s:]*):[^/\s]*@", r"\1:***@", text)
    return re.sub(_SECRETS, r"\1***", text)


def _secrets(uri: str) -> set[str]:
    found = {match[2].strip("'") for match in re.finditer(_SECRETS, uri)}
    try:
        password = urlsplit(uri).password
    except ValueError:
        password = None
    found |= {password, unquote(password)} if password else set()
    return {secret for secret in found if secret}
