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
# Killed again and again; each run goes on from what the one before has left.
go_on= kills=0
for delay in 004 007 012 006 009 015 005 008 011 007; do
  ./net train --data data.csv --save-every 1 --save killed.safetensors --log killed.jsonl $go_on > killed.out 2> err &
  pid=$!
  sleep 0.$delay
  kill -9 $pid
  wait $pid
  [ $? -eq 137 ] && kills=$((kills + 1))
  [ -e killed.safetensors ] && go_on="--resume killed.safetensors"
done 2> /dev/null
grep -q '"best/\|best_step' killed.safetensors || fail "no checkpoint within the run"
[ $kills -ge 1 ] || fail "no run was killed"
./net train --data data.csv --save killed.safetensors --log killed.jsonl $go_on > killed.out || fail "the last run"
same killed
finish
