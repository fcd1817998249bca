/* One side of the benchmark of training steps: linked with a compiled model's object (`bench_model` is its symbol), it runs that
 * model's training step on drawn data in memory.
 *
 *     step export FILE LIMIT DIM...                  write weights and data for a peer
 *     step losses COUNT LIMIT DIM...                 print the losses of the first COUNT steps
 *     step time SECONDS THREADS LIMIT DIM...         print what a step takes
 *
 * DIM... are the values of the model's symbolic dims in their order, LIMIT bounds integers whose number of classes the model does not
 * tell. `time` prints lines of a word and numbers: `step_us` by the clock and in processor time, `peak_gflops` likewise, `start_kb`
 * and `peak_kb` of memory: when the process begins, and at most, and `counted_kb`, what the runtime knows that it holds; with
 * several threads `round_trip_ns`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/worker/step.h"
#include "core/element.h"

extern const nnrt_model bench_model;

enum { MAX_INPUTS = 16, MAX_SAMPLES = 4096 };

typedef struct Run {
    nnrt_instance *instance;
    nnrt_pool     *pool;
    const void    *data[MAX_INPUTS];
    int            train;
    nnrt_clock     clock;
} Run;

static void fail(const char *message) {
    fprintf(stderr, "bench: %s\n", message);
    exit(1);
}

static void start(Run *run, int threads, char **args) {
    const nnrt_model *model = &bench_model;
    nnrt_error        error;
    int64_t           limit = atoll(*args++), symbols[MAX_INPUTS] = {0};
    for (int i = 0; i < model->n_symbols; i++) {
        if (!*args) fail("a value for each symbolic dim of the model is needed");
        symbols[i] = atoll(*args++);
    }
    if (model->n_inputs > MAX_INPUTS || model->n_symbols > MAX_INPUTS) fail("too many inputs");
    *run          = (Run){.pool = threads > 1 ? nnrt_pool_new(threads) : NULL, .clock = {0, 1000000, 1000, 1, 0}};
    run->train    = nnrt_model_fn(model, NNRT_FN_TRAIN, 0);
    run->instance = nnrt_instance_new(model, run->pool, &error);
    if (!run->instance || nnrt_instance_bind(run->instance, symbols, &error) != NNRT_OK ||
        nnrt_instance_start(run->instance, 1, &error) != NNRT_OK)
        fail(error.message);
    step_draw(run->instance, limit, run->data);
}

static void step(Run *run) {
    nnrt_fault fault = {0};
    nnrt_error error;
    if (nnrt_instance_call(run->instance, run->train, run->data, &run->clock, &fault, &error) != NNRT_OK)
        fail(error.message);
    run->clock.step++, run->clock.pass++;
}

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

static void print_losses(Run *run, int count) {
    for (int i = 0; i < count; i++) {
        step(run);
        printf("loss %.9g\n", (double)*(const float *)run->instance->results[0].data);
    }
}

/* What the run holds: slots, workspace, results, data. */
static int64_t counted_bytes(const Run *run) {
    const nnrt_model    *model    = &bench_model;
    const nnrt_instance *instance = run->instance;
    int64_t              total    = (int64_t)instance->workspace.nbytes;
    for (int i = 0; i < model->n_slots; i++) total += (int64_t)instance->slot_nbytes[i];
    for (int i = 0; i < instance->max_results; i++) total += (int64_t)instance->results[i].nbytes;
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        total += nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank) *
                 (int64_t)nnrt_elem_size(tensor->elem);
    }
    return total;
}

/* Blocks of steps that take about 5 ms, so that reading clocks costs nothing; medians over blocks. */
static void print_times(Run *run, double seconds) {
    static double wall[MAX_SAMPLES], cpu[MAX_SAMPLES], peak_wall[2], peak_cpu[2];
    StepPeak      before = step_peak(run->pool);
    before               = step_peak(run->pool);
    double begin         = step_wall();
    for (int i = 0; i == 0 || (i < 3 && step_wall() < begin + 0.5); i++) step(run);
    begin = step_wall();
    step(run);
    int block = (int)(5e-3 / (step_wall() - begin)) + 1, n = 0;
    printf("begin_s %.6f\n", step_wall()); /* for profile.sh: what is before it only warms up */
    if (step_is_warm) step_is_warm(run->pool);
    for (begin = step_wall(); n < MAX_SAMPLES && (n < 3 || step_wall() < begin + seconds); n++) {
        double w = step_wall(), c = step_cpu();
        for (int i = 0; i < block; i++) step(run);
        cpu[n] = (step_cpu() - c) / block, wall[n] = (step_wall() - w) / block;
    }
    long     most  = step_memory_kb();
    StepPeak after = step_peak(run->pool);
    if (run->pool) printf("round_trip_ns %.1f\n", 1e9 * step_round_trip());
    peak_wall[0] = before.wall, peak_wall[1] = after.wall, peak_cpu[0] = before.cpu, peak_cpu[1] = after.cpu;
    printf("step_us %.3f %.3f\n", median(wall, n) * 1e6, median(cpu, n) * 1e6);
    printf("peak_gflops %.2f %.2f\n", median(peak_wall, 2) * 1e-9, median(peak_cpu, 2) * 1e-9);
    printf("peak_kb %ld\ncounted_kb %lld\n", most, (long long)(counted_bytes(run) / 1024));
}

int main(int argc, char **argv) {
    Run  run;
    long at_start = step_memory_kb();
    if (argc > 3 && strcmp(argv[1], "export") == 0) {
        start(&run, 1, argv + 3);
        step_export(run.instance, run.data, argv[2]);
    } else if (argc > 3 && strcmp(argv[1], "losses") == 0) {
        start(&run, 1, argv + 3);
        print_losses(&run, atoi(argv[2]));
    } else if (argc > 4 && strcmp(argv[1], "time") == 0) {
        start(&run, atoi(argv[3]), argv + 4);
        print_times(&run, atof(argv[2]));
        printf("start_kb %ld\n", at_start);
        nnrt_pool_free(run.pool);
    } else {
        fprintf(stderr, "usage: step export FILE | losses COUNT | time SECONDS THREADS, then LIMIT DIM...\n");
        return 2;
    }
    return 0;
}
