#!/bin/sh
# refused.sh NNC SOURCE_DIR: data that a compiled model cannot take end it with code 3 and a message that names the input and the limit;
# models without parameters run as they are.
set -u
nnc=$1
cases=$2/tests/batches/cases
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

fail() {
    echo "FAILED: $*"
    failed=1
}

# refused CODE TEXT COMMAND...: ends with the code, its message has the text, standard output is empty
refused() {
    code=$1
    text=$2
    shift 2
    "$@" >out 2>message
    got=$?
    [ $got = "$code" ] || fail "$*: exit code $got instead of $code"
    grep -q -F -e "$text" message || fail "$*: '$(cat message)' lacks '$text'"
    [ "$(wc -l <message)" -le 2 ] || fail "$*: too long a message"
    [ ! -s out ] || fail "$*: wrote something all the same"
}
works() {
    "$@" >out 2>message || fail "$*: $(cat message)"
}

# rows N: so many rows of five classes, then of three numbers, of positions, and of targets
rows() {
    seq "$1" | awk '{print $1 % 7 ",1,2,3,6"}' >tokens.csv
    seq "$1" | awk '{print $1 ".5,2,3"}' >table.csv
    seq 0 $(($1 - 1)) >at.csv
    seq "$1" | awk '{print $1 % 3}' >y.csv
}
lookup() {
    command=$1
    shift
    ./lookup "$command" --data tokens=tokens.csv --data at=at.csv --data table=table.csv "$@"
}

sed 's/dim batch, time/dim batch <= 40, time/' "$cases/lookup.nnet" >lookup.nnet
"$nnc" lookup.nnet -o lookup || exit 1

rows 6
works lookup train --data y=y.csv --epochs 1
works lookup predict --output logits
[ "$(wc -l <out)" = 7 ] || fail "lookup predict: $(wc -l <out) lines"

# an index that the readers can check, and ones that only the kernel can
echo 7,1,2,3,4 >>tokens.csv
echo 6 >>at.csv && echo 1,2,3 >>table.csv
refused 3 "'tokens' takes 0 to 6" lookup predict --output logits
rows 6
sed -i '4s/.*/6/' at.csv
refused 3 "at.csv:4: column 1" lookup predict --output logits
refused 3 "'at' takes 0 to 5" lookup predict --output logits
sed -i '4s/.*/-1/' at.csv
refused 3 "'at' takes 0 to 5" lookup predict --output logits

# dims beyond their bounds, and dims that disagree
rows 41
refused 3 "'batch' is 41, input 'tokens'" lookup predict --output logits --batch 41
refused 3 "at most 40" lookup train --data y=y.csv --batch 41
rows 6
seq 6 | awk '{print "1,1,1,1,1,1,1,1,1,1,1,1,1"}' >tokens.csv
refused 3 "takes at most 12" lookup predict --output logits
rows 6
sed -i '6d' table.csv
refused 3 "'batch' is 5 for input 'table' and 6" lookup predict --output logits

# nothing learned, nothing to load; and nothing to train or evaluate
cat >plain.nnet <<'END'
model Plain {
  dim batch
  input x: f64[batch, 2]
  output total = sum(x, "b c -> b")
}
END
"$nnc" plain.nnet -o plain || exit 1
printf '1,2\n3,4.5\n' >x.csv
works ./plain predict --data x.csv
[ "$(tail -1 out)" = 7.5 ] || fail "plain predict: $(cat out)"
refused 2 "no loss: there is nothing to train" ./plain train --data x.csv
refused 2 "no loss or metric" ./plain eval --data x.csv
exit $failed
