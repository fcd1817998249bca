# Sourced by the tests here: a temporary folder, and what a command that fails has to do.
#
#   expect CODE "TEXT" COMMAND...   exits with CODE, says TEXT (a fixed substring; "" for anything) on standard error, neither
#                                   crashes nor runs longer than 20 seconds
#   left FILE...                    besides what was there at `mark`, the folder holds these files and no others
. "$(dirname "$0")/../common.sh"
full= # a mounted folder of 128 kB, where this user may mount one
cleanup() {
  [ -z "$full" ] || umount "$full"
  rm -rf "$folder"
}
trap cleanup EXIT
log=$folder/.log
said() { # said CODE TEXT GOT COMMAND...: judges $log
  code=$1 text=$2 got=$3
  shift 3
  [ "$got" -eq "$code" ] || fail "exit code $got instead of $code: $*: $(head -c 400 "$log")"
  [ -z "$text" ] || grep -qF -- "$text" "$log" || fail "$*: no '$text' in: $(head -c 400 "$log")"
  ! grep -qE 'AddressSanitizer|runtime error|internal error' "$log" || fail "$*: $(head -c 2000 "$log")"
}
expect() {
  code=$1 text=$2
  shift 2
  timeout 20 "$@" > .out 2> "$log"
  said "$code" "$text" $? "$@"
}
mark() {
  ls -A > .before
}
left() {
  for file; do [ -s "$file" ] || fail "$file is missing"; done
  for file in $(ls -A | grep -vxF -f .before); do
    case " $* .before " in *" $file "*) ;; *) fail "$file was left behind" ;; esac
  done
}
# Mounts a folder of 192 kB as ./full; false where that is not allowed.
mount_full() {
  mkdir -p full && mount -t tmpfs -o size=192k tmpfs full 2> /dev/null && full=$folder/full
}
