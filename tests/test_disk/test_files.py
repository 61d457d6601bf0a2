"""Files are whole or not there, also when the writer is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jsarag.files import read_json, read_jsonl, write_json, write_text
from jsarag.places import check_output
from jsarag.types import InputError
from jsarag.whole import whole


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    with pytest.raises(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with whole(tmp_path / "out") as temporary:
            temporary.mkdir()
            (temporary / name).write_text("")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import sys\nfrom pathlib import Path\nfrom jsarag.files import whole\n"
        "with whole(Path(sys.argv[1])) as t:\n t.write_text('ne')\n print('writing', flush=True)\n sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert path.read_text() == "old"


def test_lines_end_at_newlines_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"t": "a\u2028b"}\n\n{"t": "c"}\n', encoding="utf-8")
    assert read_jsonl(path) == [(1, {"t": "a\u2028b"}), (3, {"t": "c"})]


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, found a folder"):
        read_json(tmp_path)
    (tmp_path / "a.json").write_text("{\n,}")
    with pytest.raises(InputError, match=r"a.json:2: not valid JSON"):
        read_json(tmp_path / "a.json")


UNREADABLE = {
    r'["\ud83d"]': r"half a character, \\ud83d, alone",
    r'["\ude00\ud83d"]': r"half a character, \\ude00, alone",
    r'["\\\ud83d"]': r"half a character, \\ud83d, alone",
    r'{"\uD83D\u0041": 1}': r"half a character, \\uD83D, alone",
    "[" + "1" * 5000 + "]": r"an integer of more than 4,300 digits",
    "[" * 100_000: "nested too deeply",
    '{"a":' * 100_000: "nested too deeply",
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.items(), ids=range(len(UNREADABLE)))
def test_json_that_python_cannot_hold_or_write_is_named_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"[1]\n{text}\n")
    with pytest.raises(InputError, match=rf"a.jsonl:2: not valid JSON \({message} at column \d+\)"):
        read_jsonl(path)
    path.write_text(f"[\n{text}]")
    with pytest.raises(InputError, match=rf"a.jsonl:\d: not valid JSON \({message}\)"):
        read_json(path)


def test_both_halves_of_a_character_are_one_and_escaped_escapes_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(r'["\ud83d\ude00", "\\ud83d", "\\\\ud83d", "\u00e9"]')
    assert read_json(tmp_path / "a.json") == ["\U0001f600", "\\ud83d", "\\\\ud83d", "é"]


def test_what_cannot_be_written_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "new", "deep/in/folders"):
        check_output(tmp_path / name, "--json")
    monkeypatch.chdir(tmp_path)
    check_output(Path("new"), "--json")
    for name, message in (
        (".", r"--json: expected a file, got the folder \S+"),
        ("file/new", r"--json: expected a file in a folder, got \S+file/new, but \S+file is a file"),
        ("file/deep/new", r"but \S+file is a file"),
        ("x" * 300 + "/new", r"--json: cannot write \S+: File name too long"),
    ):
        with pytest.raises(InputError, match=message):
            check_output(tmp_path / name, "--json")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"--json: cannot write new: \. is not writable"):
        check_output(Path("new"), "--json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


KILLED = """
import os, signal, sys
from pathlib import Path
from jsarag.whole import whole
path = Path(sys.argv[1])
with whole(path) as temporary:
    temporary.mkdir()
    (temporary / "half").write_text("new")
    if sys.argv[2] == "aside":
        path.replace(temporary.with_name("old"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["before", "aside"])
def test_what_a_killed_process_left_goes_and_what_it_moved_aside_comes_back(tmp_path: Path, moment: str) -> None:
    path, other = tmp_path / "a[b]", tmp_path / ".a[b].notes.tmp"
    with whole(path) as temporary:
        temporary.mkdir()
        (temporary / "text").write_text("old")
    other.write_text("of somebody else")
    assert subprocess.run([sys.executable, "-c", KILLED, path, moment], check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == (3 if moment == "before" else 2)
    with pytest.raises(KeyboardInterrupt), whole(path):
        raise KeyboardInterrupt
    assert sorted(tmp_path.iterdir()) == sorted([path, other])
    assert (path / "text").read_text() == "old"


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "text").write_text("old")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("no space left")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    monkeypatch.setattr("jsarag.whole._exchanged", lambda new, target: False)
    with pytest.raises(OSError, match="no space left"), whole(path) as temporary:
        temporary.mkdir()
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]
    assert (path / "text").read_text() == "old"
