#!/usr/bin/env bash
# JSA with the passage encoder frozen, and trained with the index rebuilt every R steps: same steps, seeds, order. With
# R = 10 also at a fifth of the learning rate (slow), and there with the candidates of the whole batch (share).
# From the root of the repository: experiments/passages/run.sh DATA [FOLDER], default runs/passages.
# It may be stopped and started again, and started twice to use two cores (OMP_NUM_THREADS=1 each): what a finished run
# measured is kept in an archive beside this script, unfinished runs go on.
# Settings of the environment: SETS, SEEDS, PERIODS (steps between rebuilds; 0: never), MORE, STEPS.
set -euo pipefail
here=experiments/passages
archive=$here/runs.parquet
data=$1
out=${2:-runs/passages}
sets=${SETS:-dstc11 open-squad}
hidden=("$data" "$out")
. experiments/runs.sh

(
  flock 9
  for set in $sets; do
    [ -e "$out/index-$set" ] || "$jsarag" index --passages "$data/$set/passages.jsonl" --out "$out/index-$set"
  done
) 9> "$out/index.lock"

# way SET NAME SEED OPTIONS: one way to treat the passages.
way() {
  local set=$1 name=$1-$2-$3 seed=$3 rates=()
  shift 3
  # The encoder was trained on SQuAD's questions: 1e-4 makes it forget.
  [ "$set" != open-squad ] || rates=(--optim.lr_prior 5e-5 --optim.lr_posterior 5e-5)
  one "$name" "$seed" --config $here/settings.yaml --data.passages "$data/$set/passages.jsonl" --data.train "$data/$set/train.jsonl" \
    --data.dev "$data/$set/dev.jsonl" --data.test "$data/$set/test.jsonl" --index.path "$out/index-$set" --loop.steps "${STEPS:-40}" "${rates[@]}" "$@"
  done_with "$name" checkpoints trained-index rebuilt
}

# The overlap is measured; a limit of 1 % never asks for a rebuild of its own.
own=(--passages.encoder own --passages.overlap 0.01 --passages.check_every 5)
for seed in ${SEEDS:-0 1 2}; do
  for set in $sets; do
    way "$set" frozen "$seed"
    for r in ${PERIODS-10 0 20 5}; do
      way "$set" "own-$r" "$seed" "${own[@]}" --passages.rebuild_every "$r"
    done
    for more in ${MORE-slow share}; do
      case $more in
        slow) options=(--optim.lr_passages 2e-5) ;;
        share) options=(--optim.lr_passages 2e-5 --loop.share_candidates true) ;;
      esac
      way "$set" "own-10-$more" "$seed" "${own[@]}" --passages.rebuild_every 10 "${options[@]}"
    done
  done
done
pack
for set in $sets; do
  "$jsarag" compare $(packed "$set"-{frozen,own-'*'}-'[0-9]') --metrics prior/hit@1 prior/mrr@10 posterior/mrr@10 \
    --json $here/"$set".json --markdown $here/"$set".md
done
"$python" $here/plot.py docs/images/passages.png
