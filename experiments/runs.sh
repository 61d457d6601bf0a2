# What the scripts of several experiments share; to be sourced, with `archive`, `out` and `hidden` set. Not a command of its own.
jsarag=${JSARAG:-.venv/bin/jsarag}
python=${PYTHON:-.venv/bin/python}
kept=$out/kept
mkdir -p "$kept"
[ ! -e "$archive" ] || "$python" experiments/archive.py unpack "$archive" "$kept"

# one NAME SEED OPTIONS: a run in $out, unless it is kept already (here or in the archive) or another copy of the script has it; one that was
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
    "$python" experiments/keep.py "$run" "$kept/$name" "${hidden[@]}" || exit
  ) 9> "$out/$name.lock" || { code=$?; [ "$code" -ne 130 ] || exit 130; echo "$name: failed ($code)" >&2; }
}

# done_with NAME FOLDERS: remove these of a run that is kept; checkpoints alone hold 0.7 GB.
done_with() {
  local name=$1 folder
  shift
  [ -e "$kept/$name/summary.json" ] || return 0
  for folder in "$@"; do rm -rf "${out:?}/$name/$folder"; done
}

# pack: put all that is kept into the archive.
pack() {
  (flock 9; "$python" experiments/archive.py pack "$kept" "$archive") 9> "$out/archive.lock"
}

# packed NAME...: where these kept runs stand in the archive; the NAMEs may be patterns, of which some have no run.
packed() {
  local pattern run
  for pattern; do
    for run in "$kept"/$pattern; do
      [ ! -e "$run/summary.json" ] || echo "$archive::${run##*/}"
    done
  done
}
