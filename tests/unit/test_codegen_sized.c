/* A training step of little work has code for the nominal sizes alone: taken for these, of the same bits as the code for all sizes; a step of
 * more work, or a function that does not train, has none. Its kernels are parts of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/harness.h"

typedef struct Step {
    FnKind  kind;
    int64_t rows, nominal, units;
} Step;

static Node *layer(Scratch *s, Node *x, const Dim *rows, int64_t units) {
    const Dim *of_weights[] = {x->type.dims[1], scratch_dim(s, units)}, *of_result[] = {rows, of_weights[1]};
    Type       weights = scratch_type(ELEM_F32, 2, of_weights), result = scratch_type(ELEM_F32, 2, of_result);
    DotAxes    forward = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    Node      *dot     = node_dot(s->graph, x, scratch_slot(s, &weights), &forward);
    Node      *zero    = node_fill(s->graph, &result, 0);
    return node_select(s->graph, node_binary(s->graph, OP_LT, zero, dot), dot, zero);
}

/* Two layers, a softmax over few columns, a gradient of weights with its update, and sums of all kinds. */
static Scratch *step_of(const Step *step) {
    Scratch   *s                                          = scratch_new(21);
    Graph     *graph                                      = s->graph;
    const Dim *rows                                       = scratch_symbol(s, "rows", step->rows);
    s->program->dims.data[s->program->dims.len - 1].bound = step->nominal;
    s->program->real                                      = ELEM_F32;
    const Dim *input[] = {rows, scratch_dim(s, 20)}, *of_weights[] = {scratch_dim(s, step->units), scratch_dim(s, 4)};
    Type       in = scratch_type(ELEM_F32, 2, input), weights = scratch_type(ELEM_F32, 2, of_weights);
    Node      *x = scratch_slot(s, &in), *w = scratch_slot(s, &weights), *h = layer(s, x, rows, step->units);
    Node      *y    = layer(s, h, rows, 4);
    int        last = 1, first = 0, both[] = {0, 1};
    Node      *e    = node_unary(graph, OP_EXP, node_unary(graph, OP_TANH, y));
    Node      *sum  = node_reduce(graph, OP_SUM, e, 1, &last);
    Node      *p    = node_binary(graph, OP_DIV, e, node_expand(graph, sum, &y->type, 1, &last));
    DotAxes    axes = {.n_contract = 1, .left_contract = {0}, .right_contract = {0}};
    Fn        *fn   = scratch_fn(s, step->kind, "f");
    scratch_update(s, fn, 1, node_binary(graph, OP_SUB, w, node_dot(graph, h, p, &axes)));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, p, 1, &first));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, node_binary(graph, OP_MUL, p, y), 2, both));
    return s;
}

static bool has_sized(const Step *step) {
    static const char *const words[] = {"@f_sized_code"};
    Scratch                 *s       = step_of(step);
    int                      found;
    emitted_lines(s, 1, words, &found);
    scratch_free(s);
    return found > 0;
}

static void test_taken(void **state) {
    (void)state;
    assert_true(has_sized(&(Step){FN_TRAIN, 16, 16, 33}));
    assert_false(has_sized(&(Step){FN_PREDICT, 16, 16, 33}));
    assert_false(has_sized(&(Step){FN_TRAIN, 16, 1 << 16, 33}));
}

/* Lines that name kernels of the code for the nominal sizes. */
static int sized_kernels(const Step *step) {
    static const char *const words[] = {"_contract_sized(", "_row_sized("};
    Scratch                 *s       = step_of(step);
    int                      found[2];
    emitted_lines(s, 2, words, found);
    scratch_free(s);
    return found[0] + found[1];
}

/* Kernels on one thread are parts of the step; those that may go to several stay functions, which the pool calls. */
static void test_whole(void **state) {
    (void)state;
    assert_int_equal(sized_kernels(&(Step){FN_TRAIN, 16, 16, 33}), 0);
    assert_true(sized_kernels(&(Step){FN_TRAIN, 600, 600, 48}) > 0);
    assert_true(has_sized(&(Step){FN_TRAIN, 600, 600, 48}));
}

static uint64_t bits_of(int64_t rows, int64_t nominal, int64_t units, int nthreads) {
    Scratch *s        = step_of(&(Step){FN_TRAIN, rows, nominal, units});
    Compiled compiled = compiled_new(s, NULL);
    uint64_t bits     = 0;
    assert_int_equal(compiled_check(s, &compiled, 0, nthreads, 2e-5, &bits), 0);
    compiled_free(&compiled);
    scratch_free(s);
    return bits;
}

static void test_bits(void **state) {
    (void)state;
    static const int64_t rows[] = {1, 16, 57, 600}, units[] = {7, 48};
    for (int i = 0; i < 8; i++) {
        int64_t  m = rows[i / 2], n = units[i % 2];
        uint64_t any = bits_of(m, m + 1, n, 1);
        assert_int_equal(bits_of(m, m, n, 1), any);
        assert_int_equal(bits_of(m, m, n, 3), any);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_whole),
                                       cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
