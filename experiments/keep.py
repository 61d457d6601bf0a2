"""Keep of a finished run what its comparison with others needs, without texts and without the machine's folders.

python experiments/keep.py RUN KEPT FOLDER...

Names of files lose the FOLDERs that they begin with.

What is kept can stand in a repository, packed by `archive.py`: runs made elsewhere need not be made again, and
`jsarag compare` reads the archive.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from jsarag.files import read_json, read_jsonl, read_text, whole, write_json, write_jsonl, write_text

SCORES = ("prior/hit@1", "prior/hit@5", "prior/mrr@10", "posterior/hit@1", "posterior/mrr@10")
SCORES += ("answers/em", "answers/f1", "answers/rougeL")
STEP = ("kind", "step", "tokens_scored", "tokens_trained", "step_seconds", "acceptance", "ess", "distinct_proposals")
STEP += ("distinct_states",)
"""Scores of an example and figures of a step that are kept."""


def main() -> None:
    """Copy the files, shortened."""
    run, kept, *folders = (Path(argument) for argument in sys.argv[1:])
    text = read_text(run / "config.yaml")
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    config = yaml.safe_load(text)
    if config.get("start"):  # runs that differ in their seed alone belong together
        config["start"] = Path(config["start"]).name.rpartition("-")[0]
    logged = [row for _, row in read_jsonl(run / "metrics.jsonl")]
    scores = [row for _, row in read_jsonl(run / "evaluation" / "after.jsonl")]
    with whole(kept) as folder:
        (folder / "evaluation").mkdir(parents=True)
        write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
        write_json(folder / "summary.json", read_json(run / "summary.json"))
        write_jsonl(
            folder / "metrics.jsonl",
            [{k: v for k, v in row.items() if row["kind"] != "step" or k in STEP} for row in logged],
        )
        write_jsonl(
            folder / "evaluation" / "after.jsonl",
            [{"id": row["id"], **{k: round(row[k], 3) for k in SCORES if k in row}} for row in scores],
        )


if __name__ == "__main__":
    main()
