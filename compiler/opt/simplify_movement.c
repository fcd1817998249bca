/* Movement: compositions collapse, constants stay constants. */
#include <string.h>

#include "opt/rewrite.h"

/* Any movement of a constant that only repeats or leaves out elements is that constant in the new shape. */
Node *constant_moves(Graph *graph, Node *node) {
    double value;
    return constant_value(node->inputs[0], &value) ? node_fill(graph, &node->type, value) : NULL;
}

/* ---- reshape ----------------------------------------------------------------------------------------------------------- */

Node *reshape_to_own(Graph *graph, Node *node) {
    (void)graph;
    return type_equal(&node->type, &node->inputs[0]->type) ? node->inputs[0] : NULL;
}

/* reshape(reshape(x)) = reshape(x) */
Node *reshape_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    return input->op == OP_RESHAPE ? node_reshape(graph, input->inputs[0], node->type.rank, node->type.dims) : NULL;
}

/* A reshape that only inserts axes of size 1 is an expansion along them, which index arithmetic likes better. */
Node *reshape_inserts(Graph *graph, Node *node) {
    const Type *from = &node->inputs[0]->type, *to = &node->type;
    int         axes[MAX_RANK], n = 0, at = 0;
    for (int i = 0; i < to->rank; i++) {
        if (at < from->rank && to->dims[i] == from->dims[at])
            at++;
        else if (is_one(to->dims[i]))
            axes[n++] = i;
        else
            return NULL;
    }
    return at == from->rank && n > 0 ? node_expand(graph, node->inputs[0], to, n, axes) : NULL;
}

/* ---- permute ------------------------------------------------------------------------------------------------------------- */

/* permute(permute(x)): one permutation */
Node *permute_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    int         axes[MAX_RANK];
    if (input->op != OP_PERMUTE) return NULL;
    for (int i = 0; i < node->type.rank; i++) axes[i] = input->attr.axes.axes[node->attr.axes.axes[i]];
    return node_permute(graph, input->inputs[0], axes);
}

/* permute(dot(a, b)) where right free axes come before left ones, each in their order: of dot(b, a), in which they do so by themselves. What is left
 * of the permutation moves batch axes. */
Node *permute_of_dot(Graph *graph, Node *node) {
    const Node *dot = node->inputs[0];
    if (dot->op != OP_DOT) return NULL;
    const DotAxes *from    = &dot->attr.dot;
    int            n_batch = from->n_batch, n_left = dot->inputs[0]->type.rank - n_batch - from->n_contract;
    int            n_right = dot->type.rank - n_batch - n_left, axes[MAX_RANK], next = n_batch;
    if (!n_left || !n_right) return NULL;
    for (int i = 0; i < dot->type.rank; i++) {
        int axis = node->attr.axes.axes[i];
        axes[i]  = axis;
        if (axis < n_batch) continue;
        axes[i] = next++;
        if (axis != (axes[i] < n_batch + n_right ? axes[i] + n_left : axes[i] - n_right)) return NULL;
    }
    DotAxes to = {.n_batch = from->n_batch, .n_contract = from->n_contract};
    memcpy(to.left_batch, from->right_batch, sizeof to.left_batch);
    memcpy(to.right_batch, from->left_batch, sizeof to.right_batch);
    memcpy(to.left_contract, from->right_contract, sizeof to.left_contract);
    memcpy(to.right_contract, from->left_contract, sizeof to.right_contract);
    return node_permute(graph, node_dot(graph, dot->inputs[1], dot->inputs[0], &to), axes);
}

/* ---- slice, pad ------------------------------------------------------------------------------------------------------------ */

static bool add_offsets(Graph *graph, const Node *a, const Node *b, const Dim **sums) {
    for (int i = 0; i < a->type.rank; i++)
        if (!(sums[i] = dim_add(graph_dims(graph), a->attr.offsets[i], b->attr.offsets[i]))) return false;
    return true;
}

/* slice(slice(x)): one slice at the sum of the offsets */
Node *slice_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    const Dim  *offsets[MAX_RANK];
    if (input->op != OP_SLICE || !add_offsets(graph, node, input, offsets)) return NULL;
    return node_slice(graph, input->inputs[0], offsets, &node->type);
}

/* pad(pad(x)): one pad at the sum of the offsets */
Node *pad_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    const Dim  *offsets[MAX_RANK];
    if (input->op != OP_PAD || !add_offsets(graph, node, input, offsets)) return NULL;
    return node_pad(graph, input->inputs[0], offsets, &node->type);
}

/* pad(0) = 0 */
Node *pad_of_zero(Graph *graph, Node *node) {
    return is_constant(node->inputs[0], 0) ? node_fill(graph, &node->type, 0) : NULL;
}

/* slice(pad(x)) at the same place and size = x */
Node *slice_of_pad(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    (void)graph;
    if (input->op != OP_PAD || !type_equal(&input->inputs[0]->type, &node->type)) return NULL;
    for (int i = 0; i < node->type.rank; i++)
        if (node->attr.offsets[i] != input->attr.offsets[i]) return NULL;
    return input->inputs[0];
}

/* slice(concat(..., x, ...)) at x's place and size = x */
Node *slice_of_concat(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    if (input->op != OP_CONCAT) return NULL;
    const Dim *zero = dim_const(graph_dims(graph), 0), *at = zero;
    for (int i = 0; i < node->type.rank; i++)
        if (i != input->attr.axis && node->attr.offsets[i] != zero) return NULL;
    for (int i = 0; i < input->n_inputs && at; i++) {
        Node *part = input->inputs[i];
        if (node->attr.offsets[input->attr.axis] == at && type_equal(&part->type, &node->type)) return part;
        at = dim_add(graph_dims(graph), at, part->type.dims[input->attr.axis]);
    }
    return NULL;
}

/* concat(concat(a, b), c) = concat(a, b, c) along the same axis */
Node *concat_of_concat(Graph *graph, Node *node) {
    int axis = node->attr.axis, n = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        const Node *part = node->inputs[i];
        n += part->op == OP_CONCAT && part->attr.axis == axis ? part->n_inputs : 1;
    }
    if (n == node->n_inputs) return NULL;
    Node **parts = ARENA_ARRAY(graph_arena(graph), Node *, n);
    n            = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        Node *part   = node->inputs[i];
        bool  nested = part->op == OP_CONCAT && part->attr.axis == axis;
        for (int k = 0; k < (nested ? part->n_inputs : 1); k++) parts[n++] = nested ? part->inputs[k] : part;
    }
    return node_concat(graph, n, parts, axis);
}
