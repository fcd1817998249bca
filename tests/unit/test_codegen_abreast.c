/* Two rows abreast: against the interpreter, for even and odd counts of rows, with sums over rows and updates in place, and taken for long rows of
 * several passes; rows are asked for ahead where they come from memory and exponentials are computed meanwhile, or two tensors are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/codegen.h"
#include "codegen/harness.h"

typedef struct Form {
    int64_t  planes, rows, columns;
    bool     symbolic;
    ElemType real;
    bool     abreast;
} Form;

static const Form forms[] = {
    {1, 8, 256, false, ELEM_F32, true},  {1, 1, 256, false, ELEM_F32, true},    {3, 7, 300, true, ELEM_F32, true},
    {1, 65, 512, true, ELEM_F32, true},  {5, 1, 1024, false, ELEM_F32, true},   {1, 9, 2049, false, ELEM_F32, false},
    {1, 9, 2048, false, ELEM_F32, true}, {1, 300, 255, false, ELEM_F32, false}, {1, 9, 512, false, ELEM_F64, false},
};
enum { FORMS = sizeof forms / sizeof *forms };

static Type space_of(Scratch *s, const Form *form) {
    const Dim *rows   = form->symbolic ? scratch_symbol(s, "rows", form->rows) : scratch_dim(s, form->rows);
    const Dim *dims[] = {scratch_dim(s, form->planes), rows, scratch_dim(s, form->columns)};
    s->program->real  = form->real;
    return scratch_type(form->real, 3, dims);
}

static Node *softmax_of(Scratch *s, Node *x) {
    int   last    = 2;
    Type  type    = x->type;
    Node *largest = node_expand(s->graph, node_reduce(s->graph, OP_REDUCE_MAX, x, 1, &last), &type, 1, &last);
    Node *e       = node_unary(s->graph, OP_EXP, node_binary(s->graph, OP_SUB, x, largest));
    Node *sum     = node_reduce(s->graph, OP_SUM, e, 1, &last);
    Node *part    = node_binary(s->graph, OP_DIV, node_fill(s->graph, &sum->type, 1), sum);
    return node_binary(s->graph, OP_MUL, e, node_expand(s->graph, part, &type, 1, &last));
}

static void test_values(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch *s      = scratch_new(17);
        Type     type   = space_of(s, &forms[i]);
        Fn      *fn     = scratch_fn(s, FN_PREDICT, "f");
        int      last[] = {2}, columns[] = {0, 1}, all[] = {0, 1, 2};
        Node    *x = scratch_slot(s, &type), *p = softmax_of(s, x), *squares = node_binary(s->graph, OP_MUL, p, p);
        scratch_result(s, fn, node_reduce(s->graph, OP_SUM, squares, 1, last));
        scratch_result(s, fn, node_reduce(s->graph, OP_SUM, squares, 2, columns));
        scratch_result(s, fn, node_reduce(s->graph, OP_SUM, squares, 3, all));
        scratch_result(s, fn, node_reduce(s->graph, OP_ARGMAX, squares, 1, last));
        scratch_update(s, fn, 0, node_binary(s->graph, OP_SUB, x, p));
        check_program(s, forms[i].real == ELEM_F64 ? 1e-12 : 2e-5);
        scratch_free(s);
    }
}

/* A softmax alone divides once for each row: of the two abreast and of the last one. */
static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch                 *s       = scratch_new(17);
        Type                     type    = space_of(s, &forms[i]);
        static const char *const words[] = {"fdiv"};
        int                      divisions;
        s->c.options.target = "x86-64-v4";
        scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), softmax_of(s, scratch_slot(s, &type)));
        emitted_lines(s, 1, words, &divisions);
        if (divisions != (forms[i].abreast ? 3 : 1)) fail_msg("form %d: %d divisions", i, divisions);
        scratch_free(s);
    }
}

/* Of the second pass over rows of one or two tensors. */
static int prefetches(bool exponential, bool two, int64_t rows, int64_t columns) {
    Scratch                 *s       = scratch_new(17);
    Form                     form    = {1, rows, columns, false, ELEM_F32, true};
    Type                     type    = space_of(s, &form);
    int                      last    = 2, count;
    static const char *const words[] = {"call void @llvm.prefetch"};
    s->c.options.target              = "x86-64-v4";
    Node *x                          = scratch_slot(s, &type);
    Node *sum                        = node_reduce(s->graph, OP_SUM, x, 1, &last);
    if (two) x = node_binary(s->graph, OP_MUL, x, scratch_slot(s, &type));
    Node *rest = node_binary(s->graph, OP_SUB, x, node_expand(s->graph, sum, &type, 1, &last));
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), exponential ? node_unary(s->graph, OP_EXP, rest) : rest);
    emitted_lines(s, 1, words, &count);
    scratch_free(s);
    return count;
}

static void test_ahead(void **state) {
    (void)state;
    assert_int_not_equal(prefetches(true, false, 8192, 1024), 0);
    assert_int_not_equal(prefetches(false, true, 8192, 1024), 0);
    assert_int_equal(prefetches(false, false, 8192, 1024), 0);
    assert_int_equal(prefetches(true, false, 64, 1024), 0);
    assert_int_equal(prefetches(false, true, 64, 1024), 0);
    assert_int_equal(prefetches(false, true, 8192, 4096), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_taken),
                                       cmocka_unit_test(test_ahead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
