/* Whole tiles of products over a short K go from the registers to an epilogue that is short, others by way of scratch: which do, and results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/harness.h"

typedef struct Tiles {
    int64_t rows, depth, columns;
    int     epilogue; /* multiplications by a number and additions of one, each */
    bool    small;    /* part of a small step with its rows known */
    bool    registers;
} Tiles;

static const Tiles tiles[] = {
    {64, 32, 48, 1, false, true},    {64, 64, 96, 2, false, true},   {13, 9, 16, 1, false, true},
    {40, 1, 33, 1, false, true},     {64, 32, 48, 12, false, false}, /* the epilogue is long */
    {64, 2000, 48, 1, false, false},                                 /* K is */
    {64, 32, 48, 12, true, true},    {13, 9, 16, 12, true, true},    {64, 32, 48, 40, true, false},
    {64, 2000, 16, 12, true, false},
};
enum { TILES = sizeof tiles / sizeof *tiles };

static Scratch *product(const Tiles *t) {
    Scratch *s        = scratch_new(23);
    s->program->real  = ELEM_F32;
    const Dim *of_x[] = {scratch_symbol(s, "rows", t->rows), scratch_dim(s, t->depth)},
              *of_w[] = {of_x[1], scratch_dim(s, t->columns)}, *of_y[] = {of_x[0], of_w[1]};
    Type x = scratch_type(ELEM_F32, 2, of_x), w = scratch_type(ELEM_F32, 2, of_w), y = scratch_type(ELEM_F32, 2, of_y);
    DotAxes axes  = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    Node   *value = node_dot(s->graph, scratch_slot(s, &x), scratch_slot(s, &w), &axes);
    for (int i = 0; i < t->epilogue; i++) {
        value = node_binary(s->graph, OP_MUL, value, node_fill(s->graph, &y, 1 + 1.0 / (i + 2)));
        value = node_binary(s->graph, OP_ADD, value, node_fill(s->graph, &y, 0.5 - i));
    }
    if (t->small) s->program->dims.data[0].bound = t->rows;
    scratch_result(s, scratch_fn(s, t->small ? FN_TRAIN : FN_PREDICT, "f"), value);
    return s;
}

static void test_taken(void **state) {
    static const char *const words[] = {"by_registers"};
    (void)state;
    for (int i = 0; i < TILES; i++) {
        Scratch *s = product(&tiles[i]);
        int      lines;
        emitted_lines(s, 1, words, &lines);
        if ((lines > 0) != tiles[i].registers) fail_msg("product %d: %d lines", i, lines);
        scratch_free(s);
    }
}

static void test_results(void **state) {
    (void)state;
    for (int i = 0; i < TILES; i++) {
        Scratch *s = product(&tiles[i]);
        check_program(s, 1e-3);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
