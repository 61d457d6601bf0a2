"""What the laboratory measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from jsarag.checks import one_of, require
from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, PromptConfig


def _small_adapters() -> GeneratorConfig:
    return GeneratorConfig(lora=LoraConfig(targets="q_proj,v_proj"), prompt=PromptConfig(chat=False))


Models = Literal["synthetic", "real", "both"]


ENUMERABLE = 100_000
"""The most passages, examples and repetitions: every passage of every example is enumerated."""


@dataclass(frozen=True)
class LabConfig:
    """The laboratory: estimators against enumeration.

    Attributes:
        models: Tables with free entries (synthetic), the models named below on passages of the bundled sample (real),
            or both.
        passages: N of the synthetic world.
        examples: (x, y) pairs of the synthetic world.
        replicates: Independent gradients of each example and setting.
        k: Candidates a source, as a curve.
        m: Transitions or draws, as a curve.
        quality: Qualities of q, from 0 (uniform) to 1 (exact posterior), as a curve.
        real_passages: N of the real world.
        real_examples: (x, y) pairs of the real world; each costs about N backward passes for every token of its answer.
        tail_examples: Further pairs of the real world, without Jacobians, for the tails.
        seed: Fixes everything.
        encoder: Encoder of the real world.
        generator: Generator of the real world.
    """

    models: Models = "both"
    passages: int = 50
    examples: int = 48
    replicates: int = 200
    k: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    m: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)
    quality: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    real_passages: int = 12
    real_examples: int = 12
    tail_examples: int = 40
    seed: int = 0
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    generator: GeneratorConfig = field(default_factory=_small_adapters)

    def __post_init__(self) -> None:
        one_of("models", self.models, get_args(Models))
        for name in ("passages", "examples", "real_passages", "real_examples", "tail_examples", "replicates"):
            least = 1 if name.endswith("examples") else 2
            between = least <= getattr(self, name) <= ENUMERABLE
            require(between, name, f"a number from {least} to {ENUMERABLE:,}", getattr(self, name))
        for name in ("k", "m"):
            values = getattr(self, name)
            fits = bool(values) and all(0 < value <= ENUMERABLE for value in values)
            require(fits, name, f"numbers from 1 to {ENUMERABLE:,}", values)
        inside = bool(self.quality) and all(0 <= q <= 1 for q in self.quality)
        require(inside, "quality", "numbers from 0 to 1", self.quality)
