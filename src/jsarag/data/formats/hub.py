"""Data sets on the Hugging Face hub, or on a mirror that HF_ENDPOINT names, read by the library `datasets`.

No program of a data set is ever run: sets that need one are refused by the library.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jsarag.data.formats.parquet import filled
from jsarag.data.formats.table import Table
from jsarag.display import Advance, Display
from jsarag.files import Record
from jsarag.system.hub import DATA_SET
from jsarag.types import InputError

FORM = "hf:OWNER/NAME:SPLIT, hf:OWNER/NAME/CONFIG:SPLIT, or hf:OWNER/NAME:SPLIT[:1000] for the first 1,000 rows"
MOST = 2_000_000
"""Rows that are read where no part is named: all are held in memory."""

_ADDRESS = re.compile(
    r"hf:(?P<name>[^/:@\[\]]+/[^/:@\[\]]+)(?:@(?P<revision>[^:\[\]]+?))?(?:/(?P<config>[^/:\[\]]+))?"
    r"(?::(?P<split>[\w.-]+))?(?:\[:(?P<limit>[\d_]+)\])?"
)
_MEDIA = ("Image", "Audio", "Video", "Pdf", "Nifti")
"""Kinds of columns whose values are files, which are not even decoded."""


@dataclass(frozen=True)
class Place:
    """What an address names.

    Attributes:
        name: ``OWNER/NAME``.
        revision: Branch, tag or commit; None: main.
        config: None: the only one.
        split: None: the only one.
        limit: Read the first so many rows; None: all.
    """

    name: str
    revision: str | None
    config: str | None
    split: str | None
    limit: int | None

    @classmethod
    def of(cls, address: str) -> Place:
        """The place that an address names.

        Raises:
            InputError: no address.
        """
        found = _ADDRESS.fullmatch(address)
        limit = int(found["limit"]) if found and found["limit"] else None
        if found is None or limit == 0:
            raise InputError(f"{address}: expected {FORM}")
        return cls(found["name"], found["revision"], found["config"], found["split"], limit)

    def at(self, *, config: str | None = None, split: str | None = None, limit: int | None = None) -> str:
        """Its address, where it lacks one of these with that one."""
        revision, inner = f"@{self.revision}" * bool(self.revision), self.config or config
        part, first = self.split or split, self.limit or limit
        told = f"/{inner}" * bool(inner) + f":{part}" * bool(part) + f"[:{first}]" * bool(first)
        return f"{DATA_SET}{self.name}{revision}{told}"


def is_address(path: object) -> bool:
    """Whether a path is an address on the hub."""
    return str(path).startswith(DATA_SET)


def read_hub(address: str, display: Display) -> Table:
    """A split: whole ones through the cache of `datasets`, so that they are there offline as well; parts streamed.

    Raises:
        InputError: no address; without `datasets`; no such set, or one that cannot be read; several configurations or
            splits, of which one is to be named; more rows than are held in memory.
    """
    place = Place.of(address)
    try:
        import datasets
    except ImportError:
        raise InputError(f'{address}: needs one more package: pip install "jsarag[datasets]"') from None
    try:
        with _quiet():
            builder = datasets.load_dataset_builder(place.name, place.config, revision=place.revision)
            split = _split(address, place, builder)
            rows = _rows(builder, split, place, address)
            total = place.limit or len(rows)
            _check_most(total, place, split, address)
            rows, left = _readable(rows)
            with display.task(f"reading {place.name}", total) as advance:
                records = list(_records(rows, place.limit, advance))
    except InputError:
        raise
    except Exception as error:  # whatever the library, the network or a damaged file does
        raise InputError(f"{address}: {_reason(error, place)}") from None
    first = [f"the first {len(records):,} rows"] if place.limit else []
    return Table(records, (*first, *left))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries of the hub tell: retries, cards without metadata, bars of their own."""
    loggers = [logging.getLogger(name) for name in ("huggingface_hub", "datasets", "fsspec")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _split(address: str, place: Place, builder: Any) -> str:
    names = [str(name) for name in builder.info.splits or builder.config.data_files or ()]
    if place.split in names or (place.split is None and len(names) == 1):
        return place.split or names[0]
    listed = ", ".join(name if place.split else place.at(split=name) for name in names)
    what = f"no split {place.split!r}; there are" if place.split else "holds several splits; name one of"
    raise InputError(f"{address}: {what} {listed or 'none'}")


def _rows(builder: Any, split: str, place: Place, address: str) -> Any:
    """The rows of a split, from the cache, or as they come over the net."""
    if place.limit:
        return builder.as_streaming_dataset(split=split)
    known = (builder.info.splits or {}).get(split)
    _check_most(getattr(known, "num_examples", None) or 0, place, split, address)
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _check_most(rows: int, place: Place, split: str, address: str) -> None:
    if rows > MOST:
        part = place.at(split=split, limit=100_000) if not place.limit else f"at most [:{MOST}]"
        raise InputError(f"{address}: {rows:,} rows; expected at most {MOST:,}: name a part, {part}")


def _readable(rows: Any) -> tuple[Any, list[str]]:
    """The rows without columns of pictures and sounds, and what is told of these."""
    features = rows.features or {}
    media = {name: type(feature).__name__ for name, feature in features.items() if type(feature).__name__ in _MEDIA}
    told = [f"{name} not read: {kind}" for name, kind in media.items()]
    return (rows.remove_columns(list(media)) if media else rows), told


def _records(rows: Any, limit: int | None, advance: Advance) -> Iterator[Record]:
    features = rows.features or {}
    labels = {name: feature.int2str for name, feature in features.items() if type(feature).__name__ == "ClassLabel"}
    for number, row in enumerate(rows, start=1):
        record = {name: filled(value) for name, value in row.items() if value is not None}
        named = {name: labels[name](record[name]) for name in labels.keys() & record.keys() if record[name] >= 0}
        yield number, record | named
        advance(1, "")
        if number == limit:
            return


def _reason(error: Exception, place: Place) -> str:
    from datasets.exceptions import DatasetNotFoundError

    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, DatasetNotFoundError):
        return f"no such data set, or a private one that needs HF_TOKEN ({said})"
    configs = re.search(r"available configs: \[(.*?)\]", str(error).replace("\n", " "))
    if configs is not None:
        names = re.findall(r"'([^']+)'", configs[1])
        listed = ", ".join(name if place.config else place.at(config=name) for name in names)
        what = f"no configuration {place.config!r}; there are" if place.config else "holds several sets; name one of"
        return f"{what} {listed}"
    return f"cannot be read: {said}"
