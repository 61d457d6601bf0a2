#!/usr/bin/env bash
# Every objective on the bundled sample, three seeds each, with the same budget of generator tokens.
# From the root of the repository: experiments/objectives/run.sh [FOLDER], default runs/objectives.
# It may be stopped and started again, and started twice to use two cores (OMP_NUM_THREADS=1 each): finished runs are
# kept, unfinished ones go on. Checkpoints of finished runs are removed; they hold 0.7 GB each.
set -euo pipefail
here=experiments/objectives
out=${1:-runs/objectives}
jsarag=${JSARAG:-.venv/bin/jsarag}

one() {
  local run=$out/$1-$2 seed=$2
  shift 2
  mkdir -p "$out"
  (
    flock -n 9 || exit 0 # another instance has it
    if [ ! -e "$run/summary.json" ]; then
      if [ -e "$run/checkpoints/last.json" ]; then
        "$jsarag" train --resume "$run"
      else
        rm -rf "$run"
        "$jsarag" train --config $here/settings.yaml --loop.seed "$seed" --objective.k 3 --out "$run" "$@"
      fi
      rm -rf "$run/checkpoints" "$run/index"
    fi
  ) 9> "$run.lock"
}

for seed in 0 1 2; do
  for objective in jsa rag-sequence vrag rws frozen gold vod rag-token emdr2 pdist retgen stochastic-rag loop replug-lsr decoupled; do
    case $objective in
      jsa) options=(--objective.states 1 --objective.m 50) ;;
      rws | vod) options=(--objective.states 1) ;;
      *) options=() ;;
    esac
    one $objective $seed --objective.name $objective "${options[@]}"
  done
done
for seed in 0 1 2; do
  one vrag-released $seed --objective.name vrag --objective.preset released
  one jsa-poor $seed --objective.name jsa --objective.states 1 --objective.m 50 --posterior random
  one jsa-poor-mix $seed --objective.name jsa --objective.states 1 --objective.m 50 --objective.mix 0.2 --posterior random
done

# The comparison, from the instance that finds all runs finished.
if [ -z "$(for run in "$out"/*/; do [ -e "$run/summary.json" ] || echo "$run"; done)" ]; then
  "$jsarag" compare "$out"/*-[012] --reference rag-sequence \
    --json $here/comparison.json --markdown $here/table.md --out "$out/comparison.html"
fi
