/* What embedding costs: allocations within steps, and time from start to the end of the first step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mlp.h"

extern long allocations; /* counted by malloc.c */

enum { BATCH = 64, FIRST = 16 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
    static float   x[BATCH * 784], p[BATCH * 10];
    static int32_t y[BATCH];
    mlp_error      error;
    for (int i = 0; i < BATCH * 784; i++) x[i] = (float)(i % 251) / 251;
    for (int i = 0; i < BATCH; i++) y[i] = i % 10;
    double           start = now();
    mlp_model       *model = mlp_model_new(NULL, &error);
    mlp_ctx         *ctx   = mlp_ctx_new(model, NULL, &error);
    const mlp_batch  batch = {.batch = BATCH, .x = x, .y = y}, small = {.batch = FIRST, .x = x, .y = y};
    const mlp_inputs inputs  = {.batch = BATCH, .x = x};
    mlp_outputs      outputs = {.p = p};
    mlp_metrics      metrics;
    if (mlp_train_step(model, ctx, &small, &metrics, &error) != MLP_OK) return printf("%s\n", error.message), 1;
    double first = now() - start;
    mlp_train_step(model, ctx, &batch, &metrics, NULL);
    mlp_predict(model, ctx, &inputs, &outputs, NULL);
    mlp_evaluate(model, ctx, &batch, 1, &metrics, NULL);
    long before = allocations;
    for (int i = 0; i < 20; i++) {
        int status = mlp_train_step(model, ctx, i % 2 ? &small : &batch, &metrics, &error);
        status     = status ? status : mlp_predict(model, ctx, &inputs, &outputs, &error);
        status     = status ? status : mlp_evaluate(model, ctx, &small, 1, &metrics, &error);
        if (status) return printf("%s\n", error.message), 1;
    }
    printf("allocations %ld\nmilliseconds %.2f\n", allocations - before, 1e3 * first);
    mlp_ctx_free(ctx);
    mlp_model_free(model);
    return 0;
}
