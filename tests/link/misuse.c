/* The C API of two models in one process: what is wrong is an error that says so, and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"
#include "second.h"

static int failures;

static void expect(int line, int status, int want, const char *said, const char *part) {
    if (status == want && (want == 0 || strstr(said, part))) return;
    printf("line %d: status %d instead of %d: %s\n", line, status, want, status ? said : "");
    failures++;
}
#define EXPECT(call, want, part) (memset(&error, 0, sizeof error), expect(__LINE__, call, want, error.message, part))
#define CHECK(condition)         ((condition) ? 0 : (failures++, printf("line %d: %s\n", __LINE__, #condition)))

static void of_first(void) {
    enum { N = 8 };
    float         x[N * 16], p[N * 4], kernel[16 * 64], before[16 * 64];
    int32_t       y[N] = {0, 1, 2, 3, 0, 1, 2, 3};
    first_error   error;
    first_metrics metrics;
    first_model  *model = first_model_new(NULL, &error), *other = first_model_clone(model, NULL);
    first_ctx    *ctx = first_ctx_new(model, NULL, &error);
    for (int i = 0; i < N * 16; i++) x[i] = (float)(i % 7);
    first_batch   batch   = {.batch = N, .x = x, .y = y};
    first_inputs  inputs  = {.batch = N, .x = x};
    first_outputs outputs = {.p = p};

    /* NULL everywhere. */
    CHECK(first_model_clone(NULL, &error) == NULL && first_ctx_new(NULL, NULL, NULL) == NULL);
    first_model_free(NULL);
    first_ctx_free(NULL);
    EXPECT(first_train_step(NULL, ctx, &batch, NULL, &error), FIRST_USAGE, "the model is NULL");
    EXPECT(first_train_step(model, NULL, &batch, NULL, &error), FIRST_USAGE, "the context is NULL");
    EXPECT(first_train_step(model, ctx, NULL, NULL, &error), FIRST_USAGE, "the batch is NULL");
    EXPECT(first_predict(model, ctx, NULL, &outputs, &error), FIRST_USAGE, "the inputs are NULL");
    EXPECT(first_predict(model, ctx, &inputs, NULL, &error), FIRST_USAGE, "the outputs are NULL");
    EXPECT(first_evaluate(model, ctx, NULL, 1, &metrics, &error), FIRST_USAGE, "the batches are NULL");
    EXPECT(first_evaluate(model, ctx, &batch, 1, NULL, &error), FIRST_USAGE, "metrics is NULL");
    EXPECT(first_get(model, NULL, kernel, 4, &error), FIRST_USAGE, "NULL");
    EXPECT(first_copy_params(model, NULL, &error), FIRST_USAGE, "NULL");
    EXPECT(first_fit(model, ctx, NULL, NULL, NULL, NULL, &error), FIRST_USAGE, "the callback for batches is NULL");
    CHECK(first_train_step(NULL, NULL, NULL, NULL, NULL) == FIRST_USAGE);

    /* Sizes, names, classes: nothing is changed. */
    EXPECT(first_get(model, "dense/kernel", before, sizeof before, &error), FIRST_OK, "");
    batch.x = NULL;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_USAGE, "input 'x' [batch, 16] is NULL");
    batch.x     = x;
    batch.batch = 0;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_BAD_DATA, "dim 'batch' is 0");
    batch.batch = -1;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_BAD_DATA, "dim 'batch' is -1");
    batch.batch = INT64_MAX;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_BAD_DATA, "dim 'batch'");
    batch.batch = N;
    y[5]        = 4;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_BAD_DATA,
           "'y' holds 4 at element 5: it takes classes or indices from 0 to 3");
    EXPECT(first_evaluate(model, ctx, &batch, 1, &metrics, &error), FIRST_BAD_DATA, "'y' holds 4");
    y[5] = -1;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_BAD_DATA, "'y' holds -1");
    y[5] = 1;
    EXPECT(first_get(model, "dense/kernel", kernel, sizeof kernel, &error), FIRST_OK, "");
    CHECK(memcmp(kernel, before, sizeof kernel) == 0 && first_steps_done(model) == 0);
    EXPECT(first_get(model, "dense/kernel", kernel, 12, &error), FIRST_USAGE, "f32[16, 64], 4096 bytes, not 12");
    EXPECT(first_set(model, "dense/colonel", kernel, 4, &error), FIRST_USAGE, "no parameter 'dense/colonel'");
    EXPECT(first_set_hyper(model, "optimizer.rate", 1, &error), FIRST_USAGE, "no hyper-parameter 'optimizer.rate'");
    EXPECT(first_set_hyper(model, "dense/kernel", 1, &error), FIRST_USAGE, "is no hyper-parameter");
    EXPECT(first_set_hyper(model, "optimizer.lr", NAN, &error), FIRST_USAGE, "finite");
    EXPECT(first_param_info(model, 1000, &(first_param){0}, &error), FIRST_USAGE, "there is no parameter 1000");
    EXPECT(first_evaluate_add(model, ctx, &batch, &error), FIRST_USAGE, "no evaluation has begun");
    EXPECT(first_evaluate_finish(model, ctx, &metrics, &error), FIRST_USAGE, "nothing was evaluated");
    EXPECT(first_load(model, "nonexistent.safetensors", &error), FIRST_BAD_DATA, "no such file");
    EXPECT(first_load(model, "misuse.c", &error), FIRST_BAD_DATA, "misuse.c");
    EXPECT(first_save(model, "nonexistent/x.safetensors", &error), FIRST_ERROR, "nonexistent");

    /* What is right. */
    EXPECT(first_set_hyper(model, "optimizer.lr", 0.02, &error), FIRST_OK, "");
    for (int i = 0; i < 30; i++) EXPECT(first_train_step(model, ctx, &batch, &metrics, &error), FIRST_OK, "");
    CHECK(metrics.loss < 1.3 && isnan(metrics.accuracy) && first_steps_done(model) == 30);
    EXPECT(first_evaluate(model, ctx, &batch, 1, &metrics, &error), FIRST_OK, "");
    double counted = 0;
    for (int i = 0; i < 16; i++) counted += metrics.confusion_matrix[i];
    CHECK(metrics.accuracy > 0.2 && counted == N);
    EXPECT(first_save(model, "first.safetensors", &error), FIRST_OK, "");
    EXPECT(first_load(other, "first.safetensors", &error), FIRST_OK, "");
    EXPECT(first_get(model, "dense/kernel", kernel, sizeof kernel, &error), FIRST_OK, "");
    EXPECT(first_get(other, "dense/kernel", before, sizeof before, &error), FIRST_OK, "");
    CHECK(memcmp(kernel, before, sizeof kernel) == 0 && first_steps_done(other) == 30);
    x[3] = INFINITY;
    EXPECT(first_train_step(model, ctx, &batch, NULL, &error), FIRST_ERROR, "is not finite at step 31");
    first_ctx_free(ctx);
    first_model_free(model);
    first_model_free(other);
}

static void of_second(void) {
    enum { N = 4, T = 5 };
    float         p[N];
    double        x[2 * N * T * 3], y[2 * N], twice[N * T * 3];
    int32_t       word[2 * N] = {0, 1, 2, 9, 3, 4, 5, 6};
    second_error  error;
    second_config config = {.total_steps = 20};
    second_model *model  = second_model_new(NULL, &error);
    second_ctx   *ctx    = second_ctx_new(model, NULL, &error);
    for (int i = 0; i < 2 * N * T * 3; i++) x[i] = i % 11;
    for (int i = 0; i < 2 * N; i++) y[i] = i % 2;
    second_batch batches[SECOND_STEP_BATCHES] = {{N, T, x, word, y}, {N, T, x + N * T * 3, word + N, y + N}};
    _Static_assert(SECOND_STEP_BATCHES == 2, "accumulate = 2");
    second_inputs  inputs  = {.batch = N, .time = T, .x = x, .word = word};
    second_outputs outputs = {.p = p, .twice = twice};

    EXPECT(second_predict(model, ctx, &inputs, &outputs, &error), SECOND_USAGE, "fit_statistics");
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_USAGE, "fit_statistics");
    EXPECT(second_fit_statistics(model, ctx, batches, &error), SECOND_OK, "");
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_USAGE, "total_steps");
    EXPECT(second_load(model, "first.safetensors", &error), SECOND_BAD_DATA, "not model Second's");
    second_model_free(model);
    model = second_model_new(&(second_config){.total_steps = -1}, &error);
    CHECK(model == NULL && strstr(error.message, "negative"));
    model = second_model_new(&config, &error);
    EXPECT(second_fit_statistics(model, ctx, batches, &error), SECOND_OK, "");
    EXPECT(second_fit_statistics(model, ctx, batches + 1, &error), SECOND_OK, "");
    batches[1].batch = 101;
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_BAD_DATA, "at most 100");
    batches[1].batch = N;
    word[6]          = 10;
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_BAD_DATA, "'word' holds 10 at element 2");
    word[6] = 9;
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_OK, "");
    batches[1].batch = 0; /* a short group */
    for (int i = 1; i < 20; i++) EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_OK, "");
    EXPECT(second_train_step(model, ctx, batches, NULL, &error), SECOND_USAGE, "all 20 steps");
    EXPECT(second_predict(model, ctx, &inputs, &outputs, &error), SECOND_OK, "");
    CHECK(twice[1] == 2 * x[1]);
    outputs.p   = NULL; /* then `twice` needs x alone */
    inputs.word = NULL;
    EXPECT(second_predict(model, ctx, &inputs, &outputs, &error), SECOND_OK, "");
    second_ctx_free(ctx);
    second_model_free(model);
}

int main(void) {
    of_first();
    of_second();
    printf("%d failures\n", failures);
    return failures != 0;
}
