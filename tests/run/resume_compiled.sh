# resume_compiled.sh NNC: all that a training can keep between steps (accumulated gradients, moving averages, the best weights so
# far, frozen phases, dropout, schedules, a second optimizer) survives stops, to the bit.
nnc=$1
. "$(dirname "$0")/data.sh"
cat > net.nnet << 'END'
import std.nn
model Net {
  dim batch
  input x: f32[batch, 4]
  target y: i32[batch]
  let h = x |> dense(16, activation = relu) |> dropout(0.2) |> batch_norm()
  let logits = h |> dense(3) as head
  output p = softmax(logits)
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  train {
    optimizer = adam(lr = cosine(0.02))
    group "head/*" { lr = 0.01 }
    accumulate = 2
    ema = 0.9
    clip_norm = 1.0
    freeze "head/*" until epoch(3)
    batch = 10
    epochs = 60
    seed = 4
    validation_split = 0.2
    early_stop(metric = "val_loss", patience = 4)
  }
}
END
"$nnc" net.nnet -o net || exit 1
./net train --data data.csv --save whole.safetensors --log whole.jsonl > whole.out || fail "train"
grep -q '^stopped early: ' whole.out || fail "the run does not stop early: $(cat whole.out)"
end() { # what a run prints behind its epochs
  sed '/^epoch/d' "$1" | sed 's/ saved .*//'
}
same() {
  cmp -s whole.safetensors "$1.safetensors" || fail "$1: other weights than those of the whole run"
  end whole.out > a
  end "$1.out" > b
  cmp -s a b || fail "$1: ends with $(cat b)"
  sed 's/,"seconds":.*//' whole.jsonl > a
  sed 's/,"seconds":.*//' "$1.jsonl" > b
  cmp -s a b || fail "$1: the log differs: $(diff a b | head -n 4)"
}
# Killed again and again, each time some steps after the first checkpoint of its own; each run goes on from what the one before has
# left. One that gets to its end all the same is compared, and begun anew.
kills=0 within=0
for delay in 001 012 003 020 007 002 015 005 010 004 001 008; do
  go_on=
  [ -e killed.safetensors ] && go_on="--resume killed.safetensors"
  cp killed.safetensors before.safetensors
  ./net train --data data.csv --save-every 1 --save killed.safetensors --log killed.jsonl $go_on > killed.out 2> err &
  pid=$!
  for wait in $(seq 500); do cmp -s before.safetensors killed.safetensors || [ ! -e killed.safetensors ] || break; sleep 0.002; done
  sleep 0.$delay
  kill -9 $pid
  wait $pid
  code=$?
  if [ $code -eq 137 ]; then
    kills=$((kills + 1))
    grep -q '"best/' killed.safetensors && within=$((within + 1))
  else
    [ $code -eq 0 ] || fail "a run that goes on from a kill: exit code $code: $(cat err)"
    same killed
    rm -f killed.*
  fi
done 2> /dev/null
[ $kills -ge 2 ] && [ $within -ge 1 ] || fail "$kills kills, $within of them after the best epoch so far"
go_on=
[ -e killed.safetensors ] && go_on="--resume killed.safetensors"
./net train --data data.csv --save killed.safetensors --log killed.jsonl $go_on > killed.out || fail "the last run"
same killed
finish
