/* Attention and its gradients as loops over bands: that they are such loops, that the loops compute what the graph before them did, and
 * that compiled loops compute it too. */
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

typedef enum Form {
    PLAIN,
    CAUSAL,
    MASKED,
    DROPPED,
    TRANSPOSED,
    TIED,
    CAUSAL_STEADY,
    CAUSAL_TRANSPOSED,
    CAUSAL_DROPPED,
    COUNTED
} Form;

typedef struct BandCase {
    const char *name;
    Form        form;
    int64_t     batch, heads, rows, columns, depth;
    bool        symbolic; /* the batch */
    int         loops;    /* SCANs of the function with gradients, in bodies too */
    int         clipped;  /* kernels of their steps that leave out what is masked for all rows of a band */
} BandCase;

static const BandCase cases[] = {
    {"one band", PLAIN, 2, 3, 32, 48, 16, true, 2, 0},
    {"bands", PLAIN, 1, 2, 192, 64, 8, false, 3, 0},
    {"causal", CAUSAL_STEADY, 2, 1, 192, 192, 4, true, 3, 7},
    {"causal, maxima counted", CAUSAL, 2, 1, 160, 160, 4, true, 3, 5},
    {"causal, no whole vectors", CAUSAL_STEADY, 1, 2, 160, 301, 12, false, 3, 7},
    {"causal, columns in blocks", CAUSAL_STEADY, 1, 1, 544, 560, 4, false, 3, 7},
    {"causal, scores transposed", CAUSAL_TRANSPOSED, 1, 1, 192, 192, 8, false, 3, 7},
    {"causal, dropout", CAUSAL_DROPPED, 1, 2, 160, 150, 8, false, 3, 7},
    {"causal, one band", CAUSAL, 2, 2, 48, 48, 8, false, 2, 0},
    {"causal, more rows", CAUSAL, 1, 2, 144, 80, 8, false, 3, 2},
    {"mask", MASKED, 3, 2, 40, 32, 16, true, 2, 0},
    {"dropout", DROPPED, 2, 2, 160, 32, 16, false, 3, 0},
    {"shares counted", COUNTED, 2, 2, 160, 32, 8, true, 3, 0},
    {"scores transposed", TRANSPOSED, 1, 2, 144, 48, 8, true, 3, 0},
    {"queries are keys", TIED, 2, 2, 64, 64, 8, true, 2, 0},
    {"no divisor", PLAIN, 1, 2, 131, 33, 16, false, 2, 0},
    {"one head, one band: no loop", PLAIN, 1, 1, 64, 64, 8, false, 0, 0},
    {"too small: no loop", PLAIN, 2, 2, 8, 8, 4, false, 0, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- attention ------------------------------------------------------------------------------------------------------- */

static Node *heads_slot(Scratch *s, const Dim *batch, int64_t positions, const BandCase *c) {
    const Dim *dims[] = {batch, scratch_dim(s, positions), scratch_dim(s, c->heads), scratch_dim(s, c->depth)};
    Type       type   = scratch_type(s->program->real, 4, dims);
    return scratch_slot(s, &type);
}

static Node *binary(Scratch *s, Op op, Node *a, Node *b) {
    return node_binary(s->graph, op, a, b);
}

/* `row`, without the last axis, repeated along it. */
static Node *along(Scratch *s, Node *row, const Node *like) {
    return node_expand(s->graph, row, &like->type, 1, (int[]){like->type.rank - 1});
}

static bool is_causal(const BandCase *c) {
    return c->form == CAUSAL || c->form == CAUSAL_STEADY || c->form == CAUSAL_TRANSPOSED || c->form == CAUSAL_DROPPED;
}

/* The gradient of the maximum, which is 0, is left out or not: it counts where the maximum is, masked places included. */
static Node *softmax(Scratch *s, Node *x, bool steady) {
    int   last[] = {x->type.rank - 1};
    Node *max    = node_reduce(s->graph, OP_REDUCE_MAX, x, 1, last);
    if (steady) max = node_unary(s->graph, OP_STOP_GRAD, max);
    Node *e = node_unary(s->graph, OP_EXP, binary(s, OP_SUB, x, along(s, max, x)));
    return binary(s, OP_DIV, e, along(s, node_reduce(s->graph, OP_SUM, e, 1, last), e));
}

/* Scores that do not count become very small, or minus infinity; a mask of a slot's signs [batch, columns]. */
static Node *masked(Scratch *s, Node *scores, const BandCase *c) {
    Type  positions = {.elem = ELEM_I64, .rank = 2, .dims = {scores->type.dims[2], scores->type.dims[3]}};
    Type  seen      = {.elem = s->program->real, .rank = 2, .dims = {scores->type.dims[0], scores->type.dims[3]}};
    Type  flags     = scores->type;
    Node *counts;
    flags.elem = ELEM_BOOL;
    if (is_causal(c)) {
        counts = binary(s, OP_LE, node_iota(s->graph, &positions, 1), node_iota(s->graph, &positions, 0));
        counts = node_expand(s->graph, counts, &flags, 2, (int[]){0, 1});
    } else {
        counts = binary(s, OP_LT, node_fill(s->graph, &seen, -1), scratch_slot(s, &seen));
        counts = node_expand(s->graph, counts, &flags, 2, (int[]){1, 2});
    }
    return node_select(s->graph, counts, scores, node_fill(s->graph, &scores->type, is_causal(c) ? -INFINITY : -1e9));
}

static Node *attention(Scratch *s, const BandCase *c, Node **shares) {
    const Dim *batch = c->symbolic ? scratch_symbol(s, "batch", c->batch) : scratch_dim(s, c->batch);
    Node      *q = heads_slot(s, batch, c->rows, c), *v = heads_slot(s, batch, c->columns, c);
    Node      *k      = c->form == TIED ? q : heads_slot(s, batch, c->columns, c);
    DotAxes    axes   = {.n_batch        = 2,
                         .n_contract     = 1,
                         .left_batch     = {0, 2},
                         .right_batch    = {0, 2},
                         .left_contract  = {3},
                         .right_contract = {3}};
    Node      *scores = c->form == TRANSPOSED || c->form == CAUSAL_TRANSPOSED
                            ? node_permute(s->graph, node_dot(s->graph, k, q, &axes), (int[]){0, 1, 3, 2})
                            : node_dot(s->graph, q, k, &axes);
    scores            = binary(s, OP_MUL, scores, node_fill(s->graph, &scores->type, 0.3));
    if (is_causal(c) || c->form == MASKED) scores = masked(s, scores, c);
    Node *share = softmax(s, scores, is_causal(c) && c->form != CAUSAL);
    if (c->form == DROPPED || c->form == CAUSAL_DROPPED) {
        Node *drawn = node_random(s->graph, OP_UNIFORM, &share->type, (RandomKey){.instance = 7});
        share       = binary(
            s, OP_MUL, share,
            node_cast(s->graph, share->type.elem, binary(s, OP_LT, drawn, node_fill(s->graph, &share->type, 0.8))));
    }
    DotAxes mix = {.n_batch        = 2,
                   .n_contract     = 1,
                   .left_batch     = {0, 1},
                   .right_batch    = {0, 2},
                   .left_contract  = {3},
                   .right_contract = {1}};
    *shares     = share;
    return node_dot(s->graph, share, v, &mix);
}

static Node *total(Scratch *s, Node *value) {
    Node *square = binary(s, OP_MUL, value, value);
    return node_reduce(s->graph, OP_SUM, square, value->type.rank, (int[]){0, 1, 2, 3});
}

/* Of all shares, as a program counts what is not finite. */
static Node *count_large(Scratch *s, Node *share) {
    Node *large = binary(s, OP_LT, node_fill(s->graph, &share->type, 0.05), share);
    Node *ones =
        node_select(s->graph, large, node_fill(s->graph, &share->type, 1), node_fill(s->graph, &share->type, 0));
    return node_reduce(s->graph, OP_SUM, ones, 4, (int[]){0, 1, 2, 3});
}

static Fn *build(Scratch *s, const BandCase *c) {
    Fn   *fn = scratch_fn(s, FN_PREDICT, "f");
    Node *share, *value = attention(s, c, &share), *loss = total(s, value);
    int   slots = s->program->slots.len;
    scratch_result(s, fn, loss);
    scratch_result(s, fn, value);
    if (c->form == COUNTED) scratch_result(s, fn, count_large(s, share));
    for (int i = 0; i < slots; i++) {
        Node *of = node_ref(s->graph, OP_READ, i, &s->program->slots.data[i].type);
        if (of->type.rank == 4)
            scratch_result(s, fn, graph_node(s->graph, OP_GRAD, NULL, 2, (Node *[]){loss, of}, NULL));
    }
    assert_true(graph_add_gradients(&s->c, s->program));
    graph_optimise(&s->c, s->program);
    program_verify(s->program, "graph_optimise");
    return fn;
}

/* ---- checks --------------------------------------------------------------------------------------------------------------- */

static int count_loops(Scratch *s, const Fn *fn) {
    NodeVec order = {0};
    Map    *seen  = map_new(s->arena);
    int     count = 0;
    for (int i = 0; i < fn->results.len; i++) graph_post_order_deep(s->arena, fn->results.data[i].value, seen, &order);
    for (int i = 0; i < order.len; i++) count += order.data[i]->op == OP_SCAN;
    return count;
}

static int count_clipped(const FnPlan *plan) {
    int count = 0;
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        count += kernel->clip.rows != NULL;
        if (kernel->body) count += count_clipped(kernel->body);
    }
    return count;
}

static void check_case(const BandCase *c, ElemType real, double tolerance) {
    Scratch *s       = scratch_new(7);
    s->program->real = real;
    Fn        *fn    = build(s, c);
    InterpArgs args  = scratch_args(s);
    InterpRun  right = interp_run(s->arena, s->program, fn, &args);
    Compiled   code  = compiled_new(s, NULL);
    if (count_loops(s, fn) != c->loops) fail_msg("%s: %d loops", c->name, count_loops(s, fn));
    int clipped = count_clipped(code.plan->fns.data[0]);
    if (clipped != c->clipped) fail_msg("%s: %d kernels are clipped, not %d", c->name, clipped, c->clipped);
    InterpRun looped = interp_run(s->arena, s->program, fn, &args);
    for (int i = 0; i < fn->results.len; i++)
        for (int64_t k = 0; k < right.results[i].count; k++) {
            double expected = right.results[i].data[k], got = looped.results[i].data[k];
            if (!(fabs(got - expected) <= 1e-11 * (1 + fabs(expected))))
                fail_msg("%s: result %d, element %d: %.15g, not %.15g", c->name, i, (int)k, got, expected);
        }
    uint64_t one, three;
    compiled_check(s, &code, 0, 1, tolerance, &one);
    compiled_check(s, &code, 0, 3, tolerance, &three);
    if (one != three) fail_msg("%s: 1 and 3 threads differ", c->name);
    compiled_free(&code);
    scratch_free(s);
}

static void test_f32(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check_case(&cases[i], ELEM_F32, 1e-4);
}

static void test_f64(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check_case(&cases[i], ELEM_F64, 1e-11);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_f64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
