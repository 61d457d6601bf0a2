"""Several processes that do the work of one: each does its part, all of them know every result.

Started by ``torchrun``, every process runs the same program on the same input. What costs time is shared out with
`spread`: encoding, reading by the generator, searching, answering. The results go to all, so candidates, chains, losses
and decisions are the same everywhere without being told, and equal those of a single process. The gradients, each
process's share of one sum, are added with `add_gradients`; files are written by the first process alone.

In a single process all of this does nothing.

Accelerate's ``gather`` and ``reduce`` do not fit: they take tensors of one shape on the job's own device and give no
gradient, while rows here are of any number, keep their gradient, and lie on the CPU (searches) or on the GPU (vectors).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar, cast

import torch
from torch import Tensor, distributed, nn

from jsarag.types import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: the first one builds indexes and writes files alone."""
VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""How ``torchrun`` tells a process its place; a process of its own must not inherit them."""


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes that ``torchrun`` started, if it did, until the block ends.

    Raises:
        InputError: of the variables that ``torchrun`` sets some are missing, or are none that it sets.
    """
    if distributed.is_initialized() or _started() < 2:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _started() -> int:
    """How many processes ``torchrun`` started, by its variables."""
    if "RANK" not in os.environ and "WORLD_SIZE" not in os.environ:
        return 1
    started = _variable("WORLD_SIZE", 1)
    _variable("RANK", 0, started - 1)
    if started > 1:
        if not os.environ.get("MASTER_ADDR"):
            raise InputError("MASTER_ADDR: expected the address of the first process, as torchrun sets it; it is empty")
        _variable("MASTER_PORT", 1, 65535)
        if torch.cuda.is_available():
            _variable("LOCAL_RANK", 0, torch.cuda.device_count() - 1)
    return started


def _variable(name: str, least: int, most: int | None = None) -> int:
    text = os.environ.get(name, "")
    if not (text.isdecimal() and len(text) < 10) or not least <= int(text) <= (int(text) if most is None else most):
        range_ = f"{least} or more" if most is None else f"{least} to {most}"
        raise InputError(f"{name}: expected a whole number, {range_}, as torchrun sets it, got {text!r}")
    return int(text)


def size() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def first() -> bool:
    """Whether this process writes files and shows progress."""
    return rank() == 0


def part(items: int) -> slice:
    """Which of so many items are this process's: one piece, all pieces about as long."""
    return slice(rank() * items // size(), (rank() + 1) * items // size())


def spread(items: Sequence[Item], work: Callable[[Sequence[Item]], Tensor]) -> Tensor:
    """``work(items)``, its rows computed by all processes and known to all.

    Args:
        items: What to work on; the same in every process.
        work: Gives a row an item. Rows of different processes may differ in length: zeros are appended.

    Returns:
        ``[items, ...]``; rows that this process computed have their gradient, the others none.
    """
    return work(items) if size() == 1 else gather(work(items[part(len(items))]))


def spread_list(items: Sequence[Item], work: Callable[[Sequence[Item]], list[Result]]) -> list[Result]:
    """Like `spread` for results that are not tensors, one an item."""
    if size() == 1:
        return work(items)
    parts: list[list[Result]] = [[] for _ in range(size())]
    distributed.all_gather_object(parts, work(items[part(len(items))]))
    return [result for results in parts for result in results]


def gather(mine: Tensor) -> Tensor:
    """The rows of every process in the order of their ranks, as `spread` returns them."""
    if size() == 1:
        return mine
    shape = torch.tensor(mine.shape)
    shapes = [torch.empty_like(shape) for _ in range(size())]
    distributed.all_gather(shapes, shape)
    widest = torch.stack(shapes).amax(0).tolist()
    padded = mine.new_zeros(widest)
    padded[tuple(slice(length) for length in mine.shape)] = mine.detach()
    everyone = [torch.empty_like(padded) for _ in range(size())]
    distributed.all_gather(everyone, padded)
    if mine.requires_grad:
        missing = [(0, wide - length) for wide, length in zip(widest, mine.shape, strict=True)]
        everyone[rank()] = nn.functional.pad(mine, [n for pair in reversed(missing) for n in pair])
    return torch.cat([rows[: int(found[0])] for rows, found in zip(everyone, shapes, strict=True)])


def times(progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """``progress`` told what all processes have done, as far as one can know: they are about equally fast."""
    return None if progress is None else lambda done: progress(done * size())


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every parameter the sum of its gradients in all processes."""
    if size() == 1:
        return
    weights = list(parameters)
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    summed = nn.utils.parameters_to_vector(gradients)
    distributed.all_reduce(summed)
    nn.utils.vector_to_parameters(summed, gradients)


def total(counts: Sequence[int]) -> list[int]:
    """The sum of each count over all processes."""
    # One type whatever is counted: what is true here may be a number there, and processes must send as many bytes.
    return [int(count) for count in gather(torch.tensor([list(counts)], dtype=torch.int64)).sum(0)]


def as_first(number: int) -> int:
    """What the first process has."""
    return total([number if first() else 0])[0]


def first_finds(condition: bool) -> bool:
    """Whether the condition holds in the first process: for what it may change before the others look."""
    return bool(as_first(condition))


def from_first(work: Callable[[], Result]) -> Result:
    """What the first process makes, which must not fail, known to all."""
    found = [work() if first() else None]
    if size() > 1:
        distributed.broadcast_object_list(found, src=0)
    return cast(Result, found[0])


def anywhere(condition: bool) -> bool:
    """Whether the condition holds in any process."""
    return total([condition])[0] > 0


def largest(number: int) -> int:
    """The largest number that any process has."""
    return int(gather(torch.tensor([number], dtype=torch.int64)).max())


def wait() -> None:
    """Until all processes are here."""
    if size() > 1:
        distributed.barrier()


def by_first(work: Callable[[], object]) -> None:
    """Let the first process alone do what writes files; the others wait until it has."""
    if first():
        work()
    wait()
