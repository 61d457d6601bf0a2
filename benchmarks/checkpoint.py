"""What saving a checkpoint costs a training step: now, and with neither the wait for the disk nor SHA-256.

.venv/bin/python benchmarks/checkpoint.py --megabytes 50 400
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from jsarag import checksums, whole
from jsarag.files import write_json
from jsarag.training.kept import written
from jsarag.training.saver import Saver

SHARES = {"models": 1, "gradients": 1, "optimizer": 2}
"""Files of a checkpoint and their shares of its size."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[50, 400], help="sizes of a checkpoint")
    parser.add_argument("--repeats", type=int, default=9, help="pairs of both ways, one after the other")
    parser.add_argument("--size", type=int, default=768, help="of the matrices that a step multiplies")
    parser.add_argument("--folder", type=Path, default=None, help="a folder on the disk to measure")
    values = parser.parse_args()
    print("  MB  neither, ms  now, ms  ratio  both in the foreground, ms  step beside")
    for megabytes in values.megabytes:
        with tempfile.TemporaryDirectory(dir=values.folder) as folder:
            measure(Path(folder), megabytes, values.repeats, values.size)


def measure(folder: Path, megabytes: int, repeats: int, size: int) -> None:
    """Print a line: medians of the pairs, and of the ratios within them."""
    numbers = megabytes * 250_000 // sum(SHARES.values())
    tensors = {name: {"w": torch.randn(share * numbers)} for name, share in SHARES.items()}

    def fill(place: Path) -> None:
        for name, values in tensors.items():
            save_file(values, place / f"{name}.safetensors")
        write_json(place / "state.json", {"step": 0})

    def before(step: int) -> None:
        with unchecked(), written(folder / "before", "last", step) as place:
            fill(place)

    def foreground(step: int) -> None:
        with written(folder / "foreground", "last", step) as place:
            fill(place)

    saver = Saver(folder / "now")

    def now(step: int) -> None:
        saver.save("last", step, fill)

    ways = [before, foreground, now]
    rows: list[list[float]] = []
    steps: list[float] = []
    for step in range(1, repeats + 2):
        spent = {}
        for way in ways[step % 3 :] + ways[: step % 3]:  # each is first, second and third as often
            os.sync()
            spent[way] = timed(lambda: way(step))  # noqa: B023
            if way is now:
                beside = timed(lambda: multiply(size))
                saver.wait()
        if step > 1:  # the first ones make folders and threads
            rows.append([spent[way] for way in ways])
            steps.append(beside / timed(lambda: multiply(size)))
    saver.close()
    old, front, new = (1000 * statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(row[2] / row[0] for row in rows)
    print(
        f"{megabytes:>4}  {old:>11.0f}  {new:>7.0f}  {ratio:>5.2f}  {front:>26.0f}  {statistics.median(steps):>11.2f}"
    )


def multiply(size: int) -> None:
    """Work like that of a step, half a second or so."""
    a = torch.randn(size, size)
    for _ in range(40):
        a = (a @ a).tanh()


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def unchecked() -> Iterator[None]:
    """Neither wait for the disk nor compute checksums."""
    with patch.object(whole, "sync", lambda _: None), patch.object(checksums, "seal", lambda *_: ""):
        yield


if __name__ == "__main__":
    main()
