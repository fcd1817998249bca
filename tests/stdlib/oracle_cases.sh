#!/bin/sh
# Each item of the library occurs in a case of tests/oracle, whose values are recorded from PyTorch, scikit-learn or the item's
# formula. What draws random numbers is measured instead (tests/stdlib/random.nnet). Usage: oracle_cases.sh NNC SOURCE_DIR
set -eu
nnc=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# Parts of other items, which are compared as part of those: item, and the item that is compared.
cat > "$work/parts" <<'PARTS'
at_class sparse_cross_entropy
class_counts confusion_matrix
class_weights sparse_cross_entropy
clip_probability bce_probs
delayed ctc
diagonal mean_iou
direction_of spectral_norm
double_conv unet
edges_counted graph_conv
erf_inverse trunc_normal
first_state lstm
forget_one lstm
from_heads attention
gru_step gru
half_state lstm
heads_each attention
label_count ctc
largest take_along
largest_singular spectral_norm
log_sum ctc
lstm_step lstm
mean_of_classes macro_f1
orthogonalised muon
orthonormal orthogonal
orthonormal_rows orthogonal
pairwise_distance triplet
pixels_at sample_bilinear
run_steps gru
run_steps_two lstm
sample_weights sparse_cross_entropy
scaled_normal glorot_normal
scaled_uniform glorot_uniform
seen_of attention
shared_heads attention
steps_seen lstm
to_heads attention
transposed_padding conv2d_transpose
transposed_windows conv2d_transpose
weigh attention
where_seen lstm
whiten group_norm
whole cosine_restarts
with_blanks ctc
with_state lstm
PARTS

# The words of the cases, without comments, and the names that only the header of a case declares.
sed 's/#.*//' tests/oracle/cases/*.nnet tests/stdlib/random.nnet | tr -c 'a-z_0-9A-Z' '\n' | sort -u > "$work/words"
for case in tests/oracle/cases/*.nnet; do
  for precision in f32 f64; do
    record=tests/oracle/records/$(basename "$case" .nnet).$precision.safetensors
    [ -s "$record" ] || { echo "$case: no $record"; status=1; }
  done
done
"$nnc" doc --std --format=json |
  sed 's/^{"kind":"\([a-z]*\)","name":"\([a-z_0-9]*\)","module":"std\.\([a-z_.]*\)".*/\1 \2 \3/' > "$work/items"
while read -r part whole; do
  grep -q " $part " "$work/items" || { echo "oracle_cases.sh lists '$part', which the library has not"; status=1; }
  grep -qx "$whole" "$work/words" || { echo "oracle_cases.sh: no case of '$whole', of which '$part' is part"; status=1; }
done < "$work/parts"
while read -r kind name module; do
  # Constants; windows: part of convolution and pooling; what draws, measured by the tests beside it.
  case $kind.$module.$name in const.* | *.layers.windows.* | *.layers.augmentation.[!ps]*) continue ;; esac
  grep -qx "$name" "$work/words" || grep -q "^$name " "$work/parts" || {
    echo "stdlib/$(echo "$module" | tr . /).nnet: no case of tests/oracle has '$name'"
    status=1
  }
done < "$work/items"
[ -s "$work/items" ] || { echo "the library has no items"; status=1; }
exit $status
