/* Rows added where an index says, in parts of a long index and whole, and values along one dim that an index looks up: compared with the
 * interpreter, with 1 and 3 threads, which must give the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/harness.h"
#include "nnrt.h"

typedef struct Form {
    int64_t  rows, index, columns; /* columns 0: no dims behind the rows */
    bool     symbolic;             /* the index' length: cut or not as it turns out */
    ElemType real;
    bool     parts;
} Form;

static const Form forms[] = {
    {40, 3000, 7, false, ELEM_F32, true},     {300, 9001, 0, false, ELEM_F32, true},
    {50, 1203, 16, false, ELEM_F32, true},    {33, 2000, 20, false, ELEM_F32, true},
    {41, 3000, 5, false, ELEM_F64, true},     {9, 8200, 1, false, ELEM_F64, true},
    {20, 3, 256, true, ELEM_F32, true},       {20, 0, 256, true, ELEM_F32, true},
    {40, 3001, 7, true, ELEM_F32, true},      {300, 9000, 0, true, ELEM_F64, true},
    {33, 2000, 32, true, ELEM_F32, true},     {12, 700, 37, false, ELEM_F64, true},
    {3000, 4000, 16, false, ELEM_F32, false},                                          /* more sums than are worth it */
    {10, 200, 16, false, ELEM_F32, false},    {40, 3000, 300, false, ELEM_F32, false}, /* little work; many columns */
};
enum { FORMS = sizeof forms / sizeof *forms };

/* Half of the index names one row. Two results, so that the sums have two places. */
static Scratch *program_of(const Form *form) {
    Scratch *s        = scratch_new(5);
    s->program->real  = form->real;
    const Dim *count  = form->symbolic ? scratch_symbol(s, "count", form->index) : scratch_dim(s, form->index);
    const Dim *dims[] = {count, scratch_dim(s, form->columns)};
    Type       values = scratch_type(form->real, form->columns ? 2 : 1, dims), names = scratch_type(ELEM_I32, 1, dims);
    Node      *x = scratch_slot(s, &values), *index = scratch_slot(s, &names);
    for (int64_t i = 0; i < form->index; i++)
        s->slots[1].data[i] = scratch_below(s, 2) ? (double)form->rows - 1 : scratch_below(s, (int)form->rows);
    Fn   *fn   = scratch_fn(s, FN_PREDICT, "f");
    Node *sums = node_scatter_add(s->graph, x, index, scratch_dim(s, form->rows));
    scratch_result(s, fn, sums);
    scratch_result(s, fn, sums);
    return s;
}

static void test_parts_taken(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        static const char *const words[] = {"_join("};
        Scratch                 *s       = program_of(&forms[i]);
        int                      joins;
        emitted_lines(s, 1, words, &joins);
        if ((joins > 0) != forms[i].parts) fail_msg("form %d: %d lines of a join", i, joins);
        scratch_free(s);
    }
}

/* Sums of two parts at least have room of their own where the index turns out as long as that. */
static void test_parts_have_room(void **state) {
    enum { LONG = 700 };
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        const Form *form     = &forms[i];
        Scratch    *s        = program_of(form);
        Compiled    compiled = compiled_new(s, NULL);
        int64_t     nbytes   = compiled.model->fns[0].workspace(s->symbols, 1);
        int64_t     sums     = form->rows * (form->columns ? form->columns : 1) * elem_size(form->real);
        if ((nbytes >= 2 * sums) != (form->parts && form->index >= LONG))
            fail_msg("form %d: %lld bytes", i, (long long)nbytes);
        compiled_free(&compiled);
        scratch_free(s);
    }
}

static void test_results(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch *s = program_of(&forms[i]);
        check_program(s, forms[i].real == ELEM_F64 ? 1e-12 : 1e-4);
        scratch_free(s);
    }
}

static void test_fault(void **state) {
    (void)state;
    Scratch *s             = program_of(&forms[0]);
    s->slots[1].data[2900] = 40;
    Compiled compiled      = compiled_new(s, NULL);
    for (int threads = 1; threads <= 3; threads++)
        assert_int_equal(compiled_check(s, &compiled, 0, threads, 1e-4, NULL), NNRT_FAULT_INDEX);
    compiled_free(&compiled);
    scratch_free(s);
}

/* y[i] = (x + x)[index[i]] * x[i]: one linear loop, which several threads share. */
static void test_line(void **state) {
    (void)state;
    for (int64_t count = 1; count < 50000; count = 5 * count + 2) {
        Scratch *s       = scratch_new(3);
        s->program->real = ELEM_F32;
        const Dim *n     = scratch_symbol(s, "n", count);
        Type       line = scratch_type(ELEM_F32, 1, &n), names = scratch_type(ELEM_I32, 1, &n);
        Node      *x = scratch_slot(s, &line), *index = scratch_slot(s, &names);
        for (int64_t i = 0; i < count; i++) s->slots[1].data[i] = scratch_below(s, (int)count);
        Node *twice = node_binary(s->graph, OP_ADD, x, x);
        Node *y     = node_binary(s->graph, OP_MUL, node_gather(s->graph, twice, index), x);
        scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), y);
        Compiled compiled = compiled_new(s, NULL);
        assert_int_equal(compiled.plan->fns.data[0]->kernels.len, 1);
        assert_true(compiled.plan->fns.data[0]->kernels.data[0]->flat);
        uint64_t one, three;
        compiled_check(s, &compiled, 0, 1, 1e-6, &one);
        compiled_check(s, &compiled, 0, 3, 1e-6, &three);
        assert_true(one == three);
        compiled_free(&compiled);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts_taken), cmocka_unit_test(test_parts_have_room),
                                       cmocka_unit_test(test_results), cmocka_unit_test(test_fault),
                                       cmocka_unit_test(test_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
