"""Checkpoints that reach the disk beside training: what they hold, when the pointer moves, and what goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from jsarag import whole
from jsarag.training.kept import entries, exists, locate
from jsarag.training.saver import Saver


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A disk that takes what is written by the saver's thread once the event is set."""
    ready, sync = threading.Event(), whole.sync

    def slow(path: Path) -> None:
        if threading.current_thread() is not threading.main_thread():
            assert ready.wait(60)
        sync(path)

    monkeypatch.setattr(whole, "sync", slow)
    return ready


def test_training_goes_on_and_the_pointer_moves_when_all_is_on_the_disk(tmp_path: Path, disk: threading.Event) -> None:
    saver, weight, told = Saver(tmp_path), torch.zeros(3), list[str]()
    pointer = tmp_path / "checkpoints" / "last.json"
    for step in (1, 2):
        weight.fill_(step)
        saver.save(
            "last", step, lambda folder: save_file({"w": weight}, folder / "a"), lambda: told.append("record on disk")
        )
        weight.fill_(100)  # training goes on
        if step == 1:
            saver.look()
            assert not pointer.exists()
            assert not exists(tmp_path, "last")
            disk.set()
        saver.wait()
        assert len(told) == step
        folder, found = locate(tmp_path, "last")
        assert found == step
        assert load_file(folder / "a")["w"].tolist() == [step] * 3
    saver.save("best", 2, lambda folder: save_file({"w": weight}, folder / "a"))
    saver.close()
    assert [one.step for one in entries(tmp_path, "last")] == [2, 1]
    assert [one.step for one in entries(tmp_path, "best")] == [2]
    assert not list(tmp_path.rglob("*.jsarag"))


@pytest.mark.parametrize("where", ["while it is written", "in the thread", "before the pointer moves"])
def test_what_goes_wrong_is_told_and_the_checkpoint_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    saver = Saver(tmp_path)
    saver.save("last", 1, lambda folder: save_file({"w": torch.zeros(3)}, folder / "a"))
    saver.wait()

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def fill(folder: Path) -> None:
        save_file({"w": torch.ones(3)}, folder / "a")
        if where == "while it is written":
            refused()

    if where == "in the thread":
        monkeypatch.setattr(whole, "sync", refused)
    with pytest.raises(OSError, match="No space left on device"):
        saver.save("last", 2, fill, refused if where == "before the pointer moves" else None)
        saver.wait()
    saver.look()  # told once
    saver.close()
    assert locate(tmp_path, "last")[1] == 1
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.json", "last-000001"}
