/* Rows of few columns, whose lanes run over rows, in loops and in epilogues of products: against the interpreter, for rows that fill vectors and units and those that do not, and
 * taken where it pays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/harness.h"

typedef struct Form {
    int64_t     rows, columns;
    bool        symbolic;
    const char *target;
    bool        across; /* of f32 */
} Form;

static const Form forms[] = {
    {256, 4, true, "x86-64-v4", true},   {1, 2, true, "x86-64-v4", true},     {31, 8, true, "x86-64-v4", true},
    {2049, 4, true, "x86-64-v4", true},  {16, 2, false, "x86-64-v4", true},   {5461, 3, false, "x86-64-v4", true},
    {8192, 3, false, "x86-64-v4", true}, {4096, 4, false, "x86-64-v4", true}, {15, 4, false, "x86-64-v4", false},
    {64, 9, true, "x86-64-v4", false},   {100, 3, true, "x86-64-v3", true},   {100, 5, true, "x86-64-v3", false},
    {75, 2, true, "x86-64-v2", true},    {75, 3, true, "x86-64-v2", false},
};
enum { FORMS = sizeof forms / sizeof *forms };

static Type space_of(Scratch *s, const Form *form, ElemType elem) {
    const Dim *rows   = form->symbolic ? scratch_symbol(s, "rows", form->rows) : scratch_dim(s, form->rows);
    const Dim *dims[] = {rows, scratch_dim(s, form->columns)};
    return scratch_type(elem, 2, dims);
}

static Node *softmax_of(Scratch *s, Node *x, const Type *type) {
    int   last    = 1;
    Node *largest = node_expand(s->graph, node_reduce(s->graph, OP_REDUCE_MAX, x, 1, &last), type, 1, &last);
    Node *e       = node_unary(s->graph, OP_EXP, node_binary(s->graph, OP_SUB, x, largest));
    Node *sum     = node_reduce(s->graph, OP_SUM, e, 1, &last);
    return node_binary(s->graph, OP_DIV, e, node_expand(s->graph, sum, type, 1, &last));
}

/* Values of points, rows, columns and all together, of operands in both orders and of one value a row. */
static void build(Scratch *s, const Type *type) {
    Fn    *fn    = scratch_fn(s, FN_PREDICT, "f");
    Graph *graph = s->graph;
    int    first = 0, last = 1, both[] = {0, 1}, swapped[] = {1, 0};
    Type   turned = *type, row = {.elem = type->elem, .rank = 1, .dims = {type->dims[0]}};
    turned.dims[0] = type->dims[1], turned.dims[1] = type->dims[0];
    Node *x = scratch_slot(s, type), *y = scratch_slot(s, &turned), *weight = scratch_slot(s, &row);
    Node *p       = softmax_of(s, node_binary(graph, OP_ADD, x, node_permute(graph, y, swapped)), type);
    Node *weighed = node_binary(graph, OP_MUL, p, node_expand(graph, weight, type, 1, &last));
    Node *rows    = node_reduce(graph, OP_SUM, node_binary(graph, OP_MUL, weighed, x), 1, &last);
    scratch_result(s, fn, weighed);
    scratch_result(s, fn, node_permute(graph, p, swapped));
    scratch_result(s, fn, node_binary(graph, OP_LT, x, p));
    scratch_result(s, fn, rows);
    scratch_result(s, fn, node_reduce(graph, OP_ARGMAX, weighed, 1, &last));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, weighed, 1, &first));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, p, 1, &first));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, weighed, 2, both));
    scratch_result(s, fn, node_reduce(graph, OP_SUM, node_unary(graph, OP_TANH, rows), 1, &first));
    scratch_update(s, fn, 0, node_binary(graph, OP_SUB, x, weighed));
}

static void test_values(void **state) {
    (void)state;
    for (int i = 0; i < 2 * FORMS; i++) {
        Scratch *s       = scratch_new(11);
        ElemType elem    = i % 2 ? ELEM_F64 : ELEM_F32;
        Type     type    = space_of(s, &forms[i / 2], elem);
        s->program->real = elem;
        build(s, &type);
        check_program(s, elem == ELEM_F64 ? 1e-12 : 2e-5);
        scratch_free(s);
    }
}

/* A row by itself takes vectors of the least size that holds it, here for the difference from the largest. */
static bool by_rows(Scratch *s, const Form *form) {
    char        narrow[48];
    const char *words[] = {narrow};
    int         lanes   = 2, lines;
    while (lanes < form->columns) lanes *= 2;
    snprintf(narrow, sizeof narrow, "fsub contract <%d x float>", lanes);
    s->c.options.target = form->target;
    emitted_lines(s, 1, words, &lines);
    return lines > 0;
}

static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch *s       = scratch_new(12);
        Type     type    = space_of(s, &forms[i], ELEM_F32);
        s->program->real = ELEM_F32;
        scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), softmax_of(s, scratch_slot(s, &type), &type));
        if (by_rows(s, &forms[i]) == forms[i].across) fail_msg("form %d is not compiled as expected", i);
        scratch_free(s);
    }
}

/* ---- the same where a product's epilogue stores few columns ---- */

typedef struct Weights {
    int64_t rows, columns, depth;
    bool    symbolic, forward, swapped;
} Weights;

static const Weights weights[] = {
    {16, 4, 256, false, false, true}, {33, 4, 5, true, false, true},    {100, 3, 70, false, false, true},
    {32, 2, 16, false, false, true},  {5, 2, 300, false, false, true},  {17, 3, 1, true, false, true},
    {15, 4, 9, false, false, false},  {64, 5, 20, false, false, false}, {70, 4, 33, true, true, true},
    {48, 2, 16, false, true, true},   {9, 4, 40, false, true, false},
};

/* A product such as a gradient of weights or a head, and what an update makes of it, as it lies in memory and turned. */
static void build_weights(Scratch *s, const Weights *w, ElemType elem) {
    Fn        *fn    = scratch_fn(s, FN_PREDICT, "f");
    Graph     *graph = s->graph;
    const Dim *k = scratch_symbol(s, "depth", w->depth), *n[] = {NULL, scratch_dim(s, w->columns)};
    n[0]              = w->symbolic ? scratch_symbol(s, "rows", w->rows) : scratch_dim(s, w->rows);
    const Dim *left[] = {k, n[0]}, *right[] = {k, n[1]};
    Type       of_left = scratch_type(elem, 2, left), of_right = scratch_type(elem, 2, right);
    Type       all = scratch_type(elem, 2, n), row = scratch_type(elem, 1, n);
    DotAxes    axes = {.n_contract = 1, .left_contract = {0}, .right_contract = {0}};
    int        last = 1, swapped[] = {1, 0};
    Node      *x = scratch_slot(s, &of_left), *y = scratch_slot(s, &of_right), *weight = scratch_slot(s, &all);
    Node      *decay = scratch_slot(s, &row), *dot = node_dot(graph, x, y, &axes);
    Node      *step = node_binary(graph, OP_MUL, dot, node_expand(graph, decay, &all, 1, &last));
    scratch_update(s, fn, 2, node_binary(graph, OP_SUB, weight, step));
    scratch_result(s, fn, node_permute(graph, step, swapped));
    scratch_result(s, fn, node_binary(graph, OP_LT, weight, step));
}

static void test_epilogue(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * sizeof weights / sizeof *weights; i++) {
        Scratch *s       = scratch_new(13);
        ElemType elem    = i % 2 ? ELEM_F64 : ELEM_F32;
        s->program->real = elem;
        build_weights(s, &weights[i / 2], elem);
        Plan *plan = kernels_from_graph(&s->c, s->program);
        assert_int_equal(plan->fns.data[0]->kernels.data[0]->template, TEMPLATE_CONTRACT);
        assert_int_equal(plan->fns.data[0]->kernels.data[0]->swap, weights[i / 2].swapped);
        check_program(s, elem == ELEM_F64 ? 1e-12 : 2e-5);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_taken),
                                       cmocka_unit_test(test_epilogue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
