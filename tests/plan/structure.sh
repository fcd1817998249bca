#!/bin/sh
# structure.sh NNC MODEL.nnet: every line `# structure: TEXT` of the model must be a line (or the start of one) of
# `nnc --emit=kernels`, and no line may match `# absent: TEXT`.
set -u
nnc=$1 model=$2
out=$("$nnc" --emit=kernels "$model") || { echo "$model does not compile"; exit 1; }
status=0
while IFS= read -r line; do
    case $line in
    "# structure: "*)
        want=${line#"# structure: "}
        printf '%s\n' "$out" | sed 's/^ *//' | awk -v want="$want" 'index($0, want) == 1 { found = 1 } END { exit !found }' ||
            { echo "missing: $want"; status=1; } ;;
    "# absent: "*)
        bad=${line#"# absent: "}
        printf '%s\n' "$out" | grep -qF -- "$bad" && { echo "present: $bad"; status=1; } ;;
    esac
done < "$model"
[ $status -eq 0 ] || printf '%s\n' "$out"
exit $status
