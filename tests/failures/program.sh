#!/bin/sh
# program.sh NNC EXAMPLES: what a compiled program does with bad data, files and options: exit code, message, files untouched.
nnc=$1 examples=$2
. "$(dirname "$0")/common.sh"
touch .out .before "$log"
"$nnc" "$examples/iris/iris.nnet" -o iris && "$nnc" "$examples/xor/xor.nnet" -o xor && "$nnc" "$examples/mnist/mnist.nnet" -o mnist ||
  exit 1
cp "$examples/iris/iris.csv" iris.csv
sed 1d iris.csv > plain.csv # without the line of names and counts
mark

# CSV: place and remedy.
changed() { # changed SED-SCRIPT CODE TEXT: trains on plain.csv so changed
  sed "$1" plain.csv > bad.csv
  expect "$2" "$3" ./iris train --data bad.csv --epochs 1 --quiet
}
changed '5s/,[^,]*$//' 3 "bad.csv:5: the row has 4 columns where 5 are expected: complete or remove it"
changed '5s/$/,9/' 3 "bad.csv:5: the row has 6 columns where 5 are expected"
changed '5s/^[^,]*/abc/' 3 "bad.csv:5: column 1: 'abc' is not a number"
changed '5s/^[^,]*/nan/' 3 "bad.csv:5: column 1 is 'nan', a missing number: say in the model what it becomes"
changed '5s/^[^,]*/inf/' 3 "bad.csv:5: column 1: 'inf' is not a finite number"
changed '5s/^[^,]*/1e999/' 3 "bad.csv:5: column 1: '1e999' is not a finite number"
changed '5s/^[^,]*//' 3 "bad.csv:5: column 1 is empty, a missing number: say in the model what it becomes"
changed '5s/[0-9]$/7/' 3 "bad.csv:5: column 5: class 7 is out of range: 'y' takes 0 to 2"
changed '5s/[0-9]$/-1/' 3 "bad.csv:5: column 5: class -1 is out of range: 'y' takes 0 to 2"
changed '5s/[0-9]$/1.5/' 3 "bad.csv:5: column 5 is 1.5, which input 'y' (i32[batch]) cannot hold"
changed '5s/[0-9]$/99999999999/' 3 "bad.csv:5: column 5 is 1e+11, which input 'y' (i32[batch]) cannot hold"
changed 's/,[^,]*$//' 3 "bad.csv: has 4 columns; Iris takes 4 for input 'x', 1 for target 'y'"
changed '1!d' 3 "test_split = 0.2 of 1 samples is none"
rm bad.csv
head -20 iris.csv > short.csv
expect 3 "short.csv: its first line promises 150 rows, it has 19: get the file again" ./iris train --data short.csv
: > short.csv
expect 3 "short.csv: the file is empty" ./iris train --data short.csv
printf 'a,b,c,d,e\n' > short.csv
expect 3 "short.csv: has no rows of data" ./iris train --data short.csv
head -c 5000 iris > short.csv
expect 3 "short.csv: of no known format" ./iris train --data short.csv
rm short.csv
expect 2 "train needs data: --data FILE" ./iris train
expect 3 "absent.csv: no such file" ./iris train --data absent.csv
expect 3 ".: is a directory, not a data file" ./iris train --data .
expect 3 "/dev/zero: is a device, not a data file" ./iris train --data /dev/zero
(echo x_0,x_1,x_2,x_3,x_1,y && sed 's/,[^,]*$/,1&/' plain.csv) > twice.csv
expect 3 'twice.csv: columns 1 and 4 (from 0) are both named "x_1": rename one' ./iris train --data twice.csv
rm twice.csv
expect 2 "Iris has no input 'z' (inputs: x f32[batch, 4], y i32[batch])" ./iris train --data z=iris.csv
left

# .npy, IDX, gzip: cut off at any place.
npy() { # npy SHAPE BYTES: zeros
  printf "\223NUMPY\001\000\166\000{'descr': '<f4', 'fortran_order': False, 'shape': %-66s}\n" "$1," | head -c 128
  head -c "$2" /dev/zero
}
npy '(9, 4)' 144 > x.npy
[ "$(wc -c < x.npy)" -eq 272 ] || fail "x.npy has $(wc -c < x.npy) bytes"
seq 0 8 | sed 's/.*/1/' > y.csv
expect 0 "" ./iris train --data x=x.npy --data y=y.csv --epochs 1 --quiet
rm iris.safetensors
for length in 0 1 6 9 20 60 127 128 129 271; do
  head -c $length x.npy > cut.npy
  expect 3 "cut.npy: " ./iris train --data x=cut.npy --data y=y.csv
done
grep -q 'cut.npy: is cut off: its header says \[9, 4\], 143 bytes of elements follow' "$log" || fail "$(cat "$log")"
npy '(9, 5)' 180 > wrong.npy
expect 3 "wrong.npy: has shape [9, 5], input 'x' takes f32[batch, 4]" ./iris train --data x=wrong.npy --data y=y.csv
npy '(8, 4)' 128 > wrong.npy
expect 3 "'batch' is 9 for input 'y' and 8 for the inputs before it" ./iris train --data x=wrong.npy --data y=y.csv
npy '(4000000000, 4000000000)' 128 > wrong.npy
expect 3 "wrong.npy: " ./iris train --data x=wrong.npy --data y=y.csv
expect 3 "no data for target 'y' (i32[batch]): give --data y=FILE" ./iris train --data x=x.npy
rm cut.npy wrong.npy x.npy y.csv
(printf '\000\000\010\003\000\000\000\012\000\000\000\034\000\000\000\034' && head -c 7840 /dev/zero) > images.idx
(printf '\000\000\010\001\000\000\000\012' && head -c 10 /dev/zero) > labels.idx
gzip -k images.idx
expect 0 "" ./mnist train --data image=images.idx --data label=labels.idx --epochs 1 --quiet
expect 0 "" ./mnist train --data image=images.idx.gz --data label=labels.idx --epochs 1 --quiet
rm mnist.safetensors
for length in 0 1 3 4 10 16 1000 7855; do
  head -c $length images.idx > cut.idx
  expect 3 "cut.idx: " ./mnist train --data image=cut.idx --data label=labels.idx
done
grep -q 'cut.idx: is cut off: its header says \[10, 28, 28\], 7839 bytes of elements follow' "$log" || fail "$(cat "$log")"
for length in 1 9 20 $(($(wc -c < images.idx.gz) - 4)); do
  head -c $length images.idx.gz > cut.idx.gz
  expect 3 "cut.idx.gz: " ./mnist train --data image=cut.idx.gz --data label=labels.idx
done
grep -q 'cut.idx.gz: the gzip data is damaged (it ends early): get the file again' "$log" || fail "$(cat "$log")"
(printf '\000\000\010\003\377\377\377\377\377\377\377\377\377\377\377\377' && head -c 100 /dev/zero) > cut.idx
expect 3 "cut.idx: is cut off" ./mnist train --data image=cut.idx --data label=labels.idx
rm cut.idx cut.idx.gz images.idx images.idx.gz labels.idx
left

# Weights.
expect 3 "iris.safetensors: no such file: train first, or give --weights FILE" ./iris eval --data iris.csv
expect 0 "" ./iris train --data iris.csv --epochs 1 --quiet
expect 0 "" ./xor train --data "$examples/xor/xor.csv" --epochs 1 --quiet
for length in 0 4 8 40 $(($(wc -c < iris.safetensors) - 1)); do
  head -c $length iris.safetensors > cut.safetensors
  expect 3 "cut.safetensors: damaged safetensors file" ./iris eval --data iris.csv --weights cut.safetensors
done
expect 3 "missing: hidden/kernel f32[4, 16]" ./iris predict --data iris.csv --weights xor.safetensors
expect 3 "iris.csv: damaged safetensors file" ./iris predict --data iris.csv --weights iris.csv
expect 3 "xor.safetensors: none of model Iris's weights is in it: name them by --map TO=FROM" ./iris train --data iris.csv --init xor.safetensors
./iris export --out alone.safetensors > .out
expect 3 "weights alone are no training to go on with: start from them with --init" ./iris train --data iris.csv --resume alone.safetensors
rm cut.safetensors xor.safetensors alone.safetensors

# What cannot be written; the older file stays.
cp iris.safetensors before
mkdir full
mark
expect 1 "/nonexistent/w.safetensors: cannot be written: No such file or directory" ./iris train --data iris.csv --save /nonexistent/w.safetensors
expect 1 ".: cannot be written: is a directory" ./iris train --data iris.csv --save .
if mknod device c 1 7 2> /dev/null; then
  expect 1 "device: cannot be written: is not an ordinary file" ./iris train --data iris.csv --epochs 1 --save device
  [ -c device ] || fail "a device was replaced"
  rm device
fi
expect 1 "/nonexistent/p.csv: cannot be written: No such file or directory" ./iris predict --data iris.csv --out /nonexistent/p.csv
expect 2 "--out p.html: the name must end in .csv, .npy, .npz, .txt or .png" ./iris predict --data iris.csv --out p.html
./iris predict --data iris.csv > /dev/full 2> "$log"
said 1 "standard output cannot be written: No space left on device" $? "predict > /dev/full"
if mount_full; then
  cp iris.safetensors full/w.safetensors
  (cat /dev/zero > full/fill) 2> /dev/null
  expect 1 "full/w.safetensors: cannot be written: No space left on device" ./iris train --data iris.csv --epochs 2 --save full/w.safetensors
  cmp -s full/w.safetensors before || fail "a full disk cost the older weights"
  expect 1 "full/p.csv: cannot be written: No space left on device" ./iris predict --data iris.csv --out full/p.csv
  [ "$(ls full | tr '\n' ' ')" = "fill w.safetensors " ] || fail "left on the full disk: $(ls full)"
  expect 0 "" ./iris eval --data iris.csv --weights full/w.safetensors
fi
cmp -s iris.safetensors before || fail "a failing run changed the weights"
left

# Options.
for result in save log plot; do
  expect 2 "--$result ./iris.csv would replace data that is read" ./iris train --data iris.csv --$result ./iris.csv
done
expect 2 "--out iris.csv would replace data that is read" ./iris predict --data x=iris.csv --out iris.csv
expect 2 "--out iris.safetensors would replace weights that are read: name another file" ./iris export --out iris.safetensors
expect 2 "--out ./iris.safetensors would replace weights that are read" ./iris export --weights iris.safetensors --out ./iris.safetensors
cmp -s iris.safetensors before || fail "export replaced the weights that it reads"
expect 2 "--save and --log name the same file 'one'" ./iris train --data iris.csv --save one --log one
# Nothing learnt is no success.
cat > weighed.nnet << 'END'
import std.nn
model Weighed {
  dim batch
  input x: f32[batch, 2]
  input keep: f32[batch]
  target y: f32[batch, 1]
  let p = x |> dense(1)
  output p
  loss weighted_mean(mean((p - y) ** 2, "b o -> b"), keep)
}
END
"$nnc" weighed.nnet -o weighed
printf 'x_0,x_1,keep,y\n1,2,0,1\n2,1,0,2\n' > none.csv
expect 3 "no sample counted in epoch 1: all weights of 'loss' are 0 (classes that are ignored, a mask), so nothing was learnt" ./weighed train --data none.csv
printf 'x_0,x_1,keep,y\n1,2,0,1\n2,1,1,2\n' > one.csv
expect 0 "" ./weighed train --data one.csv --batch 1 --epochs 2 --quiet
rm -f weighed weighed.nnet weighed.safetensors none.csv one.csv
# The name that train saves to by itself is a result too.
cp iris.csv iris.safetensors
expect 2 "train's own result iris.safetensors would replace data that is read: give --save FILE" ./iris train --data iris.safetensors
cmp -s iris.csv iris.safetensors || fail "data called like the default result was replaced"
rm iris.safetensors
expect 2 "train's own result and --log name the same file 'iris.safetensors'" ./iris train --data iris.csv --log iris.safetensors
expect 2 "'--data' has an empty value: --data FILE|NAME=FILE is needed" ./iris train --data x=
expect 2 "'--save' has an empty value" ./iris train --data iris.csv --save ""
if [ -c /dev/full ]; then expect 1 "/dev/full: cannot be written: No space left" ./iris train --data iris.csv --log /dev/full; fi
[ ! -e iris.safetensors ] || fail "trained although the log cannot be written"
iconv -f UTF-8 -t UTF-16 plain.csv > u16.csv && expect 3 "u16.csv: is text in UTF-16: save it as UTF-8" ./iris train --data u16.csv
tr '\n' '\r' < plain.csv > mac.csv
expect 3 "mac.csv: its lines end as those of old Macintosh files, with CR alone" ./iris train --data mac.csv
rm -f u16.csv mac.csv
expect 2 "no command: train, eval, predict, data, info or export" ./iris
expect 2 "unknown command 'trian'; did you mean 'train'?" ./iris trian
for option in epochs batch threads steps; do
  for value in 0 -1 1.5 ten 99999999999999999999; do
    expect 2 "--$option '$value': a whole number from 1 to" ./iris train --data iris.csv --$option $value
  done
done
expect 2 "--seed '-1': a whole number from 0 to" ./iris train --data iris.csv --seed -1
expect 2 "'--set' needs a value" ./iris train --data iris.csv --set
expect 2 "no run-time setting 'x'" ./iris train --data iris.csv --set x=1
expect 2 "'fast' is not a number" ./xor train --data "$examples/xor/xor.csv" --set optimizer.lr=fast
expect 1 "lower the learning rate" ./xor train --data "$examples/xor/xor.csv" --set optimizer.lr=1e38 --save none.safetensors
left

# An interrupt saves and says so.
./mnist train --data image=missing --quiet 2> "$log"
said 3 "missing: no such file" $? "mnist"
env --default-signal=INT ./iris train --data iris.csv --epochs 2000000 > .out 2> "$log" &
pid=$!
sleep 1
kill -INT $pid
wait $pid
said 130 "" $? "an interrupted run"
tail -n 1 .out | grep -qE '^interrupted after step [0-9]+: saved iris.safetensors; to go on: --resume iris.safetensors$' || fail "the last line: $(tail -n 1 .out)"
cmp -s iris.safetensors before && fail "the interrupted run saved nothing"
expect 0 "" ./iris eval --data iris.csv
left
finish
