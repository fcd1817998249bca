# weights.sh NNC WEIGHTS: files of other programs. WEIGHTS holds a PyTorch network saved by the safetensors package, inputs and
# what it gives for them.
nnc=$1 weights=$2
. "$(dirname "$0")/../common.sh"
# refuses CODE MESSAGE COMMAND...: the exit code, and the first line of standard error.
refuses() {
  code=$1 message=$2
  shift 2
  "$@" > out 2> err
  got=$?
  [ $got -eq "$code" ] || fail "exit code $got instead of $code: $*"
  [ "$(head -n 1 err)" = "error: $message" ] || fail "$*: $(cat err)"
}
# same A B: CSVs whose numbers differ by less than 1e-6.
same() {
  paste -d, "$1" "$2" | awk -F, 'NR > 1 { for (i = 1; i <= NF / 2; i++) { d = $i - $(i + NF / 2); if (d > 1e-6 || d < -1e-6) bad++ } }
    END { exit NR < 2 || bad > 0 }'
}

cat > net.nnet << 'END'
import std.nn
model Net {
  dim batch
  input x: f32[batch, 4]
  target y: f32[batch, 3]
  let p = x |> dense(6, activation = tanh) |> layer_norm() |> dense(3) as head
  output p
  loss mse(p, y)
  train { optimizer = adam(lr = 0.01); batch = 2; epochs = 2 }
}
END
"$nnc" net.nnet -o net || exit 1
cp "$weights/x.csv" "$weights/p.csv" .
torch=$weights/torch.safetensors
set -- 'dense/kernel=layers.0.weight:t' 'dense/bias=layers.0.bias' 'layer_norm/gamma=layers.2.weight' \
  'layer_norm/beta=layers.2.bias' 'head/kernel=layers.3.weight:t' 'head/bias=layers.3.bias'

# PyTorch's weights give PyTorch's predictions.
./net predict --data x.csv --weights "$torch" --map "$@" > own.csv || fail "predict with PyTorch's weights"
same own.csv p.csv || fail "predictions differ from PyTorch's: $(cat own.csv)"

# Written out under PyTorch's names, and back by patterns: the same file, the same predictions.
./net export --weights "$torch" --map "$@" --out ours.safetensors > out || fail "export"
[ "$(cat out)" = "exported 6 weights, 63 elements: saved ours.safetensors" ] || fail "export says: $(cat out)"
./net predict --data x.csv --weights ours.safetensors | cmp -s - own.csv || fail "predictions of the export"
./net export --weights ours.safetensors --rename 'net.*.w=*/kernel:t' 'net.*.b=*/bias' --out renamed.safetensors > out
./net predict --data x.csv --weights renamed.safetensors --map '*/kernel=net.*.w:t' '*/bias=net.*.b' | cmp -s - own.csv ||
  fail "predictions of the renamed export"
./net export --weights ours.safetensors --only 'head/*' --out head.safetensors > out
[ "$(cat out)" = "exported 2 weights, 21 elements: saved head.safetensors" ] || fail "export --only says: $(cat out)"

# Recurrent layers: gates joined in the file are an axis of their own in the model.
cat > recurrent.nnet << 'END'
import std.nn
model Recurrent {
  dim batch
  input x: f32[batch, 5, 3]
  target y: f32[batch, 2]
  let p = x |> lstm(4, return_sequences = true) |> gru(6) |> dense(2) as head
  output p
  loss mse(p, y)
}
END
"$nnc" recurrent.nnet -o recurrent || exit 1
gates() {
  ./recurrent predict --data "$weights/sequences.csv" --weights "$weights/recurrent.safetensors" --map "$1" 'lstm/recurrent=lstm.weight_hh_l0:t' \
    'lstm/bias=lstm.bias' 'gru/kernel=gru.weight_ih_l0:t' 'gru/recurrent=gru.weight_hh_l0:t' 'gru/bias=gru.bias_ih_l0' \
    'gru/recurrent_bias=gru.bias_hh_l0' 'head/kernel=head.weight:t' 'head/bias=head.bias'
}
gates 'lstm/kernel=lstm.weight_ih_l0:t' > gates.csv || fail "predict with PyTorch's recurrent weights"
same gates.csv "$weights/last.csv" || fail "recurrent predictions differ from PyTorch's: $(cat gates.csv)"
refuses 3 "$weights/recurrent.safetensors: 'lstm.weight_ih_l0' is f32[16, 3], 'lstm/kernel' of the model is f32[3, 4, 4]: --map 'lstm/kernel=lstm.weight_ih_l0:t' transposes it" \
  gates 'lstm/kernel=lstm.weight_ih_l0'

# --init lists what does not match, on either side.
(echo a,b,c,d,y_0,y_1,y_2; paste -d, x.csv p.csv | sed 1d) > train.csv
./net train --data train.csv --init "$torch" --map 'head/kernel=layers.3.weight:t' 'head/bias=layers.3.bias' > out || fail "--init"
sed '/^epoch/,$d' out > listed
cat > expected << END
$torch: 2 of 6 weights taken
not in it, left at their start:
  dense/kernel f32[4, 6]
  dense/bias f32[6]
  layer_norm/gamma f32[6]
  layer_norm/beta f32[6]
in it, not used:
END
head -n 7 listed | cmp -s - expected || fail "--init says: $(cat listed)"
[ "$(sed -n '8,$p' listed | sort | tr '\n' ' ')" = "  aux.bias f32[2]   aux.weight f32[2, 6]   layers.0.bias f32[6]   layers.0.weight f32[6, 4]   layers.2.bias f32[6]   layers.2.weight f32[6] " ] ||
  fail "--init lists as not used: $(sed -n '8,$p' listed)"
# Weights taken stay as they are where nothing is learnt; an entry without a right side leaves what it names.
./net train --data train.csv --init "$torch" --map "$@" --set optimizer.lr=0 --quiet > /dev/null
./net predict --data x.csv | cmp -s - own.csv || fail "--init with a rate of 0"
./net train --data train.csv --init ours.safetensors --map 'head/*=' --quiet > out || fail "--map 'head/*='"

# What cannot be meant.
refuses 3 "$torch: these weights are not model Net's:" ./net predict --data x.csv --weights "$torch"
tail -n 1 err | grep -q -- "another program's names are given by --map TO=FROM" || fail "no word of --map: $(cat err)"
refuses 3 "$torch: none of model Net's weights is in it: name them by --map TO=FROM. Missing:" ./net train --data train.csv --init "$torch"
refuses 3 "$torch: not all of model Net's weights are in it: name them by --map TO=FROM. Missing:" \
  ./net predict --data x.csv --weights "$torch" --map 'dense/bias=layers.0.bias'
refuses 3 "$torch: 'layers.0.weight' is f32[6, 4], 'dense/kernel' of the model is f32[4, 6]: --map 'dense/kernel=layers.0.weight:t' transposes it" \
  ./net train --data train.csv --init "$torch" --map 'dense/kernel=layers.0.weight'
refuses 3 "$torch: 'aux.weight' is f32[2, 6], 'dense/kernel' of the model is f32[4, 6]: --map 'dense/kernel=' leaves it as it is" \
  ./net train --data train.csv --init "$torch" --map 'dense/kernel=aux.weight'
refuses 3 "$torch: holds no 'layers.0.bia', which --map gives for 'dense/bias'; did you mean 'layers.0.bias'?" \
  ./net train --data train.csv --init "$torch" --map 'dense/bias=layers.0.bia'
refuses 2 "--map 'dens/bias=layers.0.bias': no weight of the model is called so; it has, for example" \
  ./net train --data train.csv --init "$torch" --map 'dens/bias=layers.0.bias'
refuses 2 "--map 'dense': TO=FROM is needed, as in 'dense/kernel=layers.0.weight:t'" ./net train --data train.csv --init "$torch" --map dense
refuses 2 "--map '=a': TO=FROM is needed, as in 'dense/kernel=layers.0.weight:t'" ./net train --data train.csv --init "$torch" --map =a
refuses 2 "--map '*/bias=layers.0.bias': as many stars are needed on both sides of '='" \
  ./net train --data train.csv --init "$torch" --map '*/bias=layers.0.bias'
refuses 2 "--map '*********=*********': more than 8 stars" ./net train --data train.csv --init "$torch" --map '*********=*********'
refuses 2 "--map names the weights of a file: give --init FILE too" ./net train --data train.csv --map a=b
refuses 2 "--map names the weights of a file: give --weights FILE too" ./net predict --data x.csv --map a=b
refuses 2 "'--rename' is no option of 'predict': see predict --help" ./net predict --data x.csv --rename a=b
refuses 2 "--rename 'a=dens': no weight is called so: info --params lists them" ./net export --weights ours.safetensors --rename a=dens
refuses 2 "--rename makes two weights 'head/bias'" ./net export --weights ours.safetensors --rename 'head/bias=dense/bias'
refuses 2 "--rename 'b': only two axes can be swapped, it has 1" ./net export --weights ours.safetensors --rename b=head/bias:t
refuses 2 "--only 'tail/*': no weight is called so: info --params lists them" ./net export --weights ours.safetensors --only 'tail/*'
refuses 3 "absent.safetensors: no such file: train first, or give --weights FILE" ./net export --weights absent.safetensors
refuses 1 "absent/w.safetensors: cannot be written: No such file or directory" ./net export --weights ours.safetensors --out absent/w.safetensors
head -c 700 "$torch" > cut.safetensors
for length in 0 7 8 100 700; do
  head -c $length "$torch" > cut.safetensors
  ./net train --data train.csv --init cut.safetensors > out 2> err
  [ $? -eq 3 ] || fail "--init with $length bytes: $(cat err)"
  grep -q '^error: cut.safetensors: ' err || fail "--init with $length bytes: $(cat err)"
done

finish
