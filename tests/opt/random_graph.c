/* Each step makes one value from those made before. Values stay of moderate size: what could overflow or leave its domain is
 * bounded first, so that rounding is not amplified and a wrong rule is what shows. */
#include "opt/random_graph.h"

#include <math.h>

enum { MAX_VALUES = 256, MAX_ELEMENTS_RANK = 4 };

typedef struct Maker {
    Scratch   *s;
    Graph     *graph;
    const Dim *dims[5]; /* n, m, 1, 2, 3 */
    Node      *values[MAX_VALUES];
    int        count;
} Maker;

static int below(Maker *m, int limit) {
    return scratch_below(m->s, limit);
}

static Node *unary(Maker *m, Op op, Node *x) {
    return node_unary(m->graph, op, x);
}

static Node *binary(Maker *m, Op op, Node *a, Node *b) {
    return node_binary(m->graph, op, a, b);
}

static Node *fill(Maker *m, const Node *like, double value) {
    return node_fill(m->graph, &like->type, value);
}

static Node *pick(Maker *m, ElemType elem) {
    for (int tries = 0; tries < 100; tries++) {
        Node *node = m->values[below(m, m->count)];
        if (node->type.elem == elem) return node;
    }
    return m->values[0];
}

/* A constant that rules know, or any. */
static double special(Maker *m) {
    static const double values[] = {0, 1, -1, 2, 0.5, 3, -2, 0.25, 10};
    int                 which    = below(m, 10);
    return which < 9 ? values[which] : scratch_real(m->s, -2, 2);
}

/* A value of the type of `like`: one made before, a constant, or a smaller one expanded. */
static Node *partner(Maker *m, Node *like) {
    if (below(m, 4) == 0) return fill(m, like, special(m));
    for (int tries = 0; tries < 8; tries++) {
        Node *node = m->values[below(m, m->count)];
        if (type_equal(&node->type, &like->type)) return node;
        if (node->type.elem != like->type.elem) continue;
        if (node->type.rank == 0) return node_expand_scalar(m->graph, node, &like->type);
        if (node->type.rank == 1 && like->type.rank == 2)
            for (int axis = 0; axis < 2; axis++)
                if (like->type.dims[1 - axis] == node->type.dims[0])
                    return node_expand(m->graph, node, &like->type, 1, &axis);
    }
    return like;
}

static Node *bounded(Maker *m, Node *x) {
    return unary(m, OP_TANH, x);
}

static Node *away_from_zero(Maker *m, Node *x) {
    return binary(m, OP_ADD, unary(m, OP_ABS, x), fill(m, x, 0.5));
}

/* ---- elementwise ----------------------------------------------------------------------------------------------------------- */

static Node *make_unary(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    switch (below(m, 14)) {
    case 0: return unary(m, OP_EXP, bounded(m, x));
    case 1: return unary(m, OP_LOG, away_from_zero(m, x));
    case 2: return unary(m, OP_SQRT, away_from_zero(m, x));
    case 3: return unary(m, OP_RSQRT, away_from_zero(m, x));
    case 4: return unary(m, OP_SIN, bounded(m, x));
    case 5: return unary(m, OP_ERF, x);
    case 6: return unary(m, OP_ABS, x);
    case 7: return unary(m, OP_LOG1P, unary(m, OP_ABS, x));
    case 8: return unary(m, OP_EXPM1, bounded(m, x));
    default: return unary(m, OP_NEG, x);
    }
}

static Node *make_binary(Maker *m) {
    Node *a = pick(m, ELEM_F64), *b = partner(m, a);
    if (below(m, 2)) {
        Node *swap = a;
        a = b, b = swap;
    }
    switch (below(m, 8)) {
    case 0: return binary(m, OP_DIV, a, away_from_zero(m, b));
    case 1: return binary(m, OP_DIV, a, fill(m, a, below(m, 2) ? 4 : 3));
    case 2: return binary(m, OP_MIN, a, b);
    case 3: return binary(m, OP_MAX, a, b);
    case 4: return binary(m, OP_SUB, a, b);
    case 5: return binary(m, OP_ADD, a, b);
    case 6: return binary(m, OP_MUL, a, fill(m, a, special(m)));
    default: return binary(m, OP_MUL, bounded(m, a), bounded(m, b));
    }
}

static Node *make_power(Maker *m) {
    static const double exponents[] = {0, 1, 2, 3, -1, 0.5, -0.5, 1.7};
    Node               *x           = bounded(m, pick(m, ELEM_F64));
    return binary(m, OP_POW, away_from_zero(m, x), fill(m, x, exponents[below(m, 8)]));
}

/* Conditions are made where they are used, on slots: near-ties would turn rounding into another branch. */
static Node *make_select(Maker *m) {
    static const Op tests[] = {OP_LT, OP_LE, OP_EQ, OP_NE};
    Node           *a = pick(m, ELEM_F64), *b = partner(m, a);
    Node           *slot      = scratch_slot(m->s, &a->type);
    Node           *condition = binary(m, tests[below(m, 4)], slot, fill(m, a, 0));
    if (below(m, 3) == 0) condition = unary(m, OP_NOT, condition);
    if (below(m, 3) == 0) condition = unary(m, OP_NOT, condition);
    if (below(m, 4) == 0)
        condition = binary(m, below(m, 2) ? OP_AND : OP_OR, condition, fill(m, condition, below(m, 2)));
    if (below(m, 4) == 0)
        condition = binary(m, tests[below(m, 4)], node_cast(m->graph, ELEM_F64, condition), fill(m, a, below(m, 2)));
    if (below(m, 8) == 0) {
        Node *yes = fill(m, condition, below(m, 2)), *no = fill(m, condition, below(m, 2));
        condition = node_select(m->graph, condition, yes, no);
    }
    if (below(m, 4) == 0) return node_cast(m->graph, ELEM_F64, condition);
    return node_select(m->graph, condition, a, b);
}

/* Of a value that is nowhere near 0. */
static Node *make_rectifier(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    x       = binary(m, OP_ADD, bounded(m, x), scratch_slot(m->s, &x->type));
    return node_select(m->graph, binary(m, OP_LT, fill(m, x, 0), x), x, fill(m, x, 0));
}

static Node *make_cast(Maker *m) {
    static const ElemType through[] = {ELEM_F32, ELEM_I64, ELEM_F64};
    Node                 *x         = pick(m, ELEM_F64);
    if (below(m, 2) == 0) return node_cast(m->graph, ELEM_F64, node_cast(m->graph, ELEM_F32, x));
    if (x->type.rank == 0) return node_cast(m->graph, ELEM_F64, node_dim(m->graph, m->dims[below(m, 5)]));
    Type type   = x->type;
    type.elem   = ELEM_I32;
    Node *index = node_iota(m->graph, &type, below(m, type.rank));
    if (below(m, 2)) index = binary(m, OP_MUL, index, fill(m, index, below(m, 3)));
    if (below(m, 2)) index = binary(m, OP_MOD, index, fill(m, index, 2));
    return node_cast(m->graph, ELEM_F64, node_cast(m->graph, through[below(m, 3)], index));
}

/* ---- movement ---------------------------------------------------------------------------------------------------------------- */

static Node *make_expand(Maker *m) {
    Node *x    = pick(m, ELEM_F64);
    Type  type = {.elem = ELEM_F64, .rank = x->type.rank + 1};
    if (x->type.rank >= 3) return unary(m, OP_NEG, x);
    int axis = below(m, type.rank);
    for (int i = 0, at = 0; i < type.rank; i++) type.dims[i] = i == axis ? m->dims[below(m, 5)] : x->type.dims[at++];
    return node_expand(m->graph, x, &type, 1, &axis);
}

static Node *make_permute(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    int   axes[MAX_RANK];
    for (int i = 0; i < x->type.rank; i++) axes[i] = i;
    for (int i = x->type.rank - 1; i > 0; i--) {
        int k = below(m, i + 1), swap = axes[i];
        axes[i] = axes[k], axes[k] = swap;
    }
    return node_permute(m->graph, x, axes);
}

/* Two neighbouring axes become one, or an axis of size 1 comes or goes. */
static Node *make_reshape(Maker *m) {
    Node      *x = pick(m, ELEM_F64);
    const Dim *dims[MAX_RANK];
    int        rank = 0, at = x->type.rank ? below(m, x->type.rank) : 0, way = below(m, 2);
    for (int i = 0; i < x->type.rank; i++) {
        if (way == 0 && i == at && i + 1 < x->type.rank) {
            dims[rank++] = dim_mul(m->s->dims, x->type.dims[i], x->type.dims[i + 1]);
            i++;
            continue;
        }
        int64_t size;
        if (way == 1 && dim_is_const(x->type.dims[i], &size) && size == 1) continue;
        dims[rank++] = x->type.dims[i];
    }
    if (rank == x->type.rank && rank < 3) dims[rank++] = m->dims[2];
    return node_reshape(m->graph, x, rank, dims);
}

/* Padding by 1 before and 2 after an axis, or the slice that takes the first element of a padded axis away. */
static Node *make_pad_or_slice(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    if (!x->type.rank) return x;
    const Dim *offsets[MAX_RANK], *one = dim_const(m->s->dims, 1), *three = dim_const(m->s->dims, 3);
    int        axis = below(m, x->type.rank);
    Type       type = x->type;
    for (int i = 0; i < type.rank; i++) offsets[i] = i == axis ? one : dim_const(m->s->dims, 0);
    type.dims[axis] = dim_add(m->s->dims, type.dims[axis], three);
    Node *padded    = node_pad(m->graph, x, offsets, &type);
    if (below(m, 2)) return padded;
    type.dims[axis] = below(m, 2) ? x->type.dims[axis] : one;
    if (below(m, 2)) offsets[axis] = dim_const(m->s->dims, 2);
    return node_slice(m->graph, padded, offsets, &type);
}

static Node *make_concat(Maker *m) {
    Node *a = pick(m, ELEM_F64);
    if (!a->type.rank) return a;
    Node *parts[] = {a, partner(m, a)};
    int   axis    = below(m, a->type.rank);
    Node *both    = node_concat(m->graph, 2, parts, axis);
    if (below(m, 2)) return both;
    const Dim *offsets[MAX_RANK];
    for (int i = 0; i < a->type.rank; i++) offsets[i] = dim_const(m->s->dims, 0);
    if (below(m, 2)) offsets[axis] = a->type.dims[axis];
    return node_slice(m->graph, both, offsets, &a->type);
}

/* Windows of an axis: x repeated along a new last axis, then slid by it; or x stepped along alone. */
static Node *make_slide(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    if (!x->type.rank || x->type.rank > 2) return x;
    Slide slide = {.axis     = (int8_t)below(m, x->type.rank),
                   .by       = (int8_t)x->type.rank,
                   .step     = 1 + below(m, 2),
                   .dilation = below(m, 3) - 1,
                   .divisor  = 1 + below(m, 2),
                   .before   = dim_const(m->s->dims, below(m, 3) - 1)};
    if (slide.dilation) {
        Type type              = x->type;
        type.dims[type.rank++] = m->dims[2 + below(m, 3)];
        x                      = node_expand(m->graph, x, &type, 1, (int[]){type.rank - 1});
    } else if (below(m, 2)) {
        slide.step   = -slide.step;
        slide.before = dim_sub(m->s->dims, dim_const(m->s->dims, 1), x->type.dims[slide.axis]);
    }
    Node *slid = node_slide(m->graph, x, &slide, below(m, 2) ? x->type.dims[slide.axis] : m->dims[below(m, 5)]);
    if (!slide.dilation || below(m, 2)) return slid;
    return node_reduce(m->graph, OP_SUM, slid, 1, (int[]){x->type.rank - 1});
}

/* The two parts of an axis, used apart: their gradients are put together again. */
static Node *make_parts(Maker *m) {
    Node      *x = pick(m, ELEM_F64);
    const Dim *offsets[MAX_RANK], *zero = dim_const(m->s->dims, 0);
    for (int axis = 0; axis < x->type.rank; axis++) {
        int64_t size;
        Type    first = x->type, rest = x->type;
        if (!dim_is_const(x->type.dims[axis], &size) || size < 2) continue;
        for (int i = 0; i < x->type.rank; i++) offsets[i] = zero;
        first.dims[axis] = dim_const(m->s->dims, 1);
        rest.dims[axis]  = dim_const(m->s->dims, size - 1);
        Node *a          = bounded(m, node_slice(m->graph, x, offsets, &first));
        offsets[axis]    = first.dims[axis];
        Node *b          = node_slice(m->graph, x, offsets, &rest);
        return node_concat(m->graph, 2, (Node *[]){b, a}, axis);
    }
    return x;
}

/* ---- reductions, contraction, rows ---------------------------------------------------------------------------------------------- */

static Node *make_reduction(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    int   axes[MAX_RANK], n = 0;
    if (below(m, 2)) x = bounded(m, x);
    for (int i = 0; i < x->type.rank; i++)
        if (below(m, 2)) axes[n++] = i;
    return node_reduce(m->graph, below(m, 4) ? OP_SUM : OP_REDUCE_MAX, x, n, axes);
}

/* Pairs axes of equal dims at random, as batch or contracted. */
static Node *make_dot(Maker *m) {
    Node   *a = bounded(m, pick(m, ELEM_F64)), *b = bounded(m, pick(m, ELEM_F64));
    DotAxes dot             = {0};
    bool    taken[MAX_RANK] = {false};
    int     left = a->type.rank, right = b->type.rank;
    for (int i = 0; i < left; i++)
        for (int k = 0; k < right; k++) {
            if (taken[k] || a->type.dims[i] != b->type.dims[k] || below(m, 4) == 0) continue;
            bool batch                                         = below(m, 3) == 0;
            int  at                                            = batch ? dot.n_batch++ : dot.n_contract++;
            (batch ? dot.left_batch : dot.left_contract)[at]   = (int8_t)i;
            (batch ? dot.right_batch : dot.right_contract)[at] = (int8_t)k;
            taken[k]                                           = true;
            break;
        }
    if (left + right - dot.n_batch - 2 * dot.n_contract > MAX_ELEMENTS_RANK) return a;
    Node *product = node_dot(m->graph, a, b, &dot);
    if (product->type.rank != 2 || below(m, 2)) return product;
    return node_permute(m->graph, product, (int[]){1, 0});
}

static Node *make_rows(Maker *m) {
    Node *x = pick(m, ELEM_F64);
    if (!x->type.rank) return x;
    Type  type  = {.elem = ELEM_I32, .rank = 1, .dims = {x->type.dims[0]}};
    Node *index = binary(m, OP_IDIV, node_iota(m->graph, &type, 0), node_fill(m->graph, &type, 2));
    Node *rows  = node_gather(m->graph, x, index);
    return below(m, 2) ? rows : node_scatter_add(m->graph, rows, index, x->type.dims[0]);
}

typedef Node *Make(Maker *m);

static Node *make_value(Maker *m) {
    static Make *const makers[] = {
        make_unary,        make_binary, make_binary,    make_binary,    make_power,   make_select,  make_rectifier,
        make_cast,         make_expand, make_expand,    make_permute,   make_reshape, make_reshape, make_parts,
        make_pad_or_slice, make_concat, make_reduction, make_reduction, make_dot,     make_rows,    make_slide};
    return makers[below(m, (int)(sizeof makers / sizeof *makers))](m);
}

/* ---- the function ----------------------------------------------------------------------------------------------------------------- */

static int64_t elements(const Maker *m, const Node *node) {
    int64_t count = 1, size;
    for (int i = 0; i < node->type.rank; i++) {
        if (!dim_eval(node->type.dims[i], m->s->symbols, &size)) return INT64_MAX;
        count *= size;
    }
    return count;
}

static void make_slots(Maker *m) {
    static const int shapes[][3] = {{-1, -1, -1}, {0, -1, -1}, {4, -1, -1}, {0, 4, -1}, {4, 1, -1}, {0, 2, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        Type type = {.elem = ELEM_F64};
        while (type.rank < 3 && shapes[i][type.rank] >= 0) {
            type.dims[type.rank] = m->dims[shapes[i][type.rank]];
            type.rank++;
        }
        m->values[m->count++] = scratch_slot(m->s, &type);
    }
}

static Node *total(Maker *m, Node *node) {
    int axes[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) axes[i] = i;
    return node_reduce(m->graph, OP_SUM, node, node->type.rank, axes);
}

static void add_gradients(Maker *m, Fn *fn, int n_slots) {
    Node *loss = node_const(m->graph, ELEM_F64, 0);
    for (int i = 0; i < fn->results.len; i++) loss = binary(m, OP_ADD, loss, total(m, fn->results.data[i].value));
    for (int i = 0; i < n_slots; i++) scratch_update(m->s, fn, i, binary(m, OP_GRAD, loss, m->values[i]));
}

Fn *random_graph(Scratch *s, int size, bool gradients) {
    DimTable *t = s->dims;
    Maker     m = {.s = s, .graph = s->graph};
    m.dims[0]   = scratch_symbol(s, "n", 1 + scratch_below(s, 3));
    m.dims[1]   = scratch_symbol(s, "m", 1 + scratch_below(s, 3));
    for (int i = 0; i < 3; i++) m.dims[2 + i] = dim_const(t, 1 + i);
    make_slots(&m);
    int n_slots = m.count;
    for (int i = 0; i < size && m.count < MAX_VALUES && s->program->slots.len + 1 < MAX_SCRATCH; i++) {
        Node *node = make_value(&m);
        if (node->type.rank <= 4 && elements(&m, node) <= 300) m.values[m.count++] = node;
    }
    Fn *fn = scratch_fn(s, FN_TRAIN, "f");
    for (int i = 0; i < 4; i++) scratch_result(s, fn, m.values[m.count - 1 - i]);
    if (gradients) add_gradients(&m, fn, n_slots);
    return fn;
}
