/* What a convolution does at its anchors beside storing: asking for what its epilogue will read and write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codegen/convolution.h"
#include "codegen/harness.h"
#include "opt/opt.h"

/* ---- asking ahead ------------------------------------------------------------------------------------------------------------------- */

typedef struct Ahead {
    Convolution shape;
    int64_t     batch;
    bool        filtered;   /* minimal filtering is allowed */
    int         prefetches; /* of each kind: of what the epilogue reads, and of what it writes */
} Ahead;

static const Ahead aheads[] = {
    {{8, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, true, true},
    {{7, 10, 32, 48, {3, 3}, 1, 1, 1, 1, 1}, 21, true, true},
    {{5, 13, 16, 80, {3, 3}, 1, 1, 0, 2, 1}, 23, true, true},
    {{7, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, true, false}, /* below 256 KB at 64 images, for which it is compiled */
    {{8, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, false, false},
};

/* A convolution beside another tensor of its results' shape. */
static Scratch *residual(const Ahead *a) {
    Scratch *s               = scratch_new(5);
    s->program->real         = ELEM_F32;
    s->c.options.no_winograd = !a->filtered;
    Node *y                  = convolution_part(s, &a->shape, scratch_symbol(s, "batch", a->batch), CONV_FORWARD);
    Type  type               = y->type;
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), node_binary(s->graph, OP_ADD, y, scratch_slot(s, &type)));
    graph_optimise(&s->c, s->program);
    return s;
}

static void test_ahead_taken(void **state) {
    static const char *const words[] = {", i32 0, i32 3, i32 1)", ", i32 1, i32 3, i32 1)"}; /* to read, to write */
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        Scratch *s = residual(&aheads[i]);
        int      lines[2];
        emitted_lines(s, 2, words, lines);
        if ((lines[0] > 0) != aheads[i].prefetches || (lines[1] > 0) != aheads[i].prefetches)
            fail_msg("convolution %zu: %d prefetches of reads, %d of writes", i, lines[0], lines[1]);
        scratch_free(s);
    }
}

static void test_ahead_results(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        Scratch *s = residual(&aheads[i]);
        check_program(s, 3e-4);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ahead_taken), cmocka_unit_test(test_ahead_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
