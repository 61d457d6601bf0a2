#!/usr/bin/env bash
# Whether BM25 helps as a source of candidates: coverage and retrieval of untrained models, then paired runs of JSA.
# From the root of the repository: experiments/candidates/run.sh DATA [FOLDER], default runs/candidates.
# DATA holds a folder a set, with passages.jsonl, train.jsonl and test.jsonl; the runs are on dstc11.
# It may be stopped and started again: what is finished is kept.
# Settings of the environment: SETS; STEPS of training; SEEDS.
set -euo pipefail
here=experiments/candidates
out=${2:-runs/candidates}
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}

for set in ${SETS:-dstc11 doqa doc2dial open-squad}; do
  [ -e "$out/measured/$set-coverage.json" ] || "$python" $here/measure.py "$1/$set" --out "$out/measured"
done

data=$1/dstc11
[ -e "$out/index" ] || "$jsarag" index --passages "$data/passages.jsonl" --out "$out/index"

train() { # NAME OPTION...: a run a name and seed
  [ ! -e "$out/$1-$seed/summary.json" ] || return 0
  rm -rf "${out:?}/$1-$seed"
  "$jsarag" train --config $here/settings.yaml --data.passages "$data/passages.jsonl" --data.train "$data/train.jsonl" \
    --data.test "$data/test.jsonl" --index.path "$out/index" --loop.steps "${STEPS:-30}" --loop.seed "$seed" \
    --out "$out/$1-$seed" "${@:2}"
  rm -rf "$out/$1-$seed/checkpoints"
}

runs=()
for seed in ${SEEDS:-0 1}; do
  train k5
  train k5-bm25 --candidates.source bm25
  runs+=("$out/k5-$seed" "$out/k5-bm25-$seed")
done
for seed in ${SEEDS:-0 1}; do
  train k8 --objective.k 8 # about as many candidates as with BM25
  runs+=("$out/k8-$seed")
done
"$jsarag" compare "${runs[@]}" --metrics prior/hit@1 prior/hit@5 prior/mrr@10 --markdown "$out/table.md"
