#!/bin/sh
# check.sh BUILD SOURCE_DIR: the benchmark's driver on its smallest case for a moment: the shape of its table and of --json; peers, played by a
# script, whose losses agree and differ; wrong options. Nothing here depends on how fast anything is.
set -eu
build=$1 source=$2/tests/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
bench() { "$build/tests/bench/bench_steps" --build "$build" --source "$source" --work "$work" --rounds 1 --seconds 0.02 "$@"; }

bench tiny --json own.json >own.txt 2>own.err || fail "$(cat own.err)"
[ ! -s own.err ] || fail "$(cat own.err)"
awk 'NF != 11 { print "not 11 columns: " $0; bad = 1 }
  NR == 2 && !($1 == "tiny" && $2 == 1 && $3 == "nnc" && $4 > 0 && $5 > 0 && $6 ~ /^[0-9.]+%$/ && $7 == "-" && $9 > $10 && $11 > 0) { print "bad row: " $0; bad = 1 }
  END { exit bad || NR != 2 }' own.txt || fail "table: $(cat own.txt)"
for key in '"rounds":	1' '"case":	"tiny"' '"threads":	1' '"flops":	243712' '"peak_gflops":' '"share_of_peak":' '"program":	"nnc"' '"step_us_wall":' \
    '"step_us_cpu":' '"memory_mb":' '"memory_mb_start":' '"compile_s":' '"compile_s_cpu":' '"losses":	\[0\.[0-9]*, 0\.[0-9]*, 0\.[0-9]*, 0\.[0-9]*\]'; do
  grep -q "$key" own.json || fail "no $key in $(cat own.json)"
done
losses=$(sed -n 's/.*"losses":	\[\(.*\)\].*/\1/p' own.json | tr -d ,)

# A peer that answers what it is told to: its package is there, losses, times.
cat >python <<END
#!/bin/sh
case " \$* " in
*" -c "*torch*) echo True ;;
*" -c "*) echo False ;;
*" losses 4 "*) for l in \$(cat losses); do echo loss \$l; done; echo compile_s 1.5 ;;
*" time 0.02 2 "*) echo "step_us 4000 8000"; echo start_kb 102400; echo peak_kb 204800 ;;
*) exit 1 ;;
esac
END
chmod +x python
echo "$losses" >losses
bench tiny --python "$work/python" --peers eager,jit --threads 2 --json peer.json >peer.txt 2>peer.err || fail "$(cat peer.err)"
grep -qx 'bench: without jit: jax is not installed' peer.err || fail "jit: $(cat peer.err)"
grep -q "^tiny  *2 round trip between two threads: [0-9][0-9]* ns$" peer.txt || fail "round trip: $(cat peer.txt)"
grep -q "\"round_trip_ns\":" peer.json || fail "no round trip: $(cat peer.json)"
awk '$3 == "nnc" { wall = $4; cpu = $5 }
  $3 == "eager" && !($4 == 4000 && $5 == 8000 && $6 == "-" && $9 == 200 && $10 == 100 && $11 == 1.5) { bad = 1 }
  $3 == "eager" { x = 4000 / wall / $7; y = 8000 / cpu / $8; if (x < 0.98 || x > 1.02 || y < 0.98 || y > 1.02) bad = 1; seen = 1 }
  END { exit bad || !seen }' peer.txt || fail "table: $(cat peer.txt)"
grep -q "^tiny  *2 fastest peer eager: [0-9.]* times nnc's step; target 20.0: " peer.txt || fail "no last line: $(cat peer.txt)"
grep -q '"fastest_peer":	"eager"' peer.json || fail "$(cat peer.json)"

echo "${losses%% *} 0.5 0.4 0.3" >losses
if bench tiny --python "$work/python" --peers eager --threads 2 >peer.txt 2>peer.err; then fail "losses that differ pass"; fi
second=$(echo "$losses" | cut -d' ' -f2)
grep -q "^bench: tiny: the loss of step 2 is $second here and 0.5 in eager, which differ by more than 0.002: " peer.err || fail "$(cat peer.err)"

expect() {
  rc=0
  bench "$@" >out 2>err || rc=$?
  [ "$rc" = 2 ] || fail "exit code $rc of $*"
  grep -q "^bench: $message" err || fail "$* says $(cat err)"
}
message='no such case (--list prints them): nothing ' expect nothing
message='not a number that fits: --rounds ' expect --rounds 0
message='not a number that fits: --threads ' expect --threads 1,x
message='no such peer: keras ' expect --peers keras
message='a value is missing: --json ' expect tiny --json
message='no such option: --fast ' expect --fast 1
rc=0
sh "$source/run.sh" "$work/none" 2>err || rc=$?
[ "$rc" = 2 ] && grep -q '^usage: run.sh BUILD' err || fail "run.sh without a build: $rc $(cat err)"

# The plots: two panels, a line a series, every point inside.
printf 'time\tmeasured\t1\t10\ntime\tmeasured\t8\t500\ntime\tcounted\t1\t5\ntime\tcounted\t8\t400\nmemory\tmeasured\t1\t0.5\nmemory\tmeasured\t8\t3\n' >points
awk -v title=Title -v xlabel=batch -f "$source/plot.awk" points >plot.svg
[ "$(grep -c '<path ' plot.svg)" = 3 ] && [ "$(grep -c '<circle ' plot.svg)" = 4 ] || fail "plot: $(cat plot.svg)"
grep -q '<path d="M60.0 199.3 L390.0 69.1"' plot.svg || fail "plot: $(grep '<path' plot.svg)"
! grep -qi 'nan\|inf' plot.svg || fail "plot: $(grep -i 'nan\|inf' plot.svg)"
# How evenly a step is shared, on one CPU.
BENCH_BUILT=1 sh "$source/balance.sh" "$build" lenet 0.05 2 3 >even.txt 2>&1 || fail "balance.sh: $(cat even.txt)"
head -1 even.txt | grep -Eq '^lenet: [0-9.]+ us on one thread; 2 threads: longest parts [0-9.]+, alone [0-9.]+; one thread / all [0-9.]+$' || fail "balance.sh: $(cat even.txt)"
[ "$(grep -c '^  train_[0-9]*_[a-z]* .*longest .*even .*behind it .*calls 1$' even.txt)" = 3 ] || fail "balance.sh: $(cat even.txt)"
BENCH_BUILT=1 sh "$source/balance.sh" "$build" tiny 0.02 >even.txt 2>&1 || fail "balance.sh: $(cat even.txt)"
[ "$(cat even.txt)" = "tiny: no kernel is shared" ] || fail "balance.sh: $(cat even.txt)"
for script in profile growth balance; do
  rc=0
  sh "$source/$script.sh" "$work/none" x 2>err || rc=$?
  [ "$rc" = 2 ] && grep -q "^usage: $script.sh BUILD" err || fail "$script.sh without a build: $rc $(cat err)"
done
