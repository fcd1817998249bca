#!/bin/sh
# script.sh NNC SOURCE_DIR: run.sh leaves out what has no data, records, goes on where it was, and says what is wrong.
nnc=$1 source=$2
. "$source/tests/common.sh"
run="sh $source/tests/results/run.sh $nnc"

# Small, by a data folder that has nothing: all that needs some is left out, and said so.
$run nowhere out --seeds 1 lenet gcn sms-rnn > out.txt 2>&1 || fail "rows without data: $(cat out.txt)"
[ "$(grep -c ': skipped, no .*nowhere/' out.txt)" = 3 ] || fail "not three rows skipped: $(cat out.txt)"
$run nowhere out nosuch > out.txt 2>&1 && fail "a row that is none"
grep -q "^run.sh: no row 'nosuch'; there are: lenet resnet " out.txt || fail "$(cat out.txt)"
$run nowhere > out.txt 2>&1 && fail "too few arguments"
grep -q '^usage: run.sh NNC DATA FOLDER ' out.txt || fail "$(cat out.txt)"

# What is recorded already is not done again; a row that fails is told, and the run ends with 1.
mkdir -p data/time-series
i=0
while [ $i -lt 400 ]; do echo "\"d$i\",$((10 + (i * 7) % 5)).5"; i=$((i + 1)); done > rows.txt
{ echo '"Date","Temp"'; cat rows.txt; } > data/time-series/daily-min-temperatures.csv
$run data out --seeds "1 2" --threads 1 temperatures > out.txt 2>&1 || fail "temperatures: $(cat out.txt)"
[ "$(grep -c '^temperatures [12] rmse [0-9.]*$' out/results.txt)" = 2 ] || fail "$(cat out/results.txt)"
cp out/results.txt before.txt
$run data out --seeds "1 2" temperatures > out.txt 2>&1
[ -s out.txt ] && fail "done again: $(cat out.txt)"
cmp -s out/results.txt before.txt || fail "recorded again"
echo broken > data/time-series/daily-min-temperatures.csv
$run data out --seeds 3 temperatures > out.txt 2>&1 && fail "a broken row ends with 0"
grep -q '^temperatures: seed 3 failed: ' out.txt || fail "$(cat out.txt)"
cmp -s out/results.txt before.txt || fail "a broken row is recorded"
says 'gat accuracy             mean 0.5000 of 0.25 0.75' sh -c "printf 'gat 1 accuracy 0.25\ngat 2 accuracy 0.75\n' | awk -f '$source/tests/results/means.awk'"
finish
