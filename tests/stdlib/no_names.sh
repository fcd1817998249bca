#!/bin/sh
# The compiler knows no layer, activation, loss, metric or optimizer of the library: none of their names occurs in its code
# (comments, which may give examples, are taken out first). Usage: no_names.sh SOURCE_DIR
set -eu
cd "$1"
# Words of the language itself that are also names in the library.
allowed='none linear constant zeros ones uniform normal precision'
names=$(cat stdlib/layers/*.nnet stdlib/activations/*.nnet stdlib/losses/*.nnet stdlib/metrics/*.nnet stdlib/optimizers/*.nnet |
  sed -n 's/^\(fn\|layer\|metric\|optimizer\) \([a-z_0-9]*\).*/\2/p')
status=0
for name in $names; do
  case " $allowed tanh " in *" $name "*) continue ;; esac
  for file in $(grep -rlw --include='*.[chly]' --include='*.def' -e "$name" compiler grammar || true); do
    if gcc -fpreprocessed -dD -E -P -x c "$file" 2>/dev/null | grep -nw -e "$name"; then
      echo "$file: names '$name' of the library"
      status=1
    fi
  done
done
exit $status
