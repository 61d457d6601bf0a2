"""What a published data set is: its files, and how they become passages and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from jsarag.checks import not_negative, one_of, require
from jsarag.data.sources.files import File, Files
from jsarag.types import Example, InputError, Passage

SPLITS = ("train", "dev", "test")
NO_ANSWER = "CANNOTANSWER"
"""The output of a question that has no answer, where such questions are kept; QuAC, OR-QuAC and DoQA write it so."""


Unanswerable = Literal["leave", "keep", "null"]


@dataclass(frozen=True)
class Options:
    """How a data set is converted.

    Attributes:
        splits: The splits to convert.
        unanswerable: leave out questions without an answer; keep them, with the output CANNOTANSWER; or keep them so
            with the null passage as their gold one, which then is one of the knowledge base.
        block_words: Longest passage in words; longer ones are cut into blocks; 0: passages stay as they are.
    """

    splits: tuple[str, ...] = SPLITS
    unanswerable: Unanswerable = "leave"
    block_words: int = 100

    def __post_init__(self) -> None:
        require(bool(self.splits), "--split", "at least one of train, dev, test", "none")
        for split in self.splits:
            one_of("--split", split, SPLITS)
        one_of("--unanswerable", self.unanswerable, get_args(Unanswerable))
        not_negative("--block-words", self.block_words)


@dataclass(frozen=True)
class Source:
    """A published data set.

    Attributes:
        name: As on the command line.
        title: Its name and origin, with the paper.
        task: What is asked of a model.
        size: Questions and passages, in words.
        licence: Of the data.
        recipe: Name of the file of training settings.
        files: What is read.
        splits: The splits it publishes with answers.
        passages: Gives the knowledge base, one passage at a time.
        examples: Gives the examples of one split; a question without answer that is left out is not given.
        passage_files: Names of the files that ``passages`` reads; they measure its progress.
        takes: Options of `Options` that mean something here, beside ``splits``.
        notes: What a user should know, a line each.
        partial: Convert the splits that are there; else all of ``splits`` must be.
    """

    name: str
    title: str
    task: str
    size: str
    licence: str
    recipe: str
    files: tuple[File, ...]
    splits: tuple[str, ...]
    passages: Callable[[Files, Options], Iterator[Passage]]
    examples: Callable[[Files, str, Options], Iterator[Example]]
    passage_files: tuple[str, ...]
    takes: frozenset[str] = field(default_factory=frozenset)
    notes: tuple[str, ...] = ()
    partial: bool = False

    def needed(self, wanted: tuple[str, ...] | None) -> tuple[File, ...]:
        """The files that the wanted splits need; None: all files.

        Raises:
            InputError: a split that this data set does not publish.
        """
        self._check(wanted or ())
        return tuple(file for file in self.files if wanted is None or file.needed(wanted))

    def chosen(self, folder_has: Callable[[File], bool], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
        """The splits to convert: the wanted ones, or all (with ``partial`` those whose files are there).

        Raises:
            InputError: a split that this data set does not publish, or none there.
        """
        self._check(wanted or ())
        if wanted is not None or not self.partial:
            return wanted or self.splits
        there = tuple(s for s in self.splits if all(folder_has(f) for f in self.files if s in f.splits))
        if not there:
            expected = ", ".join(file.name for file in self.files if file.splits)
            raise InputError(f"--from: expected one of {expected} in the folder")
        return there

    def _check(self, splits: tuple[str, ...]) -> None:
        for split in splits:
            one_of("--split", split, SPLITS)
            require(split in self.splits, "--split", f"one of {', '.join(self.splits)} with {self.name}", split)
