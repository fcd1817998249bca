#!/bin/sh
# C by clang-format-19, .nnet by nnc fmt.
set -u
cd "$1" || exit 1
status=0
find compiler runtime tests grammar -name '*.[ch]' | xargs clang-format-19 --dry-run -Werror 2>&1 | grep -E 'error' && status=1
find stdlib examples -name '*.nnet' | xargs "$2" fmt --check || status=1
exit $status
