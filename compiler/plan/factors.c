/* Factors that leave an operand of a contraction, whose elements then need not be multiplied with them: in softmax the inverse of each row's sum,
 * which is known only after the row, so that it would be another pass over a table of scores.
 *
 *     dot(x * r, b) = dot(x, b) * r      where r is the same for all k, and depends on a sum over x;
 *     dot(x * r, b) = dot(x, r * b)      where r is the same for all that b's columns meet, and x is needed for itself, too.
 *
 * Both only where what is multiplied instead is smaller by far. */
#include "plan/fuse.h"

enum { SMALLER = 2, DEPTH = 8 };

typedef struct Factors {
    Arena  *arena;
    Graph  *graph;
    NodeVec order;
    Map    *uses;        /* node -> how often it is read, as a pointer-sized integer */
    Map    *replacement; /* node -> node */
} Factors;

typedef struct Scaled { /* operand `side` of `dot` is x * expand(r) */
    Node *dot;
    int   side;
    Node *product, *x, *expand;
} Scaled;

/* ---- facts ----------------------------------------------------------------------------------------------------------- */

static int uses_of(const Factors *f, const Node *node) {
    return (int)(intptr_t)map_get(f->uses, node);
}

static void use(Factors *f, const Node *node) {
    if (node) map_set(f->uses, node, (void *)(intptr_t)(uses_of(f, node) + 1));
}

static bool is_new(const Node *expand, int axis) {
    for (int i = 0; i < expand->attr.axes.count; i++)
        if (expand->attr.axes.axes[i] == axis) return true;
    return false;
}

static const int8_t *batch_axes(const Node *dot, int side) {
    return side ? dot->attr.dot.right_batch : dot->attr.dot.left_batch;
}

static const int8_t *deep_axes(const Node *dot, int side) {
    return side ? dot->attr.dot.right_contract : dot->attr.dot.left_contract;
}

static int place_in(const int8_t *axes, int count, int axis) {
    for (int i = 0; i < count; i++)
        if (axes[i] == axis) return i;
    return -1;
}

typedef enum AxisKind { AXIS_BATCH, AXIS_DEEP, AXIS_FREE } AxisKind;

static AxisKind axis_kind(const Scaled *s, int axis) {
    const DotAxes *dot = &s->dot->attr.dot;
    if (place_in(batch_axes(s->dot, s->side), dot->n_batch, axis) >= 0) return AXIS_BATCH;
    return place_in(deep_axes(s->dot, s->side), dot->n_contract, axis) >= 0 ? AXIS_DEEP : AXIS_FREE;
}

static bool is_same_along(const Scaled *s, AxisKind kind) {
    for (int i = 0; i < s->expand->type.rank; i++)
        if (axis_kind(s, i) == kind && !is_new(s->expand, i)) return false;
    return true;
}

/* Elements along the axes of one kind of operand `side`; -1 where that is not known. */
static int64_t count_along(const Scaled *s, int side, AxisKind kind) {
    const Type  *type  = &s->dot->inputs[side]->type;
    const Scaled there = {.dot = s->dot, .side = side};
    int64_t      count = 1, extent;
    for (int i = 0; i < type->rank; i++) {
        if (axis_kind(&there, i) != kind) continue;
        if (!dim_is_const(type->dims[i], &extent)) return -1;
        count *= extent;
    }
    return count;
}

static bool is_far_smaller(int64_t a, int64_t b) {
    return a >= 0 && a * SMALLER <= b;
}

/* Whether `node` is made of a sum over x. */
static bool waits_for(const Node *node, const Node *x, int depth) {
    if (!depth) return false;
    if (op_info[node->op].class == REDUCTION) return node->inputs[0] == x;
    if (op_info[node->op].class != ELEMENTWISE && op_info[node->op].class != MOVEMENT) return false;
    for (int i = 0; i < node->n_inputs; i++)
        if (waits_for(node->inputs[i], x, depth - 1)) return true;
    return false;
}

/* ---- the two rules ----------------------------------------------------------------------------------------------------- */

static bool goes_out(const Factors *f, const Scaled *s) {
    return is_same_along(s, AXIS_DEEP) && uses_of(f, s->product) == 1 && waits_for(s->expand->inputs[0], s->x, DEPTH) &&
           is_far_smaller(count_along(s, !s->side, AXIS_FREE), count_along(s, s->side, AXIS_DEEP));
}

static bool goes_over(const Factors *f, const Scaled *s) {
    return is_same_along(s, AXIS_FREE) && uses_of(f, s->x) > 1 &&
           is_far_smaller(count_along(s, !s->side, AXIS_FREE), count_along(s, s->side, AXIS_FREE));
}

/* Where axis `axis` of the operand is in the result, or in the other operand. */
static int axis_outside(const Scaled *s, int axis) {
    const DotAxes *dot = &s->dot->attr.dot;
    int            at  = place_in(batch_axes(s->dot, s->side), dot->n_batch, axis);
    if (at >= 0) return at;
    at = dot->n_batch + (s->side ? s->dot->inputs[0]->type.rank - dot->n_batch - dot->n_contract : 0);
    for (int i = 0; i < axis; i++) at += axis_kind(s, i) == AXIS_FREE;
    return at;
}

static int axis_over(const Scaled *s, int axis) {
    const DotAxes *dot = &s->dot->attr.dot;
    int            at  = place_in(batch_axes(s->dot, s->side), dot->n_batch, axis);
    if (at >= 0) return batch_axes(s->dot, !s->side)[at];
    return deep_axes(s->dot, !s->side)[place_in(deep_axes(s->dot, s->side), dot->n_contract, axis)];
}

/* r with its axes where `axis_of` says, repeated along the others of `type`. */
static Node *repeated(Factors *f, const Scaled *s, const Type *type, int (*axis_of)(const Scaled *, int)) {
    int   from[MAX_RANK], axes[MAX_RANK], fresh[MAX_RANK], n_axes = 0, n_fresh = 0;
    Node *r = graph_substitute(f->graph, s->expand->inputs[0], f->replacement);
    for (int i = 0; i < type->rank; i++) from[i] = -1;
    for (int i = 0, at = 0; i < s->expand->type.rank; i++)
        if (!is_new(s->expand, i)) from[axis_of(s, i)] = at++;
    for (int i = 0; i < type->rank; i++) {
        if (from[i] >= 0)
            axes[n_axes++] = from[i];
        else
            fresh[n_fresh++] = i;
    }
    return node_expand(f->graph, node_permute(f->graph, r, axes), type, n_fresh, fresh);
}

static Node *rewritten(Factors *f, const Scaled *s, bool out) {
    Node *sides[2], *x = graph_substitute(f->graph, s->x, f->replacement);
    Node *other = graph_substitute(f->graph, s->dot->inputs[!s->side], f->replacement);
    graph_set_place(f->graph, s->dot->span, s->dot->origin);
    if (!out) other = node_binary(f->graph, OP_MUL, other, repeated(f, s, &other->type, axis_over));
    sides[s->side]  = x;
    sides[!s->side] = other;
    Node *dot       = node_dot(f->graph, sides[0], sides[1], &s->dot->attr.dot);
    return out ? node_binary(f->graph, OP_MUL, dot, repeated(f, s, &dot->type, axis_outside)) : dot;
}

/* What `dot` becomes; NULL: it stays. */
static Node *without_factor(Factors *f, Node *dot) {
    for (int side = 0; side < 2; side++) {
        Node *product = dot->inputs[side];
        for (int i = 0; product->op == OP_MUL && i < 2; i++) {
            Scaled s = {dot, side, product, product->inputs[!i], product->inputs[i]};
            if (s.expand->op != OP_EXPAND || !s.expand->inputs[0]->type.rank) continue;
            bool out = goes_out(f, &s);
            if (out || goes_over(f, &s)) return rewritten(f, &s, out);
        }
    }
    return NULL;
}

/* ---- a function ----------------------------------------------------------------------------------------------------------- */

static void collect(Factors *f, Map *seen, Node *root) {
    if (root) graph_post_order(f->arena, root, seen, &f->order);
    use(f, root);
}

void factors_leave_operands(Compilation *c, Graph *graph, Fn *fn) {
    Factors f     = {.arena = c->arena, .graph = graph, .uses = map_new(c->arena), .replacement = map_new(c->arena)};
    Map    *seen  = map_new(c->arena);
    bool    any   = false;
    RootVec roots = fn_roots(c->arena, fn);
    for (int i = 0; i < roots.len; i++) collect(&f, seen, *roots.data[i]);
    for (int i = 0; i < f.order.len; i++)
        for (int k = 0; k < f.order.data[i]->n_inputs; k++) use(&f, f.order.data[i]->inputs[k]);
    for (int i = 0; i < f.order.len; i++) {
        Node *dot    = f.order.data[i];
        bool  fits   = dot->op == OP_DOT && elem_is_float(dot->type.elem) && !elem_is_narrow(dot->type.elem);
        Node *better = fits ? without_factor(&f, dot) : NULL;
        if (!better) continue;
        map_set(f.replacement, dot, better);
        any = true;
    }
    if (!any) return;
    fn_substitute(graph, fn, f.replacement);
}
