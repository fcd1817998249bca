/* Four threads predict from what is served while another trains and publishes: right answers, under ThreadSanitizer. A prediction
 * must be, bit for bit, that of one of the published models. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"

enum { READERS = 4, STEPS = 60, N = 20, ROUNDS = 60 };

typedef struct Shared {
    pthread_rwlock_t lock;
    first_model     *served, *spare;
    nnrt_pool       *pool;
    float            x[N * 16];
    int64_t          version;                   /* of served: steps trained */
    float            answers[STEPS + 1][N * 4]; /* by version, from the trainer itself */
    int              failures;
} Shared;

static void ask(const first_model *model, first_ctx *ctx, const float *x, float *p) {
    const first_inputs inputs  = {.batch = N, .x = x};
    first_outputs      outputs = {.p = p};
    first_error        error;
    if (first_predict(model, ctx, &inputs, &outputs, &error) == FIRST_OK) return;
    fprintf(stderr, "%s\n", error.message);
    exit(1);
}

static void *read_answers(void *argument) {
    Shared *shared = argument;
    float   p[N * 4];
    pthread_rwlock_rdlock(&shared->lock); /* the trainer may be at work already */
    first_ctx *ctx = first_ctx_new(shared->served, shared->pool, NULL);
    pthread_rwlock_unlock(&shared->lock);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_rwlock_rdlock(&shared->lock);
        ask(shared->served, ctx, shared->x, p);
        int wrong = memcmp(p, shared->answers[shared->version], sizeof p) != 0;
        pthread_rwlock_unlock(&shared->lock);
        if (wrong) __atomic_fetch_add(&shared->failures, 1, __ATOMIC_RELAXED);
    }
    first_ctx_free(ctx);
    return NULL;
}

static void publish(Shared *shared, const first_model *model, int64_t version) {
    first_copy_params(shared->spare, model, NULL);
    pthread_rwlock_wrlock(&shared->lock);
    first_model *old = shared->served;
    shared->served   = shared->spare;
    shared->spare    = old;
    shared->version  = version;
    pthread_rwlock_unlock(&shared->lock);
}

static void train(Shared *shared, first_model *model, first_ctx *ctx) {
    float       x[32 * 16];
    int32_t     y[32];
    first_error error;
    for (int step = 1; step <= STEPS; step++) {
        for (int i = 0; i < 32 * 16; i++) x[i] = (float)((i * 37 + step * 11) % 101) / 50 - 1;
        for (int i = 0; i < 32; i++) y[i] = (i + step) % 4;
        const first_batch batch = {.batch = 32, .x = x, .y = y};
        if (first_train_step(model, ctx, &batch, NULL, &error) != FIRST_OK) {
            fprintf(stderr, "%s\n", error.message);
            exit(1);
        }
        ask(model, ctx, shared->x, shared->answers[step]); /* nobody looks at this version yet */
        publish(shared, model, step);
    }
}

int main(void) {
    static Shared shared;
    first_model  *model = first_model_new(NULL, NULL);
    pthread_t     readers[READERS];
    pthread_rwlock_init(&shared.lock, NULL);
    shared.pool    = nnrt_pool_new(2);
    shared.served  = first_model_clone(model, NULL);
    shared.spare   = first_model_clone(model, NULL);
    first_ctx *ctx = first_ctx_new(model, shared.pool, NULL);
    for (int i = 0; i < N * 16; i++) shared.x[i] = (float)(i % 13) / 6 - 1;
    ask(model, ctx, shared.x, shared.answers[0]);
    for (int i = 0; i < READERS; i++) pthread_create(&readers[i], NULL, read_answers, &shared);
    train(&shared, model, ctx);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    first_ctx_free(ctx);
    first_model_free(model);
    first_model_free(shared.served);
    first_model_free(shared.spare);
    nnrt_pool_free(shared.pool);
    printf("%d wrong answers\n", shared.failures);
    return shared.failures != 0;
}
