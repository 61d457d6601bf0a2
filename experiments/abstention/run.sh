#!/usr/bin/env bash
# How many questions a threshold on the evidence declines: its own, those of other sets, those whose answer is taken away.
# From the root of the repository: experiments/abstention/run.sh DATA; DATA holds the four sets. About ten minutes.
set -euo pipefail
python=${PYTHON:-.venv/bin/python}
named=()
for set in open-squad dstc11 doqa doc2dial; do named+=(--data "$1/$set"); done
"$python" experiments/abstention/measure.py "${named[@]}" --json experiments/abstention/table.json
"$python" experiments/abstention/plot.py docs/images/abstention.png
