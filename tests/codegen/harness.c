/* Compiled code against the interpreter. */
#include "codegen/harness.h"

#include <dlfcn.h>
#include <math.h>
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
#include "core/element.h"
#include "plan/kernel.h"

Compiled compiled_new(Scratch *s, const char *target) {
    char folder[] = "/tmp/nnc_codegen_XXXXXX", object[64], library[64], command[256];
    assert_non_null(mkdtemp(folder));
    snprintf(object, sizeof object, "%s/model.o", folder);
    snprintf(library, sizeof library, "%s/model.so", folder);
    s->c.options.target    = target ? target : "native";
    s->c.options.opt_level = 2;
    Plan *plan             = kernels_from_graph(&s->c, s->program);
    plan_from_kernels(&s->c, plan);
    if (getenv("NNC_TEST_DUMP")) {
        program_print(s->program, stderr);
        kernels_print(plan, stderr);
        plan_print(plan, stderr);
        object_from_plan(&s->c, plan, EMIT_LLVM, OBJECT_PROGRAM, getenv("NNC_TEST_DUMP"));
    }
    assert_true(object_from_plan(&s->c, plan, EMIT_OBJECT, OBJECT_PROGRAM, object));
    snprintf(command, sizeof command, "cc -shared -o %s %s", library, object);
    assert_int_equal(system(command), 0);
    Compiled compiled = {.library = dlopen(library, RTLD_NOW | RTLD_LOCAL), .plan = plan};
    if (!compiled.library) fail_msg("%s", dlerror());
    compiled.model = dlsym(compiled.library, "nnrt_model_main");
    assert_non_null(compiled.model);
    unlink(object);
    unlink(library);
    rmdir(folder);
    return compiled;
}

void compiled_free(Compiled *compiled) {
    dlclose(compiled->library);
}

/* ---- tensors in memory -------------------------------------------------------------------------------------------------- */

static double element_get(ElemType elem, const void *data, int64_t i) {
    switch (elem) {
    case ELEM_F32: return ((const float *)data)[i];
    case ELEM_F64: return ((const double *)data)[i];
    case ELEM_BF16:
    case ELEM_F16: return nnrt_elem_get((int)elem, data, i);
    case ELEM_I32: return ((const int32_t *)data)[i];
    case ELEM_I64: return (double)((const int64_t *)data)[i];
    case ELEM_U8:
    case ELEM_BOOL: return ((const uint8_t *)data)[i];
    default: fail_msg("no test data of type %s", elem_name(elem)); return 0;
    }
}

static void element_set(ElemType elem, void *data, int64_t i, double value) {
    switch (elem) {
    case ELEM_F32: ((float *)data)[i] = (float)value; break;
    case ELEM_F64: ((double *)data)[i] = value; break;
    case ELEM_BF16:
    case ELEM_F16: nnrt_elem_put((int)elem, data, i, value); break;
    case ELEM_I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case ELEM_I64: ((int64_t *)data)[i] = (int64_t)value; break;
    case ELEM_U8:
    case ELEM_BOOL: ((uint8_t *)data)[i] = (uint8_t)value; break;
    default: fail_msg("no test data of type %s", elem_name(elem));
    }
}

enum { GUARD = 64 }; /* bytes behind each tensor, which must stay as they are */

static void *buffer_new(Scratch *s, const Tensor *tensor, int64_t extra) {
    int64_t nbytes = (tensor->count + extra) * elem_size(tensor->elem);
    char   *data   = arena_alloc(s->arena, (size_t)nbytes + GUARD);
    memset(data + nbytes, 0x5a, GUARD);
    for (int64_t i = 0; tensor->data && i < tensor->count; i++) element_set(tensor->elem, data, i, tensor->data[i]);
    return data;
}

static void check_guard(const Tensor *tensor, int64_t extra, const char *data) {
    const char *guard = data + (tensor->count + extra) * elem_size(tensor->elem);
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != 0x5a) fail_msg("written behind a tensor, at byte %d", i);
}

static void compare(const char *what, int which, const Tensor *expected, const void *data, int64_t at,
                    double tolerance) {
    for (int64_t i = 0; i < expected->count; i++) {
        double value = element_get(expected->elem, data, at + i), right = expected->data[i];
        if (isnan(value) && isnan(right)) continue;
        if (value == right || fabs(value - right) <= tolerance * (1 + fabs(right))) continue;
        fail_msg("%s %d, element %lld of %lld: %.9g, expected %.9g", what, which, (long long)i,
                 (long long)expected->count, value, right);
    }
}

/* What a tensor of this type can hold, so that both sides start from the same values. */
static void round_values(Tensor *tensor) {
    double room;
    for (int64_t i = 0; i < tensor->count; i++) {
        element_set(tensor->elem, &room, 0, tensor->data[i]);
        tensor->data[i] = element_get(tensor->elem, &room, 0);
    }
}

/* ---- one function ------------------------------------------------------------------------------------------------------------ */

int compiled_check(Scratch *s, const Compiled *compiled, int index, int nthreads, double tolerance, uint64_t *bits) {
    const Fn      *fn   = s->program->fns.data[index];
    const nnrt_fn *code = &compiled->model->fns[index];
    void          *slots[MAX_SCRATCH], *results[MAX_SCRATCH];
    for (int i = 0; i < s->program->slots.len; i++) {
        round_values(&s->slots[i]);
        slots[i] = buffer_new(s, &s->slots[i], 0);
    }
    InterpArgs interp = scratch_args(s);
    InterpRun  run    = interp_run(s->arena, s->program, fn, &interp);
    for (int i = 0; i < fn->results.len; i++) {
        Tensor shape = run.error ? tensor_new(s->arena, &fn->results.data[i].value->type, s->symbols) : run.results[i];
        shape.data   = NULL;
        results[i]   = buffer_new(s, &shape, 1);
    }
    nnrt_fault fault     = {0};
    nnrt_pool *pool      = nthreads > 1 ? nnrt_pool_new(nthreads) : NULL;
    int64_t    nbytes    = code->workspace(s->symbols, nthreads);
    void      *workspace = nnrt_alloc((size_t)nbytes + 64);
    memset(workspace, 0xff, (size_t)nbytes); /* NaN, where something is read before it is written */
    nnrt_args args = {.symbols     = s->symbols,
                      .slots       = slots,
                      .results     = results,
                      .workspace   = workspace,
                      .pool        = pool,
                      .fault       = &fault,
                      .step        = interp.runtime[0],
                      .total_steps = interp.runtime[1],
                      .epoch_steps = interp.runtime[2],
                      .seed        = interp.seed,
                      .pass        = interp.pass};
    code->code(&args);
    nnrt_free(workspace, (size_t)nbytes + 64);
    nnrt_pool_free(pool);
    assert_int_equal(fault.code != 0, run.error != NULL);
    if (run.error) return fault.code;
    for (int i = 0; i < fn->results.len; i++) {
        compare("result", i, &run.results[i], results[i], 0, tolerance);
        check_guard(&run.results[i], 1, results[i]);
        if (fn->results.data[i].weight) compare("weight", i, &run.weights[i], results[i], 1, tolerance);
    }
    for (int i = 0; i < fn->updates.len; i++)
        compare("slot", fn->updates.data[i].slot, &run.updates[i], slots[fn->updates.data[i].slot], 0, tolerance);
    uint64_t hash = HASH_SEED;
    for (int i = 0; i < s->program->slots.len; i++) check_guard(&s->slots[i], 0, slots[i]);
    for (int i = 0; i < fn->results.len; i++)
        hash = hash_bytes(hash, results[i], (size_t)run.results[i].count * (size_t)elem_size(run.results[i].elem));
    for (int i = 0; i < s->program->slots.len; i++)
        hash = hash_bytes(hash, slots[i], (size_t)s->slots[i].count * (size_t)elem_size(s->slots[i].elem));
    if (bits) *bits = hash;
    return 0;
}

void check_program(Scratch *s, double tolerance) {
    Compiled compiled = compiled_new(s, getenv("NNC_TEST_TARGET"));
    for (int i = 0; i < s->program->fns.len; i++) {
        uint64_t one, three;
        compiled_check(s, &compiled, i, 1, tolerance, &one);
        compiled_check(s, &compiled, i, 3, tolerance, &three);
        if (one != three) fail_msg("function %d: 1 and 3 threads differ", i);
    }
    compiled_free(&compiled);
}

void emitted_each(Scratch *s, void (*look)(void *user, const char *line), void *user) {
    char  path[] = "/tmp/nnc_lines_XXXXXX", line[4096];
    int   file   = mkstemp(path);
    Plan *plan   = kernels_from_graph(&s->c, s->program);
    plan_from_kernels(&s->c, plan);
    assert_true(object_from_plan(&s->c, plan, EMIT_LLVM, OBJECT_PROGRAM, path));
    FILE *text = fopen(path, "r");
    assert_non_null(text);
    while (fgets(line, sizeof line, text)) look(user, line);
    fclose(text);
    close(file);
    unlink(path);
}

typedef struct Words {
    int                n;
    const char *const *words;
    int               *lines;
} Words;

static void count_words(void *user, const char *line) {
    const Words *w = user;
    for (int i = 0; i < w->n; i++) w->lines[i] += strstr(line, w->words[i]) != NULL;
}

void emitted_lines(Scratch *s, int n, const char *const *words, int *lines) {
    memset(lines, 0, sizeof *lines * (size_t)n);
    emitted_each(s, count_words, &(Words){n, words, lines});
}
