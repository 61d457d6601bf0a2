"""Which files there are below what was named, and what they are called."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from jsarag.documents.sources import find
from jsarag.types import InputError
from tests.test_documents import made


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "docs/a.md",
        "docs/in/b.txt",
        "docs/in/c.png",
        "docs/README",
        "docs/.git/x.md",
        "docs/~$a.docx",
        "d.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("words", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "docs"


def names(*paths: str | Path) -> list[str]:
    return [source.name for source in find(paths).sources]


def test_folder(docs: Path) -> None:
    """Names are those below the folder, whatever the folder is called."""
    assert names("docs") == names(docs) == names("docs/") == ["README", "a.md", "in/b.txt"]
    assert find(["docs"]).others == {".png": 1}


def test_files_and_patterns(docs: Path) -> None:
    """A pattern is what a shell makes of it."""
    assert names("docs/a.md", "d.txt") == ["d.txt", "docs/a.md"]
    assert names("docs/*.md") == ["docs/a.md"]
    assert names("docs/**/*.txt") == ["docs/in/b.txt"]
    assert names(docs / "a.md") == ["a.md"]
    assert names("docs/a.md", "docs/a.md") == ["docs/a.md"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["docs/x.md"], "docs/x.md: no such file or folder"),
        (
            ["hf:someone/log:train[:5]"],
            r"hf:someone/log:train\[:5\]: expected documents; a data set needs no ingest: give it to --data.passages",
        ),
        (["docs/*.pdf"], r"docs/\*.pdf: no file fits this pattern"),
        (["docs", "other"], "docs/a.md and other/a.md: both are 'a.md' here; name the folder above both"),
    ],
)
def test_refused(docs: Path, paths: list[str], message: str) -> None:
    (docs.parent / "other").mkdir()
    (docs.parent / "other" / "a.md").write_text("words", encoding="utf-8")
    with pytest.raises(InputError, match=f"^{message}$"):
        find(paths)


def test_archives(docs: Path) -> None:
    """Files of an archive are below its name, those of archives within it too."""
    inner = made.archive({"e.txt": b"words", "deep/f.md": b"words", "g.png": b"", ".h.txt": b"words"})
    (docs / "in" / "z.zip").write_bytes(made.archive({"x/inner.zip": inner, "k.txt": b"words", "__MACOSX/k.txt": b""}))
    found = find(["docs/in"])
    assert [source.name for source in found.sources] == [
        "b.txt",
        "z.zip/k.txt",
        "z.zip/x/inner.zip/deep/f.md",
        "z.zip/x/inner.zip/e.txt",
    ]
    assert found.sources[2].inside == ("x/inner.zip", "deep/f.md")
    assert found.others == {".png": 2}
    assert not found.errors


def test_link_to_a_file_is_read(docs: Path) -> None:
    (docs / "link.md").symlink_to("a.md")
    assert "link.md" in names("docs")


def test_of_a_saved_data_set_the_table_is_read(tmp_path: Path) -> None:
    datasets.Dataset.from_list([{"title": "T", "text": "a"}]).save_to_disk(tmp_path / "saved")
    (tmp_path / "state.txt").write_text("words", encoding="utf-8")
    assert [source.name for source in find([tmp_path]).sources] == ["saved/data-00000-of-00001.arrow", "state.txt"]
