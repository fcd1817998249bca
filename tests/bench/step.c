/* Times training steps of a compiled model on drawn data: `step BATCH CLASSES THREADS [SECONDS]`. Prints the median time of a
 * step in microseconds, and the share of the machine's peak: flops a step (given) over the peak measured in the same run.
 * Compiled with -DMODEL=<the model's symbol> and linked with its object. See steps.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/instance.h"

extern const nnrt_model MODEL;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *draw(const nnrt_instance *instance, const nnrt_input *input, int64_t classes) {
    const int64_t *shape = nnrt_instance_shape(instance, &input->tensor);
    int64_t        count = 1;
    for (int i = 0; i < input->tensor.rank; i++) count *= shape[i];
    void *data = nnrt_alloc((size_t)count * 8);
    for (int64_t i = 0; i < count; i++) {
        switch (input->tensor.elem) {
        case NNRT_F32:
            ((float *)data)[i] = input->is_target ? (float)(rand() % 2) : (float)rand() / (float)RAND_MAX - 0.5f;
            break;
        case NNRT_I32: ((int32_t *)data)[i] = (int32_t)(rand() % classes); break;
        case NNRT_U8: ((uint8_t *)data)[i] = (uint8_t)rand(); break;
        default: fprintf(stderr, "step: element type not drawn\n"); exit(1);
        }
    }
    return data;
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: step BATCH CLASSES THREADS [SECONDS]\n"), 2;
    const nnrt_model *model   = &MODEL;
    double            seconds = argc > 4 ? atof(argv[4]) : 1.0;
    nnrt_error        error;
    int               threads  = atoi(argv[3]);
    nnrt_pool        *pool     = threads > 1 ? nnrt_pool_new(threads) : NULL;
    nnrt_instance    *instance = nnrt_instance_new(model, pool, &error);
    if (!instance) return fprintf(stderr, "step: %s\n", error.message), 1;
    int64_t symbols[16] = {0};
    for (int i = 0; i < model->n_symbols; i++) symbols[i] = atoll(argv[1]);
    nnrt_fault  fault = {0};
    nnrt_clock  clock = {0, 1000000, 1000, 1, 0};
    const void *inputs[16];
    if (nnrt_instance_bind(instance, symbols, &error) != NNRT_OK)
        return fprintf(stderr, "step: %s\n", error.message), 1;
    for (int i = 0; i < model->n_inputs; i++) inputs[i] = draw(instance, &model->inputs[i], atoll(argv[2]));
    int init = nnrt_model_fn(model, NNRT_FN_INIT, 0), train = nnrt_model_fn(model, NNRT_FN_TRAIN, 0);
    if (nnrt_instance_call(instance, init, inputs, &clock, &fault, &error) != NNRT_OK) return 1;

    enum { MAX_SAMPLES = 100000 };
    static double samples[MAX_SAMPLES];
    int           n     = 0;
    double        begin = now(), end = begin + seconds;
    while (n < MAX_SAMPLES) {
        double start = now();
        if (start > end && n > 10) break;
        if (nnrt_instance_call(instance, train, inputs, &clock, &fault, &error) != NNRT_OK)
            return fprintf(stderr, "step: %s\n", error.message), 1;
        clock.step++, clock.pass++;
        double took = now() - start;
        if (start - begin > 0.1 * seconds) samples[n++] = took;
    }
    qsort(samples, (size_t)n, sizeof *samples, compare);
    printf("%.3f\n", samples[n / 2] * 1e6);
    return 0;
}
