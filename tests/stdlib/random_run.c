/* Checks what the library draws: mean, standard deviation and range of every initialiser, and dropout's mask (random.nnet).
 * The bounds on mean and deviation are five standard errors of 60,000 draws. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"

extern const nnrt_model random_nnrt_model;

enum { COUNT = 200 * 300 };

typedef struct Expected {
    const char *path;
    double      mean, std, low, high;
} Expected;

#define HALF_WIDTH(variance) sqrt(3.0 * (variance))
#define UNIFORM(path, v)     {path, 0.0, sqrt(v), -HALF_WIDTH(v), HALF_WIDTH(v)}
#define NORMAL(path, v)      {path, 0.0, sqrt(v), -2.0 * sqrt(v) / 0.8796, 2.0 * sqrt(v) / 0.8796}

static nnrt_error     error;
static nnrt_instance *instance;
static int            n_failed;

static const void *slot_of(const char *path) {
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_slots; i++)
        if (!strcmp(model->slots[i].tensor.name, path)) return instance->slots[i];
    fprintf(stderr, "no slot '%s'\n", path);
    n_failed++;
    return NULL;
}

static void fail(const char *path, const char *what, double ours, double expected) {
    fprintf(stderr, "%s: %s is %.7g, expected %.7g\n", path, what, ours, expected);
    n_failed++;
}

static void check(const Expected *e) {
    const float *values = slot_of(e->path);
    if (!values) return;
    double sum = 0.0, squares = 0.0, low = INFINITY, high = -INFINITY;
    for (int i = 0; i < COUNT; i++) {
        sum += values[i];
        low  = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    double mean = sum / COUNT;
    for (int i = 0; i < COUNT; i++) squares += (values[i] - mean) * (values[i] - mean);
    double std = sqrt(squares / COUNT), slack = 5.0 * e->std / sqrt(COUNT) + 1e-7;
    if (!(fabs(mean - e->mean) <= slack)) fail(e->path, "the mean", mean, e->mean);
    if (!(fabs(std - e->std) <= slack)) fail(e->path, "the standard deviation", std, e->std);
    if (!(low >= e->low - 1e-6)) fail(e->path, "the smallest", low, e->low);
    if (!(high <= e->high + 1e-6)) fail(e->path, "the largest", high, e->high);
}

/* 200 rows of 300: each of length 2 (the gain), and at right angles to all others. */
static void check_orthogonal(const char *path) {
    const float *rows = slot_of(path);
    for (int i = 0; rows && i < 200; i++)
        for (int j = 0; j <= i; j++) {
            double product = 0.0, expected = i == j ? 4.0 : 0.0;
            for (int k = 0; k < 300; k++) product += (double)rows[300 * i + k] * rows[300 * j + k];
            if (!(fabs(product - expected) <= 4e-5)) fail(path, "the product of two rows", product, expected);
        }
}

/* Every element of a mask is 0 or 1 / 0.7. */
static void check_mask(const char *path) {
    const float *mask = slot_of(path);
    for (int i = 0; mask && i < COUNT; i++)
        if (mask[i] != 0.0f && fabsf(mask[i] - 1.0f / 0.7f) > 1e-6f) {
            fail(path, "an element", mask[i], 1.0 / 0.7);
            return;
        }
}

static void check_masks_differ(void) {
    const float *a = slot_of("dropout_at/w"), *b = slot_of("dropout_other_at/w");
    int          agree = 0;
    for (int i = 0; a && b && i < COUNT; i++) agree += a[i] == b[i];
    double share = (double)agree / COUNT; /* two independent masks agree where both keep or both drop */
    if (fabs(share - 0.58) > 0.02) fail("dropout", "the agreement of two masks", share, 0.58);
}

/* Outside training dropout changes nothing. */
static void check_predict(const void *const *inputs, const nnrt_clock *clock) {
    nnrt_fault fault;
    int        fn = nnrt_model_fn(instance->model, NNRT_FN_PREDICT, 0);
    if (fn < 0 || nnrt_instance_call(instance, fn, inputs, clock, &fault, &error) != NNRT_OK) {
        fprintf(stderr, "predict: %s\n", error.message);
        n_failed++;
        return;
    }
    const float *out = instance->results[0].data;
    for (int i = 0; i < COUNT; i++)
        if (out[i] != 1.0f) {
            fail("dropped", "an element", out[i], 1.0);
            return;
        }
}

static void run(nnrt_fn_kind kind, const void *const *inputs, const nnrt_clock *clock) {
    nnrt_fault fault;
    int        fn = nnrt_model_fn(instance->model, kind, 0);
    if (fn >= 0 && nnrt_instance_call(instance, fn, inputs, clock, &fault, &error) == NNRT_OK) return;
    fprintf(stderr, "function of kind %d: %s\n", (int)kind, error.message);
    n_failed++;
}

int main(void) {
    static const float like[COUNT];
    const void *const  inputs[] = {like};
    const nnrt_clock   clock    = {.total_steps = 1, .epoch_steps = 1, .seed = 3};
    const double       in = 200.0, out = 300.0;
    const Expected     initial[] = {
        {"zeros_at/w", 0.0, 0.0, 0.0, 0.0},
        {"ones_at/w", 1.0, 0.0, 1.0, 1.0},
        {"constant_at/w", 0.25, 0.0, 0.25, 0.25},
        {"uniform_at/w", 0.0, 0.1 / sqrt(12.0), -0.05, 0.05},
        {"uniform_wide_at/w", 1.0, 4.0 / sqrt(12.0), -1.0, 3.0},
        {"normal_at/w", 0.0, 0.05, -0.3, 0.3},
        {"normal_moved_at/w", 2.0, 0.5, -1.0, 5.0},
        {"trunc_normal_at/w", 0.0, 0.05 * 0.8796256610342398, -0.1, 0.1},
        UNIFORM("glorot_uniform_at/w", 2.0 / (in + out)),
        NORMAL("glorot_normal_at/w", 2.0 / (in + out)),
        UNIFORM("he_uniform_at/w", 2.0 / in),
        NORMAL("he_normal_at/w", 2.0 / in),
        UNIFORM("lecun_uniform_at/w", 1.0 / in),
        NORMAL("lecun_normal_at/w", 1.0 / in),
        NORMAL("scaled_out_at/w", 3.0 / out),
        UNIFORM("scaled_avg_at/w", 2.0 / (in + out)),
    };
    const Expected mask = {"dropout_at/w", 1.0, sqrt(0.3 / 0.7), 0.0, 1.0 / 0.7};

    instance = nnrt_instance_new(&random_nnrt_model, NULL, &error);
    if (!instance || nnrt_instance_bind(instance, NULL, &error) != NNRT_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    run(NNRT_FN_INIT, inputs, &clock);
    for (size_t i = 0; i < sizeof initial / sizeof *initial; i++) check(&initial[i]);
    check_orthogonal("orthogonal_at/w");
    check_predict(inputs, &clock);
    run(NNRT_FN_TRAIN, inputs, &clock);
    check(&mask);
    check_mask("dropout_at/w");
    check_mask("dropout_other_at/w");
    check_masks_differ();
    nnrt_instance_free(instance);
    return n_failed ? 1 : 0;
}
