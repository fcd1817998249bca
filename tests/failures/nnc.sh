#!/bin/sh
# nnc.sh NNC EXAMPLES: what nnc does where it cannot do what it is asked: exit code, message, nothing left behind.
nnc=$1 examples=$2
. "$(dirname "$0")/common.sh"
xor=$examples/xor/xor.nnet
digits=$examples/digits/digits.nnet
touch .out .before "$log"

# The command line.
mark
expect 2 "no input file" "$nnc"
expect 2 "unknown option '--bogus'" "$nnc" --bogus "$xor"
expect 2 "unknown option '--modle'; did you mean '--model'?" "$nnc" --modle A "$xor"
expect 2 "'-o' needs a value" "$nnc" "$xor" -o
expect 2 "'--target' needs a value" "$nnc" "$xor" --target
expect 2 "-O takes 0, 1, 2 or 3, not '9'" "$nnc" -O9 "$xor"
expect 2 "--emit does not know 'plane'; did you mean 'plan'?" "$nnc" --emit=plane "$xor"
expect 2 "--precision is f32, f64, mixed(bf16) or mixed(f16), not 'f8'" "$nnc" --precision=f8 "$xor"
expect 2 "--error-format is human or json, not 'xml'" "$nnc" check --error-format=xml "$xor"
expect 2 "-D takes name=value, not 'layers'" "$nnc" -D layers "$xor"
expect 2 "one file at a time" "$nnc" "$xor" "$digits"
expect 2 "explain which code?" "$nnc" explain
expect 2 "there is no error code 'E9999'" "$nnc" explain E9999
expect 1 "error[E0730]: unknown target 'z80'" "$nnc" --target=z80 "$xor" -o x
expect 1 "error[E0730]: unknown target 'z80'" "$nnc" --target=z80 -c "$xor" -o x.o
case $(uname -m) in aarch64) foreign=x86-64-v2 ;; *) foreign=aarch64 ;; esac
expect 1 "error[E0741]: what is for $foreign cannot be linked here" "$nnc" --target=$foreign "$xor" -o x
left

# The input.
mkdir folder.nnet
: > empty.nnet
head -c 10000 /dev/zero > zeros.nnet
printf '\177ELF\002\001\001\377\376' > binary.nnet
awk 'BEGIN { printf "const a = 1"; for (i = 0; i < 2500000; i++) printf " + 1"; print "" }' > long_line.nnet
awk 'BEGIN { printf "const a = "; for (i = 0; i < 100000; i++) printf "("; for (i = 0; i < 100000; i++) printf ")"; print "" }' > deep.nnet
awk 'BEGIN { printf "const a = "; for (i = 0; i < 100000; i++) printf "- "; print "1" }' > minuses.nnet
awk 'BEGIN { printf "const a = 1"; for (i = 0; i < 100000; i++) printf " |> f(1)"; print "" }' > pipes.nnet
awk 'BEGIN { printf "model M "; for (i = 0; i < 100000; i++) printf "{"; print "" }' > braces.nnet
awk 'BEGIN { printf "const "; for (i = 0; i < 1000000; i++) printf "a"; print " = 1" }' > name.nnet
awk 'BEGIN { for (i = 0; i < 1500000; i++) print "const a = 1" }' > seventeen_megabytes.nnet
printf 'const a = 1e999\n' > number.nnet
printf 'const a = 99999999999999999999\n' > integer.nnet
mark
expect 1 "error[E0700]: cannot read 'absent.nnet': No such file or directory" "$nnc" absent.nnet
expect 1 "error[E0700]: cannot read 'folder.nnet': Is a directory" "$nnc" folder.nnet
expect 1 "error[E0700]: cannot read 'absent.nnet'" "$nnc" fmt absent.nnet
expect 1 "error[E0108]: the file holds no model" "$nnc" empty.nnet
expect 1 "error[E0009]" "$nnc" zeros.nnet
expect 1 "error[E0009]" "$nnc" binary.nnet
expect 1 "error[E0010]" "$nnc" long_line.nnet
expect 1 "error[E0010]" "$nnc" deep.nnet
expect 1 "error[E0010]" "$nnc" minuses.nnet
expect 1 "error[E0010]" "$nnc" pipes.nnet
expect 1 "error[E0001]" "$nnc" braces.nnet
expect 1 "error[E0007]: this name has 1000000 characters" "$nnc" name.nnet
expect 1 "error[E0009]: the file is larger than 16 MiB" "$nnc" seventeen_megabytes.nnet
expect 1 "error[E0005]: this number is larger than any 64-bit float" "$nnc" number.nnet
expect 1 "error[E0005]" "$nnc" integer.nnet
left

# Programs that ask for too much, or for what is not there.
program() { # program FILE EXPRESSION: a model that outputs it
  printf 'import std.nn\nmodel M(n: int = 3, b: bool = true) {\n  dim batch\n  input x: f32[batch, 2]\n  output p = %s\n}\n' "$2" > "$1"
}
program model.nnet 'x |> dense(n, bias = b)'
program wide.nnet 'x |> dense(9000000000000)'
program overflow.nnet 'x |> dense(3000000000) |> dense(3000000000)'
program many.nnet 'x |> repeat 1000000000 { dense(2) }'
(echo 'fn f(x) { return f(f(x)) }'; sed 's/x |> dense.*/f(x)/' model.nnet) > endless.nnet
(echo 'import nowhere.at_all'; cat model.nnet) > import.nnet
printf 'import b\n' > a.nnet
printf 'import a\n' > b.nnet
(cat model.nnet; sed -e 1d -e 's/model M/model N/' model.nnet) > two.nnet
mark
expect 1 "error[E0307]: [2, 9000000000000] has too many elements" "$nnc" wide.nnet
expect 1 "error[E0307]: [3000000000, 3000000000] has too many elements" "$nnc" overflow.nnet
expect 1 "error[E0507]: 'repeat' takes a count of 0 to 4096" "$nnc" many.nnet
expect 1 "error[E0506]: calls are nested more than 64 deep" "$nnc" endless.nnet
expect 1 "error[E0104]: cannot find module 'nowhere.at_all'" "$nnc" import.nnet
expect 1 "error[E0105]: import cycle" "$nnc" a.nnet
expect 1 "the standard library (nn.nnet) cannot be read in /nonexistent" "$nnc" --stdlib /nonexistent model.nnet
expect 1 "help: choose one with --model NAME: M, N" "$nnc" two.nnet
expect 1 "error[E0108]: the file holds no model 'P'" "$nnc" --model P two.nnet
expect 1 "error[E0203]: -D m: model 'M' has no hyper-parameter 'm'" "$nnc" -D m=3 model.nnet
expect 1 "error[E0206]: 'n' of model 'M' is the string \"abc\"" "$nnc" -D n=abc model.nnet
expect 1 "error[E0206]: 'n' of model 'M' is the number 1.5" "$nnc" -D n=1.5 model.nnet
expect 1 "error[E0206]: 'b' of model 'M' is the integer 1" "$nnc" -D b=1 model.nnet
expect 1 "error[E0307]: axis 1 of [2, -4] is negative" "$nnc" -D n=-4 model.nnet
left

# The output. A device is written to, never replaced; who could replace the real one tries on another.
mkdir out
device=/dev/full
if [ -w /dev ]; then mknod device c 1 7 2> /dev/null && device=device || device=; fi
mark
expect 1 "error[E0743]: cannot write '/nonexistent/x': No such file or directory" "$nnc" "$xor" -o /nonexistent/x
expect 1 "error[E0743]: cannot write 'out': it is a directory" "$nnc" "$xor" -o out
cp "$xor" source.nnet
printf 'fn same(x: real[...S]) -> real[...S] { return x }\n' > imported.nnet
sed 's/^import std.nn$/&\nimport imported/' "$xor" > importing.nnet
mark
for product in exe obj lib shared header plan ast; do
  expect 1 "error[E0743]: cannot write './source.nnet': it is a source of the model" "$nnc" --emit=$product source.nnet -o ./source.nnet
done
echo weights > w.safetensors
expect 1 "error[E0743]: cannot write './w.safetensors': it is a source of the model" "$nnc" --weights=w.safetensors "$xor" -o ./w.safetensors
[ "$(cat w.safetensors)" = weights ] || fail "weights were replaced"
rm w.safetensors
expect 1 "error[E0743]: cannot write './source.nnet': it is a source of the model" "$nnc" doc source.nnet -o ./source.nnet
cmp -s source.nnet "$xor" || fail "a source was replaced"
expect 1 "error[E0743]: cannot write '/nonexistent/d.md': No such file or directory" "$nnc" doc --std -o /nonexistent/d.md
expect 1 "error[E0743]: cannot write 'imported.nnet': it is a source of the model" "$nnc" importing.nnet -o imported.nnet
left
expect 1 "error[E0743]: cannot write 'out': Is a directory" "$nnc" -c "$xor" -o out
expect 1 "error[E0743]: cannot write 'out': Is a directory" "$nnc" --emit=plan "$xor" -o out
if [ -n "$device" ]; then
  for product in plan obj llvm; do
    expect 1 "error[E0743]: cannot write '$device': No space left on device" "$nnc" --emit=$product "$xor" -o "$device"
  done
  expect 1 "error[E0743]: cannot write '$device': it is a device or a pipe" "$nnc" "$xor" -o "$device"
  [ -c "$device" ] || fail "$device was replaced"
fi
"$nnc" --emit=plan "$xor" > /dev/full 2> "$log"
said 1 "error[E0743]: cannot write standard output: No space left on device" $? "nnc > /dev/full"
for words in --help --version "explain E0743" "gradcheck $xor"; do
  "$nnc" $words > /dev/full 2> "$log"
  said 1 "nnc: cannot write standard output" $? "nnc $words > /dev/full"
done
left
if mount_full; then
  mark
  expect 1 "error[E0741]: linking failed" "$nnc" "$xor" -o full/xor
  expect 0 "" "$nnc" -c "$xor" -o full/xor.o
  cp full/xor.o xor.o
  (cat /dev/zero > full/fill) 2> /dev/null
  expect 1 "No space left on device" "$nnc" -c "$digits" -o full/xor.o
  cmp -s full/xor.o xor.o || fail "the older object file was touched"
  [ "$(ls full | tr '\n' ' ')" = "fill xor.h xor.o " ] || fail "left on the full disk: $(ls full)"
  left xor.o
fi

# No C compiler, one that fails, and interrupts.
mark
expect 1 "error[E0740]: cannot run 'nonexistent' to link" env CC=nonexistent "$nnc" "$xor" -o x
expect 1 "error[E0740]: cannot run 'cc' to link" env -u CC PATH= "$nnc" "$xor" -o x
expect 1 "error[E0741]: linking failed: 'false' ended with status 1" env CC=false "$nnc" "$xor" -o x
left
printf '#!/bin/sh\nfor a; do [ "$previous" = -o ] && : > "$a"; previous=$a; done\ntouch started\nexec sleep 20\n' > slow
chmod +x slow
mark
for signal in TERM HUP; do
  rm -f started
  CC=./slow "$nnc" "$xor" -o x 2> "$log" &
  pid=$!
  tries=0
  while [ ! -e started ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  [ "$(ls | grep -c 'x\..*tmp')" -eq 2 ] || fail "the linker was not started: $(ls)"
  kill -$signal $pid
  wait $pid 2> /dev/null
  got=$?
  [ $got -gt 128 ] || fail "exit code $got after SIG$signal"
  rm -f started
  left
done

# Killed outright: what is left goes when the same program is next made, not sooner than it is surely nobody's.
rm -f started
CC=./slow "$nnc" "$xor" -o x 2> "$log" &
pid=$!
tries=0
while [ ! -e started ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
linker=$(ps -o pid= --ppid $pid 2> /dev/null)
kill -9 $pid $linker
wait $pid 2> /dev/null
[ "$(ls | grep -c "^x\.$pid\.tmp")" -eq 2 ] || fail "after a kill: $(ls)"
: > x.$$.tmp       # of a process that lives
: > x.old.tmp      # of nobody
expect 0 "" "$nnc" "$xor" -o x
[ "$(ls | grep -c "^x\.$pid\.tmp")" -eq 2 ] || fail "temporary files of the last minute are removed"
touch -d '2 minutes ago' x.*.tmp*
expect 0 "" "$nnc" "$xor" -o x
[ "$(ls x.* | tr '\n' ' ')" = "x.$$.tmp x.old.tmp " ] || fail "two minutes after a kill: $(ls)"
rm -f x x.* started

# A header that nnc did not make stays, and so does the folder; one that it made is made anew.
echo 'int mine;' > xor.h
for kind in obj lib shared; do
  expect 1 "cannot write 'xor.h': it is there, and nnc did not make it" "$nnc" --emit=$kind "$xor" -o xor.o
  left xor.h
done
[ "$(cat xor.h)" = 'int mine;' ] || fail "a header was replaced"
expect 0 "" "$nnc" --emit=header "$xor" -o xor.h
expect 0 "" "$nnc" -c "$xor" -o xor.o
expect 0 "" "$nnc" -c "$xor" -o xor.o
rm -f xor.h xor.o

# Words that are neither a command nor a file; files without tests.
expect 2 "no command and no file is called 'tset'; did you mean 'nnc test'?" "$nnc" tset "$xor"
expect 2 "no command and no file is called 'frobnicate'" "$nnc" frobnicate
expect 1 "" "$nnc" test "$xor"
grep -q 'has no tests' .out || fail "a file without tests passes: $(cat .out)"
finish
