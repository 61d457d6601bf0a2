"""Every name in the folder of a run, once, and the version of that layout.

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
TRAINED_INDEX = "trained-index"
REBUILT = "rebuilt"
CHECKPOINTS = "checkpoints"
EVALUATION = "evaluation"
NONFINITE = "nonfinite"
OLD_WEIGHTS = "models.safetensors"
"""In a checkpoint of version 1, instead of a folder a part."""
TENSORBOARD = "tensorboard"
