/* Shape rules of all ops: they say what is wrong in words, for graph_node() and graph verification. */
#include "ops/shape.h"

#include "ir/scan.h"

#define RULE(name) static const char *shape_##name(Graph *graph, Node *node, bool declared)
#define UNUSED     (void)graph, (void)declared

RULE(declared) {
    UNUSED, (void)node;
    return declared ? NULL : "needs a declared type";
}

RULE(first) {
    UNUSED;
    node->type = node->inputs[0]->type;
    return NULL;
}

RULE(second) {
    UNUSED;
    if (node->inputs[0]->type.rank != 0) return "only a scalar has a gradient";
    node->type = node->inputs[1]->type;
    return NULL;
}

RULE(same) {
    UNUSED;
    node->type = node->inputs[0]->type;
    for (int i = 1; i < node->n_inputs; i++)
        if (!type_equal(&node->inputs[i]->type, &node->type)) return "inputs of different types";
    return NULL;
}

RULE(same_bool) {
    const char *wrong = shape_same(graph, node, declared);
    return wrong ? wrong : node->type.elem != ELEM_BOOL ? "inputs must be bool" : NULL;
}

RULE(compare) {
    const char *wrong = shape_same(graph, node, declared);
    node->type.elem   = ELEM_BOOL;
    return wrong;
}

RULE(select) {
    UNUSED;
    node->type = node->inputs[1]->type;
    if (!type_equal(&node->inputs[2]->type, &node->type)) return "branches of different types";
    if (node->inputs[0]->type.elem != ELEM_BOOL) return "condition must be bool";
    return type_same_shape(&node->inputs[0]->type, &node->type) ? NULL : "condition of another shape";
}

RULE(cast) {
    UNUSED;
    if (!declared) return "needs an element type";
    return type_same_shape(&node->type, &node->inputs[0]->type) ? NULL : "a cast keeps the shape";
}

static bool in_axes(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

RULE(reduce) {
    UNUSED;
    const Type *input = &node->inputs[0]->type;
    node->type        = (Type){.elem = input->elem};
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] < 0 || node->attr.axes.axes[i] >= input->rank) return "axis out of range";
    for (int i = 0; i < input->rank; i++)
        if (!in_axes(node, i)) node->type.dims[node->type.rank++] = input->dims[i];
    return NULL;
}

RULE(argmax) {
    if (node->attr.axes.count != 1) return "takes one axis";
    const char *wrong = shape_reduce(graph, node, declared);
    node->type.elem   = ELEM_I32;
    return wrong;
}

RULE(permute) {
    UNUSED;
    const Type *input = &node->inputs[0]->type;
    unsigned    seen  = 0;
    if (node->attr.axes.count != input->rank) return "needs every axis";
    node->type = *input;
    for (int i = 0; i < input->rank; i++) {
        int axis = node->attr.axes.axes[i];
        if (axis < 0 || axis >= input->rank || seen >> axis & 1) return "not a permutation";
        seen |= 1u << axis;
        node->type.dims[i] = input->dims[axis];
    }
    return NULL;
}

/* b - a where that is known, else 0. */
static int64_t known_excess(Graph *graph, const Dim *a, const Dim *b) {
    const Dim *rest = dim_sub(graph_dims(graph), b, a);
    int64_t    value;
    return rest && dim_is_const(rest, &value) ? value : 0;
}

/* NULL where the product overflows. */
static const Dim *element_count(Graph *graph, const Type *type) {
    const Dim *count = dim_const(graph_dims(graph), 1);
    for (int i = 0; i < type->rank && count; i++) count = dim_mul(graph_dims(graph), count, type->dims[i]);
    return count;
}

RULE(reshape) {
    const Type *input = &node->inputs[0]->type;
    if (!declared) return "needs a declared type";
    if (node->type.elem != input->elem) return "keeps the element type";
    const Dim *from = element_count(graph, input), *to = element_count(graph, &node->type);
    return from && to && known_excess(graph, from, to) != 0 ? "changes the number of elements" : NULL;
}

RULE(expand) {
    (void)graph;
    const Type *input = &node->inputs[0]->type;
    int         at    = 0;
    if (!declared) return "needs a declared type";
    if (node->type.elem != input->elem) return "keeps the element type";
    if (node->type.rank != input->rank + node->attr.axes.count) return "adds another number of axes";
    for (int i = 0; i < node->type.rank; i++)
        if (!in_axes(node, i) && (at == input->rank || node->type.dims[i] != input->dims[at++]))
            return "changes an axis of its input";
    return NULL;
}

/* `part` must lie within `whole` at the offsets; what cannot be decided was checked by whoever built the node. */
static const char *check_part(Graph *graph, const Node *node, const Type *part, const Type *whole) {
    const Dim *zero = dim_const(graph_dims(graph), 0);
    if (part->elem != whole->elem) return "keeps the element type";
    if (part->rank != whole->rank) return "keeps the rank";
    for (int i = 0; i < part->rank; i++) {
        const Dim *offset = node->attr.offsets[i];
        if (!offset) return "needs an offset an axis";
        const Dim *end = dim_add(graph_dims(graph), offset, part->dims[i]);
        if (known_excess(graph, zero, offset) < 0 && dim_is_const(offset, NULL)) return "has a negative offset";
        if (end && known_excess(graph, whole->dims[i], end) > 0) return "is out of range";
    }
    return NULL;
}

RULE(slice) {
    return declared ? check_part(graph, node, &node->type, &node->inputs[0]->type) : "needs a declared type";
}

RULE(pad) {
    return declared ? check_part(graph, node, &node->inputs[0]->type, &node->type) : "needs a declared type";
}

RULE(dynamic_slice) {
    UNUSED;
    const Type *input = &node->inputs[0]->type, *start = &node->inputs[1]->type;
    if (!declared) return "needs a declared type";
    if (start->rank != 0 || start->elem != ELEM_I64) return "starts from a scalar i64";
    if (node->type.elem != input->elem) return "keeps the element type";
    if (node->type.rank != input->rank) return "keeps the rank";
    if (node->attr.axis < 0 || node->attr.axis >= input->rank) return "axis out of range";
    for (int i = 0; i < input->rank; i++) {
        if (i != node->attr.axis && node->type.dims[i] != input->dims[i]) return "changes another axis";
        if (known_excess(graph, input->dims[i], node->type.dims[i]) > 0) return "is out of range";
    }
    return NULL;
}

RULE(concat) {
    UNUSED;
    if (node->n_inputs < 1) return "nothing to concatenate";
    node->type = node->inputs[0]->type;
    int axis   = node->attr.axis;
    if (axis < 0 || axis >= node->type.rank) return "axis out of range";
    for (int i = 1; i < node->n_inputs; i++) {
        const Type *input = &node->inputs[i]->type;
        if (input->elem != node->type.elem || input->rank != node->type.rank) return "inputs of different types";
        for (int k = 0; k < input->rank; k++)
            if (k != axis && input->dims[k] != node->type.dims[k]) return "inputs differ along another axis";
        node->type.dims[axis] = dim_add(graph_dims(graph), node->type.dims[axis], input->dims[axis]);
        if (!node->type.dims[axis]) return "dim overflows";
    }
    return NULL;
}

RULE(gather) {
    UNUSED;
    const Type *x = &node->inputs[0]->type, *index = &node->inputs[1]->type;
    if (x->rank < 1) return "needs rows";
    if (!elem_is_integer(index->elem)) return "index must be of integers";
    if (index->rank + x->rank - 1 > MAX_RANK) return "rank too large";
    node->type = (Type){.elem = x->elem, .rank = index->rank + x->rank - 1};
    for (int i = 0; i < index->rank; i++) node->type.dims[i] = index->dims[i];
    for (int i = 1; i < x->rank; i++) node->type.dims[index->rank + i - 1] = x->dims[i];
    return NULL;
}

RULE(scatter_add) {
    (void)graph;
    const Type *values = &node->inputs[0]->type, *index = &node->inputs[1]->type, *type = &node->type;
    if (!declared) return "needs a declared type";
    if (!elem_is_integer(index->elem)) return "index must be of integers";
    if (values->elem != type->elem) return "keeps the element type";
    if (values->rank < index->rank || type->rank != values->rank - index->rank + 1) return "has another rank";
    for (int i = 0; i < index->rank; i++)
        if (values->dims[i] != index->dims[i]) return "values and index differ";
    for (int i = 1; i < type->rank; i++)
        if (type->dims[i] != values->dims[index->rank + i - 1]) return "changes a row's shape";
    return NULL;
}

RULE(slide) {
    (void)graph;
    const Slide *slide = &node->attr.slide;
    const Type  *x     = &node->inputs[0]->type;
    if (!declared) return "needs a declared type";
    if (node->type.elem != x->elem || node->type.rank != x->rank) return "changes the element type or the rank";
    if (slide->axis < 0 || slide->axis >= x->rank || slide->by < -1 || slide->by >= x->rank || slide->by == slide->axis)
        return "axis out of range";
    if (slide->divisor < 1 || !slide->step || !slide->before || (slide->dilation && slide->by < 0))
        return "cannot step so";
    for (int i = 0; i < x->rank; i++)
        if (i != slide->axis && node->type.dims[i] != x->dims[i]) return "changes another axis";
    return NULL;
}

/* Sources that are one number. */
RULE(scalar) {
    (void)graph;
    if (!declared) return "needs a declared type";
    return node->type.rank == 0 ? NULL : "is a scalar";
}

RULE(iota) {
    (void)graph;
    if (!declared) return "needs a declared type";
    return node->attr.axis >= 0 && node->attr.axis < node->type.rank ? NULL : "axis out of range";
}

RULE(random) {
    (void)graph;
    if (!declared) return "needs a declared type";
    return elem_is_float(node->type.elem) ? NULL : "draws floats";
}

static bool has_axis(const int8_t *axes, int n, int axis) {
    for (int i = 0; i < n; i++)
        if (axes[i] == axis) return true;
    return false;
}

RULE(dot) {
    UNUSED;
    const Type    *a = &node->inputs[0]->type, *b = &node->inputs[1]->type;
    const DotAxes *dot = &node->attr.dot;
    if (a->elem != b->elem) return "operands of different element types";
    node->type = (Type){.elem = a->elem};
    for (int i = 0; i < dot->n_batch; i++) {
        if (a->dims[dot->left_batch[i]] != b->dims[dot->right_batch[i]]) return "batch dims differ";
        node->type.dims[node->type.rank++] = a->dims[dot->left_batch[i]];
    }
    for (int i = 0; i < dot->n_contract; i++)
        if (a->dims[dot->left_contract[i]] != b->dims[dot->right_contract[i]]) return "contracted dims differ";
    if (a->rank + b->rank - dot->n_batch - 2 * dot->n_contract > MAX_RANK) return "rank too large";
    for (int i = 0; i < a->rank; i++)
        if (!has_axis(dot->left_batch, dot->n_batch, i) && !has_axis(dot->left_contract, dot->n_contract, i))
            node->type.dims[node->type.rank++] = a->dims[i];
    for (int i = 0; i < b->rank; i++)
        if (!has_axis(dot->right_batch, dot->n_batch, i) && !has_axis(dot->right_contract, dot->n_contract, i))
            node->type.dims[node->type.rank++] = b->dims[i];
    return NULL;
}

/* A SCAN is a float, so that gradients pass through it; nothing reads its value. */
RULE(scan) {
    UNUSED;
    const Scan *scan = node->attr.scan;
    node->type       = (Type){.elem = ELEM_F32};
    if (node->n_inputs != scan->carries.len + scan->slices.len + scan->captures.len) return "another number of inputs";
    for (int i = 0; i < node->n_inputs; i++) {
        const Type *type  = &node->inputs[i]->type;
        int         slice = i - scan->carries.len, whole = slice - scan->slices.len;
        const Type *inside = &(slice < 0   ? scan->carries.data[i]
                               : whole < 0 ? scan->slices.data[slice]
                                           : scan->captures.data[whole])
                                  ->type;
        Type piece = *type;
        if (slice >= 0 && whole < 0) {
            if (!type->rank || type->dims[0] != scan->length) return "a slice of another length";
            piece = (Type){.elem = type->elem, .rank = type->rank - 1};
            for (int k = 0; k < piece.rank; k++) piece.dims[k] = type->dims[k + 1];
        }
        if (!type_equal(&piece, inside)) return "an input of another type than the body's";
    }
    for (int i = 0; i < scan->carries.len; i++)
        if (!type_equal(&scan->next.data[i]->type, &scan->carries.data[i]->type)) return "a carry changes its type";
    for (int i = 0; i < scan->emits.len; i++)
        if (scan->emits.data[i]->type.rank == MAX_RANK) return "rank too large";
    return NULL;
}

RULE(pick) {
    UNUSED;
    if (node->inputs[0]->op != OP_SCAN) return "picks from scans only";
    const Scan *scan = node->inputs[0]->attr.scan;
    if (node->attr.ref < 0 || node->attr.ref >= scan_result_count(scan)) return "no such result";
    node->type = scan_result_type(scan, node->attr.ref);
    return NULL;
}

ShapeRule *const op_shape[OP_COUNT] = {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) [OP_##id] = shape_##shape,
#include "ops/ops.def"
#undef OP
};
