/* Products of few rows by a transposed operand, summed as the transposed product in tiles that are turned in the registers: results, bits, and
 * which products are computed so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/harness.h"

typedef struct Turn {
    ElemType elem;
    int64_t  rows, columns, depth;
    bool     symbolic; /* rows are a symbol, of a training step whose nominal size that is */
    bool     taken;    /* with vectors of 64 bytes */
} Turn;

static const Turn turns[] = {
    {ELEM_F32, 16, 64, 32, true, true},    {ELEM_F32, 16, 64, 32, false, true},  {ELEM_F32, 32, 256, 33, false, true},
    {ELEM_F32, 16, 48, 256, true, true},   {ELEM_F64, 8, 64, 9, false, true},    {ELEM_F64, 16, 40, 100, true, true},
    {ELEM_F32, 16, 64, 257, false, false}, /* several blocks of k would be worth it */
    {ELEM_F32, 15, 64, 32, true, false},   {ELEM_F32, 16, 65, 32, false, false}, {ELEM_F32, 16, 64, 15, false, false},
    {ELEM_F32, 64, 64, 64, true, false}, /* as many blocks either way */
};
enum { TURNS = sizeof turns / sizeof *turns };

/* max(x w^T + bias of the columns, y) - bias of the rows. */
static Scratch *turn(const Turn *t) {
    Scratch   *s     = scratch_new(17);
    Graph     *graph = s->graph;
    const Dim *rows  = t->symbolic ? scratch_symbol(s, "rows", t->rows) : scratch_dim(s, t->rows);
    if (t->symbolic) s->program->dims.data[0].bound = t->rows;
    s->program->real  = t->elem;
    const Dim *of_x[] = {rows, scratch_dim(s, t->depth)}, *of_w[] = {scratch_dim(s, t->columns), of_x[1]};
    const Dim *of_y[] = {rows, of_w[0]};
    Type    x = scratch_type(t->elem, 2, of_x), w = scratch_type(t->elem, 2, of_w), y = scratch_type(t->elem, 2, of_y);
    Type    across = scratch_type(t->elem, 1, of_w), along = scratch_type(t->elem, 1, of_x);
    DotAxes axes  = {.n_contract = 1, .left_contract = {1}, .right_contract = {1}};
    int     first = 0, last = 1;
    Node   *dot  = node_dot(graph, scratch_slot(s, &x), scratch_slot(s, &w), &axes);
    Node   *sum  = node_binary(graph, OP_ADD, dot, node_expand(graph, scratch_slot(s, &across), &y, 1, &first));
    Node   *most = node_binary(graph, OP_MAX, sum, scratch_slot(s, &y));
    Node   *less = node_expand(graph, scratch_slot(s, &along), &y, 1, &last);
    scratch_result(s, scratch_fn(s, t->symbolic ? FN_TRAIN : FN_PREDICT, "f"), node_binary(graph, OP_SUB, most, less));
    return s;
}

static void test_results(void **state) {
    (void)state;
    for (int i = 0; i < TURNS; i++) {
        Scratch *s = turn(&turns[i]);
        check_program(s, turns[i].elem == ELEM_F64 ? 1e-12 : 2e-5);
        scratch_free(s);
    }
}

/* The same sums in the same order as the code for all sizes. */
static void test_bits(void **state) {
    (void)state;
    for (int i = 0; i < TURNS; i++) {
        uint64_t bits[2];
        for (int any = 0; any < 2; any++) {
            Scratch *s = turn(&turns[i]);
            if (turns[i].symbolic) s->program->dims.data[0].bound += any;
            Compiled compiled = compiled_new(s, NULL);
            assert_int_equal(compiled_check(s, &compiled, 0, 1, 1e-4, &bits[any]), 0);
            compiled_free(&compiled);
            scratch_free(s);
        }
        assert_int_equal(bits[0], bits[1]);
    }
}

static int lines_of_routines(const Turn *t, bool trains) {
    static const char *const words[] = {"@nnc.tile."};
    Scratch                 *s       = turn(t);
    int                      lines;
    s->c.options.target           = "x86-64-v4";
    s->program->fns.data[0]->kind = trains ? FN_TRAIN : FN_PREDICT;
    emitted_lines(s, 1, words, &lines);
    scratch_free(s);
    return lines;
}

/* Such tiles are no routines; the code for all sizes has some, and a function that does not train has that alone. */
static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < TURNS; i++) {
        int lines = lines_of_routines(&turns[i], true), others = 0;
        if (turns[i].symbolic) others = lines_of_routines(&turns[i], false);
        if ((lines == others) != turns[i].taken) fail_msg("product %d: %d lines name a routine", i, lines);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_results), cmocka_unit_test(test_bits),
                                       cmocka_unit_test(test_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
