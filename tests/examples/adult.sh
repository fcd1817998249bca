#!/bin/sh
# adult.sh NNC FOLDER: the census data of ../shared/data to >= 0.85 on their test file, and an AUC that is printed.
set -eu
nnc=$1 folder=$2 data=../shared/data/adult
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
sh tests/examples/example.sh "$nnc" examples/adult/adult.nnet "$folder" "test accuracy >= 0.85" "1 2 3" \
    --data "$data/adult.data.gz" --test "$data/adult.test.gz"
awk '/^test auc: 0\.9/ { found = 1 } END { if (!found) { print "no AUC above 0.9"; exit 1 } }' "$folder/adult.log"
