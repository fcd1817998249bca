#!/bin/sh
# Writes the reference of the standard library to standard output, from the comments and signatures in stdlib/.
# Run from the repository's root: sh docs/reference/generate.sh > docs/reference/stdlib.md
set -eu
cat <<'HEAD'
# The standard library

Generated from `stdlib/` by `docs/reference/generate.sh`. `import std.nn` brings all of it.
HEAD
for family in layers activations losses metrics initialisers optimizers schedules; do
  printf '\n## %s\n' "$family"
  cat "stdlib/$family"/*.nnet | awk '
    /^#/ { doc = doc (doc == "" ? "" : " ") substr($0, 3); next }
    /^(fn|layer|metric|initialiser|optimizer|schedule|const) / { signature = ""; open = 1 }
    open {
      line = $0
      ends = sub(/ *\{ *$/, "", line) || /^const /
      sub(/^ +/, "", line)
      signature = signature (signature ~ /,$/ ? " " : "") line
      if (ends) {
        sub(/^[a-z]+ /, "", signature)
        gsub(/</, "\\&lt;", doc)
        gsub(/\*/, "\\*", doc)
        printf "\n### `%s`\n\n%s\n", signature, doc
        open = 0; doc = ""
      }
      next
    }
    { doc = "" }'
done
