#!/bin/sh
# structure.sh NNC MODEL.nnet: every line `# structure: TEXT` of the model must be a line (or the start of one) of
# `nnc --emit=kernels`, every line `# plan: TEXT` one of `nnc --emit=plan`; some line of the kernels must contain each `# within: TEXT`, none
# `# absent: TEXT`.
set -u
nnc=$1 model=$2
kernels=$("$nnc" --emit=kernels "$model") && plan=$("$nnc" --emit=plan "$model") || { echo "$model does not compile"; exit 1; }
status=0
has() { printf '%s\n' "$1" | sed 's/^ *//' | awk -v want="$2" 'index($0, want) == 1 { found = 1 } END { exit !found }'; }
while IFS= read -r line; do
    case $line in
    "# structure: "*)
        want=${line#"# structure: "}
        has "$kernels" "$want" || { echo "missing: $want"; status=1; } ;;
    "# plan: "*)
        want=${line#"# plan: "}
        has "$plan" "$want" || { echo "missing: $want"; status=1; shown=$plan; } ;;
    "# within: "*)
        want=${line#"# within: "}
        printf '%s\n' "$kernels" | grep -qF -- "$want" || { echo "nowhere: $want"; status=1; } ;;
    "# absent: "*)
        bad=${line#"# absent: "}
        printf '%s\n' "$kernels" | grep -qF -- "$bad" && { echo "present: $bad"; status=1; } ;;
    esac
done < "$model"
[ $status -eq 0 ] || printf '%s\n' "${shown-$kernels}"
exit $status
