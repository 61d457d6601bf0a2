"""Signals: noted where work looks for them, raised everywhere else, the second of a kind at once."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from jsarag.system import interrupt
from jsarag.system.interrupt import SIGNALS, Stopped, listening


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_at_once_outside_and_at_the_end_of_work_that_looks_for_it(number: signal.Signals) -> None:
    before = [signal.getsignal(n) for n in SIGNALS]
    with pytest.raises(Stopped, match=number.name), listening() as asked:
        send(number)
        raise AssertionError("not raised")
    assert asked.number == number
    done = False
    with pytest.raises(Stopped, match=number.name), listening() as asked:
        with asked.later():
            send(number)
            send(number)  # at once: the same Ctrl-C, passed on
            assert asked.number == number
            done = True
        raise AssertionError("not raised")
    assert done
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_the_second_signal_of_a_kind_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "TWICE", 0.0)
    with pytest.raises(Stopped, match="SIGTERM"), listening() as asked, asked.later():
        send(signal.SIGTERM)
        send(signal.SIGINT)  # another kind
        send(signal.SIGTERM)
        raise AssertionError("not raised")


def test_a_signal_whose_exception_got_lost_is_raised_before_the_next_work() -> None:
    with pytest.raises(Stopped), listening() as asked:
        with contextlib.suppress(KeyboardInterrupt):
            send(signal.SIGTERM)
        with asked.later():
            raise AssertionError("work began")


def test_one_handling_within_another_and_none_in_a_thread() -> None:
    with listening() as outer, listening() as inner:
        assert inner is outer
    found = []

    def elsewhere() -> None:
        with listening() as asked:
            found.append(asked.number)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [0]


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening() as asked:
            send(signal.SIGHUP)
            assert asked.number == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


AT_A_TERMINAL = """
import fcntl, os, select, signal, socket, sys, termios
from jsarag.system.interrupt import Stopped, listening
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
pipe = int(sys.argv[1])
came, told = socket.socketpair()
told.setblocking(False)
signal.set_wakeup_fd(told.fileno())
with listening() as asked:
    try:
        with asked.later():
            print("begun", flush=True)
            select.select([came], [], [])
            print("the terminal is gone", flush=True)
            os.write(pipe, b"saved")
    except Stopped:
        sys.exit(128 + asked.number)
"""


def test_work_is_saved_when_its_terminal_is_closed() -> None:
    master, slave = pty.openpty()
    reader, writer = os.pipe()
    words = [sys.executable, "-c", AT_A_TERMINAL, str(writer)]
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, pass_fds=(writer,)
    )
    os.close(slave)
    os.close(writer)
    assert os.read(master, 5) == b"begun"
    os.close(master)
    assert os.read(reader, 10) == b"saved"
    os.close(reader)
    assert process.wait(60) == 128 + signal.SIGHUP
