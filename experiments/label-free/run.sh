#!/usr/bin/env bash
# How well the figures without passage labels agree with gold labels, on sets of data that have labels.
# From the root of the repository: experiments/label-free/run.sh DATA [FOLDER], default runs/label-free.
# DATA holds a folder a set, with passages.jsonl, train.jsonl, dev.jsonl and test.jsonl.
# It may be stopped and started again: finished runs are kept.
# Settings of the environment: SETS; STEPS of training; TEST, test pairs; LIMIT, of these the pairs whose answers are
# scored; PASSAGES of the knowledge base, for a trial (pairs whose gold passages are not among them are left out).
set -euo pipefail
here=experiments/label-free
data=$1
out=${2:-runs/label-free}
sets=${SETS:-open-squad dstc11 doqa doc2dial}
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}

for set in $sets; do
  [ ! -e "$out/$set/summary.json" ] || continue
  rm -rf "${out:?}/$set"
  "$python" $here/sample.py "$data/$set" "$out/data/$set" --test "${TEST:-300}" --passages "${PASSAGES:-0}"
  # Where the untrained retriever knows the domain, a higher rate makes it forget (experiments/answers).
  case $set in
    dstc11) rate=1e-4 ;;
    *) rate=5e-5 ;;
  esac
  "$jsarag" train --config $here/settings.yaml --data.passages "$out/data/$set/passages.jsonl" \
    --data.train "$out/data/$set/train.jsonl" --data.test "$out/data/$set/test.jsonl" --loop.steps "${STEPS:-20}" \
    --optim.lr_prior $rate --optim.lr_posterior $rate --evaluation.limit "${LIMIT:-80}" --out "$out/$set"
  rm -rf "$out/$set/checkpoints" "$out/$set/index"
done
runs=()
for set in $sets; do runs+=("$out/$set"); done
"$python" $here/agreement.py "${runs[@]}" --markdown "$out/table.md" --json "$out/agreement.json"
