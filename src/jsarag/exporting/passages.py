"""The passages with their vectors as Parquet, and a plain FAISS index over the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jsarag import layout
from jsarag.index import Kind, from_plain, load_index
from jsarag.index.approximate import Approximate
from jsarag.index.index import Vectors
from jsarag.kb import KnowledgeBase
from jsarag.types import InputError, Passage

ROWS = 16_384
"""Passages in a row group."""


def write(kb: KnowledgeBase, folder: Path) -> None:
    """Write ``passages.parquet`` (a row a passage, in the order of positions) and ``index.faiss``."""
    import pyarrow as pa
    from pyarrow import parquet

    records = [passage.record() for passage in kb.passages]
    vectors = kb.vectors.contiguous().numpy()
    kinds = {"id": pa.string(), "title": pa.string(), "text": pa.string(), "source": pa.string()}
    kinds |= dict.fromkeys(("page", "start", "end"), pa.int64())
    known = {name: kind for name, kind in kinds.items() if any(name in record for record in records)}
    columns = {name: pa.array([record.get(name) for record in records], kind) for name, kind in known.items()}
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    parquet.write_table(pa.table(columns), folder / layout.PASSAGES, row_group_size=ROWS)
    _write_index(kb, vectors, folder)


def _write_index(kb: KnowledgeBase, vectors: Vectors, folder: Path) -> None:
    import faiss

    if isinstance(kb.kind, Approximate):
        kb.index.save(folder)
        return
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / layout.FAISS))


def read(folder: Path, index: Mapping[str, Any], fingerprint: str, similarity: Any) -> KnowledgeBase:
    """The knowledge base that `write` wrote.

    Args:
        folder: The export.
        index: Kind and settings of its index, with what building it found out.
        fingerprint: Of the encoder that made the vectors.
        similarity: How the vectors are compared.

    Raises:
        InputError: a table that is none.
    """
    import pyarrow as pa
    from pyarrow import parquet

    file = folder / layout.PASSAGES
    try:
        table = parquet.read_table(file)
        column = table.column("vector").combine_chunks()
        values = np.array(column.flatten(), dtype=np.float32)
        rows = table.drop_columns("vector").to_pylist()
    except (pa.ArrowException, KeyError, OSError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{file}: expected passages with vectors, as `jsarag export` writes them: {reason}") from None
    passages = [Passage(**{name: value for name, value in row.items() if value is not None}) for row in rows]
    vectors = torch.from_numpy(values.reshape(len(passages), -1))
    kind: Kind = from_plain(dict(index))
    kb = KnowledgeBase(passages, vectors, load_index(folder, vectors.numpy(), kind), fingerprint, kind, similarity)
    kb.facts = index["facts"]
    return kb
