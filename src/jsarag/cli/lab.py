"""``jsarag lab``: bias and variance of every objective's gradient, against exact enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsarag import api
from jsarag.cli.figures import show_claims
from jsarag.display.terminal import Terminal
from jsarag.lab import LabConfig
from jsarag.parsing import Parser
from jsarag.places import check_outputs

DESCRIPTION = """Measure every objective's gradient on a knowledge base small enough to enumerate.

Bias (angle and length against the exact gradient of log p(y|x)) and variance for prior, posterior retriever and
generator, by K, by m and by the quality of the posterior retriever; convergence and mixing of the chain; tails;
recovery from a random posterior retriever. The paper's claims are shown with their figures, held or not.

The synthetic world takes seconds, the real models some minutes."""

EXAMPLE = """jsarag lab --models synthetic"""

USUAL = {
    "files": {
        "out": "folder for the page and the figures",
        "json": "file for all figures; default: lab.json in the folder",
    },
    "what is measured": {
        "models": "tables with free entries, real models, or both",
        "replicates": "independent gradients of each example and setting",
        "k": "candidates a source, as a curve",
        "m": "transitions or draws, as a curve",
        "quality": "qualities of q, from 0 (uniform) to 1 (exact)",
        "seed": "fixes everything",
        "encoder.model": "of the real world",
        "generator.model": "of the real world",
    },
    "help": {"help_all": "every option"},
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag lab", description=DESCRIPTION, example=EXAMPLE, usual=USUAL)
    parser.add_argument("--json", type=Path, help="File for all figures; default: lab.json in the folder.")
    parser.add_argument("--out", type=Path, default=Path("runs/lab"), help="Folder for the page and the figures.")
    parser.add_class_arguments(LabConfig, as_group=False)
    values = parser.read(argv)
    built = parser.built(values)
    options = {name: built[name] for name in LabConfig.__dataclass_fields__}
    figures = values.json or values.out / "lab.json"
    page = values.out / "lab.html"
    files = {"--out": page, "--json": values.json} if values.json else {"--out": page, "--out, for lab.json": figures}
    check_outputs(files, [built.encoder.model, built.generator.model])
    result = api.run_lab(LabConfig(**options), page=page, figures=figures, display=Terminal())
    show_claims(result)
    print(f"figures: {figures}\npage:    {page}")
    return 0
