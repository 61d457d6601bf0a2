"""What can be set about the generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from jsarag.checks import one_of, positive, positive_or_null, up_to
from jsarag.models.precision import Precision
from jsarag.models.prompt import PromptConfig

Likelihood = Literal["sum", "mean"]


RANK = 10_000
"""No layer is so wide that adapters of a higher rank would be low-rank."""


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adaptation (PEFT).

    Attributes:
        rank: Rank of the update.
        alpha: Scale of the update; it enters as alpha / rank.
        targets: Names of the adapted layers, separated by commas; "all-linear": all but the output head.
    """

    rank: int = 16
    alpha: int = 32
    targets: str = "all-linear"

    def __post_init__(self) -> None:
        up_to("generator.lora.rank", self.rank, RANK)
        positive("generator.lora.alpha", self.alpha)


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator.

    Attributes:
        model: A folder, a .gguf file, SmolLM2-135M-Instruct, or a hub id; decoder-only or encoder-decoder.
        lora: Train low-rank adapters; null trains all weights.
        precision: Format of the computation; auto: bf16 where the machine is fast at it. Trained weights are float32.
        likelihood: log p(y|x,h) as the sum over answer tokens, or their mean (as in the paper's released code).
        max_new_tokens: Longest answer, in tokens.
        batch_tokens: Tokens of one padded batch; null: 2,048 on a CPU, 16,384 on a GPU.
        checkpointing: Keep no activations of the layers for the backward pass but compute them again: far less memory,
            about a third more time for what is trained on.
        prompt: The prompt and its length.
    """

    model: str = "SmolLM2-135M-Instruct"
    lora: LoraConfig | None = field(default_factory=LoraConfig)
    precision: Precision = "auto"
    likelihood: Likelihood = "sum"
    max_new_tokens: int = 32
    batch_tokens: int | None = None
    checkpointing: bool = False
    prompt: PromptConfig = field(default_factory=PromptConfig)

    def __post_init__(self) -> None:
        one_of("generator.likelihood", self.likelihood, get_args(Likelihood))
        up_to("generator.max_new_tokens", self.max_new_tokens)
        positive_or_null("generator.batch_tokens", self.batch_tokens)
