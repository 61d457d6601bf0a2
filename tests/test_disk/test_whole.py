"""Writers are killed at each thing they ask of the system: the old file stays or the new one is there, nothing else."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import jsarag
from jsarag.files import read_json, write_json, write_text
from jsarag.types import InputError
from jsarag.whole import RefusedError, naming, refusal, sweep, whole
from tests.test_disk.disk import small_disk

ROOT = os.geteuid() == 0

WRITER = """
import os, signal, sys
from pathlib import Path
from jsarag import whole as module
from jsarag.whole import whole

path, moment, kind, exchange = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "exchange"
names = {name for name in ("mkdir", "open", "fsync", "replace", "rename", "unlink", "rmdir", "chmod", "close", "chown")}
count = 0

def counted(function):
    def asked(*args, **keywords):
        global count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **keywords)
    return asked

for name in names:
    setattr(os, name, counted(getattr(os, name)))
exchanged = counted(module._exchanged)
module._exchanged = exchanged if exchange else lambda new, target: False

count = 0
with whole(path) as temporary:
    if kind == "folder":
        temporary.mkdir()
        for name in ("a", "b"):
            (temporary / name).write_text("new")
    else:
        temporary.write_text("new")
print("done")
"""

# A Python without site packages starts faster; it is told where the code and the libraries are.
PATHS = (str(Path(jsarag.__file__).parents[1]), sysconfig.get_paths()["purelib"])
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
"""Of a Python that starts without its site packages, so that it starts at once."""


def read(path: Path) -> dict[str, str]:
    """Content by name; of a file under the name of nothing."""
    return {p.name: p.read_text() for p in path.iterdir()} if path.is_dir() else {"": path.read_text()}


def kill_everywhere(tmp_path: Path, kind: str, exchange: str, step: int = 1) -> int:
    """Kill a writer before each ``step``-th thing it asks of the system; how many it asks."""
    path, foreign = tmp_path / "out", tmp_path / ".out.0123456789abcdef.jsarag"
    foreign.mkdir()  # as ours, but for what it holds
    (foreign / "lock").write_text("")
    (foreign / "thesis.tex").write_text("years of work")
    old = {"a": "old", "c": "old"} if kind == "folder" else {"": "old"}
    new = {"a": "new", "b": "new"} if kind == "folder" else {"": "new"}
    seen, moment = set(), 1
    while True:
        with whole(path) as temporary:
            if kind == "folder":
                temporary.mkdir()
            for name, text in old.items():
                (temporary / name if name else temporary).write_text(text)
        argv = [sys.executable, "-S", "-c", WRITER, str(path), str(moment), kind, exchange]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=ENVIRONMENT)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        if exchange == "exchange" or kind == "file":
            assert path.exists()  # at every moment, whoever looks
        sweep(tmp_path)
        assert read(path) in (old, new)
        assert sorted(p.name for p in tmp_path.iterdir()) == [foreign.name, "out"]
        assert (foreign / "thesis.tex").read_text() == "years of work"
        seen.add(read(path) == new)
        moment += step
    assert done.stdout == "done\n"
    assert read(path) == new
    assert seen == {False, True}  # some kills came before the new one took its name, some after
    return moment


@pytest.mark.parametrize(("kind", "exchange"), [("file", "exchange"), ("folder", "exchange"), ("folder", "aside")])
def test_a_kill_at_a_sample_of_the_operations(tmp_path: Path, kind: str, exchange: str) -> None:
    kill_everywhere(tmp_path, kind, exchange, step=4)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "exchange"), [("file", "exchange"), ("folder", "exchange"), ("folder", "aside")])
def test_a_kill_at_every_operation(tmp_path: Path, kind: str, exchange: str) -> None:
    assert kill_everywhere(tmp_path, kind, exchange) > 10


def test_writers_that_live_are_left_alone_and_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole(path) as first:
        first.write_text("first")
        with whole(path) as second:  # finds the first at work
            second.write_text("second")
        sweep(tmp_path)
        assert read(path) == {"": "second"}
    assert read(path) == {"": "first"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_many_writers_of_one_folder(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            with whole(tmp_path / "out") as temporary:
                temporary.mkdir()
                for name in ("a", "b"):
                    (temporary / name).write_text(str(number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        sweep(tmp_path)
    assert len(set(read(tmp_path / "out").values())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_names_that_only_look_like_ours_stay(tmp_path: Path) -> None:
    hidden = {"linked": ".a.0123456789abcdef.jsarag", "file": ".b.0123456789abcdef.jsarag", "old": ".out.host.12.tmp"}
    (tmp_path / "real").mkdir()
    (tmp_path / "real/lock").write_text("")
    (tmp_path / hidden["linked"]).symlink_to(tmp_path / "real")
    (tmp_path / hidden["file"]).write_text("notes")
    (tmp_path / hidden["old"]).write_text("notes")
    write_text(tmp_path / "out", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*hidden.values(), "out", "real"])
    assert (tmp_path / "real/lock").exists()


def test_the_temporary_name_is_private_and_new_each_time(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with whole(tmp_path / "out") as temporary:
            temporary.write_text("text")
            names.add(temporary.parent.name)
            assert stat.S_IMODE(temporary.parent.stat().st_mode) == 0o700
    assert len(names) == 2
    assert all(re.fullmatch(r"\.out\.[0-9a-f]{16}\.jsarag", name) for name in names)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o022, 0o007, 0o077])
def test_new_files_get_the_mode_of_the_umask_and_old_ones_keep_theirs(tmp_path: Path, mask: int) -> None:
    file, folder = tmp_path / "a.json", tmp_path / "folder"

    def write() -> None:
        write_json(file, {})
        with whole(folder) as temporary:
            temporary.mkdir()
            save_file({"a": torch.ones(1)}, temporary / "a.safetensors")  # by itself 0600
            write_json(temporary / "b.json", {})

    with umask(mask):
        write()
        assert {mode(p) for p in (file, folder / "a.safetensors", folder / "b.json")} == {0o666 & ~mask}
        assert mode(folder) == 0o777 & ~mask
        for path, kept in ((file, 0o600), (folder, 0o750), (folder / "b.json", 0o640)):
            path.chmod(kept)
        write()
        assert (mode(file), mode(folder), mode(folder / "b.json")) == (0o600, 0o750, 0o640)
        assert mode(folder / "a.safetensors") == 0o666 & ~mask


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_a_file_of_another_user_stays_that_users(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    os.chown(tmp_path / "a", 1234, 1234)
    write_text(tmp_path / "a", "new")
    assert ((tmp_path / "a").stat().st_uid, (tmp_path / "a").stat().st_gid) == (1234, 1234)


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    write_text(tmp_path / "far/a", "old")
    for name, to in (("link", "far/a"), ("chain", "link"), ("new", "far/b")):
        (tmp_path / name).symlink_to(to)
    write_text(tmp_path / "chain", "new")
    write_text(tmp_path / "new", "made")
    assert (tmp_path / "far/a").read_text() == "new"
    assert (tmp_path / "far/b").read_text() == "made"
    assert all((tmp_path / name).is_symlink() for name in ("link", "chain", "new"))


def test_what_is_no_file_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    there = {"pipe": "a pipe", "loop": "a link that leads nowhere", "folder": "a folder", "socket": "a socket"}
    if ROOT:
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        there["device"] = "a device"
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    before = {p.name: p.lstat().st_ino for p in tmp_path.iterdir()}
    for name, kind in there.items():
        with pytest.raises(InputError, match=rf"{name}: expected a regular file, found {kind}$"):
            write_text(tmp_path / name, "text")
    with pytest.raises(InputError, match=r"/dev/null: expected a regular file, found a device"):
        write_text(Path("/dev/null"), "text")
    assert {p.name: p.lstat().st_ino for p in tmp_path.iterdir()} == before
    write_text(tmp_path / "file", "old")
    with (
        pytest.raises(InputError, match=r"file: expected a folder, found a file"),
        whole(tmp_path / "file") as temporary,
    ):
        temporary.mkdir()
    assert (tmp_path / "file").read_text() == "old"


def test_a_check_is_made_again_before_anything_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()

    def empty(path: Path) -> None:
        if any(path.iterdir()):
            raise InputError("not empty")

    with pytest.raises(InputError, match="not empty"), whole(out, empty) as temporary:
        temporary.mkdir()
        (out / "thesis.tex").write_text("years of work")  # while the new one is made
    assert read(out) == {"thesis.tex": "years of work"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_all_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, rename = os.fsync, Path.replace
    root = str(tmp_path)

    def synced(descriptor: int) -> None:
        order.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(root))
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        order.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    with whole(tmp_path / "far/out") as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("text")
    private = str(temporary).removeprefix(root)
    assert order == ["", f"{private}/a", private, "rename", "/far"]


def test_a_full_disk_is_one_line_and_leaves_the_old_state(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        write_text(disk / "a", "old")
        with pytest.raises(RefusedError, match=r"disk/a: No space left on device \(\d\.\d MB free\)$"):
            write_text(disk / "a", "new" * 1_000_000)
        with pytest.raises(RefusedError, match=r"disk/b/c.json: No space left on device"), whole(disk / "b") as folder:
            folder.mkdir()
            write_json(folder / "c.json", ["new"] * 1_000_000)
        # The library has words of its own for it.
        with pytest.raises(RefusedError, match=r"disk/b: No space left on device"), whole(disk / "b") as folder:
            folder.mkdir()
            save_file({"a": torch.ones(1_000_000)}, folder / "a.safetensors")
        assert read(disk) == {"a": "old"}


LIMITED = """
import resource, sys
from pathlib import Path
from jsarag.whole import refusal
from jsarag.files import write_text
what, most = sys.argv[2], int(sys.argv[3])
resource.setrlimit(getattr(resource, what), (most, most))
try:
    write_text(Path(sys.argv[1]), "new" * 100_000)
except Exception as error:
    print(refusal(error))
"""


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [("RLIMIT_FSIZE", 1000, "File too large"), ("RLIMIT_NOFILE", 3, "Too many open files")],
)
def test_limits_of_the_system_are_one_line(tmp_path: Path, limit: str, most: int, message: str) -> None:
    write_text(tmp_path / "a", "old")
    argv = [sys.executable, "-S", "-c", LIMITED, str(tmp_path / "a"), limit, str(most)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    assert re.fullmatch(rf"{tmp_path / 'a'}: {message} \([\d,.]+ MB free\)\n", done.stdout), done
    sweep(tmp_path)
    assert read(tmp_path) == {"a": "old"}


@pytest.mark.skipif(ROOT, reason="nothing is forbidden to root")
def test_a_folder_without_the_right_to_write_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RefusedError, match=r"/a: Permission denied \([\d,.]+ MB free\)$"):
        write_text(tmp_path / "a", "text")
    tmp_path.chmod(0o700)


def test_errors_that_are_no_refusal_stay_what_they_are() -> None:
    assert refusal(ValueError("bad")) is None
    assert refusal(InputError("cannot write: No space left on device")) is None
    assert refusal(OSError("no number")) is None
    assert str(refusal(RuntimeError("write error: No space left on device"))) == "No space left on device"
    named = refusal(FileNotFoundError(errno.ENOENT, "No such file or directory", "/gone"))
    assert str(named).startswith("/gone: No such file or directory (")
    with pytest.raises(ZeroDivisionError), naming(Path("a")):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError) as found, naming(Path("a")):
        Path("/other").read_text()
    assert found.value.filename == "/other"


def test_json_is_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a/b.json", {"a": 1})
    assert read_json(tmp_path / "a/b.json") == {"a": 1}
