#!/bin/sh
# What may include what.
set -u
cd "$1" || exit 1
status=0
fail() {
    echo "rule broken: $1"
    status=1
}

hits=$(grep -rln 'llvm-c/' compiler | grep -v '^compiler/codegen/')
[ -z "$hits" ] || fail "only codegen/ includes llvm-c: $hits"

hits=$(grep -rlE '#include "(base|ast|sema|ir|ops|autodiff|opt|plan|codegen)/' runtime)
[ -z "$hits" ] || fail "the runtime includes nothing of the compiler: $hits"

for folder in autodiff opt plan codegen ir ops; do
    hits=$(grep -rln '#include "\(ast\|sema\)/' compiler/$folder)
    [ -z "$hits" ] || fail "$folder/ sees no AST: $hits"
done

exit $status
