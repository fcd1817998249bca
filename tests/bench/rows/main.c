/* What kernels that memory bounds take, against loops that only read and write as much, in the same run on one thread: on data of
 * L2's size and far beyond all caches. Each is compiled as a model's would be. Processor time; the table shows medians of
 * ratios of interleaved rounds. Never fails for being slow.
 *
 *     bench_memory [--rounds N] [WORD...]     only rows whose name contains a WORD
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/worker/copy.h"
#include "core/instance.h"

enum { COLUMNS = 1024, SMALL = 64, LARGE = 32768, WORDS = 64, ROUNDS_MOST = 101, MAX_INPUTS = 4, PASSES = 2 };

typedef struct Traffic {
    int reads, updates, writes; /* arrays that are read; read and written in place; written */
} Traffic;

typedef struct Row {
    const char       *name;
    const nnrt_model *small, *large; /* one model where its rows are a symbolic dim */
    nnrt_fn_kind      kind;
    Traffic           passes[PASSES];
    int               scale; /* rows of inputs and of the pass: 1 / scale of the size */
} Row;

#define MODEL(name) extern const nnrt_model name##_nnrt_model;
MODEL(relu)
MODEL(add)
MODEL(gelu)
MODEL(softmax)
MODEL(norm)
MODEL(normbackward)
MODEL(crossentropy)
MODEL(embedding)
MODEL(embeddingbackward)
MODEL(sgd_small)
MODEL(sgd_large)
MODEL(adam_small)
MODEL(adam_large)
#undef MODEL

#define ONE(name) &name##_nnrt_model, &name##_nnrt_model
#define TWO(name) &name##_small_nnrt_model, &name##_large_nnrt_model

/* SGD and Adam also compute a loss, in a pass of its own. */
static const Row rows[] = {
    {"relu", ONE(relu), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"add", ONE(add), NNRT_FN_PREDICT, {{2, 0, 1}}, 1},
    {"gelu", ONE(gelu), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"softmax", ONE(softmax), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"cross-entropy, gradient", ONE(crossentropy), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"layer norm", ONE(norm), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"layer norm, gradient", ONE(normbackward), NNRT_FN_PREDICT, {{2, 0, 1}}, 1},
    {"embedding", ONE(embedding), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"embedding, gradient", ONE(embeddingbackward), NNRT_FN_PREDICT, {{1, 0, 1}}, 1},
    {"loss, SGD", TWO(sgd), NNRT_FN_TRAIN, {{2, 0, 0}, {1, 1, 0}}, 1},
    {"loss, Adam", TWO(adam), NNRT_FN_TRAIN, {{2, 0, 0}, {1, 3, 0}}, 2},
};
enum { ROWS = sizeof rows / sizeof *rows };

static double thread_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median_of(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

static void must(nnrt_status status, const nnrt_error *error) {
    if (status != NNRT_OK) fprintf(stderr, "bench_memory: %s\n", error->message), exit(1);
}

/* Written once: until then the system backs it with nothing, and reading it costs nothing. */
static void *memory(int64_t count) {
    float *p = nnrt_alloc((size_t)count * sizeof(float));
    if (!p) fprintf(stderr, "bench_memory: out of memory\n"), exit(1);
    for (int64_t i = 0; i < count; i++) p[i] = 1;
    return p;
}

typedef struct Work { /* one kernel and the copies it is compared with, on one size */
    const Row     *row;
    nnrt_instance *instance;
    int            fn;
    int64_t        count; /* elements of an array */
    const void    *inputs[MAX_INPUTS];
    float         *arrays[PASSES][COPY_ARRAYS];
    nnrt_clock     clock;
} Work;

static void fill_inputs(Work *w, int64_t n_rows) {
    const nnrt_model *model = w->instance->model;
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        int64_t            count  = tensor->rank == 1 ? n_rows : w->count;
        float             *values = memory(count);
        for (int64_t k = 0; k < count; k++) {
            values[k] = (float)(k % 1021) / 255 - 2;
            if (tensor->elem == NNRT_I32) ((int32_t *)values)[k] = (int32_t)(k * 7919 % WORDS);
        }
        w->inputs[i] = values;
    }
}

static void work_open(Work *w, const Row *row, int64_t n_rows) {
    const nnrt_model *model = n_rows == SMALL ? row->small : row->large;
    nnrt_error        error;
    int64_t           symbols[MAX_INPUTS];
    *w = (Work){.row = row, .count = n_rows / row->scale * COLUMNS, .clock = {0, 1000000, 1000, 1, 0}};
    for (int i = 0; i < model->n_symbols; i++) symbols[i] = n_rows / row->scale;
    w->instance = nnrt_instance_new(model, NULL, &error);
    must(w->instance ? NNRT_OK : NNRT_ERROR, &error);
    must(nnrt_instance_bind(w->instance, symbols, &error), &error);
    must(nnrt_instance_start(w->instance, 1, &error), &error);
    w->fn = nnrt_model_fn(model, row->kind, 0);
    fill_inputs(w, n_rows);
    for (int p = 0; p < PASSES; p++) {
        const Traffic *t = &row->passes[p];
        for (int a = 0; a < t->reads + t->writes + t->updates; a++) w->arrays[p][a] = memory(w->count);
    }
}

static void work_close(Work *w) {
    size_t nbytes = (size_t)w->count * sizeof(float);
    for (int p = 0; p < PASSES; p++)
        for (int a = 0; a < COPY_ARRAYS; a++) nnrt_free(w->arrays[p][a], nbytes);
    for (int i = 0; i < w->instance->model->n_inputs; i++) {
        bool whole = w->instance->model->inputs[i].tensor.rank > 1;
        nnrt_free((void *)w->inputs[i], whole ? nbytes : nbytes / COLUMNS * (size_t)w->row->scale);
    }
    nnrt_instance_free(w->instance);
}

static double time_of_kernel(Work *w, int repeats) {
    nnrt_fault fault = {0};
    nnrt_error error;
    double     start = thread_time();
    for (int i = 0; i < repeats; i++) {
        must(nnrt_instance_call(w->instance, w->fn, w->inputs, &w->clock, &fault, &error), &error);
        w->clock.step++;
    }
    return (thread_time() - start) / repeats;
}

static double time_of_copy(const Work *w, int repeats, bool streamed) {
    double start = thread_time();
    for (int i = 0; i < repeats; i++)
        for (int p = 0; p < PASSES; p++) {
            const Traffic *t     = &w->row->passes[p];
            float *const  *array = w->arrays[p];
            if (t->reads)
                copy_pass((const float *const *)array, t->reads + t->updates, array + t->reads, t->updates + t->writes,
                          w->count, streamed);
        }
    return (thread_time() - start) / repeats;
}

/* Shares of the copies' speed, the arrays of the copies one after the other. */
static void measure(const Row *row, int64_t n_rows, int rounds) {
    Work   w;
    double plain[ROUNDS_MOST], streamed[ROUNDS_MOST], seconds[ROUNDS_MOST];
    work_open(&w, row, n_rows);
    int repeats = 1 + (int)(2e6 / (double)w.count);
    time_of_kernel(&w, 1);
    time_of_copy(&w, 1, false);
    for (int i = 0; i < rounds; i++) {
        seconds[i]  = time_of_kernel(&w, repeats);
        plain[i]    = time_of_copy(&w, repeats, false) / seconds[i];
        streamed[i] = time_of_copy(&w, repeats, true) / seconds[i];
    }
    printf(" %10.1f us %6.1f %% %6.1f %%", 1e6 * median_of(seconds, rounds), 100 * median_of(plain, rounds),
           100 * median_of(streamed, rounds));
    fflush(stdout);
    work_close(&w);
}

static bool wanted(const Row *row, char **words, int n) {
    for (int i = 0; i < n; i++)
        if (strstr(row->name, words[i])) return true;
    return n == 0;
}

int main(int argc, char **argv) {
    int rounds = 9, first = 1;
    if (argc > 2 && !strcmp(argv[1], "--rounds")) rounds = atoi(argv[2]), first = 3;
    if (first < argc && argv[first][0] == '-') return fprintf(stderr, "usage: %s [--rounds N] [WORD...]\n", argv[0]), 2;
    if (rounds < 1 || rounds > ROUNDS_MOST) rounds = ROUNDS_MOST;
    uint64_t state = nnrt_denormals_flush();
    printf("time, share of a plain copy's speed, of one that passes by the caches\n%-26s %30s %30s\n", "", "64 x 1024",
           "32768 x 1024 (Adam: half)");
    for (int i = 0; i < ROWS; i++) {
        if (!wanted(&rows[i], argv + first, argc - first)) continue;
        printf("%-26s", rows[i].name);
        measure(&rows[i], SMALL, rounds);
        measure(&rows[i], LARGE, rounds);
        printf("\n");
    }
    nnrt_denormals_restore(state);
    return 0;
}
