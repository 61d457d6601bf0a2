"""Every name in the folder of a run and in that of an export, once, and the versions of these layouts.

Release 0.1 wrote version 1: no checksums, no fingerprints, weights of all parts in one file. Version 1 is read.
"""

from __future__ import annotations

FORMAT = 2

CONFIG = "config.yaml"
FINGERPRINTS = "fingerprints.json"
METRICS = "metrics.jsonl"
EXAMPLES = "examples.jsonl"
SUMMARY = "summary.json"
"""Written last: a run that has it is finished."""
REPORT = "report.html"
LOCK = ".lock"
CHECKSUMS = "checksums.json"
MANIFEST = "manifest.json"
"""Of an index, and of a converted data set."""

INDEX = "index"
TEXTS = "passages.jsonl"
VECTORS = "vectors.safetensors"
"""Both in the folder of an index."""
TRAINED_INDEX = "trained-index"
REBUILT = "rebuilt"
CHECKPOINTS = "checkpoints"
EVALUATION = "evaluation"
NONFINITE = "nonfinite"
STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"
GRADIENTS = "gradients.safetensors"
SAMPLER = "sampler.safetensors"
"""These four only in the checkpoint ``last``."""
OLD_WEIGHTS = "models.safetensors"
"""In a checkpoint of version 1, instead of a folder a part."""
TENSORBOARD = "tensorboard"

EXPORT = "export.json"
"""Only in an export: what loading one needs beside its parts."""
EXPORT_FORMAT = 1
RETRIEVER = "retriever"
GENERATOR = "generator"
PASSAGES = "passages.parquet"
FAISS = "index.faiss"
CARD = "README.md"
