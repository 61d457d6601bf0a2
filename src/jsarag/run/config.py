"""The configuration of a run from files: one tree of dataclasses, each beside what it configures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from jsarag.checks import one_of, positive_or_null, require
from jsarag.config import AnyPath, as_paths
from jsarag.data import Columns, HistoryConfig
from jsarag.evaluation import EvaluationConfig
from jsarag.index import IndexConfig
from jsarag.kb import CandidateConfig
from jsarag.models import EncoderConfig, GeneratorConfig
from jsarag.objectives import JSA, Objective, as_objective
from jsarag.training.config import LoopConfig, OptimConfig, PassageConfig, Settings

Split = Literal["auto", "none"]


@dataclass(frozen=True)
class DataConfig:
    """The files of a run; formats by extension: .jsonl, .json, .csv, .tsv, .xlsx, .parquet, .arrow.

    Attributes:
        passages: The knowledge base: {id, title, text}, or another shape that is known.
        train: Training pairs: {id, input, outputs, history?, gold?}, or another shape that is known.
        dev: Pairs for evaluation during training, for the best checkpoint and early stopping; null: as ``split`` says.
        test: Pairs measured before and after training; null: the dev pairs.
        limit: Train on the first so many pairs, of those that are not held out; null: on all.
        split: Where neither dev nor test is given. auto: hold out a tenth of the training pairs for each, with dialogs
            and near-duplicate questions on one side; none: train on all pairs.
        history: How the turns of a dialog become x.
        columns: Which columns hold what, where they have other names than the common ones.
        encoding: Encoding of text that is not Unicode, such as cp1252; auto: found out for .csv and .tsv.
    """

    passages: AnyPath
    train: AnyPath
    dev: AnyPath | None = None
    test: AnyPath | None = None
    limit: int | None = None
    split: Split = "auto"
    history: HistoryConfig = field(default_factory=HistoryConfig)
    columns: Columns = field(default_factory=Columns)
    encoding: str = "auto"

    def __post_init__(self) -> None:
        as_paths(self, "data.", "passages", "train", "dev", "test")
        positive_or_null("data.limit", self.limit)
        one_of("data.split", self.split, get_args(Split))

    @property
    def splits(self) -> bool:
        """Whether pairs are held out of the training pairs."""
        return self.split == "auto" and self.dev is None and self.test is None


PARTS: dict[str, type] = {
    "data": DataConfig,
    "encoder": EncoderConfig,
    "passages": PassageConfig,
    "generator": GeneratorConfig,
    "index": IndexConfig,
    "candidates": CandidateConfig,
    "optim": OptimConfig,
    "loop": LoopConfig,
    "evaluation": EvaluationConfig,
}
"""What the parts of a configuration are, by field."""


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        data: The files.
        out: Folder of the run: configuration, metrics, checkpoints, summary, report.
        start: Finished run from whose models this one starts (`--from`); null: from untrained ones.
        objective: What is maximised, with its options; from Python also a name, for its usual options.
        encoder: Prior, posterior and passage encoder.
        posterior: How the posterior starts: as a copy of the prior, or from random weights (to see how a run bears a
            poor proposal).
        passages: Whether the passage encoder learns, and when the index is rebuilt.
        generator: The generator.
        index: The index over the passages.
        candidates: Where candidates come from in training beside the retrievers.
        optim: Optimizer and schedule.
        loop: Batches, steps, evaluation, seed.
        evaluation: What is measured before and after training.
    """

    data: DataConfig
    out: AnyPath = "runs/latest"
    start: AnyPath | None = None
    objective: Objective = field(default_factory=JSA)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    posterior: Literal["copy", "random"] = "copy"
    passages: PassageConfig = field(default_factory=PassageConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    index: IndexConfig = field(default_factory=IndexConfig)
    candidates: CandidateConfig = field(default_factory=CandidateConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        as_paths(self, "", "out", "start")
        object.__setattr__(self, "objective", as_objective(self.objective))
        for name, kind in PARTS.items():
            article = "an" if kind.__name__[0] in "EIO" else "a"
            require(isinstance(getattr(self, name), kind), name, f"{article} {kind.__name__}", getattr(self, name))
        retrievers = {"prior", "posterior"} & self.objective.trains
        require(
            bool(retrievers) or not self.passages.learns,
            "passages.encoder",
            f"frozen with objective {self.objective.name}, which trains no retriever",
            self.passages.encoder,
        )
        require(
            "prior" in self.objective.trains or self.passages.encoder != "shared",
            "passages.encoder",
            f"frozen or own with objective {self.objective.name}, which does not train the prior",
            self.passages.encoder,
        )

    @property
    def settings(self) -> Settings:
        """What the trainer is told."""
        return Settings(self.passages, self.optim, self.loop, self.evaluation, self.data.history, self.candidates)
