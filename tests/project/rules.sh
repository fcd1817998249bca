#!/bin/sh
# What may include what, and that the compiler knows no library item by name.
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

# Names of library layers, losses, optimizers, metrics, schedules and initialisers, as words in strings of the compiler.
names=$(sed -nE 's/^(layer|fn|optimizer|schedule|metric|initialiser) +([a-z_0-9]+).*/\2/p' $(find stdlib -name '*.nnet') | sort -u)
primitives=$(sed -nE 's/^OP\([A-Z0-9_]+, "([a-z_0-9]+)".*/\1/p' compiler/ops/ops.def)
for name in $names; do
    echo "$primitives" | grep -qx "$name" && continue
    hits=$(grep -rnE "\"$name\"" compiler --include='*.[ch]' --include='*.def')
    [ -z "$hits" ] || fail "compiler/ names the library's '$name': $hits"
done
exit $status
