"""The documented way to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_docs.markdown import EVERY
from tests.test_export.conftest import Case

# torch's own, while it takes the graph apart.
pytestmark = pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["frozen", "shared"])
def test_the_retriever_as_onnx_gives_the_same_vectors(
    name: str, cases: dict[str, Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported").symlink_to(cases[name].export)
    (block,) = [one for one in EVERY if one.not_run == "tests/test_export runs it"]
    names: dict[str, Any] = {}
    exec(compile("\n" * block.line + block.text, block.page, "exec"), names)
    wanted = names["retriever"].encode_query(["When does it close?"])
    assert np.abs(names["vectors"] - wanted).max() < 1e-4
    longer = ["where is the red lamp in the tower of Ada", "a", "b c"]
    asked = {name: ids.numpy() for name, ids in names["tokens"](longer).items()}
    assert np.abs(names["session"].run(None, asked)[0] - names["retriever"].encode_query(longer)).max() < 1e-4
