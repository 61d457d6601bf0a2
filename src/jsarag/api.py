"""The same from Python as from the command line: index, train, load a run, ask, evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import torch
from accelerate import Accelerator

from jsarag import exporting, layout, processes
from jsarag import lab as laboratory
from jsarag.checks import one_of, require
from jsarag.data import Asked, Columns, as_passages, as_question, read_examples, read_passages, render, sound
from jsarag.decoding import DECODERS, Stream
from jsarag.display import Display
from jsarag.display.terminal import shown
from jsarag.documents.ingest import IngestConfig, Report, ingest
from jsarag.documents.measure import Measure
from jsarag.evaluation import (
    Case,
    Evaluation,
    EvaluationConfig,
    check_fits,
    evaluate,
    evaluate_modes,
    measure_baselines,
)
from jsarag.files import write_json, write_text
from jsarag.index import IndexConfig, Kind
from jsarag.integrity import Inspection, inspect
from jsarag.kb import KnowledgeBase, check_place, encode, is_index
from jsarag.lab import LabConfig
from jsarag.models import Encoder, EncoderConfig, SentenceEncoder, load_encoder
from jsarag.parsing import load_run
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.places import check_apart, check_new_folder
from jsarag.report import (
    REPORT,
    Group,
    contrast,
    contrast_figures,
    contrast_markdown,
    write_contrast,
    write_laboratory,
    write_report,
)
from jsarag.retriever import Retriever
from jsarag.run import TrainConfig, dry, extend, load, stages, work
from jsarag.run.data import read
from jsarag.run.dry import Finding
from jsarag.run.work import SUMMARY, finished
from jsarag.training.config import LoopConfig
from jsarag.training.kept import Kept
from jsarag.types import Answer, Example, InputError, Passage, Retrieved, Turn
from jsarag.whole import naming


@dataclass(frozen=True)
class Run:
    """A finished (or stopped) run, ready to answer.

    Attributes:
        folder: Where it lies.
        config: Its configuration.
        pipeline: The prior retriever, the knowledge base, the generator, the decoder.
        places: The checkpoints of its weights; the first that has a part counts.
    """

    folder: Path
    config: TrainConfig
    pipeline: Pipeline
    places: tuple[Kept, ...] = ()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        weights: str = "best",
        decoding: DecodingConfig | None = None,
        always: bool = False,
        display: Display | None = None,
    ) -> Run:
        """Load a run folder, or an export of a run.

        Args:
            folder: The run or the export; where no folder has this name, ``OWNER/NAME`` or ``OWNER/NAME@REVISION`` of
                an export on the hub.
            weights: ``best``, ``last``, or ``untrained`` for the models as they were before training; ``best`` falls
                back to ``last`` where the run had no dev pairs. Of an export: those that it holds.
            decoding: How to answer; default: as the run was evaluated.
            always: Answer also where the passages are too little evidence, by the threshold that the run chose on its
                dev pairs for the models it ended with.
            display: Shown progress where the passages have to be encoded: with a trained passage encoder, and weights
                that the run did not end with.

        Raises:
            InputError: neither a run nor an export, no such checkpoint, an index that does not belong to the run.
        """
        folder = exporting.fetched(folder)
        config = load_run(folder)
        decoding = decoding or config.evaluation.decoding
        if exporting.is_export(folder):
            found = exporting.read(config, weights, decoding.passages)
        else:
            found = load.answering(config, weights, shown(display), decoding.passages)
        least = None if always else load.least(folder, found.weights)
        pipeline = Pipeline(found.prior, found.kb, found.generator, decoding, least, config.candidates)
        return cls(folder, config, pipeline, found.places)

    @cached_property
    def posterior(self) -> Encoder:
        """The posterior retriever, for measuring; loaded when it is first asked for.

        Raises:
            InputError: an export, which has none.
        """
        if exporting.is_export(self.folder):
            raise InputError(f"{self.folder}: an export holds no posterior retriever; load the run itself")
        return load.encoder(self.config, "posterior", self.places)

    @cached_property
    def untrained(self) -> Retriever:
        """The retriever as it was before training, to compare with; loaded when it is first asked for.

        Raises:
            InputError: an export, which holds the trained models alone.
        """
        if exporting.is_export(self.folder):
            raise InputError(f"{self.folder}: an export holds no untrained models; load the run itself")
        places = load.places(self.config, "untrained")
        prior, kb = load.encoder(self.config, "prior", places), self.pipeline.kb
        if self.config.passages.learns:
            kb = load.knowledge_base(self.config, places, prior, shown(None))
            if kb.passages != self.pipeline.kb.passages:
                kb = KnowledgeBase.build(self.pipeline.kb.passages, prior)
        return Retriever(prior, kb, candidates=self.config.candidates)

    def with_passages(
        self,
        passages: str | Path | KnowledgeBase | Sequence[Passage | Mapping[str, Any]],
        *,
        display: Display | None = None,
    ) -> Run:
        """The same models with another knowledge base, which the encoders of the run read; nothing is trained.

        The threshold below which questions are declined stays that of the run.

        Args:
            passages: An index folder that was made with the run's passage encoder, a `KnowledgeBase` likewise; or
                passages: a file or folder of them, records or `Passage` objects, which are encoded here.
            display: Shown progress.

        Raises:
            InputError: bad passages, an index of another encoder, or fewer passages than a question gets.

        Example:
            >>> Run.load("runs/mine").with_passages("new-kb.jsonl").ask("May my dog come?").text
            'Pets are welcome.'
        """
        encoder = self._passage_encoder
        if isinstance(passages, str | Path) and is_index(Path(passages)):
            passages = KnowledgeBase.load(passages)
        if isinstance(passages, KnowledgeBase):
            kb = passages
            if kb.fingerprint != self.pipeline.kb.fingerprint:
                kb.check_encoder(encoder, f"kb: {kb.folder or 'the knowledge base'}")
        else:
            kb = self._encoded(passages, encoder, shown(display))
        kb.check_k(self.pipeline.decoding.passages, "decoding.passages")
        return replace(self, pipeline=replace(self.pipeline, kb=kb))

    @property
    def _passage_encoder(self) -> Encoder:
        prior, kb = self.pipeline.prior, self.pipeline.kb
        assert isinstance(prior, SentenceEncoder)
        return exporting.documents_of(load.Retrieving(self.config, "", self.places, prior, kb))

    def _encoded(
        self, passages: str | Path | Sequence[Passage | Mapping[str, Any]], encoder: Encoder, display: Display
    ) -> KnowledgeBase:
        if isinstance(passages, str | Path):
            found = read_passages(passages, self.config.data.columns, self.config.data.encoding, display)
            display.say(found.said)
            passages = sound(found, passages)
        same = self.pipeline.kb.fingerprint == encoder.fingerprint()
        known = self.pipeline.kb if same else None  # of passages that both hold the vectors are taken over
        return encode(as_passages(passages), encoder, IndexConfig().settled, self.folder, display, known)

    @overload
    def ask(  # type: ignore[overload-overlap]  # text is a sequence too
        self, question: Asked, history: Sequence[Turn | Mapping[str, str]] = ()
    ) -> Answer: ...

    @overload
    def ask(self, question: Sequence[Asked]) -> list[Answer]: ...

    def ask(
        self, question: Asked | Sequence[Asked], history: Sequence[Turn | Mapping[str, str]] = ()
    ) -> Answer | list[Answer]:
        """Answer a question, or several together, with the passages and their probabilities.

        Args:
            question: Text, ``{question, history}`` or an `Example`; or a list of such questions, which are answered in
                batches.
            history: The turns before a single question, oldest first, as `Turn` or ``{role, text}``.

        Raises:
            InputError: an empty question, or turns that are none.
        """
        if isinstance(question, str | Mapping | Example):
            return self.pipeline.answer([self._x(question, history)])[0]
        if not isinstance(question, Sequence):
            raise InputError(f"question: expected text, {{question, history}} or a list of these, got {question!r}")
        require(not history, "history", "with each question, as {question, history}", history)
        xs = [self._x(one, (), f"questions[{i}]") for i, one in enumerate(question)]
        return self.pipeline.answer(xs) if xs else []

    def stream(self, question: Asked, history: Sequence[Turn | Mapping[str, str]] = ()) -> Stream:
        """As `ask`, the text piece by piece while it is generated; ``answer`` of what is returned is the whole.

        Raises:
            InputError: a mode or search that knows its answer only at the end: rag-sequence-*, beam.
        """
        return self.pipeline.stream(self._x(question, history))

    def retrieve(
        self, question: Asked, history: Sequence[Turn | Mapping[str, str]] = (), k: int | None = None
    ) -> list[Retrieved]:
        """The passages for a question, best first, with their probabilities; nothing is generated.

        Args:
            question: Text, ``{question, history}`` or an `Example`.
            history: The turns before it, oldest first.
            k: How many; default: as many as the run answers with.

        Raises:
            InputError: an empty question, turns that are none, or more passages than there are.
        """
        if k is not None:
            self.pipeline.kb.check_k(k, "k")
        return self.pipeline.retrieve([self._x(question, history)], k)[0]

    def _x(self, question: Asked, history: Sequence[Turn | Mapping[str, str]], where: str = "question") -> str:
        return render(as_question(question, where, history), self.config.data.history)

    def held_out(self) -> list[Example]:
        """The test pairs that the run held out of its training pairs; none where it was given dev or test pairs."""
        return read(self.config.data).test if self.config.data.splits else []

    def evaluate(
        self,
        examples: str | Path | Sequence[Example],
        config: EvaluationConfig | None = None,
        display: Display | None = None,
    ) -> Evaluation:
        """Measure retrieval and answers on examples or a file of them; default: with the settings of the run."""
        settings = replace(config or self.config.evaluation, decoding=self.pipeline.decoding)
        display = shown(display)
        return evaluate(self._always, self._posterior, self._cases(examples, display), settings, display)

    def evaluate_modes(
        self,
        examples: str | Path | Sequence[Example],
        modes: Sequence[str] = (),
        config: EvaluationConfig | None = None,
        display: Display | None = None,
    ) -> Evaluation:
        """Measure several ways of decoding side by side, with their cost; default: all there are.

        Raises:
            InputError: bad examples, an unknown mode, or one that the other settings of decoding do not go with.
        """
        settings = config or self.config.evaluation
        display = shown(display)
        cases, modes = self._cases(examples, display), modes or tuple(DECODERS)
        return evaluate_modes(self._always, self._posterior, cases, settings, modes, display)

    def evaluate_baselines(
        self,
        examples: str | Path | Sequence[Example],
        names: Sequence[str],
        config: EvaluationConfig | None = None,
        display: Display | None = None,
    ) -> Evaluation:
        """Measure retrievers without training on examples or a file of them, for the passages of the run.

        Args:
            examples: The examples, or a file of them.
            names: ``bm25``, or names of encoders.
            config: Cutoffs and resamples; default: those of the run.
            display: Shown progress.

        Returns:
            A block ``baseline:NAME`` a baseline, with the figures of the blocks prior and evidence.

        Raises:
            InputError: bad examples, or no such encoder.
        """
        display = shown(display)
        pipeline, settings = self.pipeline, config or self.config.evaluation
        cases, passages = self._cases(examples, display), pipeline.decoding.passages
        device = pipeline.prior.device
        return measure_baselines(names, pipeline.kb, cases, passages, settings, device, display)

    @property
    def _posterior(self) -> Encoder | None:
        """The posterior retriever where there is one."""
        return None if exporting.is_export(self.folder) else self.posterior

    @property
    def _always(self) -> Pipeline:
        """The pipeline that answers whatever it is asked: what is measured is the answers."""
        return replace(self.pipeline, least=None)

    def _cases(self, examples: str | Path | Sequence[Example], display: Display) -> list[Case]:
        data, where = self.config.data, "examples"
        if isinstance(examples, str | Path):
            found = read_examples(examples, data.columns, self.pipeline.kb.position, data.encoding, display)
            display.say(found.said)
            examples, where = sound(found, examples), str(examples)
        cases = [Case(example, render(example, data.history)) for example in examples]
        pairs = [(case.example.id, case.x, case.example.outputs[0]) for case in cases]
        check_fits(self.pipeline.generator, pairs, where, answered=True)
        return cases


def train(
    config: TrainConfig, *, display: Display | None = None, resume: bool = False, accept_changes: bool = False
) -> dict[str, Any] | None:
    """Train, measure before and after, write summary.json and report.html; returns the summary.

    None where a signal stopped the run; ``resume`` goes on from there. A finished run is left as it is. With
    ``accept_changes`` a run goes on although its data, models or settings have changed since it began.

    Raises:
        InputError: any mistake in files, options or folder.
    """
    require(isinstance(config, TrainConfig), "config", "a TrainConfig, such as `load_config` gives", config)
    return _train(config, display, resume, accept_changes)


def _train(
    config: TrainConfig, display: Display | None, resume: bool, accept_changes: bool, was: LoopConfig | None = None
) -> dict[str, Any] | None:
    run = Path(config.out)
    with processes.joined(), naming(run):
        reported = resume and was is None and processes.first_finds(finished(run) and _reported(run))
        summary = work.train(config, shown(display), resume=resume, accept_changes=accept_changes, was=was)
        # After a signal processes do not wait for each other.
        if summary is None and processes.first() and (run / layout.CONFIG).exists():
            write_report(run)
        if summary is not None and not reported:
            processes.by_first(lambda: write_report(run))
    return summary


def dry_run(config: TrainConfig, *, display: Display | None = None) -> list[Finding]:
    """Check everything that can fail in a run, and tell what the run will take; nothing is trained or written.

    Args:
        config: The run.
        display: Shown progress.

    Returns:
        A line a check. Where one has the state ``problem``, `train` would refuse the run.
    """
    with processes.joined():
        return dry.dry_run(config, shown(display))


def _reported(run: Path) -> bool:
    """Whether the report tells the summary; a kill leaves none, or that of an interruption before."""
    report, summary = run / REPORT, run / SUMMARY
    return report.is_file() and report.stat().st_mtime_ns >= summary.stat().st_mtime_ns


def resume(
    folder: str | Path, *, display: Display | None = None, accept_changes: bool = False, **length: float
) -> dict[str, Any] | None:
    """Go on with the run in ``folder`` from its last checkpoint, with the configuration it was started with.

    With one of ``epochs``, ``steps``, ``tokens`` and ``compute`` the run gets another length, in the place of the one
    it was started with, and a finished run goes on too. The learning rates then follow the schedule of the new length;
    what that means at the step in hand is told and kept among the accepted changes.

    Args:
        folder: The run.
        display: Shown progress, and told each thing that has changed since the run began.
        accept_changes: Go on all the same; the summary lists what was accepted.
        length: As ``loop.epochs`` and the like; what was done before counts.

    Raises:
        InputError: no run, no more steps than are done, or changes in data, models, settings or packages that are not
            accepted.
    """
    folder = Path(folder)
    if not (folder / layout.CONFIG).is_file():
        raise InputError(f"{folder}: no run to resume (no config.yaml)")
    config = load_run(folder)
    for name in length:
        one_of("resume", name, extend.LENGTHS)
    if length:
        return _train(extend.longer(config, length), display, True, accept_changes, config.loop)
    return train(config, display=display, resume=True, accept_changes=accept_changes)


def stage(name: str, folder: str | Path, k: int | None = None) -> TrainConfig:
    """The settings, for `train`, of a run that goes on from a finished one; all but the stage's own are its settings.

    Args:
        name: ``concat``: train the generator on several passages in one prompt, the retrievers left alone; ``again``:
            train the same models with the same objective again, from where the run ended.
        folder: The finished run.
        k: With ``concat``: passages in a prompt; default: as many as the run answers with.

    Raises:
        InputError: no such stage, no run there, or not a finished one.
    """
    one_of("--stage", name, stages.STAGES)
    folder = Path(folder)
    stages.check_finished(folder)
    return stages.STAGES[name](load_run(folder), k)


def run_lab(
    config: LabConfig | None = None,
    *,
    page: str | Path | None = None,
    figures: str | Path | None = None,
    display: Display | None = None,
) -> dict[str, Any]:
    """Measure bias and variance of every objective's gradient against enumeration; returns all figures.

    Args:
        config: What is measured.
        page: File for the page with tables and charts.
        figures: File for the figures, as JSON.
        display: Shown progress; default: a `Terminal` where standard error is one, else nothing.

    Raises:
        InputError: there is no such model.
    """
    result = laboratory.run(config or LabConfig(), shown(display))
    if figures is not None:
        Path(figures).parent.mkdir(parents=True, exist_ok=True)
        write_json(Path(figures), result)
    if page is not None:
        Path(page).parent.mkdir(parents=True, exist_ok=True)
        write_laboratory(result, Path(page))
    return result


def compare(
    runs: Sequence[str | Path],
    *,
    metrics: Sequence[str] = (),
    reference: str | None = None,
    resamples: int = 10_000,
    figures: str | Path | None = None,
    markdown: str | Path | None = None,
    page: str | Path | None = None,
) -> list[Group]:
    """Set finished runs side by side: means over seeds, paired tests on per-example scores, cost.

    Args:
        runs: Run folders, or ``ARCHIVE`` or ``ARCHIVE::PATTERN``; those that differ in their seed alone form a group.
        metrics: As ``block/metric``; none: the usual ones.
        reference: Label of the group the others are tested against; None: that of the first run.
        resamples: Of the randomisation test.
        figures: File for all figures, as JSON.
        markdown: File for the table in Markdown.
        page: File for the page.

    Raises:
        InputError: fewer than two runs, an unfinished run, a damaged archive, runs measured on different
            examples, an unknown name.
    """
    groups = contrast([Path(run) for run in runs], metrics=metrics, reference=reference, resamples=resamples)
    if figures is not None:
        write_json(Path(figures), contrast_figures(groups))
    if markdown is not None:
        write_text(Path(markdown), contrast_markdown(groups))
    if page is not None:
        write_contrast(groups, Path(page))
    return groups


def export(
    run: str | Path,
    out: str | Path,
    *,
    weights: str = "best",
    merged: bool = False,
    display: Display | None = None,
) -> Path:
    """Write a run as other libraries open it: retriever, generator, passages with vectors, index, model card.

    `Run.load` answers from the folder as from the run.

    Args:
        run: The run folder.
        out: The folder to write; new or empty.
        weights: Which weights of the run, ``best`` or ``last``.
        merged: Add the generator's adapters to its weights, so that no base model is needed.
        display: Shown progress; default: a `Terminal` where standard error is one, else nothing.

    Raises:
        InputError: not a run, no such weights, or ``out`` holds something or overlaps the run.
    """
    out = Path(out)
    exporting.check_out(out)
    check_apart(out, [run])
    exporting.write(exporting.gather(Path(run), weights, shown(display), merged=merged), out, Path(run).resolve().name)
    return out


def push(
    run: str | Path,
    name: str,
    *,
    weights: str = "best",
    merged: bool = False,
    private: bool = False,
    revision: str | None = None,
    display: Display | None = None,
) -> str:
    """Bring a run to the hub as `export` writes it; returns the address of the commit.

    Args:
        run: The run folder.
        name: ``OWNER/NAME``; made if it is not there.
        weights: As of `export`.
        merged: As of `export`.
        private: Whether a repository that is made is private.
        revision: The branch, made if it is not there; None: main.
        display: Shown progress.

    Raises:
        InputError: not a run, no token, or the hub refuses; a base model that lies on this machine alone.
    """
    exporting.check_name(name)
    exporting.check_login()
    parts = exporting.gather(Path(run), weights, shown(display), merged=merged)
    return exporting.push(parts, name, private=private, revision=revision)


def store(
    run: str | Path,
    name: str,
    uri: str,
    *,
    collection: str = "jsarag",
    weights: str = "best",
    display: Display | None = None,
) -> exporting.Stored:
    """Write the passages of a run with their vectors into a vector store; what is there already is not sent again.

    Args:
        run: The run folder, or an export.
        name: ``qdrant``, ``pgvector`` or ``milvus``.
        uri: Where the store is.
        collection: Made if it is not there; passages of an earlier call that the run no longer has are removed.
        weights: Which weights of the run, ``best`` or ``last``.
        display: Shown progress.

    Raises:
        InputError: not a run, nobody at ``uri``, or a collection that jsarag did not write.
    """
    display = shown(display)
    return exporting.store(exporting.passages_of(Path(run), weights, display), name, uri, collection, display)


def check(folder: str | Path) -> Inspection:
    """Compare every file of a run, an index or a converted data set with its checksum; nothing is written.

    Raises:
        InputError: the folder is none of these.
    """
    return inspect(Path(folder))


def build_index(
    passages: str | Path,
    out: str | Path,
    *,
    encoder: EncoderConfig | None = None,
    index: Kind | str = "auto",
    columns: Columns | None = None,
    encoding: str = "auto",
    display: Display | None = None,
) -> KnowledgeBase:
    """Encode a file of passages and write the index folder ``out``.

    Args:
        passages: The file, or a folder that `jsarag ingest` made.
        out: Folder to write; of an index of the same encoder there, the vectors of unchanged passages are taken over.
        encoder: Makes the vectors.
        index: Kind of the index, or its name.
        columns: Which columns hold what, where they have other names than the common ones.
        encoding: Of text that is not Unicode; ``auto``: found out for .csv and .tsv.
        display: Shown progress; default: a `Terminal` where standard error is one, else nothing.

    Raises:
        InputError: bad passages, no such encoder, ``out`` holds anything but an index or overlaps what is read, or no
            room for the index.
    """
    out = Path(out)
    check_apart(out, [passages, *([encoder.model] if encoder else [])])
    check_new_folder(out, "out")
    check_place(out)
    display = shown(display)
    read = read_passages(passages, columns, encoding, display)
    found = sound(read, passages)
    with processes.joined():
        if processes.first():
            display.say(read.said)
        loaded = load_encoder(encoder or EncoderConfig(), torch.device(Accelerator().device))
        kb = encode(found, loaded, IndexConfig(index).settled, out, display, _of_encoder(out, loaded))
        kb.save(out)
    return kb


def add_documents(
    run: str | Path,
    documents: Sequence[str | Path],
    out: str | Path,
    *,
    config: IngestConfig | None = None,
    display: Display | None = None,
) -> tuple[Report, KnowledgeBase | None]:
    """Read documents into a knowledge base that holds the passages of a run as well; nothing of the run is changed.

    ``out`` gets two folders: ``passages``, as `jsarag ingest` writes them, and ``index``, of the run's passages and
    these, as the run's passage encoder reads them: ``Run.load(run).with_passages(out / "index")``. Passages of the run
    from a file that is named now are replaced. Vectors that the run or ``index`` holds are taken over.

    Args:
        run: A run folder, or an export.
        documents: Files, folders, patterns.
        out: The folder; of an earlier one, files that did not change are not read again.
        config: How documents become passages.
        display: Shown progress; default: a `Terminal` where standard error is one, else nothing.

    Returns:
        What was read, and the knowledge base, which is saved; None where no passage was found.

    Raises:
        InputError: as of `jsarag.documents.ingest.ingest`, `Run.load` and `index`.
    """
    out, display, folder = Path(out), shown(display), exporting.fetched(run)
    passages, index = out / "passages", out / layout.INDEX
    check_apart(out, [folder, *documents])
    check_new_folder(out, "--out")
    check_place(index)
    settings = load_run(folder)
    export = exporting.is_export(folder)
    found = exporting.read(settings, "best") if export else load.retriever(settings, "best", display)
    encoder = exporting.documents_of(found)
    config = config or IngestConfig()
    report = ingest(documents, passages, Measure.of(encoder, config.tokens), config, display)
    if not report.passages:
        return report, None
    added = sound(read_passages(passages))
    named, ids = {h.source for h in added}, {h.id for h in added}
    kept = [h for h in found.kb.passages if h.source not in named and h.id not in ids]
    known = _of_encoder(index, encoder) or (found.kb if found.kb.fingerprint == encoder.fingerprint() else None)
    kb = encode([*kept, *added], encoder, IndexConfig().settled, index, display, known)
    kb.save(index)
    return report, kb


def _of_encoder(folder: Path, encoder: Encoder) -> KnowledgeBase | None:
    """The index that lies there, if this encoder made it and it is whole."""
    try:
        known = KnowledgeBase.load(folder)
    except InputError:  # none, or one that is damaged: it is replaced
        return None
    return known if known.fingerprint == encoder.fingerprint() else None
