#!/bin/sh
# nnc test, nnc doc, and nnc check of a file without a model: what they print, and their exit codes.
# Usage: test.sh NNC SOURCE_DIR; UPDATE=1 rewrites what is expected.
set -eu
nnc=$1
cd "$2/tests/commands"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# run NAME EXIT_CODE ARGUMENTS...: standard output, then standard error, as in cases/NAME.expected.
run() {
  name=$1
  wanted=$2
  shift 2
  code=0
  "$nnc" "$@" > "$work/out" 2> "$work/err" || code=$?
  { cat "$work/out"; echo "--- diagnostics"; cat "$work/err"; } > "$work/both"
  [ "$code" = "$wanted" ] || { echo "$name: exit code $code, not $wanted"; cat "$work/both"; status=1; }
  if [ "${UPDATE-}" = 1 ]; then cp "$work/both" "cases/$name.expected"; fi
  diff -u "cases/$name.expected" "$work/both" || { echo "$name: nnc $* prints something else"; status=1; }
}

run passing 0 test cases/passing.nnet
run failing 1 test cases/failing.nnet
run broken 1 test cases/broken.nnet
run several 1 test cases/passing.nnet cases/broken.nnet cases/library.nnet
run single 0 test --precision=f32 cases/library.nnet
run library_check 0 check cases/library.nnet
run library_errors 1 check cases/library_errors.nnet
run models 1 check cases/models.nnet
run first_model 0 check --model=First cases/models.nnet
run library_md 0 doc cases/library.nnet
run library_json 0 doc --format=json cases/library.nnet

# A file that does not exist, none at all, and options of other commands.
run missing 1 test cases/none.nnet
run nothing 2 test
run foreign_option 2 test --data=x.csv cases/passing.nnet
run unknown_option 2 gradcheck --elemnts=3 cases/passing.nnet
run bad_number 2 gradcheck --batch=0 cases/passing.nnet
"$nnc" test --help | grep -q "^nnc test \[options\] FILE...: run the files' test blocks$" || { echo "test --help"; status=1; }
"$nnc" doc cases/library.nnet -o "$work/reference.md"
sed '/^--- diagnostics$/,$d' cases/library_md.expected | diff - "$work/reference.md" || { echo "doc -o writes something else"; status=1; }
exit $status
