# What the scripts of several experiments share; to be sourced, with `here`, `out` set. Not a command of its own.
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}
mkdir -p "$out"

# one NAME SEED OPTIONS: a run in $out, unless it is kept already or another copy of the script has it; one that was
# stopped goes on. What it measured is kept in $here/kept, without the names of the folders in $hidden.
one() {
  local name=$1 seed=$2 run=$out/$1
  shift 2
  (
    flock -n 9 || exit 0
    [ ! -e "$here/kept/$name/summary.json" ] || exit 0
    if [ ! -e "$run/summary.json" ]; then
      if [ -e "$run/checkpoints/last.json" ]; then
        "$jsarag" train --resume "$run"
      else
        rm -rf "$run"
        "$jsarag" train "$@" --loop.seed "$seed" --out "$run"
      fi
    fi
    "$python" docs/experiments/keep.py "$run" "$here/kept/$name" "${hidden[@]}"
  ) 9> "$out/$name.lock"
}

# done_with NAME FOLDERS: remove these of a run that is kept; checkpoints alone hold 0.7 GB.
done_with() {
  local name=$1 folder
  shift
  [ -e "$here/kept/$name/summary.json" ] || return 0
  for folder in "$@"; do rm -rf "${out:?}/$name/$folder"; done
}
