# Sourced by tests: a temporary folder that is entered, and how failures are told and counted.
#
#   fail TEXT               a failure; the test goes on
#   says TEXT COMMAND...    fails where the command does not print exactly this, errors included
#   finish                  the test's last line: how it ends
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0
fail() {
  echo "FAILED: $1"
  failures=$((failures + 1))
}
says() {
  expected=$1
  shift
  [ "$("$@" 2>&1)" = "$expected" ] || fail "$*:
$("$@" 2>&1)"
}
finish() {
  [ "$failures" -eq 0 ] && echo "all passed"
  exit $((failures > 0))
}
