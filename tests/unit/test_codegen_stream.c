/* Stores that pass the caches by: taken for large tensors whose rows are whole vectors, of the same bits as plain stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "codegen/codegen.h"
#include "codegen/harness.h"

typedef struct Form {
    int64_t rows, columns;
    bool    symbolic, softmax;
    bool    streams; /* there is a task for it */
} Form;

/* 24 MiB of f32 are 6144 rows of 1024; a symbolic dim without a bound is taken for 64. */
static const Form forms[] = {
    {6145, 1024, false, true, true},  {6143, 1024, false, true, false}, {6145, 1024, true, true, false},
    {257, 24576, true, true, true},   {3, 24576, true, true, true}, /* the task is there and not taken */
    {263, 24581, true, true, false},                                /* rows of part of a vector */
    {6400, 1001, false, false, true},                               /* one loop over all elements, with a tail */
};
enum { FORMS = sizeof forms / sizeof *forms };

static Scratch *program_of(const Form *form) {
    Scratch   *s       = scratch_new(7);
    int        last    = 1;
    const Dim *columns = scratch_dim(s, form->columns);
    const Dim *dims[]  = {form->symbolic ? scratch_symbol(s, "rows", form->rows) : scratch_dim(s, form->rows), columns};
    Type       type    = scratch_type(ELEM_F32, 2, dims);
    Node      *x = scratch_slot(s, &type), *y = x;
    s->program->real = ELEM_F32;
    if (form->softmax) {
        Node *e = node_unary(s->graph, OP_EXP, x), *sum = node_reduce(s->graph, OP_SUM, e, 1, &last);
        y = node_binary(s->graph, OP_DIV, e, node_expand(s->graph, sum, &type, 1, &last));
    } else {
        y = node_binary(s->graph, OP_ADD, node_binary(s->graph, OP_MUL, x, x), x);
    }
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), y);
    return s;
}

static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch                 *s       = program_of(&forms[i]);
        static const char *const words[] = {"!nontemporal", "fence seq_cst"};
        int                      lines[2];
        emitted_lines(s, 2, words, lines);
        int stores = lines[0], fences = lines[1];
        if ((stores > 0) != forms[i].streams || (fences > 0) != forms[i].streams)
            fail_msg("form %d: %d streamed stores, %d fences", i, stores, fences);
        scratch_free(s);
    }
}

/* Into memory at a vector's start, where stores pass the caches by, and 4 bytes behind one, where they cannot. */
static void check_bits(const Form *form, int nthreads) {
    Scratch *s        = program_of(form);
    Compiled compiled = compiled_new(s, NULL);
    int64_t  count = form->rows * form->columns, nbytes = count * 4;
    float   *x = nnrt_alloc((size_t)nbytes), *y = nnrt_alloc((size_t)nbytes + 64), *z = nnrt_alloc((size_t)nbytes + 64);
    size_t   size      = (size_t)compiled.model->fns[0].workspace(s->symbols, nthreads) + 64;
    void    *workspace = nnrt_alloc(size);
    for (int64_t i = 0; i < count; i++) x[i] = (float)(i % 8191) / 4096 - 1;
    for (int aligned = 0; aligned < 2; aligned++) {
        void      *slots[] = {x}, *results[] = {aligned ? y : z + 1};
        nnrt_pool *pool  = nthreads > 1 ? nnrt_pool_new(nthreads) : NULL;
        nnrt_fault fault = {0};
        nnrt_args  args  = {.symbols   = s->symbols,
                            .slots     = slots,
                            .results   = results,
                            .workspace = workspace,
                            .pool      = pool,
                            .fault     = &fault};
        compiled.model->fns[0].code(&args);
        nnrt_pool_free(pool);
    }
    assert_memory_equal(y, z + 1, (size_t)nbytes);
    assert_true(y[count - 1] != 0 && z[0] == 0 && z[count + 1] == 0 && y[count] == 0);
    nnrt_free(x, (size_t)nbytes);
    nnrt_free(y, (size_t)nbytes + 64);
    nnrt_free(z, (size_t)nbytes + 64);
    nnrt_free(workspace, size);
    compiled_free(&compiled);
    scratch_free(s);
}

static void test_bits(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        check_bits(&forms[i], 1);
        check_bits(&forms[i], 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
