"""A machine whose cores others use: threads sleep while they wait, and the user is told."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jsarag.training import pace
from jsarag.training.pace import Pace

PROGRAM = "from jsarag.system.threads import wait_asleep\nwait_asleep()\nimport torch"


def spins(**settings: str) -> int:
    """How often a thread that waits looks before it sleeps, as the OpenMP library of torch itself says it."""
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | settings
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    assert found, done.stderr
    return int(found[1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems' torch has another OpenMP")
def test_threads_that_wait_sleep_unless_the_user_says_otherwise() -> None:
    assert spins() == 0
    assert spins(OMP_WAIT_POLICY="ACTIVE") > 10**6
    assert spins(GOMP_SPINCOUNT="1000") == 1000


def spin(began: multiprocessing.synchronize.Event) -> None:
    began.set()
    while True:
        pass


@pytest.fixture
def neighbours() -> Iterator[None]:
    """A busy process a core."""
    context = multiprocessing.get_context("spawn")
    begun = [context.Event() for _ in range(os.cpu_count() or 1)]
    busy = [context.Process(target=spin, args=(event,), daemon=True) for event in begun]
    for process in busy:
        process.start()
    for event in begun:
        assert event.wait(60)
    yield
    for process in busy:
        process.kill()
        process.join()


@pytest.mark.usefixtures("neighbours")
def test_neighbours_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "other processes use" in pace.crowd(1.0)
    monkeypatch.setattr(pace, "SPAN", 0.0)
    watched = Pace()
    sum(range(10**7))
    told = watched.after(31.0)
    assert told is not None
    assert "a step takes 31 s" in told
    assert watched.after(31.0) is None  # once is enough
