/* Quotients of a square root and a constant more, as optimizers take them: estimated, with right results; and others, which are
 * divisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codegen/harness.h"
#include "codegen/target.h"

typedef enum Divisor { ROOT_AND_MORE, MORE_AND_ROOT, ROOT, ROOT_AND_OTHER, NO_ROOT, DIVISORS } Divisor;

static Node *divisor_of(Scratch *s, Divisor divisor, const Type *type) {
    Type  scalar = {.elem = type->elem};
    Node *v = scratch_slot(s, type), *root = node_unary(s->graph, OP_SQRT, node_binary(s->graph, OP_MUL, v, v));
    Node *scale  = node_expand_scalar(s->graph, scratch_slot(s, &scalar), type);
    Node *more   = node_expand_scalar(s->graph, node_unary(s->graph, OP_EXP, scratch_slot(s, &scalar)), type);
    Node *scaled = node_binary(s->graph, OP_MUL, node_binary(s->graph, OP_MUL, scale, scale), root);
    switch (divisor) {
    case ROOT_AND_MORE: return node_binary(s->graph, OP_ADD, scaled, more);
    case MORE_AND_ROOT: return node_binary(s->graph, OP_ADD, more, root);
    case ROOT: return scaled;
    case ROOT_AND_OTHER: return node_binary(s->graph, OP_ADD, root, node_unary(s->graph, OP_EXP, v));
    default: return node_binary(s->graph, OP_ADD, node_binary(s->graph, OP_MUL, v, v), more);
    }
}

static Scratch *program_of(Divisor divisor, ElemType elem) {
    Scratch   *s     = scratch_new(11);
    const Dim *n[]   = {scratch_dim(s, 5), scratch_dim(s, 48)};
    Type       type  = scratch_type(elem, 2, n);
    s->program->real = elem;
    Node *x = scratch_slot(s, &type), *y = divisor_of(s, divisor, &type);
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), node_binary(s->graph, OP_DIV, x, y));
    return s;
}

static bool machine_estimates(Scratch *s) {
    Target *target = target_new(&s->c);
    bool    wide   = target->vector_bytes == 64;
    target_free(target);
    return wide;
}

static void test_taken(void **state) {
    (void)state;
    static const bool        estimated[DIVISORS] = {[ROOT_AND_MORE] = true, [MORE_AND_ROOT] = true};
    static const char *const words[]             = {"avx512.rcp14", " = fdiv <16 x float>"};
    for (Divisor divisor = 0; divisor < DIVISORS; divisor++) {
        int      lines[2];
        Scratch *s = program_of(divisor, ELEM_F32);
        if (!machine_estimates(s)) skip();
        emitted_lines(s, 2, words, lines);
        if ((lines[0] > 0) != estimated[divisor] || (lines[1] > 0) == estimated[divisor])
            fail_msg("divisor %d: %d estimates, %d divisions", divisor, lines[0], lines[1]);
        scratch_free(s);
    }
}

static void test_results(void **state) {
    (void)state;
    for (Divisor divisor = 0; divisor < DIVISORS; divisor++) {
        if (divisor == ROOT) continue; /* of any size */
        for (int wide = 0; wide < 2; wide++) {
            Scratch *s = program_of(divisor, wide ? ELEM_F64 : ELEM_F32);
            check_program(s, wide ? 1e-14 : 1e-6);
            scratch_free(s);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
