/* Reductions and contractions. */
#include "opt/rewrite.h"

/* ---- reductions ----------------------------------------------------------------------------------------------------------- */

/* Axes of size 1 are not reduced but dropped: what is left is a reshape. */
Node *reduce_size_one(Graph *graph, Node *node) {
    const Type *input = &node->inputs[0]->type;
    const Dim  *dims[MAX_RANK];
    int         axes[MAX_RANK], n = 0, at = 0;
    for (int i = 0; i < input->rank; i++) {
        bool reduced = names_axis(node, i);
        if (reduced && is_one(input->dims[i])) continue;
        if (reduced) axes[n++] = at;
        dims[at++] = input->dims[i];
    }
    if (at == input->rank) return NULL;
    return node_reduce(graph, node->op, node_reshape(graph, node->inputs[0], at, dims), n, axes);
}

/* sum(sum(x)): one sum over both sets of axes, where nothing else reads the inner one; the same for max */
Node *reduce_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    int         axes[MAX_RANK], n = 0, at = 0;
    if (input->op != node->op) return NULL;
    for (int i = 0; i < input->inputs[0]->type.rank; i++) {
        bool inner = names_axis(input, i);
        if (inner || names_axis(node, at)) axes[n++] = i;
        if (!inner) at++;
    }
    return node_reduce(graph, node->op, input->inputs[0], n, axes);
}

/* sum(permute(x)) = permute(sum(x)), usually the identity then */
Node *reduce_of_permute(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    int         axes[MAX_RANK], n = 0, kept[MAX_RANK], n_kept = 0, order[MAX_RANK];
    if (input->op != OP_PERMUTE) return NULL;
    for (int i = 0; i < input->type.rank; i++) {
        int from = input->attr.axes.axes[i];
        if (names_axis(node, i))
            axes[n++] = from;
        else
            kept[n_kept++] = from;
    }
    for (int i = 0; i < n_kept; i++) {
        order[i] = 0;
        for (int k = 0; k < n_kept; k++) order[i] += kept[k] < kept[i];
    }
    return node_permute(graph, node_reduce(graph, node->op, input->inputs[0], n, axes), order);
}

/* The sum of everything does not depend on the shape; one over axes before those that the reshape cuts or joins comes first. */
Node *reduce_of_reshape(Graph *graph, Node *node) {
    const Node      *input = node->inputs[0];
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    int              same  = 0, axes[MAX_RANK];
    if (input->op != OP_RESHAPE) return NULL;
    Node *x = input->inputs[0];
    if (node->type.rank == 0) return node_reduce(graph, node->op, x, x->type.rank, all);
    while (same < x->type.rank && same < input->type.rank && x->type.dims[same] == input->type.dims[same]) same++;
    for (int i = 0; i < node->attr.axes.count; i++) {
        axes[i] = node->attr.axes.axes[i];
        if (axes[i] >= same) return NULL;
    }
    Node *reduced = node_reduce(graph, node->op, x, node->attr.axes.count, axes);
    return node_reshape(graph, reduced, node->type.rank, node->type.dims);
}

/* sum(0) = 0 */
Node *sum_of_zero(Graph *graph, Node *node) {
    return is_constant(node->inputs[0], 0) ? node_fill(graph, &node->type, 0) : NULL;
}

/* sum(-x) = -sum(x) */
Node *sum_of_neg(Graph *graph, Node *node) {
    Node *input = node->inputs[0], *sum = input;
    int   axes[MAX_RANK];
    if (input->op != OP_NEG) return NULL;
    for (int i = 0; i < node->attr.axes.count; i++) axes[i] = node->attr.axes.axes[i];
    sum = node_reduce(graph, OP_SUM, input->inputs[0], node->attr.axes.count, axes);
    return node_unary(graph, OP_NEG, sum);
}

/* A factor that is the same along all axes that `sum` sums over, in the sum's shape; or NULL. */
static Node *factor_outside(Graph *graph, const Node *sum, const Node *factor) {
    int    axes[MAX_RANK], n = 0, out = 0;
    double value;
    if (constant_value(factor, &value)) return node_fill(graph, &sum->type, value);
    if (factor->op != OP_EXPAND) return NULL;
    for (int i = 0; i < factor->type.rank; i++) {
        bool fresh = names_axis(factor, i), summed = names_axis(sum, i);
        if (summed && !fresh) return NULL;
        if (!summed && fresh) axes[n++] = out;
        if (!summed) out++;
    }
    return node_expand(graph, factor->inputs[0], &sum->type, n, axes);
}

/* sum(x * c) = sum(x) * c for a c that does not change along the summed axes */
Node *sum_of_product(Graph *graph, Node *node) {
    const Node *product = node->inputs[0];
    int         axes[MAX_RANK];
    if (product->op != OP_MUL || !elem_is_float(node->type.elem)) return NULL;
    for (int i = 0; i < node->attr.axes.count; i++) axes[i] = node->attr.axes.axes[i];
    for (int i = 1; i >= 0; i--) {
        Node *factor = factor_outside(graph, node, product->inputs[i]);
        if (!factor) continue;
        Node *sum = node_reduce(graph, OP_SUM, product->inputs[1 - i], node->attr.axes.count, axes);
        return node_binary(graph, OP_MUL, sum, factor);
    }
    return NULL;
}

/* A term of a combination is summed with its factors outside: x * c as sum(x) * c. Without such a factor it is none (NULL). */
static Node *sum_of_term(Graph *graph, const Node *sum, Node *term) {
    int axes[MAX_RANK];
    if (term->op == OP_ADD) {
        Node *x = sum_of_term(graph, sum, term->inputs[0]), *y = x ? sum_of_term(graph, sum, term->inputs[1]) : NULL;
        return y ? node_binary(graph, OP_ADD, x, y) : NULL;
    }
    if (term->op != OP_MUL) return NULL;
    for (int i = 1; i >= 0; i--) {
        if (term->inputs[i]->op != OP_EXPAND) continue;
        Node *factor = factor_outside(graph, sum, term->inputs[i]), *x = term->inputs[1 - i];
        if (!factor) continue;
        Node *inner = sum_of_term(graph, sum, x);
        for (int a = 0; a < sum->attr.axes.count; a++) axes[a] = sum->attr.axes.axes[a];
        if (!inner) inner = node_reduce(graph, OP_SUM, x, sum->attr.axes.count, axes);
        return node_binary(graph, OP_MUL, inner, factor);
    }
    return NULL;
}

/* sum(x * c + y * d) = sum(x) * c + sum(y) * d for c and d that do not change along the summed axes. The gradients of norms ask for such sums
 * where c and d are themselves sums of x and y: these then take one pass over x and y instead of two. */
Node *sum_of_combination(Graph *graph, Node *node) {
    Node *input = node->inputs[0];
    return input->op == OP_ADD && elem_is_float(node->type.elem) ? sum_of_term(graph, node, input) : NULL;
}

/* ---- contraction ------------------------------------------------------------------------------------------------------------- */

/* Marks an operand's batch and contracted axes. */
static void mark_axes(const DotAxes *dot, bool right, bool *used) {
    for (int i = 0; i < dot->n_batch; i++) used[right ? dot->right_batch[i] : dot->left_batch[i]] = true;
    for (int i = 0; i < dot->n_contract; i++) used[right ? dot->right_contract[i] : dot->left_contract[i]] = true;
}

/* dot(permute(a), b) = dot(a, b) with other axis numbers, if a's free axes keep their order */
Node *dot_of_permute(Graph *graph, Node *node) {
    for (int side = 0; side < 2; side++) {
        const Node *operand        = node->inputs[side];
        bool        used[MAX_RANK] = {false}, ordered = true;
        if (operand->op != OP_PERMUTE) continue;
        DotAxes       dot      = node->attr.dot;
        int8_t       *batch    = side ? dot.right_batch : dot.left_batch;
        int8_t       *contract = side ? dot.right_contract : dot.left_contract;
        const int8_t *axes     = operand->attr.axes.axes;
        mark_axes(&dot, side, used);
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

/* An operand without some of its axes, which have size 1. `place` gets where the others are then. */
static Node *squeeze(Graph *graph, Node *x, const bool *gone, int8_t *place) {
    const Dim *dims[MAX_RANK];
    int        rank = 0;
    for (int i = 0; i < x->type.rank; i++) {
        place[i] = (int8_t)rank;
        if (!gone[i]) dims[rank++] = x->type.dims[i];
    }
    return node_reshape(graph, x, rank, dims);
}

/* Contracted axes of size 1 are no contraction: both operands lose them. */
Node *dot_size_one(Graph *graph, Node *node) {
    const DotAxes *from              = &node->attr.dot;
    DotAxes        to                = {.n_batch = from->n_batch};
    bool           gone[2][MAX_RANK] = {{false}};
    int8_t         place[2][MAX_RANK];
    Node          *operands[2];
    for (int i = 0; i < from->n_contract; i++)
        gone[0][from->left_contract[i]] = gone[1][from->right_contract[i]] =
            is_one(node->inputs[0]->type.dims[from->left_contract[i]]);
    for (int side = 0; side < 2; side++) operands[side] = squeeze(graph, node->inputs[side], gone[side], place[side]);
    for (int i = 0; i < from->n_contract; i++) {
        if (gone[0][from->left_contract[i]]) continue;
        to.left_contract[to.n_contract]    = place[0][from->left_contract[i]];
        to.right_contract[to.n_contract++] = place[1][from->right_contract[i]];
    }
    if (to.n_contract == from->n_contract) return NULL;
    for (int i = 0; i < from->n_batch; i++) {
        to.left_batch[i]  = place[0][from->left_batch[i]];
        to.right_batch[i] = place[1][from->right_batch[i]];
    }
    return node_dot(graph, operands[0], operands[1], &to);
}

/* An operand in the order of the product's axes and expanded along the other operand's free axes. */
static Node *spread_operand(Graph *graph, const Node *node, bool right) {
    Node          *x              = node->inputs[right];
    const DotAxes *dot            = &node->attr.dot;
    const int8_t  *batch          = right ? dot->right_batch : dot->left_batch;
    bool           used[MAX_RANK] = {false};
    int            order[MAX_RANK], n = 0, axes[MAX_RANK], n_axes = 0;
    int            n_left = node->inputs[0]->type.rank - dot->n_batch;
    for (int i = 0; i < dot->n_batch; i++) order[n++] = batch[i];
    mark_axes(dot, right, used);
    for (int i = 0; i < x->type.rank; i++)
        if (!used[i]) order[n++] = i;
    for (int i = dot->n_batch; i < node->type.rank; i++)
        if ((i < dot->n_batch + n_left) == right) axes[n_axes++] = i;
    return node_expand(graph, node_permute(graph, x, order), &node->type, n_axes, axes);
}

/* A contraction over no axis is a product of expanded operands. */
Node *dot_is_product(Graph *graph, Node *node) {
    if (node->attr.dot.n_contract > 0) return NULL;
    return node_binary(graph, OP_MUL, spread_operand(graph, node, false), spread_operand(graph, node, true));
}
