#!/bin/sh
# reference.sh NNC SOURCE_DIR: the library's reference is the one that nnc doc makes.
set -eu
cd "$2"
"$1" doc --std | diff - docs/reference/stdlib.md || {
    echo "docs/reference/stdlib.md is stale: nnc doc --std -o docs/reference/stdlib.md"
    exit 1
}
