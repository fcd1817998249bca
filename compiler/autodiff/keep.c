/* What the steps of a loop keep: the frontier, and the choice between inputs and results by the memory that each keeps alive. */
#include "autodiff/keep.h"

#include "ir/cost.h"

enum { COSTLY = 4 }; /* of one element of an elementwise op, worth keeping: a division or more */

static Node *input_of(const Keep *k, const NodeVec *locals, int first, const Node *local) {
    for (int i = 0; i < locals->len; i++)
        if (locals->data[i] == local) return k->node->inputs[first + i];
    return NULL;
}

Node *keep_slice_input(const Keep *k, const Node *local) {
    return input_of(k, &k->fore->slices, k->fore->carries.len, local);
}

Node *keep_capture_input(const Keep *k, const Node *local) {
    return input_of(k, &k->fore->captures, k->fore->carries.len + k->fore->slices.len, local);
}

/* A piece of what the step computes, where that is wider: the piece will do. */
static bool is_part(const Node *node) {
    if (node->op == OP_RESHAPE) node = node->inputs[0];
    if (node->op != OP_SLICE) return false;
    OpClass class = op_info[node->inputs[0]->op].class;
    return class == ELEMENTWISE || class == CONTRACTION;
}

static bool is_kept(const Keep *k, const Node *node) {
    OpClass class = op_info[node->op].class;
    if (node->op == OP_LOCAL) return input_of(k, &k->fore->carries, 0, node) != NULL;
    if (node->op == OP_CAST && elem_is_narrow(node->type.elem)) return true; /* half the memory of what it rounds */
    if (class == CONTRACTION || class == REDUCTION || class == LOOP || node->op == OP_SCATTER_ADD) return true;
    if (!k->results) return false;
    return (class == ELEMENTWISE && op_cost(node->op) >= COSTLY) || is_part(node);
}

bool keep_is_alias(const Node *node) {
    return node->op == OP_CUSTOM || node->op == OP_STOP_GRAD;
}

NodeVec keep_frontier(const Keep *k, Node *root, const Map *known) {
    NodeVec stack = {0}, found = {0};
    Map    *seen = map_new(k->arena);
    vec_push(k->arena, &stack, root);
    while (stack.len) {
        Node *node = stack.data[--stack.len];
        if (map_has(known, node) || map_has(seen, node)) continue;
        map_set(seen, node, node);
        if (node->op == OP_LOCAL || keep_is_alias(node) || is_kept(k, node))
            vec_push(k->arena, &found, node);
        else
            for (int i = 0; i < node->n_inputs; i++) vec_push(k->arena, &stack, node->inputs[i]);
    }
    return found;
}

/* ---- the choice ----------------------------------------------------------------------------------------------------------------- */

/* Whether a value would not be in memory but for this. */
static bool takes_memory(const Keep *k, const Node *node) {
    if (node->op != OP_LOCAL || input_of(k, &k->fore->carries, 0, node)) return true;
    const Node *whole = keep_slice_input(k, node);
    while (whole && op_info[whole->op].class == MOVEMENT) whole = whole->inputs[0];
    return whole && op_info[whole->op].class != SOURCE;
}

/* Bytes a step; NULL where they overflow. */
static const Dim *bytes_of(DimTable *dims, const Type *type) {
    const Dim *bytes = dim_const(dims, elem_size(type->elem));
    for (int i = 0; bytes && i < type->rank; i++) bytes = dim_mul(dims, bytes, type->dims[i]);
    return bytes;
}

static const Dim *bytes_kept(const Keep *k, const NodeVec *needed) {
    DimTable  *dims  = graph_dims(k->graph);
    const Dim *total = dim_const(dims, 0);
    Map       *all   = map_new(k->arena);
    NodeVec    left  = {0};
    for (int i = 0; i < needed->len; i++) vec_push(k->arena, &left, needed->data[i]);
    while (left.len && total) {
        NodeVec found = keep_frontier(k, left.data[--left.len], all);
        for (int i = 0; i < found.len && total; i++) {
            Node *node = found.data[i];
            map_set(all, node, node);
            if (keep_is_alias(node)) {
                vec_push(k->arena, &left, node->inputs[0]);
            } else if (takes_memory(k, node)) {
                const Dim *bytes = bytes_of(dims, &node->type);
                total            = bytes ? dim_add(dims, total, bytes) : NULL;
            }
        }
    }
    return total;
}

void keep_choose(Keep *k, const NodeVec *needed) {
    DimTable *dims   = graph_dims(k->graph);
    int       count  = dim_symbol_count(dims);
    int64_t  *bounds = ARENA_ARRAY(k->arena, int64_t, count + 1);
    for (int i = 0; i < count; i++) bounds[i] = -1;
    const Dim *inputs  = bytes_kept(k, needed);
    k->results         = true;
    const Dim *results = bytes_kept(k, needed);
    k->results         = inputs && results && dim_provably_le(dims, results, inputs, bounds);
}
