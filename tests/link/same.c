/* same.c csv: writes the data. same.c FILE: trains on it through the C API and compares everything that the model holds with the
 * weights that its program saved there. M is the model's prefix. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASTE(a, b)  a##b
#define JOIN(a, b)   PASTE(a, b)
#define NAME(suffix) JOIN(M, suffix)

enum { N = 22, BATCH = 4, BATCHES = 6, MOST = 4096 };

static float x[N * 3], y[N * 2];

static int next(void *context, int64_t epoch, int64_t index, NAME(_batch) * batch) {
    (void)context, (void)epoch;
    if (index >= BATCHES) return 0;
    batch->batch = index == BATCHES - 1 ? N - BATCH * index : BATCH;
    batch->x     = x + BATCH * index * 3;
    batch->y     = y + BATCH * index * 2;
    return 1;
}

static int hear(void *context, const NAME(_progress) * progress) {
    *(int64_t *)context += progress->epoch_ends;
    return 0;
}

static int compare(const NAME(_model) * a, const NAME(_model) * b) {
    static char of_a[MOST], of_b[MOST];
    int         n = 0;
    NAME(_param) param;
    for (int64_t i = 0; i < NAME(_param_count)(a); i++) {
        NAME(_param_info)(a, i, &param, NULL);
        NAME(_get)(a, param.path, of_a, param.nbytes, NULL);
        NAME(_get)(b, param.path, of_b, param.nbytes, NULL);
        if (memcmp(of_a, of_b, param.nbytes) == 0) continue;
        printf("%s differs\n", param.path);
        n++;
    }
    return n;
}

int main(int argc, char **argv) {
    NAME(_error) error = {0};
    for (int i = 0; i < N * 3; i++) x[i] = (float)((i * 37) % 23) / 8 - 1;
    for (int i = 0; i < N * 2; i++) y[i] = (float)((i * 19) % 17) / 8;
    if (argc > 1 && strcmp(argv[1], "csv") == 0) {
        for (int i = 0; i < N; i++)
            printf("%.9g,%.9g,%.9g,%.9g,%.9g\n", x[3 * i], x[3 * i + 1], x[3 * i + 2], y[2 * i], y[2 * i + 1]);
        return 0;
    }
    int64_t ends               = 0;
    const NAME(_config) config = {.epoch_steps = EPOCH_STEPS};
    NAME(_model) *model = NAME(_model_new)(&config, &error), *saved = NAME(_model_new)(&config, &error);
    NAME(_ctx) *ctx = NAME(_ctx_new)(model, NULL, &error);
    if (NAME(_load)(saved, argv[1], &error) || NAME(_fit)(model, ctx, next, NULL, hear, &ends, &error))
        return printf("%s\n", error.message), 1;
    printf("%lld steps, %lld epochs\n", (long long)NAME(_steps_done)(model), (long long)ends);
    if (NAME(_steps_done)(model) != NAME(_steps_done)(saved)) return printf("the program's: other steps\n"), 1;
    return compare(model, saved) != 0;
}
