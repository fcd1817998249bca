#!/bin/sh
# temperatures.sh NNC FOLDER: on the series of ../shared/data, an error at least 10 % below that of persistence.
set -eu
nnc=$1 folder=$2 data=../shared/data/time-series/daily-min-temperatures.csv
[ -f "$data" ] || { echo "skipped: no $data"; exit 77; }
here=$PWD
mkdir -p "$folder"
case $data in /*) ;; *) data=$here/$data ;; esac
persistence=$(cd "$folder" && awk -f "$here/examples/temperatures/lags.awk" "$data" | sed 's/.*: //')
limit=$(awk -v p="$persistence" 'BEGIN { print 0.9 * p }')
sh tests/examples/example.sh "$nnc" examples/temperatures/temperatures.nnet "$folder" "test rmse <= $limit" "1 2 3" --data "$folder/train.csv" --test "$folder/test.csv"
