/* A kernel over rows against a loop that only moves as much memory: linked with a compiled model's object (`bench_model`).
 *
 *     rows predict|train ROUNDS N PASSES [DIM]
 *
 * runs the model's function, whose arrays have N numbers each, and PASSES, "2:0,4:3": arrays read and written together in each pass.
 * Prints a line "rows MICROSECONDS PLAIN STREAMED": the function's time, in processor time, and the shares of what moves the memory with
 * plain stores, and with stores that pass the caches by; medians over rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/worker/copy.h"
#include "bench/worker/step.h"

extern const nnrt_model bench_model;

enum { MAX_ROUNDS = 99, MAX_PASSES = 4, MAX_INPUTS = 4 };

typedef struct Passes {
    int    n, read[MAX_PASSES], written[MAX_PASSES];
    float *arrays[COPY_ARRAYS];
} Passes;

static void fail(const char *message) {
    fprintf(stderr, "bench: %s\n", message);
    exit(1);
}

static Passes passes_of(const char *text, int64_t n) {
    Passes passes = {0};
    int    used   = 0;
    for (int r, w; passes.n < MAX_PASSES && sscanf(text, "%d:%d%n", &r, &w, &used) == 2;
         text += used + (text[used] == ',')) {
        passes.read[passes.n]      = r;
        passes.written[passes.n++] = w;
    }
    for (int i = 0; i < COPY_ARRAYS; i++) {
        passes.arrays[i] = nnrt_alloc((size_t)n * sizeof(float));
        if (!passes.arrays[i]) fail("no memory");
        memset(passes.arrays[i], 0, (size_t)n * sizeof(float));
    }
    return passes;
}

/* Arrays that are written are of those that are read, as far as there are: an update is in place. */
static double time_passes(const Passes *passes, int64_t n, bool in_place, bool streamed) {
    double start = step_cpu();
    for (int i = 0; i < passes->n; i++) {
        int first = in_place ? 0 : passes->read[i];
        copy_pass((const float *const *)passes->arrays, passes->read[i], passes->arrays + first, passes->written[i], n,
                  streamed);
    }
    return step_cpu() - start;
}

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

static double time_call(nnrt_instance *instance, int fn, const void *const *data, nnrt_clock *clock) {
    nnrt_fault fault = {0};
    nnrt_error error;
    double     start = step_cpu();
    if (nnrt_instance_call(instance, fn, data, clock, &fault, &error) != NNRT_OK) fail(error.message);
    clock->step++;
    return step_cpu() - start;
}

int main(int argc, char **argv) {
    if (argc < 5) return fprintf(stderr, "usage: rows predict|train ROUNDS N PASSES [DIM]\n"), 2;
    bool           trains = strcmp(argv[1], "train") == 0;
    int            rounds = atoi(argv[2]);
    int64_t        n = atoll(argv[3]), symbols[MAX_INPUTS] = {argc > 5 ? atoll(argv[5]) : 0};
    Passes         passes = passes_of(argv[4], n);
    nnrt_clock     clock  = {0, 1000000, 1000, 1, 0};
    const void    *data[MAX_INPUTS];
    nnrt_error     error;
    nnrt_instance *instance = nnrt_instance_new(&bench_model, NULL, &error);
    int            fn       = nnrt_model_fn(&bench_model, trains ? NNRT_FN_TRAIN : NNRT_FN_PREDICT, 0);
    if (!instance || nnrt_instance_bind(instance, symbols, &error) != NNRT_OK ||
        nnrt_instance_start(instance, 1, &error) != NNRT_OK)
        fail(error.message);
    if (rounds < 1 || rounds > MAX_ROUNDS) rounds = MAX_ROUNDS;
    step_draw(instance, 1, data);
    double ours[MAX_ROUNDS], plain[MAX_ROUNDS], streamed[MAX_ROUNDS];
    for (int i = -1; i < rounds; i++) { /* the first round only touches memory */
        int    at     = i < 0 ? 0 : i;
        double before = time_passes(&passes, n, trains, false);
        ours[at]      = time_call(instance, fn, data, &clock);
        double after  = time_passes(&passes, n, trains, false);
        plain[at]     = (before + after) / 2 / ours[at];
        streamed[at]  = time_passes(&passes, n, trains, true) / ours[at];
    }
    printf("rows %.1f %.4f %.4f\n", median(ours, rounds) * 1e6, median(plain, rounds), median(streamed, rounds));
    return 0;
}
