/* Loops whose rows go their own ways: threads run all steps of some rows each, with the bits of one thread; and loops where a row depends
 * on others, or on where it lies, which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/harness.h"
#include "ir/scan.h"

enum { STEPS = 12, INNER = 24 };

typedef struct Making {
    Scratch *s;
    Graph   *graph;
    Scan    *scan;
    Type     rows; /* [batch, INNER] */
    Node    *x;    /* a step's slice of this type */
    Node    *h;    /* the carry */
} Making;

typedef Node *Step(Making *m); /* h's next value */

static Node *times_weights(Making *m, Node *a) {
    const Dim *dims[] = {scratch_dim(m->s, INNER), scratch_dim(m->s, INNER)};
    Type       type   = scratch_type(m->rows.elem, 2, dims);
    DotAxes    axes   = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    return node_dot(m->graph, a, scratch_slot(m->s, &type), &axes);
}

static Node *sum_with_x(Making *m, Node *a) {
    Node *small = node_fill(m->graph, &a->type, 0.02); /* so that errors do not grow from step to step */
    return node_unary(m->graph, OP_TANH, node_binary(m->graph, OP_ADD, node_binary(m->graph, OP_MUL, a, small), m->x));
}

static Node *broadcast(Making *m, Node *vector, int new_axis) {
    return node_expand(m->graph, vector, &m->rows, 1, &new_axis);
}

/* ---- each row by itself ---- */

static Node *recurrent(Making *m) {
    return sum_with_x(m, times_weights(m, m->h));
}

/* Two products a step, with a value of rows in memory between them, a bias, and a sum along each row. */
static Node *deep(Making *m) {
    const Dim *inner[] = {scratch_dim(m->s, INNER)};
    Type       type    = scratch_type(m->rows.elem, 1, inner);
    Node      *bias    = broadcast(m, scratch_slot(m->s, &type), 0);
    Node      *middle  = node_unary(m->graph, OP_TANH, node_binary(m->graph, OP_ADD, times_weights(m, m->h), bias));
    int        axis    = 1;
    Node      *mean    = broadcast(m, node_reduce(m->graph, OP_SUM, middle, 1, &axis), 1);
    return sum_with_x(m, node_binary(m->graph, OP_SUB, times_weights(m, middle), mean));
}

/* `a` from its last index along `axis` to its first. */
static Node *turned_along(Making *m, Node *a, int axis) {
    const Dim *extent = a->type.dims[axis];
    Slide      back   = {.axis = (int8_t)axis, .by = -1, .step = -1, .divisor = 1};
    back.before       = dim_sub(m->s->dims, scratch_dim(m->s, 1), extent); /* the last index is -before */
    return node_slide(m->graph, a, &back, extent);
}

static Node *turned_within(Making *m) {
    return sum_with_x(m, turned_along(m, times_weights(m, m->h), 1));
}

static Node *numbered(Making *m) { /* plus the row's number, which is made before the loop */
    Type whole   = m->rows;
    whole.elem   = ELEM_I64;
    Node *number = node_cast(m->graph, m->rows.elem, node_iota(m->graph, &whole, 0));
    return sum_with_x(m, node_binary(m->graph, OP_ADD, times_weights(m, m->h), number));
}

static Node *counted(Making *m) { /* plus the number of rows, likewise */
    Node *count = node_cast(m->graph, m->rows.elem, node_dim(m->graph, m->rows.dims[0]));
    return sum_with_x(
        m, node_binary(m->graph, OP_ADD, times_weights(m, m->h), node_expand_scalar(m->graph, count, &m->rows)));
}

static Node *stepped(Making *m) { /* plus the step's number */
    Node *step = node_cast(m->graph, m->rows.elem, m->scan->index);
    return sum_with_x(
        m, node_binary(m->graph, OP_ADD, times_weights(m, m->h), node_expand_scalar(m->graph, step, &m->rows)));
}

/* ---- not so ---- */

static Node *turned(Making *m) {
    return sum_with_x(m, turned_along(m, times_weights(m, m->h), 0));
}

static Node *centred(Making *m) { /* less the sum over all rows */
    int axis = 0;
    return sum_with_x(m, node_binary(m->graph, OP_SUB, times_weights(m, m->h),
                                     broadcast(m, node_reduce(m->graph, OP_SUM, m->h, 1, &axis), 0)));
}

typedef struct Case {
    const char *name;
    Step       *step;
    bool        apart;
} Case;

static const Case cases[] = {
    {"recurrent", recurrent, true}, {"deep", deep, true},        {"turned_within", turned_within, true},
    {"numbered", numbered, true},   {"counted", counted, true},  {"stepped", stepped, true},
    {"turned", turned, false},      {"centred", centred, false},
};
enum { CASES = sizeof cases / sizeof *cases };

/* The loop, of which both the last carry and all of them are wanted, in a function. */
static Scratch *program_of(const Case *c, int64_t batch, bool reverse) {
    Scratch   *s     = scratch_new(5);
    const Dim *steps = scratch_dim(s, STEPS), *rows = scratch_symbol(s, "batch", batch), *inner = scratch_dim(s, INNER);
    Making     m     = {.s = s, .graph = s->graph, .scan = scan_new(s->graph, steps, reverse)};
    NodeVec    inits = {0}, wholes = {0};
    s->program->real = ELEM_F32;
    m.rows           = scratch_type(ELEM_F32, 2, (const Dim *[]){rows, inner});
    Type  all        = scratch_type(ELEM_F32, 3, (const Dim *[]){steps, rows, inner});
    Node *x = scratch_slot(s, &all), *h = scratch_slot(s, &m.rows);
    m.x                  = scan_slice(s->graph, m.scan, &all);
    m.h                  = scan_carry(s->graph, m.scan, &m.rows);
    Node *next           = c->step(&m);
    m.scan->next.data[0] = next;
    int emit             = scan_emit(s->graph, m.scan, next);
    vec_push(s->arena, &wholes, x);
    vec_push(s->arena, &inits, h);
    Node *node = scan_node(s->graph, m.scan, &inits, &wholes);
    Fn   *fn   = scratch_fn(s, FN_PREDICT, "f");
    scratch_result(s, fn, scan_pick(s->graph, node, 0));
    scratch_result(s, fn, scan_pick(s->graph, node, emit));
    scratch_result(s, fn, scan_pick(s->graph, node, emit)); /* a copy, piece by piece */
    return s;
}

static const Kernel *loop_of(const Compiled *compiled) {
    const FnPlan *fn = compiled->plan->fns.data[0];
    for (int i = 0; i < fn->kernels.len; i++)
        if (fn->kernels.data[i]->scan) return fn->kernels.data[i];
    return NULL;
}

static void test_same_bits(void **state) {
    (void)state;
    static const int64_t batches[] = {1, 8, 33, 64, 70};
    static const int     threads[] = {1, 2, 3, 4, 7};
    for (int i = 0; i < CASES; i++)
        for (size_t k = 0; k < sizeof batches / sizeof *batches; k++) {
            Scratch *s        = program_of(&cases[i], batches[k], k % 2);
            Compiled compiled = compiled_new(s, NULL);
            uint64_t bits[sizeof threads / sizeof *threads];
            if ((loop_of(&compiled)->row_symbol >= 0) != cases[i].apart) fail_msg("%s: rows are apart", cases[i].name);
            for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                compiled_check(s, &compiled, 0, threads[t], 2e-5, &bits[t]);
                if (bits[t] != bits[0])
                    fail_msg("%s of %lld rows: other bits with %d threads", cases[i].name, (long long)batches[k],
                             threads[t]);
            }
            compiled_free(&compiled);
            scratch_free(s);
        }
}

/* A task for rows, which the loop hands over where there are as many blocks of them as threads; each has an index of its own. */
static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        static const char *const words[] = {"call i32 @nnrt_pool_size", "_rows(ptr", "%index = alloca i64"};
        int                      lines[3];
        Scratch                 *s = program_of(&cases[i], 64, false);
        emitted_lines(s, 3, words, lines);
        for (int k = 0; k < 2; k++)
            if (lines[k] != cases[i].apart) fail_msg("%s: %d times \"%s\"", cases[i].name, lines[k], words[k]);
        if (cases[i].step == stepped) assert_int_equal(lines[2], 1);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
