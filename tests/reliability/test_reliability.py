"""A part of the attack that takes seconds: every kind of damage to every kind of folder."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import world
from tests.reliability.damage import DAMAGES, Victim, cases, victims


@pytest.fixture(scope="module")
def made(
    data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Victim]:
    folder = tmp_path_factory.mktemp("victims")
    return victims(folder, world.options(data, encoder_model, causal_model, folder / "out"))


def test_no_damage_is_silent(made: dict[str, Victim], tmp_path: Path) -> None:
    quick = {name: made[name] for name in ("index", "data set")}
    found = [
        victim.attack(damage, file, seed, tmp_path / str(n))
        for n, (victim, damage, file, seed) in enumerate(cases(quick, 60))
    ]
    assert set(found) <= {"equal", "refused", "unchanged"}
    assert found.count("refused") > 30
    slow = {name: victim for name, victim in made.items() if name not in quick}
    for n, (victim, damage, file, seed) in enumerate(cases(slow, 6, seed=1)):
        outcome = victim.attack(damage, file, seed, tmp_path / f"run-{n}")
        assert outcome in ("equal", "refused", "told", "unchanged"), (victim.name, damage, file, seed)


def test_silence_is_heard(tmp_path: Path) -> None:
    """What reads a file without comparing is caught by every damage but those that change nothing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for place, size in (("a", 5000), ("b", 4000)):
        (tmp_path / place / "file").write_bytes(random.Random(size).randbytes(size))

    def read(place: Path) -> tuple[list[object], list[str]]:
        return [(place / "file").read_bytes() if (place / "file").exists() else b""], []

    victim = Victim("file", tmp_path / "a", tmp_path / "b", read, read(tmp_path / "a")[0])
    assert {victim.attack(damage, "file", 1, tmp_path / damage) for damage in DAMAGES} == {"SILENT"}
