# What a training run leaves behind while it goes: the log, the plot; and --overfit-batch.
. "$(dirname "$0")/data.sh"
refuses() { # refuses CODE MESSAGE ARGUMENT...
  code=$1 message=$2
  shift 2
  "$model" train "$@" > out 2> err
  got=$?
  [ $got -eq "$code" ] || fail "exit code $got instead of $code: train $*"
  [ "$(cat err)" = "error: $message" ] || fail "train $*: $(cat err)"
}
# has FILE TEXT: a line of the file holds the text.
has() {
  grep -qF -- "$2" "$1" || fail "no '$2' in $1: $(head -c 600 "$1")"
}
# well_formed FILE.svg: every tag is closed, in order, and attributes are quoted.
well_formed() {
  tr '\n' ' ' < "$1" | sed 's/<style>.*<\/style>//' | awk 'BEGIN { RS = "<" } NR > 1 {
    tag = $0; sub(/>.*/, "", tag); name = tag; sub(/[ \/].*/, "", name)
    if (gsub(/"/, "\"", tag) % 2) bad = 1
    if (tag ~ /^\//) { sub(/^\//, "", tag); if (stack[depth--] != tag) bad = 1 }
    else if (tag !~ /\/$/) stack[++depth] = name
  } END { exit bad || depth != 0 }' || fail "$1 is not well formed: $(cat "$1")"
}

# The log: one object an epoch, the last line for the end.
"$model" train --data data.csv --val test.csv --epochs 3 --set optimizer.lr=0.05 --log a.jsonl --plot a.svg --quiet > out || fail "train"
[ "$(wc -l < a.jsonl)" -eq 4 ] || fail "the log has $(wc -l < a.jsonl) lines"
sed 's/[0-9][0-9.e-]*/N/g' a.jsonl > shape
[ "$(sed -n 3p shape)" = '{"epoch":N,"step":N,"loss":N,"val_loss":N,"val_accuracy":N,"settings":{"optimizer.lr":N},"seconds":N,"peak_nbytes":N}' ] ||
  fail "a line of the log: $(sed -n 3p a.jsonl)"
[ "$(sed -n 4p shape)" = '{"test_loss":N,"test_accuracy":N}' ] || fail "the last line of the log: $(sed -n 4p a.jsonl)"
has a.jsonl '"settings":{"optimizer.lr":0.05}'
[ "$(sed 's/.*"step":\([0-9]*\).*/\1/;4d' a.jsonl | tr '\n' ' ')" = "8 16 24 " ] || fail "steps in the log: $(cat a.jsonl)"

# The plot: a panel for the losses, one for the metric, each curve with as many points as epochs.
well_formed a.svg
head -c 5 a.svg | grep -q '<svg ' || fail "a.svg is no SVG"
for text in 'aria-label="learning curves of Fake"' '>loss</text>' '>accuracy</text>' '>epoch</text>' '>Fake, epoch 3 of 3</text>' '>train loss 0.' \
  '>val loss 0.' '>val accuracy ' 'prefers-color-scheme: dark'; do
  has a.svg "$text"
done
[ "$(grep -o 'd="M[^"]*' a.svg | tr -cd 'ML\n' | tr '\n' ' ')" = "MLL MLL MLL " ] || fail "the curves of a.svg: $(grep -o 'd="M[^"]*' a.svg)"
grep -qi 'nan\|inf' a.svg && fail "a.svg: $(grep -i 'nan\|inf' a.svg)"
# One epoch, no validation data, and losses that fall by more than a factor of 50.
"$model" train --data data.csv --epochs 1 --plot one.svg --quiet > out || fail "train with --plot"
well_formed one.svg
has one.svg '>train loss '
grep -q '>accuracy<\|val loss' one.svg && fail "one.svg shows what there is not"
"$model" train --data data.csv --epochs 300 --set optimizer.lr=1 --plot long.svg --quiet > out || fail "train with --plot"
well_formed long.svg
has long.svg '>loss (logarithmic)</text>'
has long.svg '>0.01</text>'

# A loss that is no number is null in the log, and ends the run.
refuses 1 "loss is nan at step 2 (epoch 1): lower the learning rate (--set) or check the data" --data data.csv --set optimizer.lr=1e38 --log bad.jsonl --plot bad.svg --quiet
[ -e fake.safetensors ] || fail "an earlier file is gone"
[ -e bad.svg ] && fail "a plot without points"

# A resumed run adds to the log, whose lines after the checkpoint are dropped.
"$model" train --data data.csv --epochs 2 --save part.safetensors --log part.jsonl --quiet > out
printf '{"epoch":3,"step":24,"loss":9}\n{"epoch":4,"st' >> part.jsonl
"$model" train --data data.csv --epochs 4 --resume part.safetensors --save part.safetensors --log part.jsonl --plot part.svg --quiet > out || fail "--resume"
well_formed part.svg
[ "$(grep -o 'd="M[^"]*' part.svg | tr -cd 'ML')" = MLLL ] || fail "the resumed plot is not of all epochs: $(grep -o 'd="M[^"]*' part.svg)"
[ "$(sed 's/.*"step":\([0-9]*\).*/\1/; s/.*"test_.*/end/' part.jsonl | tr '\n' ' ')" = "8 16 24 32 end " ] || fail "the resumed log: $(cat part.jsonl)"
has part.jsonl '"epoch":3,"step":24,"loss":0.'

# --overfit-batch: fits, saves nothing, leaves the data that it does not need alone.
rm -f fake.safetensors
"$model" train --data data.csv --overfit-batch --set optimizer.lr=1 > out || fail "--overfit-batch: $(cat out)"
grep -qE '^fit after [0-9]+ steps on 16 samples: loss 0\.0[0-9]*, at first 1\.[0-9]*; nothing is saved$' out || fail "--overfit-batch says: $(cat out)"
[ "$(tail -n 1 out)" = "train accuracy: 1.0000" ] || fail "--overfit-batch ends with: $(tail -n 1 out)"
"$model" train --data data.csv --overfit-batch --set optimizer.lr=1e-9 > out || fail "--overfit-batch at a rate of 1e-9"
grep -qE '^levelled off after [0-9]+ steps on 16 samples: loss 1\.[0-9]*, at first 1\.[0-9]*; nothing is saved$' out || fail "at a rate of 1e-9: $(cat out)"
"$model" train --data data.csv --overfit-batch --steps 5 --batch 4 > out
grep -q '^not fit after 5 steps on 4 samples: ' out || fail "--overfit-batch --steps 5: $(cat out)"
[ -e fake.safetensors ] && fail "--overfit-batch saves"

# Options that cannot be meant.
tries="--overfit-batch only tries out: it takes no --resume, --save, --val or --test"
refuses 2 "$tries" --data data.csv --overfit-batch --save w.safetensors
refuses 2 "$tries" --data data.csv --overfit-batch --val test.csv
refuses 2 "'--overfit-batch' takes no value" --data data.csv --overfit-batch=3
for value in 0 -1 1.5 x epochs 3epoch5 '' 3steps; do
  "$model" train --data data.csv --save-every="$value" > out 2> err
  [ $? -eq 2 ] || fail "--save-every=$value: $(cat err)"
done
refuses 2 "--save-every 'x': a number of steps (500) or epochs (2epochs) is needed" --data data.csv --save-every x
refuses 2 "--save-every '0': a whole number from 1 to 2147483647 is needed" --data data.csv --save-every 0
refuses 1 "absent/a.svg: cannot be written: No such file or directory" --data data.csv --plot absent/a.svg
refuses 1 "absent/a.jsonl: cannot be written: No such file or directory" --data data.csv --log absent/a.jsonl
refuses 2 "'--plot' needs a value: --plot FILE.svg" --data data.csv --plot
refuses 3 "absent.safetensors: no such file" --data data.csv --resume absent.safetensors
refuses 3 "data.csv: damaged safetensors file: it ends inside the header: get or save it again" --data data.csv --resume data.csv

# What does not go on from a checkpoint: other settings, other data, a damaged state.
"$model" train --data data.csv --steps 11 --batch 20 --save part.safetensors --quiet > out
refuses 2 "--resume: part.safetensors was trained with --batch 20: leave --batch out, or start from its weights with --init" --data data.csv --resume part.safetensors --steps 20 --batch 16
refuses 2 "--resume: this is not the data that part.safetensors was trained on: to train on other data, start from its weights with --init" --data test.csv --resume part.safetensors --steps 20
refuses 2 "--resume: part.safetensors was trained with validation_split 0 and test_split 0.2: give --val and --test as then, or start from its weights with --init" --data data.csv --test test.csv --resume part.safetensors --steps 20
refuses 2 "--resume: 11 of 11 steps are done already: give more --epochs or --steps" --data data.csv --resume part.safetensors
sed 's/steps_done":"11"/steps_done":"1x"/' part.safetensors > bad.safetensors
refuses 3 "bad.safetensors: does not say how many steps were done: start from it with --init" --data data.csv --resume bad.safetensors --steps 20
sed 's/steps_done":"11"/steps_done":"-1"/' part.safetensors > bad.safetensors
refuses 3 "bad.safetensors: does not say how many steps were done: start from it with --init" --data data.csv --resume bad.safetensors --steps 20
damaged="bad.safetensors: its state of the training is damaged: start from its weights with --init"
export LC_ALL=C # the files are no text
for try in 1 2 3 4 5; do # killed within an epoch of 6 steps
  rm -f part.safetensors
  "$model" train --data data.csv --steps 2000000000 --batch 20 --save-every 7 --save part.safetensors --quiet &
  for wait in $(seq 400); do [ -e part.safetensors ] || sleep 0.005; done
  kill -9 $!
  wait $! 2> /dev/null
  grep -q sums part.safetensors && break
done
grep -q sums part.safetensors || fail "no state within an epoch is saved"
for change in 's/sums\\":\[[0-9]/sums\\":[x/' 's/sums\\":\[\([0-9]*\)\./sums\\":[\1,/' 's/sums/sumz/' 's/state":"{/state":"[/'; do
  sed "$change" part.safetensors > bad.safetensors
  cmp -s part.safetensors bad.safetensors && fail "nothing changed by $change"
  refuses 3 "$damaged" --data data.csv --resume bad.safetensors
done
finish
