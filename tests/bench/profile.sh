#!/bin/sh
# profile.sh BUILD CASE [SECONDS [ROWS]]: which kernels a case's step spends its time in, by perf's samples: share, kernel, where in it the
# processor was most, and what it computes. A routine that kernels share counts for the kernel that called it. See run.sh.
set -eu
[ $# -ge 2 ] && [ -d "$1" ] || { echo "usage: profile.sh BUILD CASE [SECONDS [ROWS]]" >&2; exit 2; }
command -v perf >/dev/null || { echo "profile.sh: perf is not installed" >&2; exit 1; }
build=$(cd "$1" && pwd) source=$(cd "$(dirname "$0")" && pwd) case=$2 seconds=${3:-3} rows=${4:-12}
set --
. "$source/case.sh"
"$build/nnc" --emit=kernels $options "$model" >"$work/kernels"
cc -o "$work/step" "$build/tests/bench/libbench_worker.a" "$work/model.o" "$build/lib/libnnrt.a" "-Wl,--defsym,bench_model=${symbol}_nnrt_model" -lm -lpthread
perf record -q -k CLOCK_MONOTONIC --call-graph fp -F 997 -o "$work/perf" "$work/step" time "$seconds" 1 $dims >"$work/said" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
begin=$(sed -n 's/^begin_s //p' "$work/said")
grep -v '^begin_s' "$work/said"
perf script -i "$work/perf" -F time,ip,sym 2>/dev/null | awk -v kernels="$work/kernels" -v begin="$begin" '
  function finish(    key) {
    if (at_s < begin) kernel = train = ""
    if (kernel == "" && train) kernel = "(between kernels)"
    if (kernel != "") { n[kernel]++; all++; key = kernel SUBSEP leaf; if (++at[key] > most[kernel]) { most[kernel] = at[key]; where[kernel] = leaf } }
    kernel = leaf = ""; train = 0
  }
  BEGIN {
    while ((getline line < kernels) > 0) {
      if (line ~ /^  kernel train_/) { split(line, w, /[ :]+/); name = w[3]; sub(/^  kernel [a-z_0-9]*: /, "", line); about[name] = line }
      else if (line ~ /^fn/) name = ""
      else if (name != "" && line ~ /^    ops:/) { sub(/^    ops: /, "", line); about[name] = about[name] " | " line }
    }
  }
  NF == 0 { finish(); next }
  NF == 1 && $1 ~ /:$/ { at_s = $1 + 0; next }
  leaf == "" { leaf = $2 }
  $2 ~ /^train_[0-9]+_/ { kernel = $2; sub(/_finish$/, "", kernel); sub(/_sized$/, "", kernel); train = 1 }
  $2 == "train_code" || $2 == "train_sized_code" { train = 1 }
  END {
    finish()
    for (k in n) printf "%5.1f%%  %-22s %3.0f%% in %-24s %s\n", 100 * n[k] / all, k, 100 * most[k] / n[k], where[k], substr(about[k], 1, 150)
  }' | sort -rn | head -n "$rows"
