"""Long passages in blocks of so many words, as DPR cuts Wikipedia (Karpukhin et al. 2020, section 4.1)."""

from __future__ import annotations

import re

_WORD = re.compile(r"\S+")


def blocks(text: str, words: int) -> list[tuple[int, int]]:
    """Where the blocks of ``words`` words begin and end in ``text``, in characters.

    They do not overlap, the last one may be shorter, and only white space lies between them. 0: one block.
    """
    spans = [found.span() for found in _WORD.finditer(text)]
    step = words or max(len(spans), 1)
    parts = (spans[i : i + step] for i in range(0, len(spans), step))
    return [(part[0][0], part[-1][1]) for part in parts]
