#!/bin/sh
# nnc gradcheck over the programs of the oracle runs, whose gradients are also compared with recorded ones, and over gradients
# written by hand: right ones pass, wrong ones are named. Usage: gradcheck_cases.sh NNC SOURCE_DIR
set -eu
nnc=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
fail() {
  echo "$1"
  cat "$work/out"
  status=1
}
for program in tests/oracle/cases/*.nnet; do
  case $(basename "$program" .nnet) in
  losses) continue ;; # its parameters stand for probabilities, which random ones are not
  graphs | images) continue ;; # random edges do not name its nodes; stdlib_gradcheck_layers has the layers
  worked) continue ;; # it has no loss
  sequences) continue ;; # random labels may need more steps than there are; stdlib_gradcheck_fns has the loss
  esac
  "$nnc" gradcheck --elements=2 "$program" > "$work/out" 2>&1 || fail "gradcheck of $program:"
done

cases=tests/stdlib/own_gradients.nnet
expect() { # expect EXIT_CODE MODEL LAST_LINE_PATTERN
  code=0
  "$nnc" gradcheck "$cases" --model="$2" > "$work/out" 2>&1 || code=$?
  [ "$code" = "$1" ] || fail "gradcheck of $2: exit code $code, not $1"
  tail -n 1 "$work/out" | grep -q "$3" || fail "gradcheck of $2: the last line is not: $3"
}
expect 0 Right '^gradcheck: ok, worst [0-9.]*e-[01][0-9]$'
expect 1 Flipped "^gradcheck: failed: input 'x' \[[0-2], [0-3]\]: the gradient is -*[0-9.]*, the slope of the loss is -*[0-9.]* (relative error 2.0e+00)$"
grep -q "^note: the gradient at $cases:[0-9]* is written by hand" "$work/out" || fail 'Flipped: no note on the gradient that is written by hand'
grep -q "^gradcheck: failed: parameter 'dense/kernel' \[" "$work/out" || fail 'Flipped: the parameter is not named'
grep -q "^  dense_1/kernel .* ok$" "$work/out" || fail 'Flipped: what lies behind the wrong gradient is right'
expect 1 StraightThrough "^gradcheck: failed: input 'x' .* the slope of the loss is 0 (relative error 1.0e+00)$"
expect 0 Held '^gradcheck: ok'
expect 0 HeldInLoops '^gradcheck: ok'
expect 0 AtKinks '^gradcheck: ok, worst .*; [0-9]* elements at a kink skipped$'
expect 1 NotFinite '^gradcheck: failed: the loss is not finite$'
expect 0 Two '^gradcheck: ok'
[ "$(grep -c '^[a-z]*_loss = ' "$work/out")" = 2 ] || fail 'Two: not a table for each minimize line'

expect 0 Settings '^gradcheck: ok'
grep -q '^  first/dense/kernel .* ok$' "$work/out" || fail 'Settings: a part that is frozen at first is checked too'
exit $status
