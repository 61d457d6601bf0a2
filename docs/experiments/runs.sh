# What the scripts of several experiments share; to be sourced, with `kept`, `out` and `hidden` set. Not a command of its own.
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}
mkdir -p "$out"

# one NAME SEED OPTIONS: a run in $out, unless it is kept already or another copy of the script has it; one that was
# stopped goes on. What it measured is kept in $kept, without the names of the folders in $hidden. One that fails
# does not keep the others from being made.
one() {
  local name=$1 seed=$2 run=$out/$1
  shift 2
  (
    flock -n 9 || exit 0
    [ ! -e "$kept/$name/summary.json" ] || exit 0
    if [ -e "$run/checkpoints/last.json" ] && [ ! -e "$run/summary.json" ]; then
      "$jsarag" train --resume "$run" || exit
    elif [ ! -e "$run/summary.json" ]; then
      rm -rf "$run"
      "$jsarag" train "$@" --loop.seed "$seed" --out "$run" || exit
    fi
    [ -e "$run/summary.json" ] || exit 130 # interrupted
    "$python" docs/experiments/keep.py "$run" "$kept/$name" "${hidden[@]}" || exit
  ) 9> "$out/$name.lock" || { code=$?; [ "$code" -ne 130 ] || exit 130; echo "$name: failed ($code)" >&2; }
}

# done_with NAME FOLDERS: remove these of a run that is kept; checkpoints alone hold 0.7 GB.
done_with() {
  local name=$1 folder
  shift
  [ -e "$kept/$name/summary.json" ] || return 0
  for folder in "$@"; do rm -rf "${out:?}/$name/$folder"; done
}
