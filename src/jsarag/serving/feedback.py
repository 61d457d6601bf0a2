"""Feedback, kept as pairs that `--data.train` reads; what was accepted is on the disk."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from jsarag.files import JSON
from jsarag.whole import sync

if sys.platform != "win32":
    import fcntl


class TurnRecord(BaseModel):
    """A turn before the question."""

    role: str = Field(min_length=1)
    text: str = Field(min_length=1)


class FeedbackRequest(BaseModel):
    """What somebody says about an answer."""

    question: str
    answer: str
    history: list[TurnRecord] = []
    passages: list[str] = []
    thumbs: Literal["up", "down"] | None = None
    correction: str | None = None

    @field_validator("question")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("expected text that is not empty")
        return text

    def record(self) -> dict[str, Any]:
        """The line of the file. Passages that were shown are no labels: they have a name that nothing reads."""
        said = self.model_dump(exclude={"passages"}, exclude_none=True)
        told = {"shown": self.passages, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        return {"id": uuid.uuid4().hex, **said, **told}


class Feedback:
    """The file of feedback, to which lines are added; several servers may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = Lock()

    def add(self, record: dict[str, Any]) -> None:
        """Add a line; once this returns the line is on the disk.

        Raises:
            OSError: the line could not be written; then nothing of it is kept.
        """
        line = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()
        with self._turn:
            new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as file, _alone(file):
                end = self._mend(file)
                try:
                    _write(file, line)
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise
            if new:
                sync(self.path.parent)

    def _mend(self, file: FileIO) -> int:
        """End the last line where a crash, or an editor, left it without an end; returns the size of the file.

        A line that is not whole was never accepted. It is moved to a file of its own, so that the others can be read.
        """
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return 0
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return size
        file.seek(0)
        content = file.readall()
        begin = content.rfind(b"\n") + 1
        try:
            JSON.decode(content[begin:].decode())
        except ValueError:
            with self.path.with_name(f"{self.path.name}.torn").open("ab") as torn:
                torn.write(content[begin:] + b"\n")
            file.truncate(begin)
            return begin
        _write(file, b"\n")
        return size + 1


@contextmanager
def _alone(file: FileIO) -> Iterator[None]:
    """Keep other processes out until the block ends, or the file is closed."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX)
    yield


def _write(file: FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]
