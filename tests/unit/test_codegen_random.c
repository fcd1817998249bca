/* Random programs: graphs drawn from all ops that kernels can hold, planned, compiled and compared with the interpreter. A failure
 * names its seed: NNC_TEST_SEED=n runs that program alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codegen/harness.h"

enum { PROGRAMS = 24, FUNCTIONS = 6, NODES = 14, POOL = 64 };

typedef struct Draw {
    Scratch   *s;
    const Dim *dims[6];    /* to choose from */
    Node      *pool[POOL]; /* of the program's real type, bounded values */
    int        count;
    uint32_t   calls;
} Draw;

static int below(Draw *d, int limit) {
    return scratch_below(d->s, limit);
}

static void add(Draw *d, Node *node) {
    if (node && d->count < POOL) d->pool[d->count++] = node;
}

static Node *any(Draw *d) {
    return d->pool[below(d, d->count)];
}

static bool small(const Draw *d, const Type *type) {
    int64_t count = 1, value;
    for (int i = 0; i < type->rank; i++) count *= dim_eval(type->dims[i], d->s->symbols, &value) ? value : 100000;
    return count <= 20000;
}

static Node *bounded(Draw *d, Node *x) { /* keeps what grows within reach of f32 */
    return node_unary(d->s->graph, OP_TANH, x);
}

static Node *with_shape_of(Draw *d, Node *x) {
    for (int tries = 0; tries < 8; tries++) {
        Node *y = any(d);
        if (type_equal(&x->type, &y->type)) return y;
    }
    return x->type.rank && below(d, 2) ? scratch_slot(d->s, &x->type)
                                       : node_fill(d->s->graph, &x->type, scratch_real(d->s, -1, 1));
}

static Node *draw_elementwise(Draw *d) {
    static const Op ones[] = {OP_NEG, OP_ABS, OP_EXP, OP_TANH, OP_SIN},
                    twos[] = {OP_ADD, OP_SUB, OP_MUL, OP_MIN, OP_MAX};
    Graph *g               = d->s->graph;
    Node  *x               = any(d);
    switch (below(d, 4)) {
    case 0: return bounded(d, node_unary(g, ones[below(d, 5)], x));
    case 1: { /* a test that rounding does not decide */
        Node *limit = node_fill(g, &x->type, scratch_real(d->s, -0.9, 0.9));
        return node_select(g, node_binary(g, OP_LT, x, limit), with_shape_of(d, x), x);
    }
    default: return bounded(d, node_binary(g, twos[below(d, 5)], x, with_shape_of(d, x)));
    }
}

static Node *draw_reduction(Draw *d) {
    Graph *g = d->s->graph;
    Node  *x = any(d);
    if (!x->type.rank) return NULL;
    int axes[MAX_RANK], n = 0, form = below(d, 4);
    for (int i = 0; i < x->type.rank; i++)
        if (form == 0 ? i == x->type.rank - 1 : form == 1 ? i == 0 : form == 2 || below(d, 2)) axes[n++] = i;
    if (!n) return NULL;
    switch (below(d, 4)) {
    case 0: return node_reduce(g, OP_REDUCE_MAX, x, n, axes);
    case 1: /* of drawn values only: rounding must not make or break a tie */
        return x->op == OP_READ ? bounded(d, node_cast(g, x->type.elem, node_reduce(g, OP_ARGMAX, x, 1, axes))) : NULL;
    default: return bounded(d, node_reduce(g, OP_SUM, x, n, axes));
    }
}

static Node *draw_expand(Draw *d) {
    Node *x    = any(d);
    Type  type = x->type;
    if (type.rank >= 4) return NULL;
    int axis = below(d, type.rank + 1);
    for (int i = type.rank; i > axis; i--) type.dims[i] = type.dims[i - 1];
    type.dims[axis] = d->dims[below(d, 6)];
    type.rank++;
    return small(d, &type) ? node_expand(d->s->graph, x, &type, 1, &axis) : NULL;
}

/* A reduced value spread again over the axis it was reduced along, and met with what it came from: normalisation. */
static Node *draw_normal(Draw *d) {
    Graph *g = d->s->graph;
    Node  *x = any(d);
    if (!x->type.rank) return NULL;
    int   axis = below(d, 2) ? x->type.rank - 1 : below(d, x->type.rank);
    Node *r    = bounded(d, node_reduce(g, below(d, 2) ? OP_SUM : OP_REDUCE_MAX, x, 1, &axis));
    return node_binary(g, OP_SUB, x, node_expand(g, r, &x->type, 1, &axis));
}

static Node *draw_movement(Draw *d) {
    Graph     *g                 = d->s->graph;
    Node      *x                 = any(d);
    const Dim *offsets[MAX_RANK] = {0};
    Type       type              = x->type;
    int        axes[MAX_RANK], rank = type.rank;
    if (!rank) return NULL;
    int axis = below(d, rank);
    switch (below(d, 6)) {
    case 0:
        for (int i = 0; i < rank; i++) axes[i] = (i + 1 + axis) % rank;
        return node_permute(g, x, axes);
    case 1: {
        const Dim *flat = scratch_dim(d->s, 1);
        for (int i = 0; i < rank; i++) flat = dim_mul(d->s->dims, flat, type.dims[i]);
        if (below(d, 2)) return node_reshape(g, x, 1, &flat);
        const Dim *turned[MAX_RANK];
        for (int i = 0; i < rank; i++) turned[i] = type.dims[rank - 1 - i];
        return node_reshape(g, x, rank, turned);
    }
    case 2:
        for (int i = 0; i < rank; i++) {
            offsets[i]   = scratch_dim(d->s, below(d, 2));
            type.dims[i] = dim_add(d->s->dims, type.dims[i], scratch_dim(d->s, below(d, 3) + 1));
        }
        return small(d, &type) ? node_pad(g, x, offsets, &type) : NULL;
    case 3: {
        Node *parts[]   = {x, with_shape_of(d, x)};
        type.dims[axis] = dim_mul(d->s->dims, type.dims[axis], scratch_dim(d->s, 2));
        return small(d, &type) ? node_concat(g, 2, parts, axis) : NULL;
    }
    case 4: { /* windows: slid by a new axis, or by none */
        Slide slide = {.axis     = (int8_t)axis,
                       .by       = (int8_t)rank,
                       .step     = 1 + below(d, 2),
                       .dilation = below(d, 3) - 1,
                       .divisor  = 1 + below(d, 2),
                       .before   = scratch_dim(d->s, below(d, 3) - 1),
                       .fill     = below(d, 2)};
        if (slide.dilation) {
            int fresh       = rank;
            type.dims[rank] = scratch_dim(d->s, 2 + below(d, 2));
            type.rank++;
            if (type.rank > 4 || !small(d, &type)) return NULL;
            x = node_expand(g, x, &type, 1, &fresh);
        } else if (below(d, 2)) {
            slide.step = -slide.step;
        }
        type.dims[axis] = dim_add(d->s->dims, type.dims[axis], scratch_dim(d->s, below(d, 3)));
        return small(d, &type) ? node_slide(g, x, &slide, type.dims[axis]) : NULL;
    }
    default: {
        int64_t size;
        for (int i = 0; i < rank; i++) offsets[i] = scratch_dim(d->s, 0);
        if (!dim_is_const(type.dims[axis], &size) || size < 3) return NULL;
        offsets[axis]   = scratch_dim(d->s, 1);
        type.dims[axis] = scratch_dim(d->s, size - 2);
        return node_slice(g, x, offsets, &type);
    }
    }
}

static Node *draw_dot(Draw *d) {
    Graph  *g = d->s->graph;
    Node   *x = any(d), *y = any(d);
    DotAxes axes           = {0};
    int     free           = x->type.rank + y->type.rank;
    bool    used[MAX_RANK] = {0};
    for (int i = 0; i < x->type.rank && axes.n_contract + axes.n_batch < 2; i++) {
        for (int k = 0; k < y->type.rank; k++) {
            if (used[k] || x->type.dims[i] != y->type.dims[k]) continue;
            used[k] = true;
            free -= 2;
            if (axes.n_contract && below(d, 2)) {
                axes.left_batch[axes.n_batch] = (int8_t)i, axes.right_batch[axes.n_batch++] = (int8_t)k;
                free++;
            } else {
                axes.left_contract[axes.n_contract] = (int8_t)i, axes.right_contract[axes.n_contract++] = (int8_t)k;
            }
            break;
        }
    }
    if (!axes.n_contract || free > 4) return NULL;
    Node *dot = node_dot(g, x, y, &axes);
    return small(d, &dot->type) ? bounded(d, dot) : NULL;
}

static Node *draw_indexed(Draw *d) {
    Graph *g = d->s->graph;
    Node  *x = any(d);
    if (!x->type.rank || x->type.rank > 3) return NULL;
    int64_t rows;
    dim_eval(x->type.dims[0], d->s->symbols, &rows);
    Type  type  = {.elem = below(d, 2) ? ELEM_I32 : ELEM_I64, .rank = 1, .dims = {x->type.dims[0]}};
    Node *index = scratch_slot(d->s, &type);
    for (int64_t i = 0; i < rows; i++) d->s->slots[index->attr.ref].data[i] = (double)below(d, (int)rows);
    return below(d, 2) ? node_gather(g, x, index) : bounded(d, node_scatter_add(g, x, index, x->type.dims[0]));
}

static Node *draw_source(Draw *d) {
    Type type = {.elem = d->s->program->real, .rank = 1 + below(d, 3)};
    for (int i = 0; i < type.rank; i++) type.dims[i] = d->dims[below(d, 6)];
    if (!small(d, &type)) return NULL;
    if (below(d, 5) == 0) return node_random(d->s->graph, OP_UNIFORM, &type, (RandomKey){5, d->calls++});
    if (below(d, 5) == 0) return bounded(d, node_iota(d->s->graph, &type, below(d, type.rank)));
    return d->s->program->slots.len < MAX_SCRATCH - 8 ? scratch_slot(d->s, &type) : NULL;
}

static Node *draw_node(Draw *d) {
    typedef Node      *Rule(Draw *);
    static Rule *const rules[] = {draw_elementwise, draw_elementwise, draw_elementwise, draw_reduction,
                                  draw_expand,      draw_normal,      draw_normal,      draw_movement,
                                  draw_dot,         draw_indexed,     draw_source};
    return rules[below(d, 11)](d);
}

static void draw_function(Draw *d, int index) {
    Fn *fn   = scratch_fn(d->s, FN_TRAIN, arena_printf(d->s->arena, "f%d", index));
    d->count = 0;
    while (d->count < 2) add(d, draw_source(d));
    for (int tries = 0; tries < 60 && d->count < NODES && d->s->program->slots.len < MAX_SCRATCH - 8; tries++)
        add(d, draw_node(d));
    for (int i = 0; i < 3; i++) scratch_result(d->s, fn, any(d));
    scratch_result(d->s, fn, d->pool[d->count - 1]);
    for (int slot = 0; slot < d->s->program->slots.len; slot++) {
        Node *value = any(d);
        if (type_equal(&value->type, &d->s->program->slots.data[slot].type) &&
            value->type.elem == d->s->program->real && value->op != OP_READ)
            scratch_update(d->s, fn, slot, value);
    }
}

static void run_program(uint64_t seed) {
    Scratch *s              = scratch_new(seed);
    bool     single         = seed % 3 != 0;
    s->program->real        = single ? ELEM_F32 : ELEM_F64;
    s->c.options.debug_info = seed % 4 == 0;
    Draw    d               = {.s = s};
    int64_t sizes[]         = {1 + below(&d, 9), 1 + below(&d, 40), 1 + below(&d, 6), 8 + below(&d, 30)};
    d.dims[0]               = scratch_symbol(s, "a", sizes[0]);
    d.dims[1]               = scratch_symbol(s, "b", sizes[1]);
    d.dims[2]               = scratch_dim(s, sizes[2]);
    d.dims[3]               = scratch_dim(s, sizes[3]);
    d.dims[4]               = scratch_dim(s, 16);
    d.dims[5]               = scratch_dim(s, 1);
    for (int i = 0; i < FUNCTIONS; i++) draw_function(&d, i);
    check_program(s, single ? 1e-4 : 1e-10);
    scratch_free(s);
}

static void test_random_programs(void **state) {
    (void)state;
    const char *one = getenv("NNC_TEST_SEED"), *many = getenv("NNC_TEST_PROGRAMS");
    int         count = many ? atoi(many) : PROGRAMS;
    for (int seed = 1; seed <= count; seed++) {
        if (one && atoi(one) != seed) continue;
        if (getenv("NNC_TEST_VERBOSE")) fprintf(stderr, "seed %d\n", seed);
        run_program((uint64_t)seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
