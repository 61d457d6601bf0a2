"""The laboratory against what it must find: identities, convergence, and Jacobians taken another way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from jsarag import api
from jsarag.data import load_examples, load_passages
from jsarag.display import Silent
from jsarag.lab import LabConfig, run
from jsarag.lab.chains import error_by_m, mixing_by_quality, slope
from jsarag.lab.estimators import measure
from jsarag.lab.real import real
from jsarag.lab.recovery import recover
from jsarag.lab.synthetic import synthetic
from jsarag.lab.world import World, gradients
from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, Pair, load_encoder, load_generator
from jsarag.objectives import JSA, RWS, VRAG, RagSequence
from jsarag.types import InputError

CPU = torch.device("cpu")


def small() -> World:
    return synthetic(examples=8, passages=12, seed=0)


def figures(rows: list[dict[str, Any]], component: str) -> dict[str, Any]:
    return next(row for row in rows if row["component"] == component)


def test_exact_gradients_are_those_of_autograd() -> None:
    world = small()
    prior, posterior, tokens = (t.clone().requires_grad_() for t in (world.prior, world.posterior, world.tokens))
    log_joint = prior.log_softmax(-1) + tokens.masked_fill(~world.within, 0).sum(-1)
    post = log_joint.log_softmax(-1).detach()
    loss = -log_joint.logsumexp(-1).sum() + (post.exp() * (post - posterior.log_softmax(-1))).sum()
    truth = torch.autograd.grad(loss, (prior, posterior, tokens))
    for found, expected in zip(world.exact().values(), truth, strict=True):
        assert_close(found, expected.flatten(1))


def test_marginalisation_over_the_whole_kb_is_unbiased_and_over_part_of_it_is_not() -> None:
    world = small()
    for component in ("prior", "generator"):
        whole = figures(measure(RagSequence(k=12), world, 2, 0), component)
        assert (whole["bias"], whole["variance"]) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-20))
        assert whole["angle"] == pytest.approx(0, abs=1e-3)
        assert whole["length"] == pytest.approx(1)
        assert figures(measure(RagSequence(k=2), world, 2, 0), component)["bias"] > 0.05


def test_bias_of_top_k_is_the_difference_from_enumeration() -> None:
    world = small()
    found = gradients(RagSequence(k=3), world, torch.Generator())["prior"]
    top = world.prior.topk(3).indices
    p, exact = world.prior.softmax(-1), world.exact()["prior"]
    difference = torch.zeros_like(p)
    for e in range(len(world)):
        kept = top[e]
        inside = p[e, kept] / p[e, kept].sum()
        lik = world.tokens[e].sum(-1).exp()[kept]
        difference[e, kept] = inside - inside * lik / (inside * lik).sum()
        assert_close(found[e], difference[e])
    bias = (difference - exact).norm() / exact.norm()
    assert figures(measure(RagSequence(k=3), world, 2, 0), "prior")["bias"] == pytest.approx(float(bias))


def test_variance_of_importance_sampling_is_that_of_its_weights() -> None:
    world = small()
    row = figures(measure(RWS(k=12, m=1), world, 4000, 0), "prior")
    # One draw h from q: gradient p - onehot(h), whose covariance has the trace 1 - sum q^2.
    q, exact = world.posterior.softmax(-1), world.exact()["prior"]
    assert row["variance"] == pytest.approx(float((1 - q.square().sum(-1)).sum() / exact.square().sum()), rel=0.03)


def test_a_metric_measures_in_parameters() -> None:
    world = small()
    jacobian = torch.randn(8, 12, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = World(
        world.prior, world.posterior, world.tokens, world.lengths, world.gold, {"prior": jacobian @ jacobian.mT}
    )
    found = gradients(RagSequence(k=3), world, torch.Generator())["prior"]
    through = (found[:, None] @ jacobian)[:, 0]
    exact = (world.exact()["prior"][:, None] @ jacobian)[:, 0]
    row = figures(measure(RagSequence(k=3), seen, 2, 0), "prior")
    assert row["bias"] == pytest.approx(float((through - exact).norm() / exact.norm()))
    angles = torch.nn.functional.cosine_similarity(through, exact).arccos().rad2deg()
    assert row["angle"] == pytest.approx(float(angles.mean()))


def test_nothing_is_said_where_the_exact_gradient_is_zero() -> None:
    rows = measure(JSA(k=12, m=50, states=None), small().with_quality(1.0), 20, 0)
    assert figures(rows, "posterior")["bias"] is None
    assert figures(rows, "prior")["bias"] is not None


def test_the_chain_falls_with_the_root_of_m_and_mixes_at_once_where_q_is_exact() -> None:
    world = small()
    rows = error_by_m(world, (10, 40, 160, 640), 200, 0)
    for method in ("mis", "mis, cache", "mis, burn-in", "mis, occupancy", "importance"):
        assert slope(rows, method) == pytest.approx(-0.5, abs=0.08)
    uniform, exact = mixing_by_quality(world, (0.0, 1.0), 50, 100, 0)
    assert exact["acceptance"] == pytest.approx(1, abs=1e-4)
    assert exact["autocorrelation"] == pytest.approx(0, abs=0.05)
    assert uniform["autocorrelation"] > 0.5
    assert uniform["effective_share"] < exact["effective_share"]


def test_a_sure_and_wrong_proposal_is_overcome_by_mixing() -> None:
    world = synthetic(32, 30, 0)
    wrong = world.with_posterior(
        4 * torch.randn(world.prior.shape, generator=torch.Generator().manual_seed(1)).double()
    )
    plain, mixed = (
        recover(objective, wrong, 150, 50, 0)
        for objective in (JSA(k=5, m=50, states=None), JSA(k=5, m=50, states=None, mix=0.2))
    )
    assert plain[0] == mixed[0]
    assert mixed[-1]["marginal"] > plain[-1]["marginal"] + 0.5
    assert mixed[-1]["marginal"] > mixed[0]["marginal"] + 0.5
    assert mixed[-1]["kl"] < mixed[0]["kl"] / 2


@pytest.fixture(scope="module")
def models(encoder_model: Path, causal_model: Path) -> dict[str, Any]:
    encoder = EncoderConfig(model=str(encoder_model), precision="fp32")
    generator = GeneratorConfig(model=str(causal_model), precision="fp32", lora=LoraConfig(rank=2))
    return {"encoder": encoder, "generator": generator}


def test_tables_and_jacobians_of_real_models(models: dict[str, Any], data: Path) -> None:
    encoder, generator = load_encoder(models["encoder"], CPU), load_generator(models["generator"], CPU)
    passages, examples = load_passages(data / "passages.jsonl"), load_examples(data / "train.jsonl")[:2]
    told: list[int] = []
    world = real(encoder, generator, passages, examples, 5, told.append)
    assert sum(told) == 2
    e, example = 1, examples[1]
    # The passages kept, found again by their logits.
    logits = encoder.scale * encoder.embed_passages(passages).detach() @ encoder.embed_queries([example.input])[0]
    kept = [int((logits - value).abs().argmin()) for value in world.prior[e]]
    assert passages[kept[int(world.gold[e])]].id == example.gold[0]
    pairs = [Pair(example.input, (passages[i],), example.outputs[0]) for i in kept]
    tokens = generator.token_log_likelihood(pairs)
    assert_close(world.tokens[e, :, : tokens.shape[1]], tokens.double(), atol=1e-4, rtol=1e-4)
    # The squared length of a gradient of the marginal, through the parameters and through the metric.
    marginal = (logits[kept].log_softmax(-1) + tokens.sum(-1)).logsumexp(-1)
    for component, weights in (("prior", encoder.trained()), ("generator", generator.trained())):
        slopes = torch.autograd.grad(marginal, list(weights.values()), retain_graph=True, allow_unused=True)
        truth = sum(float(s.square().sum()) for s in slopes if s is not None)
        exact: Tensor = world.exact()[component][e]
        assert float(exact @ world.metric[component][e] @ exact) == pytest.approx(truth, rel=1e-2)


def test_a_whole_run_gives_figures_a_page_and_verdicts(
    models: dict[str, Any], tmp_path: Path, few_examples: None
) -> None:
    config = LabConfig(
        passages=10,
        examples=3,
        replicates=4,
        k=(1, 5, 10),
        m=(5, 10, 20),
        quality=(0.0, 1.0),
        real_passages=4,
        real_examples=2,
        tail_examples=3,
        **models,
    )
    result = api.run_lab(config, page=tmp_path / "lab.html", figures=tmp_path / "lab.json")
    read = json.loads((tmp_path / "lab.json").read_text(encoding="utf-8"))
    assert read["claims"] == result["claims"]
    assert {"recovery", "recovery_summary"} <= read.keys()
    for world in ("synthetic", "real"):
        assert {"by_k", "by_m", "by_quality", "chains", "mixing", "tails"} <= read["worlds"][world].keys()
    page = (tmp_path / "lab.html").read_text(encoding="utf-8")
    assert page.count("<svg") > 20
    assert "vrag (released)" in page
    assert all(claim["claim"].split(" (")[0] in page.replace("&#39;", "'") for claim in result["claims"])
    small: dict[str, Any] = {"passages": 10, "examples": 3, "replicates": 4, "k": (5,), "m": (5,), "quality": (0.5,)}
    only = run(LabConfig(models="synthetic", **small), Silent())
    assert list(only["worlds"]) == ["synthetic"]


def test_one_example_for_the_tails_is_enough_and_none_is_one_line(models: dict[str, Any], tmp_path: Path) -> None:
    few: dict[str, Any] = {"replicates": 2, "k": (1,), "m": (1,), "quality": (0.5,), "real_passages": 3, **models}
    config = LabConfig(models="real", real_examples=1, tail_examples=1, **few)
    api.run_lab(config, figures=tmp_path / "lab.json")
    read = json.loads((tmp_path / "lab.json").read_text(encoding="utf-8"))
    tails = read["worlds"]["real"]["tails"]
    # Of one example the four lengths of an objective without chance are one.
    assert any(row["kurtosis"] is None and row["q99_over_median"] == pytest.approx(1) for row in tails)
    assert any(row["kurtosis"] is not None for row in tails)
    with pytest.raises(InputError, match=r"real_examples: expected fewer than the [0-9]+ pairs"):
        run(LabConfig(models="real", real_examples=100_000, **few), Silent())


def test_tables_without_jacobians_are_the_same_tables(models: dict[str, Any], data: Path) -> None:
    encoder, generator = load_encoder(models["encoder"], CPU), load_generator(models["generator"], CPU)
    passages, examples = load_passages(data / "passages.jsonl"), load_examples(data / "train.jsonl")[:2]
    slow, fast = (
        real(encoder, generator, passages, examples, 4, lambda done: None, jacobians=jacobians)
        for jacobians in (True, False)
    )
    assert fast.metric == {}
    for a, b in ((slow.prior, fast.prior), (slow.posterior, fast.posterior), (slow.tokens, fast.tokens)):
        assert_close(a, b)


def test_the_paper_reading_of_vrag_is_deterministic_and_jsa_is_not() -> None:
    world = small()
    assert figures(measure(VRAG(k=4), world, 5, 0), "posterior")["variance"] == pytest.approx(0, abs=1e-20)
    assert figures(measure(JSA(k=4, m=50, states=None), world, 5, 0), "posterior")["variance"] > 0
