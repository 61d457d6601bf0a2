"""Training from Python: objects in, the same numbers as from files, parts of one's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.utils import set_seed
from torch import Tensor

import jsarag
from jsarag.decoding import Direct
from jsarag.files import read_jsonl
from jsarag.models import Mixture
from jsarag.objectives import JSA, OBJECTIVES, Objective, Scores, Target
from jsarag.training.store import Memory
from jsarag.types import Retrieved
from tests.own import Words
from tests.test_training.test_run import configured


def rows(data: Path, name: str) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(data / f"{name}.jsonl")]


class Table:
    """As a `datasets.Dataset` is: of a known length, and a dict a row."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.items


@dataclass
class Parts:
    models: jsarag.Models
    kb: jsarag.KnowledgeBase


@pytest.fixture
def parts(encoder_model: Path, causal_model: Path, data: Path) -> Parts:
    encoder = jsarag.load_encoder(jsarag.EncoderConfig(str(encoder_model), precision="fp32"))
    lora = jsarag.LoraConfig(rank=4)
    generator = jsarag.load_generator(
        jsarag.GeneratorConfig(str(causal_model), lora=lora, precision="fp32", max_new_tokens=4)
    )
    return Parts(jsarag.Models.of(encoder, generator), jsarag.KnowledgeBase.build(rows(data, "passages"), encoder))


QUICK = jsarag.Settings(loop=jsarag.LoopConfig(batch_size=4, steps=6, eval_every=2))


@pytest.mark.parametrize("name", ["jsa", "vrag", "decoupled", "gold"])
def test_objects_give_the_numbers_of_files(name: str, options: list[str], data: Path, tmp_path: Path) -> None:
    if name != "jsa":
        at = options.index("--objective.m")
        options = options[:at] + options[at + 2 :]
    config = configured(options, "--evaluation.answers", "false", "--objective.name", name)
    assert jsarag.train(config) is not None
    expected = [row for row in rows(tmp_path / "run", "metrics") if row["kind"] != "warning"]
    set_seed(config.loop.seed)
    encoder, generator = jsarag.load_encoder(config.encoder), jsarag.load_generator(config.generator)
    models = jsarag.Models.of(encoder, generator)
    kb = jsarag.KnowledgeBase.build(rows(data, "passages"), encoder)
    memory = Memory()
    train, dev = Table(rows(data, "train")), rows(data, "dev")
    trainer = jsarag.Trainer(models, kb, train, config.objective, config.settings, dev=dev, store=memory)
    fitted = trainer.run()
    clock = ("seconds", "step_seconds", "peak_memory_bytes")
    found, wanted = (
        [{key: value for key, value in row.items() if key not in clock} for row in some if row["kind"] != "warning"]
        for some in (memory.rows, expected)
    )
    assert found == wanted
    # The models are those that the run kept.
    run = jsarag.Run.load(tmp_path / "run")
    assert (fitted.checkpoint, fitted.step) == ("best", trainer.state.best_step)
    xs = [row["input"] for row in rows(data, "test")]
    torch.testing.assert_close(models.prior.embed_queries(xs), run.pipeline.prior.embed_queries(xs))
    pairs = [jsarag_pair(row, kb) for row in rows(data, "test")]
    torch.testing.assert_close(models.generator.log_likelihood(pairs), run.pipeline.generator.log_likelihood(pairs))


def jsarag_pair(row: dict[str, Any], kb: jsarag.KnowledgeBase) -> Any:
    from jsarag.models import Pair

    return Pair(row["input"], (kb.passages[0],), row["outputs"][0])


def test_without_dev_pairs_the_last_weights_stay(parts: Parts, data: Path) -> None:
    before = {name: weight.detach().clone() for name, weight in parts.models.generator.trained().items()}
    fitted = jsarag.Trainer(parts.models, parts.kb, rows(data, "train"), JSA(k=3, m=5), QUICK).run()
    assert (fitted.checkpoint, fitted.step, fitted.end) == ("last", 6, "done")
    assert any(not torch.equal(weight, before[name]) for name, weight in parts.models.generator.trained().items())


def test_an_encoder_of_ones_own_learns(causal_model: Path, data: Path, tmp_path: Path) -> None:
    lora = jsarag.LoraConfig(rank=4)
    generator = jsarag.load_generator(jsarag.GeneratorConfig(str(causal_model), lora=lora, precision="fp32"))
    for passages in ("frozen", "own", "shared"):
        models = jsarag.Models.of(Words(), generator, passages=passages)
        kb = jsarag.KnowledgeBase.build(rows(data, "passages"), models.prior)
        before = models.prior.fingerprint()
        settings = jsarag.Settings(
            jsarag.PassageConfig(passages, rebuild_every=None if passages == "frozen" else 2),
            jsarag.OptimConfig(lr_prior=1e-2, lr_posterior=1e-2, lr_passages=1e-2),
            QUICK.loop,
        )
        trainer = jsarag.Trainer(models, kb, rows(data, "train"), JSA(k=3, m=5), settings)
        trainer.run()
        assert models.prior.fingerprint() != before
        assert torch.equal(trainer.kb.vectors, kb.vectors) == (passages == "frozen")
    assert isinstance(models.prior, Words)
    models.prior.save(str(tmp_path / "saved"))  # paths may be text
    again = Words()
    again.load(str(tmp_path / "saved"))
    assert again.fingerprint() == models.prior.fingerprint()
    with pytest.raises(jsarag.InputError, match="holds other weights"):
        Words(dimensions=9).load(tmp_path / "saved")


class Recorded:
    """A generator of one's own: none of the classes of this library, it passes on what it is asked and counts it."""

    def __init__(self, generator: Any) -> None:
        self.generator, self.asked = generator, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self.generator, name)


class Least(Direct):
    """From the least likely of the passages alone."""

    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        return Mixture(x, ((hs[-1].passage,),), (0.0,))


def test_a_generator_and_a_decoder_of_ones_own(parts: Parts, data: Path) -> None:
    models = parts.models
    own = Recorded(models.generator)
    kept: dict[str, list[float]] = {}
    for name, generator in (("plain", models.generator.copy()), ("own", own)):
        memory = Memory()
        trained = jsarag.Models.of(models.prior.copy(), generator)
        settings = replace(QUICK, evaluation=jsarag.EvaluationConfig(decoding=jsarag.DecodingConfig(mode=Least())))
        jsarag.Trainer(trained, parts.kb, rows(data, "train"), JSA(k=3, m=5), settings, store=memory).run()
        kept[name] = [row["loss"] for row in memory.rows if row["kind"] == "step"]
    assert kept["own"] == kept["plain"]
    assert own.asked["token_log_likelihood"] + own.asked["log_likelihood"] >= len(kept["own"])
    decoding = jsarag.DecodingConfig(mode=Least(), passages=3)
    pipeline = jsarag.Pipeline(models.prior, parts.kb, own, decoding)
    x = rows(data, "test")[0]["input"]
    answer = pipeline.ask(x)
    (alone,) = own.generate([(x, (answer.passages[-1].passage,))])
    assert (decoding.name, decoding.streams, len(answer.passages)) == ("Least", True, 3)
    assert answer.text == alone.text
    assert answer.log_probability == pytest.approx(alone.log_probability)
    with pytest.raises(jsarag.InputError, match=r"decoding.mode: expected a decoder or its name, got 3"):
        jsarag.DecodingConfig(mode=3)  # type: ignore[arg-type]


def test_dev_pairs_are_answered_from_as_many_passages_as_there_are(parts: Parts, data: Path) -> None:
    kb = jsarag.KnowledgeBase.build(rows(data, "passages")[:4], parts.models.prior)
    dev = [{"input": "a", "outputs": ["b"]}]
    wanted = r"evaluation\.decoding\.passages: expected at most the 4 passages .*got 5"
    with pytest.raises(jsarag.InputError, match=wanted):
        jsarag.Trainer(parts.models, kb, dev, JSA(k=3, m=5), QUICK, dev=dev)


@dataclass(frozen=True)
class Certain(Objective):
    """``-log p(y | x, best passage)``.

    Attributes:
        k: Passages.
    """

    name = "certain"
    sources = frozenset({"prior"})
    trains = frozenset({"generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        return -scores.log_lik.gather(1, scores.log_p.argmax(1, keepdim=True))[:, 0]


def test_an_objective_of_ones_own_needs_no_name(parts: Parts, data: Path) -> None:
    memory = Memory()
    jsarag.Trainer(parts.models, parts.kb, rows(data, "train"), Certain(k=1), QUICK, store=memory).run()
    losses = [row["loss"] for row in memory.rows if row["kind"] == "step"]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert "certain" not in OBJECTIVES


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([], "examples: expected at least one, got none"),
        (iter([{"input": "a", "outputs": ["b"]}]), "examples: expected a list or something else whose length is known"),
        ([{"input": "a"}], r"examples\[0\]: no field 'outputs'"),
        ([{"input": "a", "reaction": ["b"]}], r"it has input, reaction; call the right one 'outputs'"),
        ([{"input": "a", "outputs": "b", "gold": ["nowhere"]}], r"examples\[0\]: gold: expected ids of passages"),
        (
            [{"id": "1", "input": "a", "outputs": "b"}, {"input": "c", "outputs": "d"}],
            r"examples\[1\]: id '1' is there",
        ),
        (["a"], r"examples\[0\]: expected an object with named fields, found str"),
    ],
)
def test_mistakes_in_objects_are_one_line(parts: Parts, examples: Any, message: str) -> None:
    with pytest.raises(jsarag.InputError, match=message):
        jsarag.Trainer(parts.models, parts.kb, examples)


def test_labels_and_passage_encoders_are_asked_for(parts: Parts) -> None:
    from jsarag.objectives import Gold

    pairs = [{"input": "where is the red lamp ?", "outputs": ["1"]}]
    with pytest.raises(jsarag.InputError, match="examples: objective gold needs gold ids; '0' has none"):
        jsarag.Trainer(parts.models, parts.kb, pairs, Gold())
    settings = jsarag.Settings(jsarag.PassageConfig("own"))
    with pytest.raises(jsarag.InputError, match=r"passages.encoder: expected own or shared where"):
        jsarag.Trainer(parts.models, parts.kb, pairs, JSA(k=2), settings)


def test_a_step_that_cannot_be_taken_names_its_pairs(parts: Parts, data: Path) -> None:
    with torch.no_grad():
        next(iter(parts.models.generator.trained().values())).fill_(torch.nan)
    trainer = jsarag.Trainer(parts.models, parts.kb, rows(data, "train"), JSA(k=3, m=5), QUICK)
    with pytest.raises(jsarag.InputError, match="its pairs are those with the ids '"):
        trainer.run()


def test_the_record_is_ready_for_json(parts: Parts, data: Path) -> None:
    memory = Memory()
    jsarag.Trainer(parts.models, parts.kb, rows(data, "train"), JSA(k=3, m=5), QUICK, store=memory).run()
    assert json.loads(json.dumps(memory.rows)) == memory.rows
