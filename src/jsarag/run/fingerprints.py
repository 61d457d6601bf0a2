"""What a run works with, in fingerprints: when the run goes on, what has changed since it began is named."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from jsarag import layout
from jsarag.config import plain
from jsarag.decoding import DECODERS
from jsarag.files import read_json, read_object, write_json
from jsarag.index import INDEXES
from jsarag.kb.sources import SOURCES
from jsarag.models import fingerprint
from jsarag.objectives import OBJECTIVES
from jsarag.run.config import TrainConfig
from jsarag.types import Example, InputError, Passage

FILE = layout.FINGERPRINTS
VERSIONS = ("jsarag", "torch", "transformers", "peft", "accelerate", "sentence-transformers", "faiss-cpu")
PLACES = ("start", "data.passages", "data.train", "data.dev", "data.test", "index.path", "index.uri")
"""Settings that say where something lies, as the names of models do: what lies there counts."""
MODELS = ("encoder.model", "generator.model")
FREE = (
    *("encoder.batch_tokens", "generator.batch_tokens", "generator.checkpointing"),
    *("loop.log_every", "loop.report_to", "loop.on_nonfinite"),
)
"""Settings that change nothing but rounding, what is recorded, and what is done about a step that cannot be taken."""
LISTED = 100_000
"""Rows up to which a file is remembered row by row, so that the first changed one can be named."""
MARK = 8
"""Characters by which a row is remembered."""


class Change(NamedTuple):
    """What is not as it was when the run began: the name of the option, and in words what changed."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"

    @property
    def measured(self) -> bool:
        """Whether what was measured before training can no longer be compared with what will be after it."""
        return self.name.partition(".")[0] not in ("loop", "optim", "version")


@dataclass(frozen=True)
class Fingerprints:
    """Those of a run as it is now, and what has changed since it began.

    Attributes:
        now: What the run folder will keep.
        changes: Since the run began, or since changes were accepted last.
        told: Lines about what is no reason to stop.
    """

    now: dict[str, Any]
    changes: tuple[Change, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def accepted(self) -> list[str]:
        """The changes that were accepted in the course of the run, oldest first."""
        return list(self.now["accepted"])

    @property
    def news(self) -> list[str]:
        """Those of them that were accepted last, for this start of the run."""
        return self.accepted[len(self.accepted) - len(self.changes) :]

    def accept(self, step: int) -> Fingerprints:
        """Those of a run that goes on with its changes after so many steps."""
        lines = [f"accepted after step {step}: {change}" for change in self.changes]
        return replace(self, now=self.now | {"accepted": self.accepted + lines})

    def check(self, run: Path, accept: bool, asked: Collection[str] = ()) -> None:
        """Refuse a run whose input has changed.

        Args:
            run: Its folder.
            accept: Go on with all changes but that of the passages.
            asked: Names of changes that were asked for.

        Raises:
            InputError: there are changes, and they are not accepted or cannot be.
        """
        names = [change.name for change in self.changes]
        if "data.passages" in names:
            raise InputError(
                f"{run}: data.passages changed since the run began; put the file back, or train a new run: index and "
                "chains belong to the passages"
            )
        names = [name for name in names if name not in asked]
        if names and not accept:
            raise InputError(
                f"{run}: changed since the run began: {', '.join(names)}; put back what changed, or accept the changes "
                f"with jsarag train --resume {run} --accept-changes"
            )


def take(config: TrainConfig, rows: Mapping[str, Sequence[Example | Passage]]) -> Fingerprints:
    """Fingerprints of a run, whose models have been loaded before, compared with those in its folder, if any.

    Args:
        config: The run.
        rows: Passages and examples as they are used, by the name of their option in ``data``.
    """
    files = {option: fingerprint.files(getattr(config, option.partition(".")[0]).model, option) for option in MODELS}
    now: dict[str, Any] = {
        "format": layout.FORMAT,
        "data": {name: _rows(some) for name, some in rows.items()},
        "models": files,
        "index": None if config.index.path is None else _index(Path(config.index.path)),
        "settings": {name: value for name, value in plain(config).items() if name != "out"},
        "versions": versions(),
        "packages": packages(config),
        "accepted": [],
    }
    file = Path(config.out) / FILE
    if not file.is_file():
        return Fingerprints(now)
    before = read_json(file)
    now["accepted"] = before["accepted"]
    changes = [*_data_changes(before["data"], now["data"], rows), *_file_changes(before["models"], files)]
    if before["index"] != now["index"]:
        changes.append(Change("index.path", "another kind of index, or made in another way"))
    changes += _setting_changes(before["settings"], json.loads(json.dumps(now["settings"])))
    newer = _version_changes(before["versions"], now["versions"])
    changes += [change for change, large in newer if large]
    told = tuple(f"warning: {change}" for change, large in newer if not large)
    return Fingerprints(now, tuple(changes), told)


def keep(run: Path, found: Fingerprints) -> None:
    """Write the fingerprints into the run folder."""
    write_json(run / FILE, found.now)


def contents(run: Path) -> dict[str, str]:
    """What lies where a run's settings say, in a word by option; empty where the run has no fingerprints."""
    if not (run / FILE).is_file():
        return {}
    found = read_json(run / FILE)
    data = {f"data.{name}": rows["sha256"] for name, rows in found["data"].items() if rows["rows"]}
    models = {name: hashlib.sha256(json.dumps(files).encode()).hexdigest() for name, files in found["models"].items()}
    return {name: word[:MARK] for name, word in (data | models).items()}


def digest(row: Example | Passage) -> bytes:
    """SHA-256 of a row by the fields that say something."""
    said = {name: value for name in row.__slots__ if (value := getattr(row, name))}
    return hashlib.sha256(json.dumps(said, default=asdict).encode()).digest()


def versions() -> dict[str, str]:
    """Of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in VERSIONS:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def packages(config: TrainConfig) -> dict[str, str]:
    """The packages that offer parts of the run, by the option that names the part; the built-in ones are not listed."""
    named = {
        "objective.name": OBJECTIVES.origin(config.objective.name),
        "index.kind": INDEXES.origin(config.index.settled.name),
        "candidates.source": SOURCES.origin(config.candidates.source) if config.candidates.source else "",
        "evaluation.decoding.mode": DECODERS.origin(config.evaluation.decoding.name),
    }
    return {option: package for option, package in named.items() if package}


def packages_of(run: Path) -> dict[str, str]:
    """Those of the run in a folder, as far as the folder tells.

    Raises:
        InputError: a later version of jsarag wrote the folder.
    """
    kept = read_json(run / FILE) if (run / FILE).is_file() else {}
    version = kept.get("format", 1)
    if not isinstance(version, int) or version > layout.FORMAT:
        raise InputError(f"{run / FILE}: expected format {layout.FORMAT} or before, found {version!r}; update jsarag")
    found = kept.get("packages", {})
    return found if isinstance(found, dict) else {}


def _rows(rows: Sequence[Example | Passage]) -> dict[str, Any]:
    whole, marks = hashlib.sha256(), []
    for row in rows:
        one = digest(row)
        whole.update(one)
        if len(rows) <= LISTED:
            marks.append(one.hex()[:MARK])
    return {"rows": len(rows), "sha256": whole.hexdigest(), "marks": "".join(marks)}


def _index(folder: Path) -> Any:
    manifest = folder / layout.MANIFEST
    return read_object(manifest).get("index") if manifest.is_file() else None


def _data_changes(
    before: Mapping[str, Any], now: Mapping[str, Any], rows: Mapping[str, Sequence[Example | Passage]]
) -> Iterator[Change]:
    for name, then in before.items():
        if then["sha256"] != now[name]["sha256"]:
            kind = "passages" if name == "passages" else "examples"
            yield Change(f"data.{name}", _difference(then, now[name], [row.id for row in rows[name]], kind))


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], ids: Sequence[str], kind: str) -> str:
    """What has become of the rows of a file, in words."""
    n, m = before["rows"], now["rows"]
    old, new = _marks(before), _marks(now)
    counts = f"{n:,} {kind} when the run began, now {m:,}"
    if (n and not old) or (m and not new):
        return f"{counts}, with another content"
    gone, added = Counter(old) - Counter(new), Counter(new) - Counter(old)
    differs = added if added else [mark for mark, other in zip(new, old, strict=False) if mark != other]
    first = next((f" (first: id {i!r})" for i, mark in zip(ids, new, strict=True) if mark in differs), "")
    if not gone and not added:
        return f"the same {n:,} {kind} in another order{first}"
    if n == m:
        return f"{gone.total():,} of {n:,} {kind} changed{first}"
    return f"{counts}: {gone.total():,} gone, {added.total():,} new{first}"


def _marks(found: Mapping[str, Any]) -> list[str]:
    marks: str = found["marks"]
    return [marks[i : i + MARK] for i in range(0, len(marks), MARK)]


def _file_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for option, then in before.items():
        names = [name for name in {**then, **now[option]} if then.get(name) != now[option].get(name)]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            yield Change(option, f"other files than when the run began: {', '.join(names[:3])}{more}")


def _setting_changes(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    # A setting that only one side has came or went with a version of this package.
    for key in (key for key in before if key in now):
        name, then, value = f"{prefix}{key}", before[key], now[key]
        if isinstance(then, dict) and isinstance(value, dict):
            yield from _setting_changes(then, value, f"{name}.")
        elif then != value and name not in (*PLACES, *MODELS, *FREE):
            yield Change(name, f"{json.dumps(then)} when the run began, now {json.dumps(value)}")


def _version_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[Change, bool]]:
    """Each package of another version, and whether its makers say that it may work differently."""
    found = []
    for package in (package for package in before if before[package] != now.get(package)):
        then, value = before[package], now.get(package, "none")
        change = Change(f"version.{package}", f"{then} when the run began, now {value}")
        found.append((change, _series(then) != _series(value)))
    return found


def _series(number: str) -> str:
    """The part of a version number that stays while results should: the major one, below 1.0 the minor one too."""
    major, _, rest = number.partition(".")
    return f"0.{rest.partition('.')[0]}" if major == "0" else major
