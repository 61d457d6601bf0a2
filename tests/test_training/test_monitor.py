"""Warnings of collapse and of a stuck chain."""

from __future__ import annotations

from jsarag.training.monitor import WINDOW, Monitor, Window


def test_collapse_is_told_once_with_its_figures() -> None:
    monitor = Monitor({}, Window())
    assert not any(monitor.watch([i], 0.5) for i in range(WINDOW))
    told = [text for _ in range(2 * WINDOW) for text in monitor.watch([7], 0.5)]
    assert len(told) == 1
    assert "collapses" in told[0]
    assert str(WINDOW) in told[0]


def test_few_passages_from_the_start_are_no_collapse() -> None:
    monitor = Monitor({}, Window())
    assert not any(monitor.watch([i % 3], 0.5) for i in range(3 * WINDOW))


def test_stuck_chain_is_told_once() -> None:
    warned: dict[str, str] = {}
    monitor = Monitor(warned, Window())
    told = [text for i in range(2 * WINDOW) for text in monitor.watch([i], 0.001)]
    assert len(told) == 1
    assert "mean acceptance 0.001" in told[0]
    assert list(warned) == ["stuck"]


def test_objectives_without_a_chain_are_never_stuck() -> None:
    monitor = Monitor({}, Window())
    assert not any(monitor.watch([i], None) for i in range(2 * WINDOW))
