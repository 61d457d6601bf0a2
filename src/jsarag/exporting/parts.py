"""What leaves a run, loaded: the retriever, the generator, the passages with their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from jsarag import layout
from jsarag.checks import one_of
from jsarag.display import Display
from jsarag.exporting.origin import Base, base_of
from jsarag.index import Flat, Kind
from jsarag.index.approximate import Approximate
from jsarag.index.exact import Exact
from jsarag.kb import KnowledgeBase
from jsarag.models import LanguageModel, SentenceEncoder, load_encoder
from jsarag.parsing import load_run
from jsarag.run import TrainConfig, load
from jsarag.training import weights
from jsarag.types import InputError

WEIGHTS = ("best", "last")


@dataclass(frozen=True)
class Parts:
    """What leaves a run.

    Attributes:
        config: Of the run, ``out`` its folder.
        weights: Which weights of the run.
        step: The training step of the weights; 0 for models that were not trained.
        prior: Reads questions.
        documents: Reads passages; the prior itself where one encoder reads both.
        kb: The passages with their vectors.
        generator: Answers.
        merged: Whether the generator's adapters are to be added to its weights.
        bases: Where encoder and generator came from before training.
    """

    config: TrainConfig
    weights: str
    step: int
    prior: SentenceEncoder
    documents: SentenceEncoder
    kb: KnowledgeBase
    generator: LanguageModel
    merged: bool
    bases: dict[str, Base]

    @property
    def kind(self) -> Kind:
        """The kind of index in the export: the run's own where its file lies in the folder, else the exact one."""
        return self.kb.kind if isinstance(self.kb.kind, Exact | Approximate) else Flat()

    @property
    def adapters(self) -> bool:
        """Whether the export's generator is adapters, which need their base."""
        return self.config.generator.lora is not None and not self.merged


def gather(run: Path, name: str, display: Display, *, merged: bool = False) -> Parts:
    """Load the parts of the run in a folder.

    Args:
        run: The folder.
        name: Its weights, ``best`` or ``last``; ``best`` falls back to ``last`` where the run had no dev pairs.
        display: Shown progress.
        merged: Add the generator's adapters to its weights.

    Raises:
        InputError: no run, no such weights, damaged files, or passages read by an encoder that is not in the run.
    """
    one_of("weights", name, WEIGHTS)
    config = load_run(run)
    if (run / layout.EXPORT).is_file():
        raise InputError(f"{run}: is an export already; name the run itself")
    # In bf16 the sum of weights and adapters would lose small updates.
    exact = replace(config, generator=replace(config.generator, precision="fp32"))
    found = load.answering(exact if merged else config, name, display)
    step = found.places[0].step if found.places else 0
    bases = {"encoder": base_of(config.encoder.model), "generator": base_of(config.generator.model)}
    documents = documents_of(found)
    return Parts(config, found.weights, step, found.prior, documents, found.kb, found.generator, merged, bases)


def documents_of(found: load.Retrieving) -> SentenceEncoder:
    """The encoder that made the vectors of the passages, of a run or of an export.

    Raises:
        InputError: it is neither in the run nor in the runs that the run started from.
    """
    if (Path(found.config.out) / layout.EXPORT).is_file():
        return found.prior  # it reads passages by the weights that made their vectors
    for encoder in _encoders(found):
        if encoder.fingerprint() == found.kb.fingerprint:
            return encoder
    raise InputError(
        f"{found.config.out}: the passages were read by an encoder that is neither in this run nor in the runs it "
        f"started from (fingerprint {found.kb.fingerprint}); export the run that trained it"
    )


def _encoders(found: load.Retrieving) -> Iterator[SentenceEncoder]:
    """Those that may have read the passages: the prior, a passage encoder, the untrained one, those of runs before."""
    yield found.prior
    config, places = found.config, list(found.places)
    yield load_encoder(config.encoder, torch.device("cpu"))
    while True:
        for place in places:
            held = weights.there(place.folder)
            yield from (load.encoder(config, part, [place]) for part in ("passages", "prior") if part in held)
        if config.start is None or not Path(config.start).is_dir():
            return
        config = load_run(Path(config.start))
        places = load.places(config, load.usual(Path(config.out)))
