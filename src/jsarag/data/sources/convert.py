"""From the published files of a data set to a folder of passages and examples, whole or not at all.

The folder gets passages.jsonl, a file a split, and manifest.json: sizes and sums of what was read and written, counts
and options. Passages are written as they are read; only examples are held in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from jsarag.checks import positive, require
from jsarag.config import plain
from jsarag.data.sources.files import Files
from jsarag.data.sources.published import verify
from jsarag.data.sources.source import NO_ANSWER, Options, Source
from jsarag.display import Advance, Display
from jsarag.files import read_json, write_json
from jsarag.places import check_apart, check_folder
from jsarag.types import NULL, Example, InputError, Passage
from jsarag.whole import whole

MANIFEST = "manifest.json"
PASSAGES = "passages.jsonl"

_MEGABYTE = 1_000_000
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def convert(
    source: Source,
    folder: str | Path,
    out: str | Path,
    options: Options,
    display: Display,
    *,
    passages_limit: int | None = None,
    hold_out: int | None = None,
    unverified: bool = False,
) -> dict[str, Any]:
    """Convert a data set and return its manifest.

    Args:
        source: The data set.
        folder: Where its published files are.
        out: Folder to write; one that was written so before is replaced.
        options: How to convert; its splits must be those of the source.
        display: Shown progress.
        passages_limit: Keep the first so many passages, and every gold passage of the examples beyond them.
        hold_out: Make the last so many training examples the dev split, and the published dev split the test split.
        unverified: Accept a file that is not the published one; the manifest says so.

    Raises:
        InputError: missing files, files that are not of the published format or not the published ones (where their
            checksum or number of lines is known), a folder ``out`` that holds anything else or overlaps ``folder``, or
            a split without a single example.
    """
    folder, out = Path(folder), Path(out)
    if passages_limit is not None:
        positive("--passages-limit", passages_limit)
    if hold_out is not None:
        positive("--hold-out", hold_out)
        expected = f"none with {source.name}, which publishes a test split"
        require("test" not in source.splits, "--hold-out", expected, hold_out)
        require(set(options.splits) == {"train", "dev"}, "--hold-out", "the splits train and dev", options.splits)
    check_apart(out, [folder])
    check_place(out)
    paths = find(source, folder, options.splits)
    read = _sums(source, folder, paths, display, unverified=unverified)
    left: dict[str, int] = {}
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    asked = sum(size for name, size in sizes.items() if name not in source.passage_files) or sum(sizes.values())
    with display.task("questions, MB read", _megabytes(asked)) as advance:
        files = Files(paths, _in_megabytes(advance, asked))
        splits = {split: _examples(source, files, split, options, left) for split in options.splits}
    if hold_out is not None:
        splits = _held_out(splits, hold_out)
    missing = {name for examples in splits.values() for example in examples for name in example.gold} - {NULL}
    unseen = {name for examples in splits.values() for example in examples for name in example.exclude}
    written: dict[str, dict[str, Any]] = {}
    with whole(out, check_place) as temporary:
        temporary.mkdir()
        held = sum(size for name, size in sizes.items() if name in source.passage_files)
        with display.task("passages, MB read", _megabytes(held)) as advance:
            passages = source.passages(Files(paths, _in_megabytes(advance, held)), options)
            kept = _selected(passages, passages_limit, missing, left)
            rows = (_passage(p, unseen) for p in kept)
            null = [{"id": NULL, "text": ""}] if options.unanswerable == "null" else []
            written[PASSAGES] = _write(temporary / PASSAGES, chain(rows, null))
        if written[PASSAGES]["records"] == len(null):
            raise InputError(f"{folder}: the files of {source.name} hold no passage")
        for split, examples in splits.items():
            written[f"{split}.jsonl"] = _write(temporary / f"{split}.jsonl", _rows(examples, missing, unseen, left))
            written[f"{split}.jsonl"]["with_gold"] = sum(not missing.issuperset(e.gold) for e in examples)
        taken = {name: value for name, value in plain(options).items() if name in {"splits"} | source.takes}
        chosen = taken | {"passages_limit": passages_limit, "hold_out": hold_out}
        manifest = {"name": source.name, "options": chosen, "read": read, "written": written, "left_out": left}
        write_json(temporary / MANIFEST, manifest)
    return manifest


def check_place(folder: Path) -> None:
    """Refuse to write where anything but a converted data set lies.

    Raises:
        InputError: a folder that is not empty and not made by `convert`, or that holds a file which `convert` did not
            write.
    """
    file = folder / MANIFEST
    manifest = read_json(file) if file.is_file() else None
    written = manifest.get("written") if isinstance(manifest, dict) else None
    check_folder(folder, {MANIFEST, *written} if isinstance(written, dict) else (), "jsarag data")


def find(source: Source, folder: Path, splits: tuple[str, ...]) -> dict[str, Path]:
    """The files of ``source`` in ``folder`` that these splits need.

    Raises:
        InputError: no such folder, a split that is not published, or missing files, each with the place to get it from.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    needed = source.needed(splits)
    found = {file.name: path for file in needed if (path := file.find(folder)) is not None}
    missing = [file for file in needed if not file.optional and file.name not in found]
    if missing:
        wanted = "; ".join(f"{file.name} from {file.url}" for file in missing)
        raise InputError(f"{folder}: missing {wanted}")
    return found


def check(source: Source, out: Path, folder: Path | None) -> dict[str, Any]:
    """Compare a converted folder, and the published files where ``folder`` is given, with its manifest.

    Raises:
        InputError: no manifest, one of another data set, or a file that is not as the manifest says.
    """
    manifest = read_json(out / MANIFEST)
    try:
        same = manifest["name"] == source.name
        facts = {out / name: fact for name, fact in manifest["written"].items()}
        if folder is not None:
            facts |= {folder / name: fact for name, fact in manifest["read"].items()}
        expected = [(path, int(fact["bytes"]), str(fact["sha256"])) for path, fact in facts.items()]
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{out / MANIFEST}: not a manifest written by `jsarag data`") from None
    require(same, "--check", f"a folder of {source.name}", manifest["name"])
    for path, size, digest in expected:
        if not path.is_file():
            raise InputError(f"{path}: missing")
        if path.stat().st_size != size:
            raise InputError(f"{path}: expected {size:,} bytes, found {path.stat().st_size:,}")
        if (found := _digest(path, "sha256")) != digest:
            raise InputError(f"{path}: expected sha256 {digest}, found {found}")
    checked: dict[str, Any] = manifest
    return checked


def _sums(
    source: Source, folder: Path, paths: dict[str, Path], display: Display, *, unverified: bool
) -> dict[str, dict[str, Any]]:
    """Size and sum of each file, and whether it is the published one where that is known."""
    files = {file.name: file for file in source.files}
    facts: dict[str, dict[str, Any]] = {}
    total = sum(path.stat().st_size for path in paths.values())
    with display.task("checksums, MB read", _megabytes(total)) as advance:
        progress = _in_megabytes(advance, total)
        for name, path in paths.items():
            facts[path.relative_to(folder).as_posix()] = verify(files[name], path, progress, unverified=unverified)
    return facts


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _examples(source: Source, files: Files, split: str, options: Options, left: dict[str, int]) -> list[Example]:
    """The examples of a split; those with an empty question or no answer are left out and counted."""
    examples: list[Example] = []
    seen: set[str] = set()
    for example in source.examples(files, split, options):
        if not example.input.strip() or not example.outputs:
            _count(left, f"{split}: empty question or answer")
            continue
        if example.id in seen:
            raise InputError(f"{source.name}, {split}: id {example.id!r} is there twice")
        seen.add(example.id)
        helpless = options.unanswerable == "null" and example.outputs == (NO_ANSWER,)
        examples.append(replace(example, gold=(NULL,), grades=()) if helpless else example)
    if not examples:
        raise InputError(f"{source.name}, {split}: no question with an answer in the files")
    return examples


def _held_out(splits: dict[str, list[Example]], count: int) -> dict[str, list[Example]]:
    train, dev = splits["train"], splits["dev"]
    require(count < len(train), "--hold-out", f"fewer than the {len(train):,} training examples", count)
    return {"train": train[:-count], "dev": train[-count:], "test": dev}


def _selected(
    passages: Iterable[Passage], limit: int | None, missing: set[str], left: dict[str, int]
) -> Iterator[Passage]:
    """The passages to write, taken out of ``missing``; an empty text is replaced by the title."""
    count = 0
    for passage in passages:
        if limit is not None and count >= limit and passage.id not in missing:
            if not missing:
                break
            continue
        text = passage.text if passage.text.strip() else passage.title
        if not text.strip():
            _count(left, "passages without text")
            continue
        missing.discard(passage.id)
        count += 1
        yield passage if text is passage.text else replace(passage, text=text)


def _passage(passage: Passage, unseen: set[str]) -> dict[str, str]:
    unseen.discard(passage.id)
    return {"id": passage.id, "title": passage.title, "text": passage.text}


def _rows(
    examples: Iterable[Example], missing: set[str], unseen: set[str], left: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """The examples to write: ``gold`` is a list, or an object of grades; ``exclude`` is absent where it is empty."""
    for example in examples:
        gold = {name: grade for name, grade in example.relevance.items() if name not in missing}
        exclude = [name for name in example.exclude if name not in unseen]
        if len(gold) < len(example.gold):
            _count(left, "gold passages that are not among the passages", len(example.gold) - len(gold))
        yield {
            "id": example.id,
            "input": example.input,
            "outputs": list(example.outputs),
            "gold": gold if example.grades else list(gold),
            "history": [{"role": turn.role, "text": turn.text} for turn in example.history],
            **({"exclude": exclude} if exclude else {}),
        }


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write one object a line as they come; size, sum and number of lines."""
    digest, size, records = hashlib.sha256(), 0, 0
    with path.open("wb") as file:
        for row in rows:
            raw = (_encode(row) + "\n").encode()
            file.write(raw)
            digest.update(raw)
            size += len(raw)
            records += 1
    return {"bytes": size, "sha256": digest.hexdigest(), "records": records}


def _count(left: dict[str, int], reason: str, more: int = 1) -> None:
    left[reason] = left.get(reason, 0) + more


def _megabytes(size: int) -> int:
    return max(size // _MEGABYTE, 1)


def _in_megabytes(advance: Advance, total: int) -> Callable[[int], None]:
    """Progress in bytes, passed on in whole megabytes and up to ``total``: a file may be read more than once."""
    read = told = 0

    def tell(more: int) -> None:
        nonlocal read, told
        read += more
        new = min(read, total) // _MEGABYTE - told
        if new > 0:
            told += new
            advance(new, "")

    return tell
