/* Compiled loops against the interpreter: numbers of steps, directions, who reads what, loops in loops; and the loops' gradients against
 * slopes in the interpreter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "codegen/harness.h"
#include "ir/scan.h"
#include "opt/opt.h"

typedef struct LoopCase {
    int64_t steps;
    bool    symbolic, reverse;
} LoopCase;

static const LoopCase cases[] = {{0, true, false}, {1, true, false},  {1, false, true}, {2, false, false},
                                 {5, true, true},  {6, false, false}, {7, true, false}, {0, false, true}};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct Making { /* a loop being made over rows of `x` [steps, 3, 5] */
    Scratch *s;
    Graph   *graph;
    Scan    *scan;
    NodeVec  inits, wholes;
    Type     all, piece;
    Node    *x, *slice; /* its slot, and the slice of a step */
} Making;

static Making making(Scratch *s, const LoopCase *c) {
    const Dim *steps = c->symbolic ? scratch_symbol(s, "steps", c->steps) : scratch_dim(s, c->steps);
    Making     m     = {.s = s, .graph = s->graph};
    m.all            = scratch_type(s->program->real, 3, (const Dim *[]){steps, scratch_dim(s, 3), scratch_dim(s, 5)});
    m.piece          = scratch_type(s->program->real, 2, (const Dim *[]){scratch_dim(s, 3), scratch_dim(s, 5)});
    m.scan           = scan_new(s->graph, steps, c->reverse);
    m.x              = scratch_slot(s, &m.all);
    m.slice          = scan_slice(s->graph, m.scan, &m.all);
    vec_push(s->arena, &m.wholes, m.x);
    return m;
}

static Node *carry(Making *m, Node *init) {
    vec_push(m->s->arena, &m->inits, init);
    return scan_carry(m->graph, m->scan, &init->type);
}

static Node *binary(Making *m, Op op, Node *a, Node *b) {
    return node_binary(m->graph, op, a, b);
}

static Node *times(Making *m, Node *a, double by) {
    return binary(m, OP_MUL, a, node_fill(m->graph, &a->type, by));
}

static Node *rows_of(Making *m, Node *a, Node *w) {
    DotAxes axes = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    return node_dot(m->graph, a, w, &axes);
}

static Node *done(Making *m) {
    return scan_node(m->graph, m->scan, &m->inits, &m->wholes);
}

static Type square(Making *m) {
    return scratch_type(m->s->program->real, 2, (const Dim *[]){scratch_dim(m->s, 5), scratch_dim(m->s, 5)});
}

/* h = tanh(x w + h u): everything is picked. */
static void build_recurrence(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m = making(s, c);
    Type   t = square(&m);
    Node  *w = scratch_slot(s, &t), *u = scratch_slot(s, &t);
    Node  *h = carry(&m, scratch_slot(s, &m.piece));
    Node  *next =
        node_unary(s->graph, OP_TANH, binary(&m, OP_ADD, rows_of(&m, m.slice, w), times(&m, rows_of(&m, h, u), 0.3)));
    m.scan->next.data[0] = next;
    int   emit           = scan_emit(s->graph, m.scan, next);
    Node *loop           = done(&m);
    assert_int_equal(m.scan->slices.len, 2); /* x w left the loop */
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    scratch_result(s, fn, scan_pick(s->graph, loop, emit));
}

/* Two carries that swap, one of them not picked; the position; an emit that only some functions pick. */
static void build_carries(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m = making(s, c);
    Node  *a = carry(&m, scratch_slot(s, &m.piece)), *b = carry(&m, scratch_slot(s, &m.piece));
    Node  *position      = node_expand_scalar(s->graph, node_cast(s->graph, m.piece.elem, m.scan->index), &m.piece);
    m.scan->next.data[0] = binary(&m, OP_ADD, times(&m, b, 0.5), m.slice);
    m.scan->next.data[1] = binary(&m, OP_SUB, a, position);
    scan_emit(s->graph, m.scan, binary(&m, OP_MUL, a, b));
    int   emit = scan_emit(s->graph, m.scan, binary(&m, OP_ADD, m.slice, b));
    Node *loop = done(&m);
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    scratch_result(s, fn, scan_pick(s->graph, loop, 0)); /* twice */
    scratch_result(s, fn, scan_pick(s->graph, loop, emit));
}

/* A slot's new value is a loop over its old one, and the loop captures the slot as well. */
static void build_update(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m             = making(s, c);
    Node  *p             = scratch_slot(s, &m.piece);
    Node  *h             = carry(&m, p);
    m.scan->next.data[0] = binary(&m, OP_ADD, times(&m, h, 0.5), binary(&m, OP_MUL, p, m.slice));
    Node *loop           = done(&m);
    scratch_update(s, fn, p->attr.ref, scan_pick(s->graph, loop, 0));
}

/* Each step runs over the rows of its slice. */
static void build_nested(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m                 = making(s, c);
    Type   row               = scratch_type(m.all.elem, 1, (const Dim *[]){scratch_dim(s, 5)});
    Node  *sum               = carry(&m, scratch_slot(s, &row));
    Making inner             = {.s = s, .graph = s->graph, .scan = scan_new(s->graph, scratch_dim(s, 3), !c->reverse)};
    Node  *slice             = scan_slice(s->graph, inner.scan, &m.piece);
    Node  *h                 = carry(&inner, sum);
    inner.scan->next.data[0] = node_unary(s->graph, OP_TANH, binary(&m, OP_ADD, times(&m, h, 0.7), slice));
    vec_push(s->arena, &inner.wholes, m.slice);
    scan_emit(s->graph, inner.scan, binary(&m, OP_MUL, h, slice));
    Node *within         = done(&inner);
    m.scan->next.data[0] = scan_pick(s->graph, within, 0);
    int   emit           = scan_emit(s->graph, m.scan, scan_pick(s->graph, within, 1));
    Node *loop           = done(&m);
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    scratch_result(s, fn, scan_pick(s->graph, loop, emit));
}

/* A carry that never changes, an emit that is a captured value, one that is the slice. */
static void build_constant(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m    = making(s, c);
    Node  *p    = scratch_slot(s, &m.piece);
    Node  *k    = carry(&m, p);
    int    held = scan_emit(s->graph, m.scan, p), same = scan_emit(s->graph, m.scan, m.slice);
    int    product = scan_emit(s->graph, m.scan, binary(&m, OP_MUL, k, m.slice));
    Node  *loop    = done(&m);
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    scratch_result(s, fn, scan_pick(s->graph, loop, held));
    scratch_result(s, fn, scan_pick(s->graph, loop, same));
    scratch_result(s, fn, scan_pick(s->graph, loop, product));
}

/* Carries whose values before each step are stacked: one that is picked as well, one that is not; a stack that is wanted twice. */
static void build_stacked_carries(Scratch *s, Fn *fn, const LoopCase *c) {
    Making m = making(s, c);
    Node  *a = carry(&m, scratch_slot(s, &m.piece)), *b = carry(&m, scratch_slot(s, &m.piece));
    m.scan->next.data[0] = binary(&m, OP_ADD, times(&m, a, 0.5), m.slice);
    m.scan->next.data[1] = binary(&m, OP_SUB, a, times(&m, b, 0.25));
    int stacks[2];
    stacks[0]   = scan_emit(s->graph, m.scan, a);
    int product = scan_emit(s->graph, m.scan, binary(&m, OP_MUL, a, b));
    stacks[1]   = scan_emit(s->graph, m.scan, b);
    Node *loop  = done(&m);
    scratch_result(s, fn, scan_pick(s->graph, loop, stacks[0]));
    scratch_result(s, fn, scan_pick(s->graph, loop, stacks[1]));
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    scratch_result(s, fn, scan_pick(s->graph, loop, product));
    scratch_result(s, fn, scan_pick(s->graph, loop, stacks[1]));
}

typedef void        Build(Scratch *s, Fn *fn, const LoopCase *c);
static Build *const builds[] = {build_recurrence, build_carries,  build_update,
                                build_nested,     build_constant, build_stacked_carries};
enum { BUILDS = sizeof builds / sizeof *builds };

static void test_values(void **state) {
    (void)state;
    for (int b = 0; b < BUILDS; b++)
        for (int i = 0; i < CASES; i++)
            for (int optimised = 0; optimised < 2; optimised++) {
                Scratch *s       = scratch_new((uint64_t)(100 * b + i));
                s->program->real = ELEM_F32;
                builds[b](s, scratch_fn(s, FN_PREDICT, "f"), &cases[i]);
                if (optimised) graph_optimise(&s->c, s->program);
                check_program(s, 2e-5);
                scratch_free(s);
            }
}

/* ---- groups of columns ------------------------------------------------------------------------------------------------------------ */

typedef struct GroupCase {
    int64_t  rows, units;
    bool     symbolic, emits_sums;
    ElemType real;
} GroupCase;

/* Tiles with and without rests of rows and columns, several blocks of columns, and of k. */
static const GroupCase group_cases[] = {{1, 64, false, false, ELEM_F32}, {3, 5, false, true, ELEM_F32},
                                        {17, 16, true, false, ELEM_F64}, {9, 33, true, true, ELEM_F32},
                                        {40, 144, true, true, ELEM_F32}, {300, 20, true, false, ELEM_F32},
                                        {8, 600, false, true, ELEM_F64}};

static Node *group_of(Scratch *s, Node *z, int64_t group) {
    const Dim *zero = scratch_dim(s, 0), *offsets[] = {zero, scratch_dim(s, group), zero};
    Type       part   = z->type;
    const Dim *dims[] = {part.dims[0], part.dims[2]};
    part.dims[1]      = scratch_dim(s, 1);
    return node_reshape(s->graph, node_slice(s->graph, z, offsets, &part), 2, dims);
}

/* h := 0.4 tanh(z1) z2 + z3 for z = 0.1 h u + x, then h := h + 0.02 h v': products with what is the same at all steps. */
static void build_gates(Scratch *s, Fn *fn, const GroupCase *c) {
    ElemType   real  = c->real;
    const Dim *rows  = c->symbolic ? scratch_symbol(s, "rows", c->rows) : scratch_dim(s, c->rows);
    const Dim *units = scratch_dim(s, c->units), *three = scratch_dim(s, 3);
    Type       all    = scratch_type(real, 4, (const Dim *[]){scratch_dim(s, 2), rows, three, units});
    Type       state  = scratch_type(real, 2, (const Dim *[]){rows, units});
    Type       wide   = scratch_type(real, 3, (const Dim *[]){units, three, units});
    Type       square = scratch_type(real, 2, (const Dim *[]){units, units});
    Making     m      = {.s = s, .graph = s->graph, .scan = scan_new(s->graph, all.dims[0], false)};
    vec_push(s->arena, &m.wholes, scratch_slot(s, &all));
    Node   *u = scratch_slot(s, &wide), *v = scratch_slot(s, &square);
    Node   *x = scan_slice(s->graph, m.scan, &all), *h = carry(&m, scratch_slot(s, &state));
    Node   *z            = binary(&m, OP_ADD, times(&m, rows_of(&m, h, u), 0.1), x);
    Node   *product      = binary(&m, OP_MUL, node_unary(s->graph, OP_TANH, group_of(s, z, 0)), group_of(s, z, 1));
    Node   *next         = binary(&m, OP_ADD, times(&m, product, 0.4), group_of(s, z, 2));
    DotAxes turned       = {.n_contract = 1, .left_contract = {1}, .right_contract = {1}};
    m.scan->next.data[0] = binary(&m, OP_ADD, next, times(&m, node_dot(s->graph, next, v, &turned), 0.02));
    int   sums           = c->emits_sums ? scan_emit(s->graph, m.scan, z) : 0;
    Node *loop           = done(&m);
    scratch_result(s, fn, scan_pick(s->graph, loop, 0));
    if (sums) scratch_result(s, fn, scan_pick(s->graph, loop, sums));
}

static void test_groups(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof group_cases / sizeof *group_cases; i++) {
        Scratch *s       = scratch_new(900 + i);
        s->program->real = group_cases[i].real;
        build_gates(s, scratch_fn(s, FN_PREDICT, "f"), &group_cases[i]);
        check_program(s, group_cases[i].real == ELEM_F64 ? 1e-12 : 5e-5);
        scratch_free(s);
    }
}

/* ---- gradients -------------------------------------------------------------------------------------------------------------------- */

static Node *total(Scratch *s, Node *value) {
    int axes[MAX_RANK];
    for (int i = 0; i < value->type.rank; i++) axes[i] = i;
    return node_reduce(s->graph, OP_SUM, node_binary(s->graph, OP_MUL, value, value), value->type.rank, axes);
}

static double loss_at(Scratch *s, Fn *fn) {
    InterpArgs args = scratch_args(s);
    return interp_run(s->arena, s->program, fn, &args).results[0].data[0];
}

/* The sum of squares of all results, then its gradient by each slot, against central differences. */
static void check_gradients(Scratch *s, Fn *fn) {
    Node *loss = total(s, fn->results.data[0].value);
    for (int i = 1; i < fn->results.len; i++)
        loss = node_binary(s->graph, OP_ADD, loss, total(s, fn->results.data[i].value));
    fn->results.len = 0;
    scratch_result(s, fn, loss);
    int slots = s->program->slots.len;
    for (int i = 0; i < slots; i++) {
        Node *of = node_ref(s->graph, OP_READ, i, &s->program->slots.data[i].type);
        scratch_result(s, fn, graph_node(s->graph, OP_GRAD, NULL, 2, (Node *[]){loss, of}, NULL));
    }
    assert_true(graph_add_gradients(&s->c, s->program));
    program_verify(s->program, "graph_add_gradients");
    graph_optimise(&s->c, s->program);
    program_verify(s->program, "graph_optimise");
    check_program(s, 1e-10);
    InterpArgs args = scratch_args(s);
    InterpRun  run  = interp_run(s->arena, s->program, fn, &args);
    for (int i = 0; i < slots; i++)
        for (int64_t k = 0; k < s->slots[i].count; k += 7) {
            double *x = &s->slots[i].data[k], at = *x, step = 1e-5;
            *x           = at + step;
            double high  = loss_at(s, fn);
            *x           = at - step;
            double low   = loss_at(s, fn);
            *x           = at;
            double slope = (high - low) / (2 * step);
            assert_float_equal(run.results[i + 1].data[k], slope, 1e-6 * (1 + fabs(slope)));
        }
}

static void test_gradients(void **state) {
    (void)state;
    for (int b = 0; b < BUILDS; b++)
        for (int i = 0; i < CASES; i++) {
            Scratch *s       = scratch_new((uint64_t)(500 + 100 * b + i));
            Fn      *fn      = scratch_fn(s, FN_PREDICT, "f");
            s->program->real = ELEM_F64;
            builds[b](s, fn, &cases[i]);
            if (fn->results.len) check_gradients(s, fn);
            scratch_free(s);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
