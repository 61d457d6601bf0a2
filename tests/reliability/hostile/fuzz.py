"""Readers meet damaged bytes, and read or refuse them in one line; ``python -m tests.reliability.hostile.fuzz``.

Hypothesis damages sound files of every kind. With ``--atheris`` its place is taken by libFuzzer, guided by what of our
code has run, where the package atheris is installed.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jsarag import checksums
from jsarag.data import Columns, read_examples, read_passages
from jsarag.documents.document import UnreadableError
from jsarag.documents.formats import Raw
from jsarag.documents.kinds import kind_of
from jsarag.files import read_json
from jsarag.parsing import SettingsFile
from jsarag.training.kept import pointed
from jsarag.types import InputError
from tests.reliability.hostile import stand
from tests.reliability.hostile.tables import files, folders
from tests.reliability.hostile.tables import settings as shapes

Target = Callable[[Path, bytes], Any]


def _pairs(ending: str) -> Target:
    def read(folder: Path, raw: bytes) -> Any:
        path = folder / f"file{ending}"
        path.write_bytes(raw)
        return read_examples(path, Columns()), path

    return read


def _passages(folder: Path, raw: bytes) -> Any:
    (folder / "file.txt").write_bytes(raw)
    return read_passages(folder / "file.txt", Columns())


def _settings(folder: Path, raw: bytes) -> Any:
    (folder / "file.yaml").write_bytes(raw)
    return SettingsFile.read(folder / "file.yaml")


def _json(folder: Path, raw: bytes) -> Any:
    (folder / "file.json").write_bytes(raw)
    return read_json(folder / "file.json")


def _pointer(folder: Path, raw: bytes) -> Any:
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / "last.json").write_bytes(raw)
    return pointed(folder, "last")


def _seal(folder: Path, raw: bytes) -> Any:
    (folder / checksums.FILE).write_bytes(raw)
    return checksums.read_seal(folder / checksums.FILE)


def _manifest(folder: Path, raw: bytes) -> Any:
    (folder / checksums.MANIFEST).write_bytes(raw)
    return checksums.converted(folder)


def _document(_: Path, raw: bytes) -> Any:
    return kind_of(Raw("file.md", raw))


JSON = [text.encode() for text in folders.SHAPES.values() if len(text) < 1000]
JSON += [b'{"format": 1, "run": "a", "files": {"b": "c"}, "folder": "last-1", "step": 1, "sha256": "d", "before": {}}']
SETTINGS = [yaml.safe_dump(stand.SETTINGS).encode(), *(raw for raw in shapes.FILES.values() if len(raw) < 1000)]
TARGETS: dict[str, tuple[Target, list[bytes]]] = {
    **{f"pairs {ending}": (_pairs(ending), [raw]) for ending, raw in files.sound().items()},
    "passages .txt": (_passages, [b"A paragraph.\n\nAnother one.\n"]),
    "settings": (_settings, SETTINGS),
    "JSON": (_json, JSON),
    "pointers": (_pointer, JSON),
    "checksums": (_seal, JSON),
    "manifests": (_manifest, JSON),
    "kinds of documents": (_document, [files.sheet(), b"# Title\n\ntext", b"<html><p>a</p></html>", b"%PDF-1.4"]),
}
"""What reads, and sound files of its kind."""


def meets(target: Target, folder: Path, raw: bytes) -> bool:
    """Whether a reader reads the bytes; False where it refuses them in one line; every other error is raised."""
    try:
        target(folder, raw)
    except (InputError, UnreadableError) as error:
        assert str(error), "the line is empty"
        assert "\n" not in str(error), error
        return False
    return True


@st.composite
def damaged(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """A sound file with some of its bytes taken out, put in, changed or written twice."""
    raw = draw(st.sampled_from(sound))
    for _ in range(draw(st.integers(0, 4))):
        at, size = draw(st.integers(0, len(raw))), draw(st.integers(0, 16))
        new = draw(st.one_of(st.binary(max_size=16), st.sampled_from(TOKENS), st.just(raw[at : at + size] * 2)))
        raw = raw[:at] + new + raw[at + size :]
    return raw


TOKENS = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"[" * 200, b"{" * 200, b'"', b"'", b"\r", b"\n",
    b"null", b"NaN", b"1e999", b"-", b"9" * 5000, b"&a ", b"*a", b"!!", b"<<: ", b": ", b"? ", b"\t", b",", b";",
]  # fmt: skip
"""What readers stumble over."""


def fuzz(name: str, examples: int) -> tuple[int, int]:
    """Let a reader meet so many files; how many it read and how many it refused."""
    target, sound = TARGETS[name]
    counts = {True: 0, False: 0}
    with tempfile.TemporaryDirectory() as folder:

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(damaged(sound))
        def run(raw: bytes) -> None:
            counts[meets(target, Path(folder), raw)] += 1

        run()
    return counts[True], counts[False]


def main() -> int:
    """Fuzz, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000, help="files a reader")
    parser.add_argument("--atheris", metavar="READER", choices=list(TARGETS), help="let libFuzzer damage files of one")
    parser.add_argument("--runs", type=int, default=100_000, help="files of libFuzzer")
    values = parser.parse_args()
    if values.atheris:
        return _atheris(values.atheris, values.runs)
    print("| reader | files | read | refused in one line | seconds |\n| --- | --- | --- | --- | --- |")
    for name in TARGETS:
        began = time.process_time()
        read, refused = fuzz(name, values.examples)
        seconds = time.process_time() - began
        print(f"| {name} | {read + refused:,} | {read:,} | {refused:,} | {seconds:.0f} |", flush=True)
    return 0


def _atheris(name: str, runs: int) -> int:
    import atheris

    for module in [name for name in sys.modules if name.partition(".")[0] in ("jsarag", "yaml")]:
        for made in vars(sys.modules[module]).values():
            held = [made, *vars(made).values()] if inspect.isclass(made) else [made]
            for function in filter(inspect.isfunction, held):
                if function.__module__ == module:
                    atheris.instrument_func(function)
    target, sound = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as corpus:
        for n, raw in enumerate(sound):
            (Path(corpus) / str(n)).write_bytes(raw)
        atheris.Setup([sys.argv[0], f"-runs={runs}", corpus], lambda raw: meets(target, Path(folder), raw))
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
