#!/usr/bin/env bash
# JSA with the passage encoder frozen, and trained with the index rebuilt every R steps: same steps, seeds, order.
# From the root of the repository: docs/experiments/passages/run.sh DATA [FOLDER], default runs/passages.
# It may be stopped and started again, and started twice to use two cores (OMP_NUM_THREADS=1 each): what a finished run
# measured is kept beside this script, unfinished runs go on.
# SETS, SEEDS, PERIODS and STEPS are settings of the environment.
set -euo pipefail
here=docs/experiments/passages
data=$1
out=${2:-runs/passages}
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}
sets=${SETS:-dstc11 open-squad}
mkdir -p "$out"

one() {
  local set=$1 name=$1-$2-$3 seed=$3 run=$out/$1-$2-$3
  shift 3
  (
    flock -n 9 || exit 0 # another copy of this script has it
    [ ! -e "$here/kept/$name/summary.json" ] || exit 0
    if [ ! -e "$run/summary.json" ]; then
      if [ -e "$run/checkpoints/last.json" ]; then
        "$jsarag" train --resume "$run"
      else
        rm -rf "$run"
        "$jsarag" train --config $here/settings.yaml --data.passages "$data/$set/passages.jsonl" --data.train "$data/$set/train.jsonl" \
          --data.dev "$data/$set/dev.jsonl" --data.test "$data/$set/test.jsonl" --index.path "$out/index-$set" \
          --loop.steps "${STEPS:-40}" --loop.seed "$seed" --out "$run" "$@"
      fi
    fi
    "$python" docs/experiments/keep.py "$run" "$here/kept/$name" "$data" "$out"
    rm -rf "$run/checkpoints" "$run/trained-index" "$run/rebuilt"
  ) 9> "$out/$name.lock"
}

(
  flock 9
  for set in $sets; do
    [ -e "$out/index-$set" ] || "$jsarag" index --passages "$data/$set/passages.jsonl" --out "$out/index-$set"
  done
) 9> "$out/index.lock"
for seed in ${SEEDS:-0 1 2}; do
  for set in $sets; do
    one "$set" frozen "$seed"
    for r in ${PERIODS:-10 0 20 5}; do
      # The overlap is measured; a limit of 1 % never asks for a rebuild of its own.
      one "$set" "own-$r" "$seed" --passages.encoder own --passages.rebuild_every "$r" --passages.overlap 0.01 --passages.check_every 5
    done
  done
done
for set in $sets; do
  "$jsarag" compare $here/kept/"$set"-frozen-[0-9] $here/kept/"$set"-own-*-[0-9] --metrics prior/hit@1 prior/mrr@10 posterior/mrr@10 \
    --json $here/"$set".json --markdown $here/"$set".md
done
"$python" $here/plot.py docs/images/passages.png
