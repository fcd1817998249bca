#include "fake_model.h"

#include <math.h>

enum { K = FAKE_FEATURES, C = FAKE_CLASSES };

/* Shape values: x [batch, 4], y [batch], w [4, 3], b [3], mean [4], p [batch, 3]. */
enum { X_SHAPE = 0, Y_SHAPE = 2, W_SHAPE = 3, B_SHAPE = 5, MEAN_SHAPE = 6, P_SHAPE = 7, N_SHAPE_VALUES = 9 };

static void shapes(const int64_t *symbols, int64_t *values) {
    const int64_t all[N_SHAPE_VALUES] = {symbols[0], K, symbols[0], K, C, C, K, symbols[0], C};
    for (int i = 0; i < N_SHAPE_VALUES; i++) values[i] = all[i];
}

static int64_t workspace(const int64_t *symbols, int64_t nthreads) {
    (void)nthreads;
    return symbols[0] * C * (int64_t)sizeof(float);
}

static void init(const nnrt_args *args) {
    float *w = args->slots[FAKE_W], *b = args->slots[FAKE_B], *mean = args->slots[FAKE_MEAN], *m = args->slots[FAKE_M];
    for (int i = 0; i < K * C; i++) {
        const uint32_t counter[4] = {(uint32_t)i, 0, 0, 0},
                       key[2]     = {(uint32_t)args->seed, (uint32_t)(args->seed >> 32)};
        uint32_t r[4];
        nnrt_philox(counter, key, r);
        w[i] = 0.2f * ((float)(r[0] >> 8) * 0x1p-24f - 0.5f);
        m[i] = 0;
    }
    for (int i = 0; i < C; i++) b[i] = 0;
    for (int i = 0; i < K; i++) mean[i] = 0;
    *(float *)args->slots[FAKE_SEEN] = 0;
}

static void fit(const nnrt_args *args) {
    const float *x    = args->inputs[0];
    float       *mean = args->slots[FAKE_MEAN], *seen = args->slots[FAKE_SEEN];
    for (int64_t i = 0; i < args->symbols[0]; i++) {
        *seen += 1;
        for (int k = 0; k < K; k++) mean[k] += (x[i * K + k] - mean[k]) / *seen;
    }
}

static void forward_rows(void *context, int64_t begin, int64_t end, int32_t worker) {
    const nnrt_args *args = context;
    const float     *x = args->inputs[0], *w = args->slots[FAKE_W], *b = args->slots[FAKE_B],
                *mean = args->slots[FAKE_MEAN];
    float *p          = args->workspace;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        float z[C], sum = 0;
        for (int c = 0; c < C; c++) {
            z[c] = b[c];
            for (int k = 0; k < K; k++) z[c] += (x[i * K + k] - mean[k]) * w[k * C + c];
        }
        for (int c = 0; c < C; c++) sum += expf(z[c]);
        for (int c = 0; c < C; c++) p[i * C + c] = expf(z[c]) / sum;
    }
}

/* Probabilities into the workspace; the mean cross-entropy into results[0] where there are labels. */
static void forward(const nnrt_args *args, const int32_t *y) {
    const float *p = args->workspace;
    nnrt_parallel(args->pool, forward_rows, (void *)args, args->symbols[0]);
    float loss = 0;
    for (int64_t i = 0; y && i < args->symbols[0]; i++) {
        if (y[i] < 0 || y[i] >= C) {
            *args->fault = (nnrt_fault){.code = NNRT_FAULT_INDEX, .input = -1, .value = y[i], .limit = C};
            return;
        }
        loss -= logf(p[i * C + y[i]]);
    }
    if (!y) return;
    float *result = args->results[0];
    result[0]     = loss / (float)args->symbols[0];
    result[1]     = (float)args->symbols[0];
}

static void train(const nnrt_args *args) {
    const float   *x = args->inputs[0], *mean = args->slots[FAKE_MEAN], *p = args->workspace;
    const int32_t *y = args->inputs[1];
    float         *w = args->slots[FAKE_W], *b = args->slots[FAKE_B], *m = args->slots[FAKE_M];
    float          lr = (float)*(const double *)args->slots[FAKE_LR], n = (float)args->symbols[0];
    forward(args, y);
    if (args->fault->code) return;
    float gw[K * C] = {0}, gb[C] = {0};
    for (int64_t i = 0; i < args->symbols[0]; i++)
        for (int c = 0; c < C; c++) {
            float g = (p[i * C + c] - (y[i] == c)) / n;
            gb[c] += g;
            for (int k = 0; k < K; k++) gw[k * C + c] += g * (x[i * K + k] - mean[k]);
        }
    for (int i = 0; i < K * C; i++) m[i] = 0.9f * m[i] + gw[i], w[i] -= lr * m[i];
    for (int c = 0; c < C; c++) b[c] -= lr * gb[c];
}

static void eval(const nnrt_args *args) {
    const int32_t *y    = args->inputs[1];
    const float   *p    = args->workspace;
    int64_t       *hits = args->slots[FAKE_HITS], *count = args->slots[FAKE_COUNT];
    forward(args, y);
    for (int64_t i = 0; !args->fault->code && i < args->symbols[0]; i++) {
        int best = 0;
        for (int c = 1; c < C; c++)
            if (p[i * C + c] > p[i * C + best]) best = c;
        *hits += best == y[i];
        *count += 1;
    }
}

static void reset(const nnrt_args *args) {
    *(int64_t *)args->slots[FAKE_HITS] = *(int64_t *)args->slots[FAKE_COUNT] = 0;
}

static void metrics(const nnrt_args *args) {
    *(float *)args->results[0] = (float)*(int64_t *)args->slots[FAKE_HITS] / (float)*(int64_t *)args->slots[FAKE_COUNT];
}

static void predict(const nnrt_args *args) {
    float       *out = args->results[0];
    const float *p   = args->workspace;
    forward(args, NULL);
    for (int64_t i = 0; i < args->symbols[0] * C; i++) out[i] = p[i];
}

#define SYMBOLS(...)       {__VA_ARGS__, -1, -1, -1, -1, -1, -1}
#define SCALAR(Name, Elem) {Name, Elem, 0, 0, 0, SYMBOLS(-1, -1), "[]"}

static const nnrt_dim   DIMS[]   = {{"batch", -1, 1, 0}};
static const nnrt_input INPUTS[] = {
    {{"x", NNRT_F32, 2, X_SHAPE, 0, SYMBOLS(0, -1), "[batch, 4]"}, {0, 0, NULL, 0, 0, 0, 0, 0, 0}, 0, 0},
    {{"y", NNRT_I32, 1, Y_SHAPE, 0, SYMBOLS(0, -1), "[batch]"}, {0, 0, NULL, 0, 0, 0, 0, 0, 0}, 1, 0},
};
static const nnrt_slot SLOTS[FAKE_SLOTS] = {
    [FAKE_W] = {{"dense/kernel", NNRT_F32, 2, W_SHAPE, 0, SYMBOLS(-1, -1), "[4, 3]"}, 0, NNRT_PARAM, -1, 0, 0, NULL},
    [FAKE_B] = {{"dense/bias", NNRT_F32, 1, B_SHAPE, 0, SYMBOLS(-1, -1), "[3]"}, 0, NNRT_PARAM, -1, 0, 0, NULL},
    [FAKE_MEAN] =
        {{"standardize/mean", NNRT_F32, 1, MEAN_SHAPE, 0, SYMBOLS(-1, -1), "[4]"}, 0, NNRT_FIT, -1, 0, 0, NULL},
    [FAKE_SEEN]  = {SCALAR("standardize/seen", NNRT_F32), 0, NNRT_FIT, -1, 0, 0, NULL},
    [FAKE_M]     = {{"optimizer/m/dense/kernel", NNRT_F32, 2, W_SHAPE, 0, SYMBOLS(-1, -1), "[4, 3]"},
                    0,
                    NNRT_OPTIMIZER,
                    0,
                    0,
                    0,
                    NULL},
    [FAKE_LR]    = {SCALAR("optimizer.lr", NNRT_F64), 0.1, NNRT_HYPER, -1, 0, 0, NULL},
    [FAKE_HITS]  = {SCALAR("accuracy/hits", NNRT_I64), 0, NNRT_METRIC, -1, 0, 0, NULL},
    [FAKE_COUNT] = {SCALAR("accuracy/count", NNRT_I64), 0, NNRT_METRIC, -1, 0, 0, NULL},
};
static const nnrt_result LOSS[]     = {{SCALAR("loss", NNRT_F32), 1, 0, 0, -1}};
static const nnrt_result ACCURACY[] = {{SCALAR("accuracy", NNRT_F32), 0, 0, 0, -1}};
static const nnrt_result OUTPUTS[]  = {{{"p", NNRT_F32, 2, P_SHAPE, 0, SYMBOLS(0, -1), "[batch, 3]"}, 0, 0, 0, -1}};
static const int32_t     BOTH[]     = {0, 1};
static const nnrt_fn     FNS[]      = {
    {"init", init, NULL, NULL, NNRT_FN_INIT, 1, 0, 0, BOTH, 0, NULL, 0, 0, -1, 0},
    {"fit", fit, workspace, NULL, NNRT_FN_FIT, 1, 0, 1, BOTH, 0, NULL, 0, 0, -1, 0},
    {"train", train, workspace, LOSS, NNRT_FN_TRAIN, 1, 1, 2, BOTH, 0, NULL, 0, 0, -1, 0},
    {"eval", eval, workspace, LOSS, NNRT_FN_EVAL, 1, 1, 2, BOTH, 0, NULL, 0, 0, -1, 0},
    {"reset", reset, NULL, NULL, NNRT_FN_RESET, 1, 0, 0, BOTH, 0, NULL, 0, 0, -1, 0},
    {"metrics", metrics, NULL, ACCURACY, NNRT_FN_METRICS, 1, 1, 0, BOTH, 0, NULL, 0, 0, -1, 0},
    {"predict", predict, workspace, OUTPUTS, NNRT_FN_PREDICT, 1, 1, 1, BOTH, 0, NULL, 0, 0, -1, 0},
};

const nnrt_model nnrt_model_main = {
    .abi            = NNRT_ABI,
    .n_symbols      = 1,
    .n_inputs       = 2,
    .n_slots        = FAKE_SLOTS,
    .n_fns          = sizeof FNS / sizeof *FNS,
    .n_shape_values = N_SHAPE_VALUES,
    .name           = "Fake",
    .dims           = DIMS,
    .inputs         = INPUTS,
    .slots          = SLOTS,
    .fns            = FNS,
    .shapes         = shapes,
    .train =
        {.batch = 16, .epochs = 40, .seed = 1, .test_split = 0.2, .shuffle = 1, .has_train = 1, .headline = "accuracy"},
};
