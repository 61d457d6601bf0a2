"""Where memory runs out: smaller batches, and with gradient activations that are computed again instead of kept."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Result = TypeVar("Result")
Batches = list[list[int]]

_SAID = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
"""What PyTorch says in errors of general kinds, on CPUs and in libraries of CUDA."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID)


def lack(error: BaseException) -> str:
    """The one line for memory that ran out: what was said, and what to lower."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"out of memory ({said[:120]}); lower generator.prompt.max_length, objective.k, loop.batch_size or "
        "generator.batch_tokens, or set generator.checkpointing"
    )


def release() -> None:
    """Give back what failed work has left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class Thrift:
    """How sparing one model is with memory.

    A batch of tokens is the unit: texts do not depend on those beside them, so smaller batches give the same numbers.
    With gradient the activations of all batches would be kept until the backward pass, however small the batches. So
    after the first halving each batch keeps nothing and is computed again when its gradient is due.

    Attributes:
        halvings: How often the batches were halved.
        widest: Texts of the largest batch since then.
    """

    def __init__(self) -> None:
        self.halvings = 0
        self.widest = 0

    def tokens(self, usual: int) -> int:
        """Tokens of one padded batch."""
        return max(usual >> self.halvings, 1)

    def halve(self) -> bool:
        """Work in smaller batches from now on; False where they hold one text each."""
        if self.halvings and self.widest <= 1:
            return False
        self.halvings, self.widest = self.halvings + 1, 0
        return True

    def run(self, work: Callable[..., Tensor], *args: Any) -> Tensor:
        """``work(*args)``, with gradient in such a way that its activations are not kept once batches were halved."""
        if not self.halvings or not torch.is_grad_enabled():
            return work(*args)
        found: Tensor = checkpoint(work, *args, use_reentrant=False, preserve_rng_state=False)
        return found

    def each(
        self, items: int, cut: Callable[[Sequence[int]], Batches], work: Callable[[list[int]], Result]
    ) -> Iterator[tuple[list[int], Result]]:
        """Each batch with its result; without gradient in smaller ones from where memory runs out.

        With gradient the error is the caller's: what is kept of earlier batches has to go as well.

        Args:
            items: How many.
            cut: Positions in batches, as the present number of tokens allows.
            work: On one batch.
        """
        left = cut(range(items))
        while left:
            self.widest = max(self.widest, *map(len, left))
            try:
                found = work(left[0])
            except Exception as error:
                alone = len(left[0]) == 1
                if not out_of_memory(error) or torch.is_grad_enabled() or alone or not self.halve():
                    raise
            else:
                yield left.pop(0), found
                continue
            release()
            left = cut([i for batch in left for i in batch])
