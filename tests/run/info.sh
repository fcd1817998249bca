# info.sh NNC: the model by layer, against numbers counted by hand.
nnc=$1
. "$(dirname "$0")/../common.sh"
# has LINE: out holds it, blanks counted as one.
has() {
  sed 's/  */ /g; s/ $//' out | grep -qxF -- "$1" || fail "no line '$1' in: $(cat out)"
}

cat > net.nnet << 'END'
import std.nn
layer block(width: int)(x: real[B, D]) -> real[B, D] {
  return x + (x |> dense(width, activation = tanh) |> dense(D))
}
model Net {
  dim batch, time <= 7
  input x: f32[batch, 64]
  input s: f32[batch, time]
  target y: i32[batch]
  part enc = dense(32)
  part critic = dense(1)
  let h = (x |> enc) + (x / 16.0 |> enc)
  let logits = h |> block(48) |> dense(10) as head
  output p = logits
  output total = sum(s, axis = 1)
  loss sparse_cross_entropy(logits, y)
  let judged = critic(h) # in the model's body, and yet for a loss alone
  loss mean(judged ** 2)
  metric accuracy(logits, y)
  train { optimizer = adam(lr = 0.002); batch = 20; epochs = 8; seed = 3; freeze "enc/*" }
}
END
"$nnc" net.nnet -o net || exit 1

# A contraction counts 2 a multiplication and addition, everything else 1 an element; enc is called twice.
./net info --batch 10 --threads 1 > out || fail "info"
has "model Net, at batch = 10, time = 7"
has "layer kind output parameters memory flops"
has "enc dense [batch, 32] x 2 2,080 8.3 KB 82,560"     # 2 * (2 * 10 * 64 * 32 + 10 * 32)
has "block block [batch, 32] 320"                        # the sum with x
has " dense dense [batch, 48] 1,584 6.3 KB 31,680"       # 2 * 10 * 32 * 48 + 10 * 48 + 10 * 48 for tanh
has " dense_1 dense [batch, 32] 1,568 6.3 KB 31,040"     # 2 * 10 * 48 * 32 + 10 * 32
has "head dense [batch, 10] 330 1.3 KB 6,500"            # 2 * 10 * 32 * 10 + 10 * 10
has "outside of layers Net [batch, 10] 1,030"            # x / 16: 640, enc + enc: 320, sum(s): 70
has "(in losses only)"
has "critic dense [batch, 1] 33 132 bytes 650"           # 2 * 10 * 32 + 10
has "total 5,595 22.4 KB 153,130"                        # without critic's flops
has " trainable parameters 3,515 14.1 KB"
has " frozen parameters 2,080 8.3 KB"
has " optimizer state 7,030 28.1 KB"
has " x: f32[batch, 64] = [10, 64]"
has " y: i32[batch] = [10] target"
has " s: f32[batch, time] = [10, 7]"
has " total: f32[batch] = [10]"
has " batch 20, epochs 8, seed 3"
has " optimizer.lr 0.002"
has "memory at batch = 10, time = 7, 1 thread"
has " parameters and state 22.4 KB"
has " for training 28.1 KB"
[ "$(grep -c 'workspace of' out)" -ge 3 ] || fail "no workspaces: $(cat out)"

./net info > out
has "enc dense [batch, 32] x 2 2,080 8.3 KB 165,120" # at the model's own batch of 20
./net info --params > out
has "enc/kernel f32[64, 32] 2,048 8.2 KB frozen"
has "head/bias f32[10] 10 40 bytes"
grep -q '^layer\|^inputs\|^memory' out && fail "--params shows more: $(cat out)"
./net info --memory > out
grep -q '^layer\|^parameter \|^inputs' out && fail "--memory shows more: $(cat out)"
./net info --shapes > out
has "head dense [batch, 10] 330 1.3 KB 13,000"
grep -q '^settings\|^memory' out && fail "--shapes shows more: $(cat out)"

# The same as JSON.
./net info --json --batch 10 --threads 1 > out || fail "info --json"
[ "$(wc -l < out)" -eq 1 ] || fail "info --json is no single line"
for part in '{"model":"Net","dims":{"batch":10,"time":7},"threads":1,"layers":[{"path":"enc","kind":"dense","output":{"type":"f32","dims":"[batch, 32]","shape":[10,32]},"calls":2,"parameters":2080,"nbytes":8320,"flops":82560,"frozen":true,"only_in_losses":false},' \
  '"flops":153130,' '{"name":"y","type":"i32","dims":"[batch]","shape":[10],"target":true}' '"outputs":[{"name":"p",' \
  '{"name":"head/bias","type":"f32","dims":"[10]","shape":[10],"kind":"parameter","frozen":false,"nbytes":40}' \
  '"totals":{"trainable":{"count":3515,"nbytes":14060},"frozen":{"count":2080,"nbytes":8320},' '"workspace_nbytes":{"train":' \
  '"settings":{"batch":20,' '"optimizer.lr":0.002'; do
  grep -qF -- "$part" out || fail "no $part in: $(cat out)"
done
./net info --json --params > out
grep -q '"layers"\|"settings"\|"workspace' out && fail "--json --params shows more: $(cat out)"
for arguments in "--data a.csv" "--jason" "--batch 0" "--json=yes"; do
  ./net info $arguments > out 2> err
  [ $? -eq 2 ] || fail "info $arguments: $(cat out err)"
done

finish
