#!/usr/bin/env bash
# JSA with the passage encoder frozen, and trained with the index rebuilt every R steps: same steps, seeds, order.
# From the root of the repository: docs/experiments/passages/run.sh DSTC11 OPEN-SQUAD [FOLDER], default runs/passages.
# It may be stopped and started again: finished runs are kept, unfinished ones go on.
# SEEDS="0 1 2" and STEPS=40 are settings of the environment.
set -euo pipefail
here=docs/experiments/passages
declare -A data=([dstc11]=$1 [open-squad]=$2)
out=${3:-runs/passages}
jsarag=${JSARAG:-.venv/bin/jsarag}
mkdir -p "$out"

one() {
  local set=$1 name=$2 seed=$3 run=$out/$1-$2-$3
  shift 3
  [ ! -e "$run/summary.json" ] || return 0
  if [ -e "$run/checkpoints/last.json" ]; then
    "$jsarag" train --resume "$run"
  else
    rm -rf "$run"
    "$jsarag" train --config $here/settings.yaml --data.passages "${data[$set]}/passages.jsonl" --data.train "${data[$set]}/train.jsonl" \
      --data.dev "${data[$set]}/dev.jsonl" --data.test "${data[$set]}/test.jsonl" --index.path "$out/index-$set" \
      --objective.k 8 --objective.states 1 --loop.steps "${STEPS:-40}" --loop.seed "$seed" --out "$run" "$@"
  fi
  rm -rf "$run/checkpoints" "$run/trained-index" "$run/rebuilt"
}

for seed in ${SEEDS:-0 1 2}; do
  for set in dstc11 open-squad; do
    [ -e "$out/index-$set" ] || "$jsarag" index --passages "${data[$set]}/passages.jsonl" --out "$out/index-$set"
    one $set frozen "$seed"
    for r in 20 10 0; do
      one $set "own-$r" "$seed" --passages.encoder own --passages.rebuild_every $r
    done
  done
done
"$jsarag" compare "$out"/dstc11-*-[0-9] --json $here/dstc11.json --markdown $here/dstc11.md
"$jsarag" compare "$out"/open-squad-*-[0-9] --json $here/open-squad.json --markdown $here/open-squad.md
