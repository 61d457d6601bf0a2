"""What a trainer is told: passages that learn, optimizer, loop; no file is named here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from jsarag.checks import not_negative, one_of, positive, positive_or_null, require, up_to
from jsarag.data import HistoryConfig
from jsarag.evaluation import EvaluationConfig
from jsarag.kb import CandidateConfig
from jsarag.training.models import Part, PassageEncoder
from jsarag.training.schedule import SCHEDULES
from jsarag.training.trackers import check_trackers

Keep = Literal["best", "last"]
OnNonfinite = Literal["stop", "skip"]


@dataclass(frozen=True)
class PassageConfig:
    """How the knowledge base learns. Unless ``encoder`` is frozen, the step encodes the candidates with gradient.

    Attributes:
        encoder: What encodes the passages. frozen: the encoder as it was before training, so that their vectors never
            change (any size of knowledge base); own: a third encoder, which is trained; shared: that of the prior.
        rebuild_every: Steps between rebuilds of the index; 0: never; null: 50, or never where ``overlap`` is given.
        overlap: Rebuild when the index still finds less than this share of what a fresh one would; null: not measured.
        check_every: Steps between measurements of the overlap.
        probes: Training inputs that are searched for it.
        background: Encode in a second process while training goes on with the old index. Where the new one comes into
            use then depends on the machine's load, and a seed no longer repeats a run exactly.
    """

    encoder: PassageEncoder = "frozen"
    rebuild_every: int | None = None
    overlap: float | None = None
    check_every: int = 10
    probes: int = 64
    background: bool = False

    def __post_init__(self) -> None:
        one_of("passages.encoder", self.encoder, get_args(PassageEncoder))
        not_negative("passages.rebuild_every", self.rebuild_every or 0)
        for name in ("check_every", "probes"):
            positive(f"passages.{name}", getattr(self, name))
        share = self.overlap is None or 0 < self.overlap <= 1
        require(share, "passages.overlap", "a share above 0 and up to 1, or null", self.overlap)
        if self.encoder == "frozen":
            for name, value in (("rebuild_every", self.rebuild_every), ("overlap", self.overlap)):
                require(value is None, f"passages.{name}", "null where passages.encoder is frozen", value)
            require(not self.background, "passages.background", "false where passages.encoder is frozen", True)

    @property
    def learns(self) -> bool:
        """Whether training changes the passages' vectors."""
        return self.encoder != "frozen"

    @property
    def period(self) -> int:
        """Steps between rebuilds, 0 for none."""
        if self.rebuild_every is not None:
            return self.rebuild_every
        return 50 if self.learns and self.overlap is None else 0


RATE = 10
"""A step of AdamW is as long as its rate; no weight is that large."""


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with one learning rate a component.

    Attributes:
        lr_prior: Peak learning rate of the prior's context encoder.
        lr_posterior: Peak learning rate of the posterior's context encoder.
        lr_passages: Peak learning rate of a passage encoder of its own: a fifth of the others, or the index is stale
            within a few steps.
        lr_generator: Peak learning rate of the generator (adapters bear about ten times that of all weights).
        weight_decay: Of AdamW.
        schedule: Course after warm-up: cosine or linear, down to 0 at the end of the run, or constant.
        warmup: Share of the run in which the rates rise from 0.
        clip: Longest gradient of each component; 0: not clipped.
    """

    lr_prior: float = 5e-5
    lr_posterior: float = 5e-5
    lr_passages: float = 1e-5
    lr_generator: float = 5e-4
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.05
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lr_prior", "lr_posterior", "lr_passages", "lr_generator", "weight_decay", "clip"):
            not_negative(f"optim.{name}", getattr(self, name))
        for part, rate in self.rates.items():
            require(rate <= RATE, f"optim.lr_{part}", f"a rate of at most {RATE}", rate)
        one_of("optim.schedule", self.schedule, SCHEDULES)
        require(0 <= self.warmup < 1, "optim.warmup", "a share from 0 to below 1", self.warmup)

    @property
    def rates(self) -> dict[Part, float]:
        """The peak learning rates by part."""
        return {
            "prior": self.lr_prior,
            "posterior": self.lr_posterior,
            "passages": self.lr_passages,
            "generator": self.lr_generator,
        }


BACKWARD = 3
"""Forward passes that a forward and a backward pass cost together."""


@dataclass(frozen=True)
class LoopConfig:
    """The training loop.

    Attributes:
        batch_size: Pairs of one forward and backward pass.
        accumulate: Passes whose gradients are averaged into one step.
        epochs: Passes over the training pairs; may be a fraction. A last batch that is not full is filled up from the
            next pass.
        steps: Number of steps instead of epochs; null: as epochs say.
        tokens: Budget of generator tokens, with and without gradient alike, instead of epochs: the step that reaches it
            is the last.
        compute: Budget of generator forward passes, in tokens, instead of epochs: a token counts 1 without gradient and
            3 with, whose backward pass costs two forward passes. For comparisons at equal cost.
        share_candidates: Let the candidates of every pair of a batch be candidates of all: more passages to tell apart.
            Costs little where few candidates reach the generator (jsa, rws, vod), much where all do.
        seed: Fixes data order, initialisation and sampling.
        log_every: Steps between rows of metrics.jsonl.
        eval_every: Steps between evaluations on dev, each with a checkpoint; 0: at the end only.
        monitor: The dev figure that decides which checkpoint is best, written block/metric, such as prior/mrr@10 or
            marginal/log_p (needs no passage labels; concat/log_p with objective concat); null: the first of these that
            the dev pairs allow and the training changes.
        keep: The models that a run ends with: the best on dev, or the last.
        patience: Evaluations without a better figure after which training stops; 0: never.
        report_to: Trackers that are told the curves beside metrics.jsonl: tensorboard, wandb, mlflow, trackio; [] none.
        on_nonfinite: What a step does whose loss or gradient is NaN or infinite. stop: end the run, the last checkpoint
            stays; skip: change nothing and go on, with a warning. Both keep the batch in the folder nonfinite.
    """

    batch_size: int = 8
    accumulate: int = 1
    epochs: float = 1.0
    steps: int | None = None
    tokens: int | None = None
    compute: int | None = None
    share_candidates: bool = False
    seed: int = 0
    log_every: int = 1
    eval_every: int = 50
    monitor: str | None = None
    keep: Keep = "best"
    patience: int = 0
    report_to: tuple[str, ...] = ("tensorboard",)
    on_nonfinite: OnNonfinite = "stop"

    def __post_init__(self) -> None:
        for name in ("batch_size", "accumulate"):
            up_to(f"loop.{name}", getattr(self, name))
        for name in ("epochs", "log_every"):
            positive(f"loop.{name}", getattr(self, name))
        for name in ("seed", "eval_every", "patience"):
            not_negative(f"loop.{name}", getattr(self, name))
        require(self.seed < 2**32, "loop.seed", "a whole number below 2^32", self.seed)
        ends = [(name, getattr(self, name)) for name in ("steps", "tokens", "compute")]
        for name, value in ends:
            positive_or_null(f"loop.{name}", value)
        given = [(name, value) for name, value in ends if value is not None]
        one_of("loop.keep", self.keep, get_args(Keep))
        check_trackers(self.report_to, "loop.report_to")
        one_of("loop.on_nonfinite", self.on_nonfinite, get_args(OnNonfinite))
        for name, value in given[1:]:
            require(False, f"loop.{name}", f"null where loop.{given[0][0]} is given", value)
        named = self.monitor is None or self.monitor.count("/") == 1
        require(named, "loop.monitor", "block/metric, such as prior/mrr@10, or null", self.monitor)

    def number_of_steps(self, examples: int) -> int:
        """Optimizer steps of a run over so many training pairs, where no budget ends it.

        The last batch counts, filled up with the first pairs of the next epoch: every pair is read.
        """
        # Rounded first: 0.1 epochs of 240 pairs are 24.000000000000004.
        return self.steps or math.ceil(round(self.epochs * examples / (self.batch_size * self.accumulate), 6))

    @property
    def budget(self) -> int | None:
        """What ends the run in the place of a number of steps."""
        return self.tokens or self.compute

    def spent(self, scored: int, trained: int) -> int:
        """How much of the budget so many tokens without and with gradient are."""
        return scored + (1 if self.tokens else BACKWARD) * trained


@dataclass(frozen=True)
class Settings:
    """What a trainer is told beside models, knowledge base, pairs and objective.

    Attributes:
        passages: When the index is rebuilt, where the passages learn.
        optim: Optimizer and schedule.
        loop: Batches, steps, evaluation, seed.
        evaluation: What is measured on the dev pairs.
        history: How the turns of a dialog become x.
        candidates: Where candidates come from beside the retrievers.
    """

    passages: PassageConfig = field(default_factory=PassageConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    candidates: CandidateConfig = field(default_factory=CandidateConfig)
