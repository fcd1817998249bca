# Stopping and going on: whenever and however a run is stopped, what it leaves is whole, and going on from it ends in the bytes
# of a run that never stopped.
. "$(dirname "$0")/data.sh"
steps=6000 # of 8 an epoch, so that most stops are within one

# The log without its times.
epochs() {
  sed 's/,"seconds":.*//' "$1"
}
# valid FILE: can be used, and nothing lies about but what the next run takes over.
valid() {
  "$model" eval --data test.csv --weights "$1" --quiet > /dev/null 2> err || fail "$1 after a stop: $(cat err)"
  for file in "$1".*; do
    case $file in "$1".nnc-tmp | "$1.*") ;; *) fail "$file was left behind" ;; esac
  done
}
same_end() { # same_end NAME: NAME.safetensors, NAME.out and NAME.jsonl are those of the whole run
  cmp -s whole.safetensors "$1.safetensors" || fail "$1: the weights differ from those of the whole run"
  cmp -s whole.out "$1.out" || fail "$1: the last line is $(cat "$1.out") instead of $(cat whole.out)"
  epochs whole.jsonl > a
  epochs "$1.jsonl" > b
  cmp -s a b || fail "$1: the log differs from that of the whole run: $(diff a b | head -n 3)"
}
"$model" train --data data.csv --steps $steps --save whole.safetensors --log whole.jsonl --quiet > whole.out || fail "train"

# Killed 100 times, most of them while it saves. A run that gets to its end all the same is compared, and begun anew.
kills=0
for delay in $(awk 'BEGIN { srand(7); for (i = 0; i < 300; i++) printf "%.3f\n", 0.002 + 0.02 * rand() }'); do
  [ $kills -lt 100 ] || break
  go_on=
  [ -e killed.safetensors ] && go_on="--resume killed.safetensors"
  "$model" train --data data.csv --steps $steps --save-every 1 --save killed.safetensors --log killed.jsonl --quiet $go_on > killed.out 2> err &
  pid=$!
  sleep "$delay"
  kill -9 $pid
  wait $pid
  code=$?
  if [ $code -eq 137 ]; then
    kills=$((kills + 1))
    [ -e killed.safetensors ] && valid killed.safetensors
  else
    [ $code -eq 0 ] || fail "a run that goes on from a kill: exit code $code: $(cat err)"
    same_end killed
    rm -f killed.*
  fi
done 2> /dev/null
[ $kills -eq 100 ] || fail "only $kills runs were killed: give the test more steps"
go_on=
[ -e killed.safetensors ] && go_on="--resume killed.safetensors"
"$model" train --data data.csv --steps $steps --save killed.safetensors --log killed.jsonl --quiet $go_on > killed.out 2> err || fail "the last run: $(cat err)"
same_end killed
[ -e killed.safetensors.nnc-tmp ] && fail "the temporary file of a killed run is not removed by the next"

# Interrupted, by either signal, and gone on with.
go_on=
for signal in INT TERM INT; do
  # A background job of a shell ignores interrupts, and passes that on.
  env --default-signal=INT "$model" train --data data.csv --steps $steps --save-every 500 --save asked.safetensors --log asked.jsonl --quiet $go_on > asked.out &
  pid=$!
  sleep 0.006
  kill -$signal $pid 2> /dev/null
  wait $pid
  code=$?
  [ $code -eq 0 ] && break # it was done by then
  [ $code -eq 130 ] || [ $code -ge 128 ] || fail "SIG$signal: exit code $code"
  [ -e asked.safetensors ] || continue # before the training: nothing to save
  valid asked.safetensors
  go_on="--resume asked.safetensors"
done 2> /dev/null
"$model" train --data data.csv --steps $steps --save asked.safetensors --log asked.jsonl --quiet $go_on > asked.out
same_end asked

# A run of epochs, in three parts; a checkpoint is no different for being written by --save-every.
"$model" train --data data.csv --epochs 6 --save whole.safetensors --quiet > whole.out
"$model" train --data data.csv --epochs 6 --save parts.safetensors --save-every 1epoch --quiet > parts.out
cmp -s whole.safetensors parts.safetensors || fail "--save-every changes the result"
"$model" train --data data.csv --epochs 2 --save parts.safetensors --quiet > /dev/null
"$model" train --data data.csv --epochs 4 --resume parts.safetensors --save parts.safetensors --quiet > /dev/null
"$model" train --data data.csv --epochs 6 --resume parts.safetensors --save parts.safetensors --quiet > parts.out
cmp -s whole.safetensors parts.safetensors || fail "three parts give other weights than the whole"
cmp -s whole.out parts.out || fail "three parts give another result than the whole"

# What a resumed run keeps without being told: hyper-parameters, batch, seed and length.
"$model" train --data data.csv --epochs 6 --batch 9 --seed 5 --set optimizer.lr=0.03 --save whole.safetensors --quiet > whole.out
"$model" train --data data.csv --epochs 2 --batch 9 --seed 5 --set optimizer.lr=0.03 --save parts.safetensors --quiet > /dev/null
"$model" train --data data.csv --epochs 6 --resume parts.safetensors --save parts.safetensors --quiet > parts.out
cmp -s whole.safetensors parts.safetensors || fail "a resumed run does not keep its settings"
finish
