/* Trains a model in one thread while another serves predictions from it: nnc -c circle.nnet, then this, circle.o and the core runtime.
 *
 * The serving thread never sees a model that changes. There are two clones; it predicts from one, the trainer copies the
 * parameters to the other between two steps, and the two are swapped. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "circle.h"

enum { BATCH = 64, STEPS = 600, SWAP_EACH = 50, ASKED = 256 };

/* ---- data ------------------------------------------------------------------------------------------------------------ */

static float uniform(uint32_t *state) { /* in [-1, 1) */
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

static void draw_points(uint32_t *state, int n, float *x, int32_t *y) {
    for (int i = 0; i < n; i++) {
        x[2 * i]     = uniform(state);
        x[2 * i + 1] = uniform(state);
        float r      = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1];
        y[i]         = r < 0.6f;
    }
}

/* ---- serving --------------------------------------------------------------------------------------------------------- */

typedef struct Server {
    pthread_mutex_t lock;
    circle_model   *served, *spare; /* served is read under the lock, spare is the trainer's */
    bool            stop;
    long            n_answers;
} Server;

/* Predicts until it is told to stop. The lock is held for a prediction, so that a clone is never swapped away under one. */
static void *serve(void *argument) {
    Server      *server = argument;
    float        x[2 * ASKED], p[2 * ASKED];
    int32_t      y[ASKED];
    uint32_t     state = 7;
    circle_error error;
    circle_ctx  *ctx = circle_ctx_new(server->served, NULL, &error);
    for (bool stop = ctx == NULL; !stop;) {
        draw_points(&state, ASKED, x, y);
        const circle_inputs inputs  = {.batch = ASKED, .x = x};
        circle_outputs      outputs = {.p = p};
        pthread_mutex_lock(&server->lock);
        if (circle_predict(server->served, ctx, &inputs, &outputs, &error) != CIRCLE_OK) {
            fprintf(stderr, "predict: %s\n", error.message);
            exit(1);
        }
        server->n_answers += ASKED;
        stop = server->stop;
        pthread_mutex_unlock(&server->lock);
    }
    circle_ctx_free(ctx);
    return NULL;
}

/* The trained parameters become those that are served. */
static void publish(Server *server, const circle_model *model) {
    circle_copy_params(server->spare, model, NULL);
    pthread_mutex_lock(&server->lock);
    circle_model *served = server->served;
    server->served       = server->spare;
    server->spare        = served;
    pthread_mutex_unlock(&server->lock);
}

/* ---- training -------------------------------------------------------------------------------------------------------- */

static int fail(const char *what, const circle_error *error) {
    fprintf(stderr, "%s: %s\n", what, error->message);
    return 1;
}

static int train(circle_model *model, circle_ctx *ctx, Server *server) {
    float          x[2 * BATCH];
    int32_t        y[BATCH];
    uint32_t       state = 1;
    circle_metrics metrics;
    circle_error   error;
    for (int step = 1; step <= STEPS; step++) {
        draw_points(&state, BATCH, x, y);
        const circle_batch batch = {.batch = BATCH, .x = x, .y = y};
        if (circle_train_step(model, ctx, &batch, &metrics, &error) != CIRCLE_OK) return fail("train", &error);
        if (step % SWAP_EACH == 0) publish(server, model);
    }
    return 0;
}

static int evaluate(const circle_model *model, circle_ctx *ctx, const Server *server) {
    enum { N = 2000 };
    static float   x[2 * N];
    static int32_t y[N];
    uint32_t       state = 99;
    circle_metrics metrics;
    circle_error   error;
    draw_points(&state, N, x, y);
    const circle_batch batch = {.batch = N, .x = x, .y = y};
    if (circle_evaluate(model, ctx, &batch, 1, &metrics, &error) != CIRCLE_OK) return fail("evaluate", &error);
    printf("answers were served while training: %s\n", server->n_answers > 0 ? "yes" : "no");
    printf("test accuracy: %.4f\n", metrics.accuracy);
    return 0;
}

int main(void) {
    circle_error  error;
    nnrt_pool    *pool  = nnrt_pool_new(2);
    circle_model *model = circle_model_new(NULL, &error);
    if (!pool || !model) return fail("start", &error);
    circle_ctx *ctx    = circle_ctx_new(model, pool, &error);
    Server      server = {.served = circle_model_clone(model, &error), .spare = circle_model_clone(model, &error)};
    pthread_t   thread;
    if (!ctx || !server.served || !server.spare) return fail("start", &error);
    pthread_mutex_init(&server.lock, NULL);
    if (pthread_create(&thread, NULL, serve, &server) != 0) return 1;
    int code = train(model, ctx, &server);
    pthread_mutex_lock(&server.lock);
    server.stop = true;
    pthread_mutex_unlock(&server.lock);
    pthread_join(thread, NULL);
    if (code == 0) code = evaluate(model, ctx, &server);
    circle_model_free(server.served);
    circle_model_free(server.spare);
    circle_ctx_free(ctx);
    circle_model_free(model);
    nnrt_pool_free(pool);
    return code;
}
