#!/bin/sh
# run.sh NNC DATA FOLDER [--seeds "1 2"] [--threads N] [ROW...]: the rows of docs/results.md from scratch (all of rows.sh without ROW), each with its
# seeds. A line for each figure is printed and appended to FOLDER/results.txt:
#
#     ROW SEED METRIC VALUE
#
# What that file has already is not done again, so that a broken run goes on where it was; take a row's lines out of it, or another FOLDER, to have it
# again. A row whose data do not lie under DATA is left out with a word. DATA has a folder for each data set, named in docs/results.md.
set -eu
usage() {
    sed -n '2s/^# \(.*\): the rows.*/usage: \1/p' "$0" >&2
    exit 2
}
[ $# -ge 3 ] || usage
absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
nnc=$(absolute "$1") data=$(absolute "$2") folder=$(absolute "$3")
shift 3
source=$(cd "$(dirname "$0")/../.." && pwd)
wanted='' seeds='' threads=''
while [ $# -gt 0 ]; do
    case $1 in
    --seeds | --threads) [ $# -ge 2 ] || usage; [ "$1" = --seeds ] && seeds=$2 || threads="--threads $2"; shift ;;
    -*) usage ;;
    *) wanted="$wanted $1" ;;
    esac
    shift
done
[ -x "$nnc" ] || { echo "run.sh: no compiler at $nnc" >&2; exit 2; }
examples=$source/examples results=$folder/results.txt
. "$source/tests/results/rows.sh"

for row in ${wanted:=$(rows | cut -d' ' -f1)}; do
    rows | grep -q "^$row " || { echo "run.sh: no row '$row'; there are: $(rows | cut -d' ' -f1 | tr '\n' ' ')" >&2; exit 2; }
done
mkdir -p "$folder"
touch "$results"
bad=0
for row in $wanted; do
    for seed in ${seeds:-$(rows | sed -n "s/^$row //p")}; do
        if grep -q "^$row $seed " "$results"; then continue; fi
        at=$folder/$row
        mkdir -p "$at"
        missing=$(needs "$row" | while read -r file; do [ -e "$file" ] || { echo "$file"; break; }; done)
        if [ -n "$missing" ]; then
            echo "$row: skipped, no $missing"
            break
        fi
        if (cd "$at" && set -e && "row_$(echo "$row" | tr - _)" "$seed") >"$at/figures.$seed" 2>"$at/errors.$seed" && [ -s "$at/figures.$seed" ]; then
            sed "s/^/$row $seed /" "$at/figures.$seed" | tee -a "$results"
        else
            echo "$row: seed $seed failed: $(tail -n 1 "$at/errors.$seed")"
            bad=1
        fi
    done
done
exit $bad
