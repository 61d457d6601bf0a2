#!/usr/bin/env bash
# Every objective on open-squad, doqa and dstc11: retrieval and answers after training at the same cost.
# From the root of the repository: experiments/answers/run.sh DATA [FOLDER], default runs/answers-BUDGET.
# It may be stopped and started again, and started twice to use two cores (OMP_NUM_THREADS=1 each): what a finished run
# measured is kept in an archive beside this script, in a folder with the name of the budget, so that the table grows
# from machine to machine; unfinished runs go on.
# Settings of the environment: SETS, SEEDS, OBJECTIVES; CURVES, sets with other chains and candidates, or no; BUDGET
# (compute, long: four times as much of it, tokens or steps), AMOUNT of it; SECOND, that of the second stage, or no;
# SHORT, less of it for another run of jsa there, or no; LIMIT, test pairs that are answered (open-squad 1,000,
# for its answers are short; the others 300).
set -euo pipefail
here=experiments/answers
budget=${BUDGET:-compute}
archive=$here/$budget/runs.parquet
data=$1
out=${2:-runs/answers-$budget}
sets=${SETS:-dstc11 open-squad doqa}
measure=$budget
case $budget in
  steps) amount=60 second=10 short=no ;;
  tokens) amount=300000 second=60000 short=no ;;
  long) measure=compute amount=1440000 second=240000 short=940000 ;;
  *) amount=360000 second=60000 short=235000 ;;
esac
curves=${CURVES:-dstc11}
amount=${AMOUNT:-$amount} second=${SECOND:-$second} short=${SHORT:-$short}
hidden=("$out")
. experiments/runs.sh

# of SET [MEASURE AMOUNT]: the options of a set of data, and the budget if it is another.
of() {
  local limit=300
  [ "$1" != open-squad ] || limit=1000
  echo --config $here/settings.yaml --data.passages "$out/$1/passages.jsonl" --data.train "$out/$1/train.jsonl" \
    --data.dev "$out/$1/dev.jsonl" --data.test "$out/$1/test.jsonl" --index.path "$out/$1/index" \
    --loop."${2:-$measure}" "${3:-$amount}" --evaluation.limit "${LIMIT:-$limit}"
}

# The pairs of doqa hold ten answers without text: nothing to learn from, and nothing to judge.
(
  flock 9
  for set in $sets; do
    [ ! -e "$out/$set/index" ] || continue
    mkdir -p "$out/$set"
    for file in passages train dev test; do
      grep -v '"outputs": \[""\]' "$data/$set/$file.jsonl" > "$out/$set/$file.jsonl"
    done
    "$jsarag" index --passages "$out/$set/passages.jsonl" --out "$out/$set/index"
  done
) 9> "$out/data.lock"

dialog=(--generator.prompt.template $'{input}\n\nKnown: {passage}\n\nReply:' --generator.prompt.no_passage $'{input}\n\nReply:'
  --generator.max_new_tokens 48)
states=(--objective.states 1)
chain=("${states[@]}" --objective.m 50)
for seed in ${SEEDS:-0 1 2}; do
  for set in $sets; do
    # Where the untrained retriever knows the domain, 1e-4 makes it forget; the more, the less there is to learn (README).
    case $set in
      open-squad) task=(--generator.max_new_tokens 16 --optim.lr_prior 5e-5 --optim.lr_posterior 5e-5) ;;
      doqa) task=("${dialog[@]}" --optim.lr_prior 2e-5 --optim.lr_posterior 2e-5) ;;
      *) task=("${dialog[@]}") ;;
    esac
    for objective in ${OBJECTIVES:-jsa gold rag-sequence vrag frozen decoupled gold-steps untrained}; do
      options=(--objective.name "$objective" --objective.k 5) other=()
      case $objective in
        jsa) options+=("${chain[@]}") ;;
        gold-steps) # labels at as many steps as the first seed of jsa made
          [ -e "$kept/$set-jsa-0/summary.json" ] || continue
          options=(--objective.name gold --objective.k 5)
          other=(steps "$(grep -c '"kind": "step"' "$kept/$set-jsa-0/metrics.jsonl")") ;;
        untrained) # one step that moves nothing
          [ "$seed" = 0 ] || continue
          options=(--objective.name frozen --objective.k 5 --optim.lr_generator 0) other=(steps 1) ;;
      esac
      one "$set-$objective-$seed" "$seed" $(of "$set" "${other[@]}") "${task[@]}" "${options[@]}"
      # The second stage needs the models of the first.
      [ "$objective" = jsa ] || done_with "$set-$objective-$seed" checkpoints
      if [ "$objective" = jsa ] && [ "$second" != no ] && [ -e "$kept/$set-jsa-$seed/summary.json" ] && [ -e "$out/$set-jsa-$seed/checkpoints" ]; then
        one "$set-concat-$seed" "$seed" --stage concat --from "$out/$set-jsa-$seed" --loop.$measure "$second"
        [ ! -e "$kept/$set-concat-$seed/summary.json" ] || done_with "$set-jsa-$seed" checkpoints
        done_with "$set-concat-$seed" checkpoints
      fi
    done
    [[ " $curves " == *" $set "* ]] || continue
    # As many seconds as those that train on every passage: their tokens with gradient cost less than thrice (README).
    if [ "$short" != no ]; then
      one "$set-jsa-short-$seed" "$seed" $(of "$set") "${task[@]}" --objective.k 5 "${chain[@]}" --loop.$measure "$short"
      done_with "$set-jsa-short-$seed" checkpoints
    fi
    for m in 5 10 20; do
      one "$set-m-$m-$seed" "$seed" $(of "$set") "${task[@]}" --objective.k 5 "${states[@]}" --objective.m $m
      done_with "$set-m-$m-$seed" checkpoints
    done
    for k in 10 20; do
      one "$set-k-$k-$seed" "$seed" $(of "$set") "${task[@]}" --objective.k $k "${chain[@]}"
      done_with "$set-k-$k-$seed" checkpoints
    done
  done
done

# Tables of what is there so far.
pack
for set in $sets; do
  "$jsarag" compare $(packed "$set"-{rag-sequence,jsa,jsa-short,gold,gold-steps,vrag,frozen,decoupled,untrained,concat}-'[0-9]') --reference rag-sequence \
    --metrics prior/hit@1 prior/mrr@10 posterior/mrr@10 answers/f1 answers/rougeL --json "${archive%/*}/$set.json" --markdown "${archive%/*}/$set.md" || true
done
