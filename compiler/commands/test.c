/* nnc test FILE...: runs the files' tests. `ok - name` or `not ok - name` for each on standard output, a diagnostic at each
 * assertion that does not hold, and a last line that counts. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ast/parse.h"
#include "commands/commands.h"
#include "commands/run.h"
#include "core/element.h"
#include "sema/suite.h"

enum { EPOCH_STEPS = 10, TOTAL_STEPS = 100 };

typedef struct Tester {
    Compilation *c;
    const Suite *suite;
    Run          run;
    const void **inputs;
    int          passed, failed;
} Tester;

/* ---- values -------------------------------------------------------------------------------------------------------- */

typedef struct Tensor { /* a result */
    const void    *data;
    int            elem, rank;
    const int64_t *shape;
} Tensor;

static Tensor result_at(const Tester *t, int fn, int index) {
    const nnrt_tensor *tensor = &t->run.instance->model->fns[fn].results[index].tensor;
    return (Tensor){t->run.instance->results[index].data, tensor->elem, tensor->rank,
                    nnrt_instance_shape(t->run.instance, tensor)};
}

/* The element of `side` that the comparison gave element `at` of a result of shape `whole` from: trailing axes align, those
 * of size 1 repeat. */
static double element_beside(const Tensor *side, const Tensor *whole, int64_t at) {
    int64_t index = 0, stride = 1;
    for (int i = 1; i <= whole->rank; i++) {
        int64_t size = whole->shape[whole->rank - i], position = at % size;
        at /= size;
        if (i > side->rank) continue;
        int64_t own = side->shape[side->rank - i];
        if (own != 1) index += position * stride;
        stride *= own;
    }
    return nnrt_elem_get(side->elem, side->data, index);
}

static const char *number_text(Arena *arena, int elem, double value) {
    if (elem == NNRT_BOOL) return value != 0 ? "true" : "false";
    if (isnan(value)) return "not a number";
    for (int digits = 6;; digits += 3) { /* the shortest of a few that reads back */
        const char *text = arena_printf(arena, "%.*g", digits, value);
        if (digits >= 15 || strtod(text, NULL) == value) return text;
    }
}

static const char *place_text(Arena *arena, const Tensor *whole, int64_t at) {
    const char *text = "";
    for (int i = whole->rank - 1; i >= 0; i--) {
        text = arena_printf(arena, "%" PRId64 "%s%s", at % whole->shape[i], *text ? ", " : "", text);
        at /= whole->shape[i];
    }
    return text;
}

/* ---- one assertion -------------------------------------------------------------------------------------------------- */

static const char *side_text(const Tester *t, int fn, int result, const char *text, const Tensor *held, int64_t at) {
    if (result < 0) return text ? text : "?";
    Tensor side = result_at(t, fn, result);
    return number_text(t->c->arena, side.elem, element_beside(&side, held, at));
}

static void report(const Tester *t, int fn, const TestCase *test, const Assertion *a, const Tensor *held, int64_t at) {
    Arena      *arena = t->c->arena;
    Diag       *diag  = diag_error(t->c->diags, a->span, E0505, "test \"%s\": %s", test->name,
                            a->message ? a->message : "an assertion does not hold");
    const char *where = held->rank ? arena_printf(arena, "[%s]: ", place_text(arena, held, at)) : "";
    if (a->left < 0 && !a->left_text) {
        if (held->rank) diag_primary(diag, "false at [%s]", place_text(arena, held, at));
        return;
    }
    diag_primary(diag, "%sleft is %s, right is %s", where, side_text(t, fn, a->left, a->left_text, held, at),
                 side_text(t, fn, a->right, a->right_text, held, at));
    if (a->tolerance < 0 || a->left < 0 || a->right < 0) return;
    Tensor left = result_at(t, fn, a->left), right = result_at(t, fn, a->right),
           tolerance  = result_at(t, fn, a->tolerance);
    double difference = fabs(element_beside(&left, held, at) - element_beside(&right, held, at));
    diag_note(diag, "they differ by %.3g, the tolerance is %g", difference, element_beside(&tolerance, held, at));
}

static bool holds(const Tester *t, int fn, const TestCase *test, const Assertion *a) {
    Tensor  held  = result_at(t, fn, a->held);
    int64_t count = nnrt_shape_count(held.shape, held.rank);
    for (int64_t i = 0; i < count; i++)
        if (!nnrt_elem_get(held.elem, held.data, i)) {
            report(t, fn, test, a, &held, i);
            return false;
        }
    return true;
}

/* ---- one test ------------------------------------------------------------------------------------------------------- */

static bool call(const Tester *t, int fn, const char *name, Span span) {
    nnrt_clock clock = {.total_steps = TOTAL_STEPS, .epoch_steps = EPOCH_STEPS};
    nnrt_fault fault = {0};
    nnrt_error error = {0};
    if (nnrt_instance_call(t->run.instance, fn, t->inputs, &clock, &fault, &error) == NNRT_OK) return true;
    diag_error(t->c->diags, span, E0744, "test \"%s\" stopped: %s", name, error.message);
    return false;
}

static void run_test(Tester *t, int fn, const TestCase *test) {
    bool fine = call(t, 0, test->name, test->span) && call(t, fn, test->name, test->span);
    for (int i = 0; fine && i < test->asserts.len; i++) fine = holds(t, fn, test, &test->asserts.data[i]);
    printf("%sok - %s\n", fine ? "" : "not ", test->name);
    if (fine)
        t->passed++;
    else
        t->failed++;
}

/* ---- one file ------------------------------------------------------------------------------------------------------- */

/* The program's inputs: the tensors that the tests hold. */
static void lay_out_inputs(Tester *t) {
    const nnrt_model *model = t->run.instance->model;
    t->inputs               = ARENA_ARRAY(t->c->arena, const void *, model->n_inputs + 1);
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        int64_t            count  = nnrt_shape_count(nnrt_instance_shape(t->run.instance, tensor), tensor->rank);
        void              *data   = arena_alloc(t->c->arena, (size_t)count * nnrt_elem_size(tensor->elem) + 64);
        for (int64_t k = 0; k < count; k++) nnrt_elem_put(tensor->elem, data, k, t->suite->tensors.data[i][k]);
        t->inputs[i] = data;
    }
}

static bool run_suite(Tester *t) {
    static const int64_t no_symbols[1] = {0};
    nnrt_error           error         = {0};
    if (!run_open(&t->run, t->c, t->suite->program)) return false;
    if (nnrt_instance_bind(t->run.instance, no_symbols, &error) != NNRT_OK) {
        diag_error(t->c->diags, (Span){0}, E0744, "cannot run the tests: %s", error.message);
        return false;
    }
    lay_out_inputs(t);
    for (int i = 0; i < t->suite->tests.len; i++) run_test(t, i + 1, t->suite->tests.data[i]);
    return true;
}

typedef struct Count { /* over all files */
    int passed, failed, not_run, empty;
} Count;

static void test_file(const CommandLine *line, const char *path, Count *count) {
    Arena      *arena  = arena_new();
    Compilation c      = {arena, intern_new(arena), diags_new(arena), line->options, NULL};
    Tester      t      = {.c = &c};
    Module     *module = ast_from_file(&c, path);
    bool        fine   = module && (t.suite = suite_from_ast(&c, module)) != NULL;
    c.options.input    = path;
    if (fine && !t.suite->tests.len) printf("%s: has no tests\n", path);
    if (fine && t.suite->tests.len) fine = run_suite(&t);
    count->empty += fine && !t.suite->tests.len;
    run_close(&t.run);
    count->passed += t.passed;
    count->failed += t.failed;
    count->not_run += !fine;
    fflush(stdout);
    command_report(&c, line);
    arena_free(arena);
}

int command_test(const CommandLine *line) {
    Count count = {0};
    for (int i = 0; i < line->n_operands; i++) test_file(line, line->operands[i], &count);
    if (count.failed)
        printf("%d of %d tests failed", count.failed, count.passed + count.failed);
    else
        printf("%d test%s passed", count.passed, count.passed == 1 ? "" : "s");
    if (count.not_run) printf("; %d file%s could not be run", count.not_run, count.not_run == 1 ? "" : "s");
    putchar('\n');
    bool nothing = count.empty == line->n_operands; /* a slip in a build would pass unnoticed */
    return count.failed || count.not_run || nothing ? EXIT_FAILED : EXIT_OK;
}
