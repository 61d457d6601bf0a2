"""What every one of several processes checks for itself; run by torchrun (see test_several_processes.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.testing import assert_close

from jsarag import processes
from jsarag.index import HNSW, IVF, Flat, Torch, build_index, load_index
from jsarag.types import Passage


def rows_of_all_with_own_gradient() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))

    def row(items: Sequence[int]) -> torch.Tensor:
        # As wide as the largest item of the part: the parts differ.
        wide = torch.zeros(len(items), max(items) + 1)
        return wide.index_put((torch.arange(len(items)), torch.tensor(items)), weight[list(items)] ** 2)

    found = processes.spread([0, 1, 2, 3, 4], row)
    assert_close(found.detach(), torch.diag(torch.tensor([1.0, 4.0, 9.0, 16.0, 25.0])))
    # A loss in which the rows meet: each process has the part of the gradient that flows through its own rows.
    found.sum().square().backward()  # type: ignore[no-untyped-call]
    mine = weight.grad.clone()  # type: ignore[union-attr]
    assert_close(
        mine, torch.where(torch.arange(5) < 2, 1.0, 0.0) * 220 * weight.detach() if processes.first() else mine
    )
    processes.add_gradients([weight])
    assert_close(weight.grad, 2 * 55 * 2 * weight.detach())


def gradient_that_one_process_lacks() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    found = processes.spread([7.0], lambda items: weight[: len(items)] * torch.tensor(items))
    if found.requires_grad:
        found.sum().backward()  # type: ignore[no-untyped-call]
    processes.add_gradients([weight])
    assert_close(weight.grad, torch.tensor([7.0, 0.0]))


def lists_in_order() -> None:
    words = ["a", "b", "c"]
    assert processes.spread_list(words, lambda some: [(word, processes.rank()) for word in some]) == [
        ("a", 0),
        ("b", 1),
        ("c", 1),
    ]
    assert processes.spread_list(["a"], list) == ["a"]
    assert processes.total([1, processes.rank()]) == [2, 1]
    assert processes.anywhere(processes.rank() == 1)
    assert not processes.anywhere(False)
    assert processes.as_first(10 + processes.rank()) == 10
    assert processes.first_finds(processes.first())
    assert not processes.first_finds(not processes.first())


def search_over_parts() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((301, 16), dtype=np.float32)
    queries = rng.standard_normal((7, 16), dtype=np.float32)
    for kind in (Flat(), Torch(), IVF()):
        index = build_index(vectors, kind)
        alone = kind.build(vectors)
        for k in (1, 20, 301):
            wanted, found = alone.search(queries, k), index.search(queries, k)
            assert_close(torch.from_numpy(found[0]), torch.from_numpy(wanted[0]))
            if k < 301:  # among so many some are as good as equal, and sums are rounded otherwise
                assert (found[1] == wanted[1]).all()
    # One passage: a process has nothing to search.
    assert build_index(vectors[:1], Flat()).search(queries, 1)[1].tolist() == [[0]] * 7


def kept_and_loaded() -> None:
    from jsarag.kb import KnowledgeBase

    vectors = torch.randn(50, 8, generator=torch.Generator().manual_seed(1))
    passages = [Passage(str(i), "", f"text {i}") for i in range(50)]
    with TemporaryDirectory() as mine:
        # Both processes name the first one's folder.
        folder = Path(str(processes.spread_list([mine, mine], list)[0])) / "kb"
        for kind in (Flat(), HNSW()):
            kb = KnowledgeBase(passages, vectors, build_index(vectors.numpy(), kind), "none", kind)
            kb.save(folder)
            again = KnowledgeBase.load(folder)
            assert (again.search(vectors[:3], 5)[1] == kb.search(vectors[:3], 5)[1]).all()
            assert again.search(vectors[:3], 1)[1].shape == (3, 1)
        assert load_index(folder, vectors.numpy(), Flat()).search(vectors[:1].numpy(), 1)
        processes.wait()


if __name__ == "__main__":
    with processes.joined():
        assert processes.size() == 2
        rows_of_all_with_own_gradient()
        gradient_that_one_process_lacks()
        lists_in_order()
        search_over_parts()
        kept_and_loaded()
        print(f"done{processes.rank()}", flush=True)
