# Ragged and odd data, by their values: a last batch that is partial, batches of one, sequences of length 1, a graph without edges, rows that are all
# masked.
nnc=$1
. "$(dirname "$0")/../common.sh"

cat > odd.nnet << 'END'
import std.nn

# Mean squared distance from the mean of what was given: 1 / n sum (x - y)^2, no parameter that matters.
model Mean {
  dim batch
  input x: f64[batch, 1]
  target y: f64[batch, 1]
  part scale = dense(1, kernel_init = ones, bias = false)
  let p = scale(x)
  output p
  loss mse(p, y)
  metric distance = mae(p, y)
  train { optimizer = sgd(lr = 0.0); batch = 4; epochs = 1; precision = f64 }
}

# Running states of tanh(x + h) (kernels of one), the last one, and what a layer of attention makes of the sequence.
model Sequence {
  dim batch, time <= 9
  input x: f64[batch, time]
  input here: f64[batch, time]
  let steps = unsqueeze(x, axis = -1)
  let seen = here > 0.5
  part run = rnn(1, return_sequences = true, kernel_init = ones, recurrent_init = ones)
  part two = lstm(2, bidirectional = true)
  part attend = attention(1, mask = seen)
  output states = squeeze(run(steps, mask = seen), axis = -1)
  output both = two(steps, mask = seen)
  output attended = squeeze(attend(steps), axis = -1)
  output share = masked_softmax(x, seen)
  loss mean(abs(attend(steps))) + mean(abs(two(steps, mask = seen)))
  train { optimizer = adam(); batch = 2; epochs = 2; seed = 3; precision = f64 }
}

model Graph {
  dim nodes, edges
  input x: f64[nodes, 1]
  input links: i32[edges, 2]
  input counts: f64[edges]
  target y: f64[nodes, 1]
  let mask = counts > 0.5
  part conv = graph_conv(1, kernel_init = ones, mask = mask)
  part sage = sage_conv(1, kernel_init = ones, mask = mask)
  part seen = graph_attention(1, kernel_init = ones, mask = mask)
  output all = concat([conv(x, links), sage(x, links), seen(x, links)], axis = 1)
  loss mse(conv(x, links) + sage(x, links) + seen(x, links), y)
  train { optimizer = sgd(lr = 0.1); epochs = 1; precision = f64 }
}
END
for model in Mean Sequence Graph; do "$nnc" --model $model odd.nnet -o $model || exit 1; done

# Five samples in batches of four, two, one and five: (1 + 4 + 9 + 16 + 100) / 5 and (1 + 2 + 3 + 4 + 10) / 5.
printf '1\n2\n3\n4\n10\n' > x.csv
printf '0\n0\n0\n0\n0\n' > y.csv
for batch in 4 2 1 5; do
  ./Mean train --data x=x.csv --data y=y.csv --val x=x.csv --val y=y.csv --batch $batch --quiet > out.txt 2>&1 || fail "batches of $batch: $(cat out.txt)"
  says "$(printf 'loss: 26.0000\ndistance: 4.0000')" sh -c "./Mean eval --data x=x.csv --data y=y.csv --batch $batch | sed 's/^[a-z]* //'"
  says "$(printf 'p\n1\n2\n3\n4\n10')" ./Mean predict --data x=x.csv --batch $batch
done
says "$(printf 'p\n10')" sh -c 'tail -n 1 x.csv > one.csv; ./Mean predict --data x=one.csv'
: > none.csv
says "error: none.csv: the file is empty" ./Mean predict --data x=none.csv

# Three steps, one step, none: tanh(1), tanh(2 + tanh(1)), ...; a masked step keeps the state; who sees nothing is given 0.
rounded() { awk -F, 'NR > 1 { for (i = 1; i <= NF; i++) printf "%s%.6f", (i > 1 ? " " : ""), $i; print "" }'; }
printf '1,2,3\n1,2,3\n1,2,3\n' > x.csv
printf '1,1,1\n1,0,0\n0,0,0\n' > here.csv
printf '1\n' > x1.csv
printf '1\n' > here1.csv
./Sequence train --data x=x.csv --data here=here.csv --quiet > out.txt || fail "training with a row that is all masked"
grep -q '^train loss: [0-9.]*$' out.txt || fail "not a number: $(cat out.txt)"
./Sequence train --data x=x1.csv --data here=here1.csv --steps 3 --quiet --save one > out.txt || fail "training on a sequence of length 1"
grep -q '^train loss: [0-9.]*$' out.txt || fail "not a number: $(cat out.txt)"
sequence() { ./Sequence predict --weights start --data x="x$2.csv" --data here="here$2.csv" --output "$1" --batch "${3:-3}" | rounded; }
./Sequence train --data x=x.csv --data here=here.csv --set optimizer.lr=0 --quiet --save start > /dev/null
for batch in 1 2 3; do
  says "$(printf '0.761594 0.992046 0.999319\n0.761594 0.761594 0.761594\n0.000000 0.000000 0.000000')" sequence states '' $batch
  says "$(printf '0.090031 0.244728 0.665241\n1.000000 0.000000 0.000000\n0.000000 0.000000 0.000000')" sequence share '' $batch
done
says 0.761594 sequence states 1
says 1.000000 sequence share 1
# The second row has the first step alone, as the sequence of length 1 has.
for output in both attended; do
  sequence $output '' > three.txt
  [ "$(sed -n '2s/ .*//p' three.txt)" = "$(sequence $output 1 | sed 's/ .*//')" ] || fail "$output: $(cat three.txt), of one step $(sequence $output 1)"
  sed -n 3p three.txt | grep -q '[1-9]' && fail "$output: not 0 where all is masked: $(cat three.txt)"
  sed -n 1,2p three.txt | grep -q '[1-9]' || fail "$output: all 0"
done

# Without edges each node keeps what it has (its mean of neighbours is 0, and is added to it); one of node 0 to node 1 that counts shows the difference:
# 1 / sqrt(2) + 2 / 2; 2 + 1; (e^3 1 + e^4 2) / (e^3 + e^4).
printf '1\n2\n' > x.csv
printf '0,1\n' > links.csv
printf '0\n' > counts.csv
graph() { ./Graph predict --weights g --data x=x.csv --data links=links.csv --data counts=counts.csv | rounded; }
./Graph train --data x=x.csv --data y=x.csv --data links=links.csv --data counts=counts.csv --set optimizer.lr=0 --save g --quiet > out.txt || fail "training without edges"
says "train loss: 10.0000" cat out.txt
says "$(printf '1.000000 1.000000 1.000000\n2.000000 2.000000 2.000000')" graph
printf '1\n' > counts.csv
says "$(printf '1.000000 1.000000 1.000000\n1.707107 3.000000 1.731059')" graph
printf 'from,to\n' > links.csv
says "error: links.csv: has no rows of data" ./Graph predict --weights g --data x=x.csv --data links=links.csv --data counts=counts.csv
finish
