#!/bin/sh
# balance.sh BUILD CASE [SECONDS [THREADS [ROWS]]]: how evenly a case's step is shared among threads (2), found on one CPU: the parts of each
# kernel run one after the other, and the longest counts. What is printed first is the step's time on one thread over the sum of the longest
# parts and of what one thread does alone: what threads that see one another's memory at no cost would reach. See run.sh.
set -eu
[ $# -ge 2 ] && [ -d "$1" ] || { echo "usage: balance.sh BUILD CASE [SECONDS [THREADS [ROWS]]]" >&2; exit 2; }
build=$(cd "$1" && pwd) source=$(cd "$(dirname "$0")" && pwd) case=$2 seconds=${3:-2} threads=${4:-2} rows=${5:-12}
set -- bench_balance
. "$source/case.sh"
cc -o "$work/step" "$build/tests/bench/libbench_worker.a" "$work/model.o" "$build/tests/bench/libbench_balance.a" "$build/lib/libnnrt.a" \
    "-Wl,--defsym,bench_model=${symbol}_nnrt_model" -lm -lpthread
nm "$work/step" | awk '{ sub(/^0*/, "", $1); print "name", $1, $3 }' >"$work/said"
"$work/step" time "$seconds" 1 $dims | sed -n 's/^step_us [^ ]*/one/p' >>"$work/said"
"$work/step" time "$seconds" "$threads" $dims | sed -n '/^task/p' >>"$work/said"
awk -v rows="$rows" -v threads="$threads" -v case="$case" '
  $1 == "name" { name[$2] = $3 }
  $1 == "one" { one = $2 }
  $1 == "task" && name[$2] ~ /^train_/ {
    task[++n] = name[$2]; calls[n] = $3; longest[n] = $4; all[n] = $5; behind[n] = $6
    if (!steps || $3 < steps) steps = $3
  }
  END {
    if (!n) { print case ": no kernel is shared"; exit }
    for (i = 1; i <= n; i++) { sum += longest[i] / steps; alone += behind[i] / steps; lost[i] = (threads * longest[i] - all[i] + (threads - 1) * behind[i]) / steps }
    printf "%s: %.1f us on one thread; %d threads: longest parts %.1f, alone %.1f; one thread / all %.2f\n", case, one, threads, sum, alone, one / (sum + alone)
    for (shown = 0; shown < rows && shown < n; shown++) {
      best = 0
      for (i = 1; i <= n; i++) if (!done[i] && (!best || lost[i] > lost[best])) best = i
      done[best] = 1
      printf "  %-26s longest %8.1f us, even %8.1f, behind it %6.1f, calls %d\n", task[best], longest[best] / steps, all[best] / steps / threads, behind[best] / steps, calls[best] / steps
    }
  }' "$work/said"
