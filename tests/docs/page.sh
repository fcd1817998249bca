#!/bin/sh
# page.sh NNC SOURCE_DIR PAGE: tries every code block of a page of documentation, in order, in a folder of its own. The convention is in
# CONTRIBUTING.md; page.awk makes the script that calls the functions below.
set -eu
nnc=$1 SOURCE=$2 page=$2/$3 name=$3
tools=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
scratch=$folder/.scratch
mkdir "$scratch"
status=0 where=0
exec 3>&1 4>&2
trap 'code=$?; exec >&3 2>&4; [ "$where" = end ] || stopped; rm -rf "$folder"; exit $code' EXIT
PATH=$(dirname "$nnc"):$PATH
export PATH SOURCE
unset NNC_BUILD || true

complain() { # LINE WHAT
    echo "$name:$1: $2" >&3
    status=1
}
stopped() {
    echo "$name:$where: a command failed; it printed"
    sed 's/^/    /' "$scratch/out"
    code=1
}
begin_sh() { # LINE
    where=$1
    exec >"$scratch/out" 2>&1
}
end_sh() { exec >&3 2>&4; }
prints() { # LINE TEXT: the last line that the command printed
    tail -n 1 "$scratch/line" >"$scratch/last"
    printf '%s\n' "$2" >"$scratch/want"
    awk -f "$tools/match.awk" "$scratch/want" "$scratch/last" >/dev/null && return
    echo "$name:$1: stated: $2" >&3
    echo "$name:$1: printed: $(cat "$scratch/last")" >&3
    status=1
}
expect() { # LINE <TEXT: what the sh block before printed
    cat >"$scratch/want"
    awk -f "$tools/match.awk" "$scratch/want" "$scratch/out" >"$scratch/why" && return
    complain "$1" "the output is another one: $(cat "$scratch/why")"
    sed 's/^/    /' "$scratch/out"
}
expect_exit() { # LINE CODE STATED
    [ "$2" -eq "$3" ] || echo "$name:$1: exit code $2, $3 is stated" >&3
    [ "$2" -eq "$3" ] || status=1
}
try() { # LINE WHAT COMMAND...
    at=$1 what=$2
    shift 2
    "$@" >"$scratch/tried" 2>&1 && return
    complain "$at" "$what"
    sed 's/^/    /' "$scratch/tried"
}
block() { # LINE KIND FILE HEADING MORE <TEXT
    suffix=$2
    [ "$suffix" != nnet-error ] || suffix=nnet
    file=${3:-$scratch/line$1.$suffix}
    mkdir -p "$(dirname "$file")"
    if [ "$5" -eq 1 ]; then cat >>"$file"; else cat >"$file"; fi
    case $2 in
    nnet)
        try "$1" "does not compile" nnc check "$file"
        ! grep -q '^test ' "$file" || try "$1" "its tests fail" nnc test "$file"
        ;;
    nnet-error)
        # A whole file, or a fragment that goes into the model of errors.nnet.
        awk -v fragment="$file" '/^  \.\.\.$/ { while ((getline line < fragment) > 0) print line; next } { print }' "$tools/errors.nnet" >"$scratch/around.nnet"
        { nnc check "$file" || true; nnc check "$scratch/around.nnet" || true; } >"$scratch/reports" 2>&1
        grep -q "\[${4%:}\]" "$scratch/reports" || try "$1" "does not give ${4%:}" sh -c 'cat "$1"; exit 1' sh "$scratch/reports"
        ;;
    c) try "$1" "does not compile" cc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I. -I"$SOURCE/runtime" "$file" ;;
    cpp) try "$1" "does not compile" c++ -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I. -I"$SOURCE/runtime" "$file" ;;
    esac
}
finish() {
    where=end
    exit $status
}

awk -f "$tools/page.awk" "$page" >"$scratch/script"
cd "$folder"
case $name in
examples/*/README.md) # its commands are for its own folder, with the other examples beside it
    cp -r "$SOURCE/examples" .
    cd "${name%/README.md}"
    ;;
esac
. "$scratch/script"
