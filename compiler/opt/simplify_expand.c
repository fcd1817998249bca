/* Expansions move towards their uses: what is computed on a smaller shape is computed there. */
#include "opt/rewrite.h"

typedef struct AxisSet { /* of a shape's axes */
    int  count;
    int  axes[MAX_RANK];
    bool has[MAX_RANK];
} AxisSet;

static AxisSet axis_set(int rank, const bool *has) {
    AxisSet set = {0};
    for (int i = 0; i < rank; i++)
        if (has[i]) set.has[i] = true, set.axes[set.count++] = i;
    return set;
}

/* A type without some of its axes. */
static Type without(const Type *type, const AxisSet *axes) {
    Type rest = {.elem = type->elem};
    for (int i = 0; i < type->rank; i++)
        if (!axes->has[i]) rest.dims[rest.rank++] = type->dims[i];
    return rest;
}

static Node *expand_along(Graph *graph, Node *x, const Type *shape, const AxisSet *axes) {
    return node_expand(graph, x, shape, axes->count, axes->axes);
}

/* ---- elementwise ---------------------------------------------------------------------------------------------------------- */

/* The axes along which every input is expanded (constants are along all); false when none is or all are constants. */
static bool shared_axes(const Node *node, AxisSet *shared) {
    bool   has[MAX_RANK], any = false;
    double value;
    for (int axis = 0; axis < node->type.rank; axis++) {
        has[axis] = true;
        for (int i = 0; i < node->n_inputs; i++) {
            const Node *input = node->inputs[i];
            if (constant_value(input, &value)) continue;
            has[axis] &= input->op == OP_EXPAND && names_axis(input, axis);
            any = true;
        }
    }
    *shared = axis_set(node->type.rank, has);
    return any && shared->count > 0;
}

/* An expansion without some of the axes it is along. */
static Node *drop_axes(Graph *graph, Node *input, const AxisSet *dropped) {
    Type   small = without(&input->type, dropped);
    bool   left[MAX_RANK];
    int    at = 0;
    double value;
    if (constant_value(input, &value)) return node_fill(graph, &small, value);
    for (int i = 0; i < input->type.rank; i++)
        if (!dropped->has[i]) left[at++] = names_axis(input, i);
    AxisSet axes = axis_set(at, left);
    return expand_along(graph, input->inputs[0], &small, &axes);
}

/* f(expand a, expand b) = expand f(a, b) along the axes that both are expanded along */
Node *sink_expand(Graph *graph, Node *node) {
    AxisSet shared;
    Node   *inputs[3];
    if (node->type.rank == 0 || !shared_axes(node, &shared)) return NULL;
    for (int i = 0; i < node->n_inputs; i++) inputs[i] = drop_axes(graph, node->inputs[i], &shared);
    Type  small = without(&node->type, &shared);
    Node *inner = graph_node(graph, node->op, &small, node->n_inputs, inputs, &node->attr);
    return expand_along(graph, inner, &node->type, &shared);
}

/* ---- movement --------------------------------------------------------------------------------------------------------------- */

/* expand(expand(x)): one expansion along both sets of axes */
Node *expand_twice(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    bool        has[MAX_RANK];
    if (input->op != OP_EXPAND) return NULL;
    for (int i = 0, at = 0; i < node->type.rank; i++) {
        has[i] = names_axis(node, i);
        if (!has[i]) has[i] = names_axis(input, at++);
    }
    AxisSet axes = axis_set(node->type.rank, has);
    return expand_along(graph, input->inputs[0], &node->type, &axes);
}

/* permute(expand(x)) = expand(permute(x)) */
Node *permute_of_expand(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    bool        has[MAX_RANK];
    int         inner[MAX_RANK], place[MAX_RANK], n = 0, at = 0;
    if (input->op != OP_EXPAND) return NULL;
    for (int i = 0; i < input->type.rank; i++) place[i] = names_axis(input, i) ? -1 : at++;
    for (int i = 0; i < node->type.rank; i++) {
        int from = node->attr.axes.axes[i];
        has[i]   = place[from] < 0;
        if (!has[i]) inner[n++] = place[from];
    }
    AxisSet axes = axis_set(node->type.rank, has);
    return expand_along(graph, node_permute(graph, input->inputs[0], inner), &node->type, &axes);
}

/* reshape(expand(x)): of a scalar, the scalar expanded to the new shape; where the expansion only inserted axes of size 1, a
 * reshape of x */
Node *reshape_of_expand(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    if (input->op != OP_EXPAND) return NULL;
    Node *x = input->inputs[0];
    if (x->type.rank == 0) return node_expand_scalar(graph, x, &node->type);
    for (int i = 0; i < input->attr.axes.count; i++)
        if (!is_one(input->type.dims[input->attr.axes.axes[i]])) return NULL;
    return node_reshape(graph, x, node->type.rank, node->type.dims);
}

/* slice(expand(x)) = expand(slice(x)) */
Node *slice_of_expand(Graph *graph, Node *node) {
    const Node *input = node->inputs[0];
    const Dim  *offsets[MAX_RANK];
    bool        has[MAX_RANK];
    int         n = 0;
    if (input->op != OP_EXPAND) return NULL;
    for (int i = 0; i < node->type.rank; i++) {
        has[i] = names_axis(input, i);
        if (!has[i]) offsets[n++] = node->attr.offsets[i];
    }
    AxisSet axes  = axis_set(node->type.rank, has);
    Type    small = without(&node->type, &axes);
    return expand_along(graph, node_slice(graph, input->inputs[0], offsets, &small), &node->type, &axes);
}

/* ---- reductions --------------------------------------------------------------------------------------------------------------- */

typedef struct Reduced { /* a reduction of an expansion, taken apart */
    Node      *inner;    /* the reduction over x's own axes */
    const Dim *times;    /* the product of the new axes that are reduced */
    AxisSet    rest;     /* the new axes that stay, in the result */
    bool       any;      /* whether a new axis is reduced */
} Reduced;

/* False when the product overflows. */
static bool reduce_inner(Graph *graph, const Node *node, Reduced *r) {
    const Node *input = node->inputs[0];
    bool        rest[MAX_RANK];
    int         axes[MAX_RANK], n = 0, at = 0, out = 0;
    r->times = dim_const(graph_dims(graph), 1);
    r->any   = false;
    for (int i = 0; i < input->type.rank; i++) {
        bool fresh = names_axis(input, i), reduced = names_axis(node, i);
        if (fresh && reduced) {
            r->any   = true;
            r->times = dim_mul(graph_dims(graph), r->times, input->type.dims[i]);
            if (!r->times) return false;
        }
        if (!fresh && reduced) axes[n++] = at;
        if (!fresh) at++;
        if (!reduced) rest[out++] = fresh;
    }
    r->rest  = axis_set(out, rest);
    r->inner = node_reduce(graph, node->op, input->inputs[0], n, axes);
    return true;
}

/* sum(expand(x)) = expand(sum(x)) times the sizes of the new axes that are summed */
Node *sum_of_expand(Graph *graph, Node *node) {
    Reduced r;
    if (node->inputs[0]->op != OP_EXPAND || !reduce_inner(graph, node, &r)) return NULL;
    Node *count = node_cast(graph, node->type.elem, node_dim(graph, r.times));
    Node *sum   = r.inner;
    if (r.any) sum = node_binary(graph, OP_MUL, sum, node_expand_scalar(graph, count, &sum->type));
    return expand_along(graph, sum, &node->type, &r.rest);
}

/* max(expand(x)) = expand(max(x)), unless a new axis that may be empty is reduced */
Node *max_of_expand(Graph *graph, Node *node) {
    Reduced r;
    int64_t size;
    if (node->inputs[0]->op != OP_EXPAND || !reduce_inner(graph, node, &r)) return NULL;
    if (!dim_is_const(r.times, &size) || size < 1) return NULL;
    return expand_along(graph, r.inner, &node->type, &r.rest);
}

/* ---- contraction --------------------------------------------------------------------------------------------------------------- */

typedef struct Operand {       /* of a dot: where its axes go in the product, and which expansions it can do without */
    int     place[MAX_RANK];   /* axis of the product; -1: contracted */
    int     partner[MAX_RANK]; /* of a contracted axis: the other operand's axis */
    AxisSet expanded;          /* free or contracted axes along which it is expanded */
} Operand;

static Operand operand_of(const Node *node, bool right) {
    const Node    *x               = node->inputs[right];
    const DotAxes *dot             = &node->attr.dot;
    const int8_t  *batch           = right ? dot->right_batch : dot->left_batch;
    const int8_t  *contract        = right ? dot->right_contract : dot->left_contract;
    const int8_t  *partner         = right ? dot->left_contract : dot->right_contract;
    bool           bound[MAX_RANK] = {false}, has[MAX_RANK];
    Operand        o;
    int            at = right ? node->inputs[0]->type.rank - dot->n_contract : dot->n_batch;
    for (int i = 0; i < MAX_RANK; i++) o.place[i] = o.partner[i] = -1;
    for (int i = 0; i < dot->n_batch; i++) bound[batch[i]] = true, o.place[batch[i]] = i;
    for (int i = 0; i < dot->n_contract; i++) bound[contract[i]] = true, o.partner[contract[i]] = partner[i];
    for (int i = 0; i < x->type.rank; i++) {
        bool is_batch = bound[i] && o.partner[i] < 0;
        if (!bound[i]) o.place[i] = at++;
        has[i] = x->op == OP_EXPAND && names_axis(x, i) && !is_batch;
    }
    o.expanded = axis_set(x->type.rank, has);
    return o;
}

/* The same axes numbered without the dropped ones. */
static void renumber(int8_t *axes, int n, const AxisSet *dropped) {
    for (int i = 0; i < n; i++) {
        int before = 0;
        for (int k = 0; k < axes[i]; k++) before += dropped->has[k];
        axes[i] = (int8_t)(axes[i] - before);
    }
}

/* An operand that is the same along a contracted axis: the other one is summed along it. Along a free axis: so is the product. */
Node *dot_of_expand(Graph *graph, Node *node) {
    for (int side = 0; side < 2; side++) {
        Operand o = operand_of(node, side);
        if (!o.expanded.count) continue;
        DotAxes dot              = node->attr.dot;
        int8_t *mine             = side ? dot.right_contract : dot.left_contract;
        int8_t *theirs           = side ? dot.left_contract : dot.right_contract;
        bool    summed[MAX_RANK] = {false}, repeated[MAX_RANK] = {false};
        int     n = 0;
        for (int i = 0; i < dot.n_contract; i++) {
            if (o.expanded.has[mine[i]]) continue;
            mine[n]     = mine[i];
            theirs[n++] = theirs[i];
        }
        dot.n_contract = (int8_t)n;
        for (int i = 0; i < o.expanded.count; i++) {
            int axis = o.expanded.axes[i];
            if (o.partner[axis] >= 0)
                summed[o.partner[axis]] = true;
            else
                repeated[o.place[axis]] = true;
        }
        Node   *operands[2];
        Node   *other = node->inputs[1 - side];
        AxisSet sums = axis_set(other->type.rank, summed), copies = axis_set(node->type.rank, repeated);
        operands[side]     = drop_axes(graph, node->inputs[side], &o.expanded);
        operands[1 - side] = node_reduce(graph, OP_SUM, other, sums.count, sums.axes);
        renumber(mine, n, &o.expanded);
        renumber(side ? dot.right_batch : dot.left_batch, dot.n_batch, &o.expanded);
        renumber(theirs, n, &sums);
        renumber(side ? dot.left_batch : dot.right_batch, dot.n_batch, &sums);
        return expand_along(graph, node_dot(graph, operands[0], operands[1], &dot), &node->type, &copies);
    }
    return NULL;
}
