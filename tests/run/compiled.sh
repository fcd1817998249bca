# What a compiled model does with data: dims that stand in expressions, outputs that need their own inputs only, models
# without weights, whole numbers printed whole.
nnc=$1
. "$(dirname "$0")/../common.sh"

cat > dims.nnet << 'END'
import std.nn
model Dims {
  dim batch, k, t <= 5, u, width = 2 * k + 1
  input x: f32[batch, width]
  input s: f32[batch, t]
  input h: f32[batch, u // 2]
  output odd = x[:, -1] * k
  output sum_s = sum(s, axis = 1)
  output half = sum(h, axis = 1)
  output filled = full([t], 1.0)
  output big = cast(x[:, 0], i32) * 1_000_000_000
}
END
"$nnc" dims.nnet -o dims || exit 1
printf '1,2,3,4,5,6,7\n2,2,3,4,5,6,8\n' > seven.csv
printf '1,2\n2,2\n' > two.csv
says "$(printf 'odd\n21\n24')" ./dims predict --data x=seven.csv --output odd
says "$(printf 'big\n1000000000\n2000000000')" ./dims predict --data x=seven.csv --output big
says "$(printf 'sum_s\n3\n4')" ./dims predict --data s=two.csv --output sum_s
says "error: x.csv: no such file" ./dims predict --data x=x.csv --output odd
says "error: two.csv: axis 1 is 2, which input 'x' (f32[batch, 2*k + 1]) is for no 'k'" ./dims predict --data x=two.csv --output odd
says "error: seven.csv: 't' is 7, input 's' (f32[batch, t]) takes at most 5" ./dims predict --data s=seven.csv --output sum_s
says "error: two.csv: its shape does not tell 'u' of input 'h' (f32[batch, u // 2]): in the model, give 'u' an axis of its own in some input" \
  ./dims predict --data h=two.csv --output half
says "error: no data for input 's' (f32[batch, t]): give --data s=FILE" ./dims predict --data x=seven.csv --output odd --output sum_s
says "error: dim 't' is not bound by the data" ./dims predict --output filled

cat > pair.nnet << 'END'
model Pair {
  dim batch, a, b
  input x: f32[batch, a]
  input y: f32[batch, b]
  assert a == b
  output one = sum(x)
  output two = x + y
}
END
"$nnc" pair.nnet -o pair || exit 1
says "$(printf 'one\n7')" ./pair predict --data x=two.csv --output one --batch 2
says "$(printf 'two_0,two_1\n2,4\n4,4')" ./pair predict --data x=two.csv --data y=two.csv --output two
case $(./pair predict --data x=two.csv --data y=seven.csv --output two 2>&1) in
  *"'a' is 7 for input 'y' and 2 for the inputs before it: all must agree"*) ;;
  *) fail "assert a == b: $(./pair predict --data x=two.csv --data y=seven.csv --output two 2>&1)" ;;
esac

# Terms that weigh differently are each averaged over all samples: the same at any batch size. One step at rate 0 trains nothing;
# p = 0 at the start, so mse = (1 + 4 + 9) / 3 and the weighted mean = (1 * 1 + 4 * 2 + 9 * 5) / 8.
cat > sums.nnet << 'END'
import std.nn
model Sums {
  dim batch
  input x: f32[batch, 1]
  input w: f32[batch, 1]
  target y: f32[batch, 1]
  let p = x |> dense(1, kernel_init = zeros)
  loss a = 3.0 * (mse(p, y) - 0.5 * weighted_mean((p - y) ** 2, w)) + 1.0
  output p
  train { optimizer = sgd(lr = 0.0); steps = 1 }
}
END
"$nnc" sums.nnet -o sums || exit 1
printf 'x,w,y\n1,1,1\n1,2,2\n1,5,3\n' > sums.csv
./sums train --data sums.csv >/dev/null || fail "sums: train"
for batch in 1 2 3; do
  says "train a: 4.8750" ./sums eval --data sums.csv --batch $batch
done

finish
