"""The reference objectives: RAG-Sequence and gold."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.testing import assert_close

from jsarag.objectives import JSA, OBJECTIVES, Gold, RagSequence
from tests.enumeration import gradients, toy


def test_rag_sequence_over_the_whole_kb_has_the_gradient_of_the_marginal() -> None:
    model = toy()
    prior, generator = torch.autograd.grad(-model.log_marginal().sum(), [model.prior, model.generator])
    found = gradients(RagSequence(k=7), toy())
    assert_close(found[0], prior)
    assert_close(found[1], torch.zeros_like(prior))
    assert_close(found[2], generator)


def test_rag_sequence_and_exact_jsa_agree_on_prior_and_generator() -> None:
    a, b = gradients(RagSequence(k=7), toy()), gradients(JSA(exact=True, states=None), toy())
    assert_close(a[0], b[0])
    assert_close(a[2], b[2])


def test_gold_is_the_cross_entropy_on_the_labels() -> None:
    model = toy()
    gold = torch.zeros(3, 7, dtype=torch.bool)
    gold[0, 2] = gold[1, 0] = gold[1, 5] = True  # one label, two labels, none
    found = gradients(Gold(), model, replace(model.scores(), found={"gold": gold}))
    share = gold.double() / torch.tensor([[1.0], [2.0], [1.0]])
    total = model.prior.log_softmax(-1) + model.log_lik + model.posterior.log_softmax(-1)
    truth = torch.autograd.grad(-(share * total).sum(), model.leaves)
    for a, b in zip(found, truth, strict=True):
        assert_close(a, b)


def test_every_objective_is_registered_under_its_own_name() -> None:
    assert all(kind.name == name and kind().k > 0 for name, kind in OBJECTIVES.items())
