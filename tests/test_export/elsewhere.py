"""What other libraries make of exports, in a process that cannot import jsarag: a request in, the findings out.

The request is JSON on standard input: ``exports`` (folders by name), ``questions``, ``tokens`` for the generators.
"""

# ruff: noqa: E402 - jsarag is refused before anything is imported

import json
import sys
from pathlib import Path
from typing import Any


class _Refused:
    """Lets nobody import jsarag."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "jsarag":
            raise ImportError("jsarag is not here")


sys.meta_path.insert(0, _Refused())

import faiss
import numpy as np
import torch
from peft import AutoPeftModelForCausalLM
from pyarrow import parquet
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

try:
    import jsarag  # noqa: F401
except ImportError:
    pass
else:
    raise SystemExit("jsarag is here")


def opened(folder: Path, questions: list[str], tokens: list[int]) -> dict[str, Any]:
    rows = parquet.read_table(folder / "passages.parquet").to_pylist()
    vectors = np.array([row["vector"] for row in rows], dtype=np.float32)
    model = SentenceTransformer(str(folder / "retriever"), device="cpu")
    asked = model.encode_query(questions)
    # A passage is written as the model card says; the rest is the model's own prompt.
    between = " . " if "prompted" in folder.name else ". "
    read = model.encode_document([f"{row['title']}{between}{row['text']}" for row in rows])
    scores = model.similarity(asked, read)
    if model.similarity_fn_name == "cosine":
        asked, read = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in (asked, read))
    found = faiss.read_index(str(folder / "index.faiss")).search(asked, 5)
    adapters = (folder / "generator" / "adapter_config.json").is_file()
    if not adapters:
        AutoTokenizer.from_pretrained(folder / "generator")
        GenerationConfig.from_pretrained(folder / "generator")
    kind = AutoPeftModelForCausalLM if adapters else AutoModelForCausalLM
    generator = kind.from_pretrained(folder / "generator", dtype=torch.float32).eval()
    with torch.no_grad():
        logits = generator(torch.tensor([tokens])).logits[0]
    return {
        "ranked": [[rows[i]["id"] for i in row] for row in scores.argsort(dim=1, descending=True).tolist()],
        "questions": asked.tolist(),
        "read": float(np.abs(read - vectors).max()),
        "faiss": {"ids": [[rows[i]["id"] for i in row] for row in found[1].tolist()], "scores": found[0].tolist()},
        "logits": logits.tolist(),
    }


request = json.load(sys.stdin)
answer = {name: opened(Path(at), request["questions"], request["tokens"]) for name, at in request["exports"].items()}
json.dump(answer, sys.stdout)
