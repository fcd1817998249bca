/* What an epilogue reads is prefetched while its tile is summed: where the program's state is large, with right results for whole tiles
 * and for parts of them, and with sums over fewer steps than there are lines to fetch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codegen/harness.h"

typedef struct Form {
    int64_t m, n, k, rows, ballast; /* ballast: elements of another slot; 4 Mi of f32 are 16 MiB */
    bool    ahead;
} Form;

static const Form forms[] = {
    {259, 272, 40, 256, 4 << 20, true}, {259, 272, 300, 20, 4 << 20, true}, {272, 249, 1, 7, 4 << 20, true},
    {259, 272, 40, 16, 3 << 20, false}, /* what a cache may hold from step to step */
    {250, 249, 40, 16, 4 << 20, false}, /* a small matrix */
};
enum { FORMS = sizeof forms / sizeof *forms };

/* First what a layer does with w: a product of some rows with it, which reads it in place. Then w and v are updated by sums over k of
 * x[k, m] * g[k, n], as momentum does. */
static Scratch *program_of(const Form *form, bool layer, bool update) {
    Scratch   *s = scratch_new(11);
    const Dim *m = scratch_dim(s, form->m), *n = scratch_dim(s, form->n), *k = scratch_dim(s, form->k);
    const Dim *left[] = {k, m}, *right[] = {k, n}, *whole[] = {m, n}, *other[] = {scratch_dim(s, form->ballast)};
    Type       x_type = scratch_type(ELEM_F32, 2, left), g_type = scratch_type(ELEM_F32, 2, right);
    Type       w_type = scratch_type(ELEM_F32, 2, whole), ballast = scratch_type(ELEM_F32, 1, other);
    DotAxes    transpose = {.n_contract = 1, .left_contract = {0}, .right_contract = {0}};
    s->program->real     = ELEM_F32;
    Node *x = scratch_slot(s, &x_type), *g = scratch_slot(s, &g_type), *w = scratch_slot(s, &w_type);
    Node *v = scratch_slot(s, &w_type), *more = node_binary(s->graph, OP_ADD, v, node_dot(s->graph, x, g, &transpose));
    scratch_slot(s, &ballast);
    const Dim *some[]  = {scratch_symbol(s, "rows", form->rows), m};
    Type       h_type  = scratch_type(ELEM_F32, 2, some);
    DotAxes    plain   = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    Node      *product = node_dot(s->graph, scratch_slot(s, &h_type), w, &plain);
    if (layer) scratch_result(s, scratch_fn(s, FN_PREDICT, "layer"), product);
    if (!update) return s;
    Fn *fn = scratch_fn(s, FN_PREDICT, "f");
    scratch_update(s, fn, 3, more);
    scratch_update(s, fn, 2, node_binary(s->graph, OP_SUB, w, more));
    return s;
}

static void test_taken(void **state) {
    (void)state;
    for (int i = 0; i < 2 * FORMS; i++) { /* each of the two functions alone */
        static const char *const words[] = {"call void @llvm.prefetch"};
        Scratch                 *s       = program_of(&forms[i / 2], i % 2 == 0, i % 2 == 1);
        int                      prefetches;
        emitted_lines(s, 1, words, &prefetches);
        if ((prefetches > 0) != forms[i / 2].ahead)
            fail_msg("form %d, %s: %d prefetches", i / 2, i % 2 ? "update" : "layer", prefetches);
        scratch_free(s);
    }
}

static void test_results(void **state) {
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        Scratch *s = program_of(&forms[i], true, true);
        check_program(s, 1e-6 + 4e-7 * (double)(forms[i].m +
                                                forms[i].k)); /* m or k products of up to 4, each rounded to 24 bits */
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
