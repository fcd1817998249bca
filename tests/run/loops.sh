# Programs with loops: sequences of any length from one binary, class indices that only a loop looks up, the table of layers.
nnc=$1
. "$(dirname "$0")/../common.sh"

cat > sums.nnet << 'END'
import std.nn
model Sums {
  dim batch, time <= 9
  input token: i32[batch, time]
  target y: f32[batch, 4]
  part table = embedding(7, 3)
  part up = dense(4)
  part down = dense(4)
  let h = scan t in token over axis 1 carry h = full([batch, 4], 0.0) {
    h := tanh(down(h) + up(table(t)))
  }
  output h
  loss mse(h, y)
}
model Counts {
  dim batch, time <= 9
  input x: f32[batch, time]
  output total = scan xt in x over axis 1 carry s = full([batch], 0.0) {
    s := s + xt
  }
  output before = scan xt in x over axis 1 reverse carry s = full([batch], 0.0) {
    s := s + xt
    emit s
  } |> first
  output powers = scan i in 0..5 carry p = 1.0 {
    emit p
    p := p * 2.0
  } |> first
}
fn first(a: real[...S], b: real[...R]) -> real[...S] {
  let _ = b
  return a
}
END
"$nnc" --model Counts sums.nnet -o counts || exit 1
printf '1,2,3,4\n10,20,30,40\n' > four.csv
printf '5\n7\n' > one.csv
says "$(printf 'total\n10\n100')" ./counts predict --data x=four.csv --output total
says "$(printf 'total\n5\n7')" ./counts predict --data x=one.csv --output total
says "$(printf 'before_0,before_1,before_2,before_3\n10,9,7,4\n100,90,70,40')" ./counts predict --data x=four.csv --output before
says "$(printf 'powers\n1\n2\n4\n8\n16')" ./counts predict --output powers

"$nnc" --model Sums sums.nnet -o sums || exit 1
printf '1,2,3\n4,5,9\n' > tokens.csv
printf '0,0,0,0\n0,0,0,0\n' > y.csv
says "error: tokens.csv:2: column 3: index 9 is out of range: 'token' takes 0 to 6" ./sums train --data token=tokens.csv --data y=y.csv
./sums info > info.txt || fail "info"
for row in 'table *embedding *\[batch, 3\] *21 *84 bytes' 'up *dense *\[batch, 4\] *16 *64 bytes *8,064' \
  'down *dense *\[batch, 4\] *20 *80 bytes *10,368'; do
  grep -q "^$row\$" info.txt || fail "info has no row '$row': $(cat info.txt)"
done
finish
