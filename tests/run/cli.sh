# The command line: exit codes, error messages word by word, last lines, and no file left by a run that failed.
. "$(dirname "$0")/data.sh"

# expect CODE MESSAGE ARGUMENT...: the exit code, and the whole of standard error ("" for nothing).
expect() {
  code=$1 message=$2
  shift 2
  "$model" "$@" > out 2> err
  got=$?
  [ $got -eq "$code" ] || fail "exit code $got instead of $code: $*"
  [ "$(cat err)" = "$message" ] || fail "$*: $(cat err)"
}
last_line() {
  tail -n 1 out | grep -qE "$1" || fail "last line: $(tail -n 1 out)"
}
absent() {
  for file; do [ -e "$file" ] && fail "$file was left behind"; done
}

# usage
expect 2 "error: no command: train, eval, predict, data, info or export (--help explains)"
expect 2 "error: unknown command 'trian'; did you mean 'train'?" trian
expect 2 "error: unknown command 'bake': see --help" bake
expect 2 "error: unknown option '--epoch'; did you mean '--epochs'?" train --epoch 3
expect 2 "error: unknown option '-x': see --help" train -x
expect 2 "error: '--epochs' is no option of 'predict': see predict --help" predict --epochs 3
expect 2 "error: '--epochs' needs a value: --epochs N" train --epochs
expect 2 "error: --epochs 'ten': a whole number from 1 to 2147483647 is needed" train --epochs ten
expect 2 "error: --epochs '0': a whole number from 1 to 2147483647 is needed" train --epochs=0
expect 2 "error: --batch '99999999999999999999': a whole number from 1 to 2147483647 is needed" train --batch 99999999999999999999
usable=$("$model" train --help | sed -n 's/.*--threads N .*(\([0-9]*\))$/\1/p')
expect 3 "warning: --threads $((usable + 3)), and this process may use $usable CPU$([ "$usable" = 1 ] || echo s): --threads $usable is faster
error: absent.csv: no such file" train --data absent.csv --threads $((usable + 3))
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
taskset -c "$first" "$model" train --help | grep -q -- '--threads N .*(1)$' || fail "the affinity mask is not asked"
expect 2 "error: --threads '2000': a whole number from 1 to 1024 is needed" train --threads 2000
expect 2 "error: --epochs and --steps exclude each other" train --data data.csv --epochs 1 --steps 1
expect 2 "error: '--quiet' takes no value" train --quiet=yes
expect 2 "error: '--all' is no option of 'train': see train --help" train --all
expect 2 "error: unexpected argument 'data.csv': data is given by --data data.csv" train data.csv
expect 2 "error: train needs data: --data FILE (train --help says what it holds)" train
expect 2 "error: --set 'lr': NAME=VALUE is needed" train --data data.csv --set lr
expect 2 "error: --set: Fake has no run-time setting 'optimizer.rl'; did you mean 'optimizer.lr'?" train --data data.csv --set optimizer.rl=1
expect 2 "error: --set: Fake has no run-time setting 'layers': info lists them; parameters of the model are given when it is compiled, by nnc -D" train --data data.csv --set layers=6
expect 2 "error: --set: Fake has no run-time setting 'lr'; did you mean 'optimizer.lr'?" train --data data.csv --set lr=1
expect 2 "error: --set: 'epochs' is an option of its own: --epochs 3" train --data data.csv --set epochs=3
expect 2 "error: --set optimizer.lr: 'fast' is not a number" train --data data.csv --set optimizer.lr=fast
expect 2 "error: Fake has no input 'z' (inputs: x f32[batch, 4], y i32[batch])" train --data z=data.csv
absent fake.safetensors

# files and data
expect 3 "error: absent.csv: no such file" train --data absent.csv
expect 3 "error: fake.safetensors: no such file: train first, or give --weights FILE" eval --data data.csv
expect 3 "error: w.safetensors: no such file: train first, or give --weights FILE" predict --data data.csv --weights w.safetensors
expect 1 "error: absent/w.safetensors: cannot be written: No such file or directory" train --data data.csv --save absent/w.safetensors
expect 1 "error: absent/log.jsonl: cannot be written: No such file or directory" train --data data.csv --log absent/log.jsonl
printf '1,2,3,4,0\n1,2,3,4,1\n1,2,3,4,7\n1,2,3,4,2\n1,2,3,4,2\n1,2,3,4,2\n1,2,3,4,2\n' > classes.csv
expect 3 "error: classes.csv:3: column 5: class 7 is out of range: 'y' takes 0 to 2" train --data classes.csv --test classes.csv --epochs 1
printf '1,2,3,4,0\n1,2,3,1\n' > short.csv
expect 3 "error: short.csv:2: the row has 4 columns where 5 are expected: complete or remove it" train --data short.csv
(echo y,a,b,c,d; cat data.csv) > half_named.csv
expect 3 "error: half_named.csv: its header names 'y' but not 'x': name the columns of every input, or put the inputs first and the targets last" train --data half_named.csv
printf '1,2,3,4,0\n' > one.csv
expect 3 "error: test_split = 0.2 of 1 samples is none: give more data or another share" train --data one.csv
expect 1 "error: loss is nan at step 2 (epoch 1): lower the learning rate (--set) or check the data" train --data data.csv --set optimizer.lr=1e38 --quiet
absent fake.safetensors

# help
for command in "" train eval predict info; do
  expect 0 "" $command --help
  [ "$(grep -c '^  .*\(train\|eval\|predict\|info\)' out)" -ge 2 ] || fail "$command --help has no two examples"
done
expect 0 "" train -h
grep -q -- '--epochs N  *passes over the training data (40)' out || fail "train --help does not state this model's epochs"
grep -q 'input  x: f32\[batch, 4\]    4 columns of a CSV' out || fail "train --help does not state the data"

# train, eval, predict
expect 0 "" train --data data.csv --log log.jsonl
last_line '^test accuracy: (1\.0000|0\.9[0-9]{3})$'

# eval of the data trained on: the share held out gives the training's last lines again
grep '^test ' out > trained.out
gzip -c data.csv > again.csv.gz
expect 0 "" eval --data again.csv.gz
[ "$(head -n 1 out)" = "test: the 30 of 150 samples held out of training (--all evaluates every one)" ] || fail "eval does not say what it evaluates: $(cat out)"
grep '^test ' out | cmp -s - trained.out || fail "eval of the share held out: $(cat out)"
expect 0 "" eval --data data.csv --all --quiet
[ "$(sed 's/:.*//' out)" = "all accuracy" ] || fail "eval --all: $(cat out)"
expect 0 "" train --data data.csv --test data.csv --epochs 1
expect 0 "" eval --data data.csv
last_line '^train accuracy: '
[ "$(wc -l < log.jsonl)" -eq 41 ] || fail "the log has $(wc -l < log.jsonl) lines"
grep -q '^{"epoch":40,"step":320,"loss":[0-9.e-]*,"settings":{"optimizer.lr":0.1},"seconds":[0-9.]*,"peak_nbytes":[0-9]*}$' log.jsonl || fail "the log's line of epoch 40"
grep -q '^{"test_loss":[0-9.e-]*,"test_accuracy":[01][0-9.]*}$' log.jsonl || fail "the log's last line"
expect 0 "" train --data data.csv --val test.csv --test test.csv --epochs 2
last_line '^test accuracy: '
grep -q '^epoch 2/2  loss [0-9.]*  val_loss [0-9.]*  val_accuracy [0-9.]*  ' out || fail "no validation scores: $(cat out)"
expect 0 "" eval --data test.csv
last_line '^test accuracy: '
grep -q 'held out' out && fail "data that was not trained on is split: $(cat out)"
expect 0 "" eval --data test.csv --quiet --batch 7
[ "$(wc -l < out)" -eq 1 ] || fail "eval --quiet prints more than the result"
expect 0 "" predict --data test.csv
[ "$(head -n 1 out)" = "p_0,p_1,p_2" ] || fail "predict's header: $(head -n 1 out)"
[ "$(wc -l < out)" -eq 61 ] || fail "predict wrote $(wc -l < out) lines"
cp out whole.csv
expect 0 "" predict --data test.csv --batch 7 --out p.csv
cmp -s whole.csv p.csv || fail "predict depends on --batch or --out"
expect 0 "" predict --data test.csv --output p --out p.npy
[ "$(wc -c < p.npy)" -eq $((128 + 60 * 3 * 4)) ] || fail "p.npy has $(wc -c < p.npy) bytes"
expect 2 "error: model Fake has no output 'q': see info" predict --data test.csv --output q
expect 2 "error: --out p.html: the name must end in .csv, .npy, .npz, .txt or .png" predict --data test.csv --out p.html
expect 2 "error: predict needs data: --data FILE (predict --help says what it holds)" predict
expect 0 "" info --batch 8 --threads 1
grep -q '^dense/kernel  *f32\[4, 3\]  *12  48 bytes$' out || fail "info's table"
grep -q '^  trainable parameters  *15  *60 bytes$' out || fail "info's total"
grep -q '^  workspace of train  *96 bytes$' out || fail "info's memory"

# weights of another model, an output that cannot be written, a full disk
head -c 40 fake.safetensors > cut.safetensors
expect 3 "error: cut.safetensors: damaged safetensors file: it ends inside the header: get or save it again" eval --data test.csv --weights cut.safetensors
"$model" predict --data test.csv > /dev/full 2> err
[ $? -eq 1 ] || fail "predict on a full device"
[ "$(cat err)" = "error: standard output cannot be written: No space left on device" ] || fail "full device: $(cat err)"
(clusters 3000 3 > big_data.csv; ulimit -f 8 && "$model" predict --data big_data.csv --out big.csv) > out 2> err
[ $? -eq 1 ] || fail "predict into a full file"
[ "$(cat err)" = "error: big.csv: cannot be written: File too large" ] || fail "full file: $(cat err)"
absent big.csv big.csv.nnc-tmp

# interrupted: a checkpoint and exit code 130
cp fake.safetensors before
"$model" train --data data.csv --steps 2000000000 > out 2> err &
pid=$!
sleep 0.5
kill -INT $pid
wait $pid
[ $? -eq 130 ] || fail "an interrupted run's exit code"
last_line '^interrupted after step [0-9]+: saved fake.safetensors; to go on: --resume fake.safetensors$'
cmp -s before fake.safetensors && fail "the interrupted run saved nothing"
expect 0 "" eval --data test.csv
expect 0 "" train --data data.csv --init fake.safetensors --steps 1 --quiet
last_line '^test accuracy: (1\.0000|0\.9[0-9]{3})$'
absent *.nnc-tmp

# stopping and going on gives the bytes of a run that never stopped
"$model" train --data data.csv --steps 20 --save whole.safetensors --quiet > whole.out
"$model" train --data data.csv --steps 7 --save part.safetensors --quiet > /dev/null
expect 0 "" train --data data.csv --steps 20 --resume part.safetensors --save part.safetensors --quiet
cmp -s whole.safetensors part.safetensors || fail "a resumed run saves other bytes"
cmp -s whole.out out || fail "a resumed run prints another result"
expect 2 "error: --resume: 20 of 5 steps are done already: give more --epochs or --steps" train --data data.csv --steps 5 --resume part.safetensors
"$model" train --data data.csv --seed 3 --steps 20 --save whole.safetensors --quiet > /dev/null
"$model" train --data data.csv --seed 3 --steps 7 --save part.safetensors --quiet > /dev/null
expect 2 "error: --resume: part.safetensors was trained with --seed 3: leave --seed out, or start from its weights with --init" train --data data.csv --steps 20 --resume part.safetensors --seed 4
expect 0 "" train --data data.csv --steps 20 --resume part.safetensors --save part.safetensors --quiet
cmp -s whole.safetensors part.safetensors || fail "a resumed run does not keep its seed"
expect 2 "error: --init and --resume exclude each other" train --data data.csv --init a --resume b
finish
