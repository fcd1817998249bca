/* Movement, reductions and contractions: compositions collapse, constants stay constants. */
#include <string.h>

#include "opt/rewrite.h"

/* Any movement (or copy) of a constant is that constant in the new shape. */
static Node *constant_moves(Graph *graph, Node *node) {
    double value;
    return constant_value(node->inputs[0], &value) ? node_fill(graph, &node->type, value) : NULL;
}

/* ---- reshape ----------------------------------------------------------------------------------------------------------- */

static Node *reshape_twice(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (type_equal(&node->type, &input->type)) return input;
    if (input->op != OP_RESHAPE) return NULL;
    return node_reshape(graph, input->inputs[0], node->type.rank, node->type.dims);
}

/* A reshape that only inserts axes of size 1 is an expansion along them, which index arithmetic likes better. */
static Node *reshape_inserts(Graph *graph, Node *node) {
    const Type *from = &node->inputs[0]->type, *to = &node->type;
    int         axes[MAX_RANK], n = 0, at = 0;
    for (int i = 0; i < to->rank; i++) {
        int64_t size;
        if (at < from->rank && to->dims[i] == from->dims[at])
            at++;
        else if (dim_is_const(to->dims[i], &size) && size == 1)
            axes[n++] = i;
        else
            return NULL;
    }
    return at == from->rank && n > 0 ? node_expand(graph, node->inputs[0], to, n, axes) : NULL;
}

/* reshape(expand(x)) = x where the expansion only inserted axes of size 1 that the reshape takes away. */
static Node *reshape_removes(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    (void)graph;
    if (input->op != OP_EXPAND) return NULL;
    for (int i = 0; i < input->attr.axes.count; i++) {
        int64_t size;
        if (!dim_is_const(input->type.dims[input->attr.axes.axes[i]], &size) || size != 1) return NULL;
    }
    return node_reshape(graph, input->inputs[0], node->type.rank, node->type.dims);
}

/* ---- permute ------------------------------------------------------------------------------------------------------------- */

static Node *permute_twice(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (input->op != OP_PERMUTE) return NULL;
    int axes[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) axes[i] = input->attr.axes.axes[node->attr.axes.axes[i]];
    return node_permute(graph, input->inputs[0], axes);
}

/* ---- expand --------------------------------------------------------------------------------------------------------------- */

/* expand(expand(x)): one expansion along both sets of axes. */
static Node *expand_twice(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (input->op != OP_EXPAND) return NULL;
    bool fresh[MAX_RANK] = {false};
    for (int i = 0; i < node->attr.axes.count; i++) fresh[node->attr.axes.axes[i]] = true;
    int axes[MAX_RANK], n = 0, at = 0;
    for (int i = 0; i < node->type.rank; i++) {
        bool inner = false;
        for (int k = 0; !fresh[i] && k < input->attr.axes.count; k++) inner |= input->attr.axes.axes[k] == at;
        if (fresh[i] || inner) axes[n++] = i;
        if (!fresh[i]) at++;
    }
    return node_expand(graph, input->inputs[0], &node->type, n, axes);
}

/* ---- slice, pad ------------------------------------------------------------------------------------------------------------ */

static Node *slice_twice(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (input->op != OP_SLICE) return NULL;
    const Dim *offsets[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) {
        offsets[i] = dim_add(graph_dims(graph), node->attr.offsets[i], input->attr.offsets[i]);
        if (!offsets[i]) return NULL;
    }
    return node_slice(graph, input->inputs[0], offsets, &node->type);
}

/* slice(pad(x)) at the same place and size = x */
static Node *slice_of_pad(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    (void)graph;
    if (input->op != OP_PAD || !type_equal(&input->inputs[0]->type, &node->type)) return NULL;
    for (int i = 0; i < node->type.rank; i++)
        if (node->attr.offsets[i] != input->attr.offsets[i]) return NULL;
    return input->inputs[0];
}

/* ---- reductions -------------------------------------------------------------------------------------------------------------- */

static bool in_axes(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* Axes of size 1 are not reduced but dropped: what is left is a reshape. */
static Node *reduce_size_one(Graph *graph, Node *node) {
    const Type *input = &node->inputs[0]->type;
    int         axes[MAX_RANK], n = 0, keep[MAX_RANK], at = 0;
    const Dim  *dims[MAX_RANK];
    for (int i = 0; i < input->rank; i++) {
        int64_t size;
        bool    one = in_axes(node, i) && dim_is_const(input->dims[i], &size) && size == 1;
        if (one) continue;
        dims[at]   = input->dims[i];
        keep[at++] = i;
    }
    if (at == input->rank) return NULL;
    Node *squeezed = node_reshape(graph, node->inputs[0], at, dims);
    for (int i = 0; i < at; i++)
        if (in_axes(node, keep[i])) axes[n++] = i;
    return node_reduce(graph, node->op, squeezed, n, axes);
}

/* sum(sum(x)): one sum over both sets of axes; the same for max. */
static Node *reduce_twice(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (input->op != node->op) return NULL;
    int axes[MAX_RANK], n = 0, at = 0;
    for (int i = 0; i < input->inputs[0]->type.rank; i++) {
        bool inner = in_axes(input, i);
        if (inner || in_axes(node, at)) axes[n++] = i;
        if (!inner) at++;
    }
    return node_reduce(graph, node->op, input->inputs[0], n, axes);
}

/* sum(expand(x)) = x times the sizes of the new axes that are summed */
static Node *sum_of_expand(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    if (input->op != OP_EXPAND || !elem_is_float(node->type.elem)) return NULL;
    DimTable  *table = graph_dims(graph);
    const Dim *times = dim_const(table, 1);
    int        inner_axes[MAX_RANK], n_inner = 0, left[MAX_RANK], n_left = 0, at = 0, out = 0;
    for (int i = 0; i < input->type.rank; i++) {
        bool fresh = in_axes(input, i), summed = in_axes(node, i);
        if (fresh && summed && !(times = dim_mul(table, times, input->type.dims[i]))) return NULL;
        if (!fresh && summed) inner_axes[n_inner++] = at;
        if (!fresh) at++;
        if (!summed && fresh) left[n_left++] = out;
        if (!summed) out++;
    }
    int64_t one;
    if (dim_is_const(times, &one) && one == 1) return NULL;
    Node *sum   = node_reduce(graph, OP_SUM, input->inputs[0], n_inner, inner_axes);
    Node *count = node_cast(graph, node->type.elem, node_dim(graph, times));
    sum         = node_binary(graph, OP_MUL, sum, node_expand_scalar(graph, count, &sum->type));
    return node_expand(graph, sum, &node->type, n_left, left);
}

/* max(expand(x)) over new axes only = x (they are never empty in a step: the batch has a sample) */
static Node *max_of_constant(Graph *graph, Node *node) {
    return constant_moves(graph, node);
}

/* ---- contraction --------------------------------------------------------------------------------------------------------------- */

/* A permuted operand is the operand with other axis numbers, if its free axes keep their order. */
static Node *dot_of_permute(Graph *graph, Node *node) {
    for (int side = 0; side < 2; side++) {
        Node *operand = node->inputs[side];
        if (operand->op != OP_PERMUTE) continue;
        DotAxes       dot            = node->attr.dot;
        int8_t       *batch          = side ? dot.right_batch : dot.left_batch;
        int8_t       *contract       = side ? dot.right_contract : dot.left_contract;
        const int8_t *axes           = operand->attr.axes.axes;
        bool          used[MAX_RANK] = {false}, ordered = true;
        for (int i = 0; i < dot.n_batch; i++) used[batch[i]] = true;
        for (int i = 0; i < dot.n_contract; i++) used[contract[i]] = true;
        for (int i = 0, last = -1; i < operand->type.rank; i++) {
            if (used[i]) continue;
            ordered &= axes[i] > last;
            last = axes[i];
        }
        if (!ordered) continue;
        for (int i = 0; i < dot.n_batch; i++) batch[i] = axes[batch[i]];
        for (int i = 0; i < dot.n_contract; i++) contract[i] = axes[contract[i]];
        Node *operands[2] = {node->inputs[0], node->inputs[1]};
        operands[side]    = operand->inputs[0];
        return node_dot(graph, operands[0], operands[1], &dot);
    }
    return NULL;
}

/* permute(dot(a, b)) = dot(b, a) where the permutation exchanges the blocks of left and right free axes. */
static Node *permute_of_dot(Graph *graph, Node *node) {
    const Node *dot = node->inputs[0];
    if (dot->op != OP_DOT) return NULL;
    const DotAxes *from    = &dot->attr.dot;
    int            n_batch = from->n_batch, n_left = dot->inputs[0]->type.rank - n_batch - from->n_contract;
    int            n_right = dot->type.rank - n_batch - n_left;
    for (int i = 0; i < dot->type.rank; i++) {
        int expected = i < n_batch ? i : i < n_batch + n_right ? i + n_left : i - n_right;
        if (node->attr.axes.axes[i] != expected) return NULL;
    }
    DotAxes to = {.n_batch = from->n_batch, .n_contract = from->n_contract};
    memcpy(to.left_batch, from->right_batch, sizeof to.left_batch);
    memcpy(to.right_batch, from->left_batch, sizeof to.right_batch);
    memcpy(to.left_contract, from->right_contract, sizeof to.left_contract);
    memcpy(to.right_contract, from->left_contract, sizeof to.right_contract);
    return node_dot(graph, dot->inputs[1], dot->inputs[0], &to);
}

RewriteRule *const rules_reshape[]    = {constant_moves, reshape_twice, reshape_removes, reshape_inserts, NULL};
RewriteRule *const rules_permute[]    = {constant_moves, permute_twice, permute_of_dot, NULL};
RewriteRule *const rules_expand[]     = {expand_twice, NULL};
RewriteRule *const rules_slice[]      = {constant_moves, slice_twice, slice_of_pad, NULL};
RewriteRule *const rules_pad[]        = {NULL};
RewriteRule *const rules_sum[]        = {reduce_size_one, sum_of_expand, reduce_twice, NULL};
RewriteRule *const rules_reduce_max[] = {max_of_constant, reduce_size_one, reduce_twice, NULL};
RewriteRule *const rules_dot[]        = {dot_of_permute, NULL};
