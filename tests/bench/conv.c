/* Share of this machine's FMA peak that convolutions reach, on one thread (in processor time) or several (by the clock, of so many times one
 * thread's peak): forward, and the gradients with respect to the input and to the kernel, each compiled as a model's would be. Work with the
 * zeros around an image does not count. The peak is measured in the same run, before and after; the table shows medians of ratios. Never fails
 * for being slow.
 *
 *     bench_conv [--plain] [--rounds N] [--threads N] [WORD...]     only rows whose name contains a WORD; --plain: without minimal filtering
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autodiff/autodiff.h"
#include "bench/peak.h"
#include "codegen/convolution.h"
#include "codegen/harness.h"
#include "opt/opt.h"

typedef struct Row {
    const char *name;
    int64_t     batch;
    Convolution conv;
} Row;

/* height, width, channels, filters, size, stride, dilation, zeros before and after */
static const Row rows[] = {
    {"LeNet 1: 28^2 1-6 5x5", 64, {28, 28, 1, 6, {5, 5}, 1, 1, 2, 2, 1}},
    {"LeNet 2: 14^2 6-16 5x5", 64, {14, 14, 6, 16, {5, 5}, 1, 1, 0, 0, 1}},
    {"32^2 3-16 3x3", 32, {32, 32, 3, 16, {3, 3}, 1, 1, 1, 1, 1}},
    {"32^2 16-16 3x3", 32, {32, 32, 16, 16, {3, 3}, 1, 1, 1, 1, 1}},
    {"16^2 32-32 3x3", 32, {16, 16, 32, 32, {3, 3}, 1, 1, 1, 1, 1}},
    {"8^2 64-64 3x3", 32, {8, 8, 64, 64, {3, 3}, 1, 1, 1, 1, 1}},
    {"32^2 16-32 3x3 stride 2", 32, {32, 32, 16, 32, {3, 3}, 2, 1, 0, 1, 1}},
    {"16^2 32-64 3x3 stride 2", 32, {16, 16, 32, 64, {3, 3}, 2, 1, 0, 1, 1}},
    {"32^2 16-32 1x1 stride 2", 32, {32, 32, 16, 32, {1, 1}, 2, 1, 0, 0, 1}},
    {"56^2 64-64 3x3", 2, {56, 56, 64, 64, {3, 3}, 1, 1, 1, 1, 1}},
    {"28^2 128-128 3x3", 2, {28, 28, 128, 128, {3, 3}, 1, 1, 1, 1, 1}},
    {"14^2 256-256 3x3", 4, {14, 14, 256, 256, {3, 3}, 1, 1, 1, 1, 1}},
    {"7^2 512-512 3x3", 8, {7, 7, 512, 512, {3, 3}, 1, 1, 1, 1, 1}},
    {"56^2 256-64 1x1", 2, {56, 56, 256, 64, {1, 1}, 1, 1, 0, 0, 1}},
    {"56^2 64-256 1x1", 2, {56, 56, 64, 256, {1, 1}, 1, 1, 0, 0, 1}},
    {"28^2 16-1 3x3", 32, {28, 28, 16, 1, {3, 3}, 1, 1, 1, 1, 1}},
    {"28^2 1-32 4x4 stride 2", 64, {28, 28, 1, 32, {4, 4}, 2, 1, 1, 1, 1}},
    {"64^2 3-64 4x4 stride 2", 4, {64, 64, 3, 64, {4, 4}, 2, 1, 1, 1, 1}},
    {"32^2 32-3 3x3", 16, {32, 32, 32, 3, {3, 3}, 1, 1, 1, 1, 1}},
    {"112^2 32 depthwise 3x3", 4, {112, 112, 32, 32, {3, 3}, 1, 1, 1, 1, 32}},
    {"56^2 128 depthwise 3x3", 4, {56, 56, 128, 128, {3, 3}, 1, 1, 1, 1, 128}},
    {"28^2 256 depthwise 3x3", 8, {28, 28, 256, 256, {3, 3}, 1, 1, 1, 1, 256}},
    {"56^2 128 depthwise stride 2", 8, {56, 56, 128, 128, {3, 3}, 2, 1, 0, 1, 128}},
    {"28^2 240 depthwise 5x5", 8, {28, 28, 240, 240, {5, 5}, 1, 1, 2, 2, 240}},
    {"14^2 384 depthwise 7x7", 8, {14, 14, 384, 384, {7, 7}, 1, 1, 3, 3, 384}},
    {"14^2 512 depthwise 3x3", 16, {14, 14, 512, 512, {3, 3}, 1, 1, 1, 1, 512}},
    {"28^2 256 32 groups 3x3", 4, {28, 28, 256, 256, {3, 3}, 1, 1, 1, 1, 32}},
    {"14^2 512 32 groups 3x3", 8, {14, 14, 512, 512, {3, 3}, 1, 1, 1, 1, 32}},
    {"28^2 128 8 groups 3x3", 4, {28, 28, 128, 128, {3, 3}, 1, 1, 1, 1, 8}},
    {"28^2 128 2 groups 3x3", 4, {28, 28, 128, 128, {3, 3}, 1, 1, 1, 1, 2}},
    {"224^2 3-64 7x7 stride 2", 1, {224, 224, 3, 64, {7, 7}, 2, 1, 3, 3, 1}},
};
enum { ROWS = sizeof rows / sizeof *rows, PARTS = 3, ROUNDS_MOST = 101 };

typedef struct Bench {
    Jit      *jit;
    PeakLoop *peak;
    int       rounds, threads;
    bool      plain;
} Bench;

/* One thread's processor time; with several the clock's. */
static double now(const Bench *bench) {
    struct timespec t;
    if (bench->threads == 1) return thread_time();
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *drawn(int64_t count) {
    float *p = nnrt_alloc((size_t)count * sizeof *p);
    for (int64_t i = 0; i < count; i++) p[i] = (float)(i % 17 - 8) / 8;
    return p;
}

/* One part as a program of its own: its share of the peak and its time. */
static double measure(const Bench *bench, const Row *row, ConvolutionPart part, double *microseconds) {
    Scratch *s               = scratch_new(1);
    s->program->real         = ELEM_F32;
    s->c.options.no_winograd = bench->plain;
    Fn *fn                   = scratch_fn(s, FN_PREDICT, "part");
    scratch_result(s, fn, convolution_part(s, &row->conv, scratch_symbol(s, "batch", row->batch), part));
    if (row->conv.groups > 1 && !graph_add_gradients(&s->c, s->program)) abort();
    graph_optimise(&s->c, s->program);
    Compiled       compiled = compiled_new(s, NULL);
    const nnrt_fn *code     = &compiled.model->fns[0];
    void          *slots[MAX_SCRATCH], *results[1];
    for (int i = 0; i < s->program->slots.len; i++) slots[i] = drawn(s->slots[i].count);
    Tensor shape     = tensor_new(s->arena, &fn->results.data[0].value->type, s->symbols);
    results[0]       = drawn(shape.count);
    int64_t   nbytes = code->workspace(s->symbols, bench->threads);
    nnrt_args args   = {.symbols = s->symbols, .slots = slots, .results = results, .workspace = drawn(nbytes / 4 + 16)};
    if (bench->threads > 1) args.pool = nnrt_pool_new(bench->threads);
    double flops   = 2 * (double)row->batch * convolution_work(&row->conv);
    int    repeats = 1 + (int)(2e8 / flops);
    double ratios[ROUNDS_MOST], seconds[ROUNDS_MOST];
    for (int round = 0; round < bench->rounds; round++) {
        double before = peak_measure(bench->peak, bench->jit->target), start = now(bench);
        for (int i = 0; i < repeats; i++) code->code(&args);
        seconds[round] = (now(bench) - start) / repeats;
        double after   = peak_measure(bench->peak, bench->jit->target);
        ratios[round]  = flops / seconds[round] / (before > after ? before : after) / bench->threads;
    }
    *microseconds = 1e6 * median_of(seconds, bench->rounds);
    nnrt_pool_free(args.pool);
    compiled_free(&compiled);
    scratch_free(s);
    return median_of(ratios, bench->rounds);
}

static bool wanted(const Row *row, char **words, int n) {
    bool any = n == 0;
    for (int i = 0; i < n; i++) any = any || strstr(row->name, words[i]);
    return any;
}

int main(int argc, char **argv) {
    Bench bench = {.rounds = 7, .threads = 1};
    int   first = 1;
    if (argc > first && !strcmp(argv[first], "--plain")) bench.plain = true, first++;
    if (argc > first + 1 && !strcmp(argv[first], "--rounds")) bench.rounds = atoi(argv[first + 1]), first += 2;
    if (argc > first + 1 && !strcmp(argv[first], "--threads")) bench.threads = atoi(argv[first + 1]), first += 2;
    if (bench.threads < 1) bench.threads = 1;
    if (bench.rounds < 1 || bench.rounds > ROUNDS_MOST) bench.rounds = ROUNDS_MOST;
    bench.jit = jit_new("native");
    peak_emit(bench.jit);
    jit_compile(bench.jit);
    bench.peak = (PeakLoop *)jit_address(bench.jit, "peak");
    printf("%s, peak %.1f GFLOP/s; share of it, and microseconds\n%-26s %16s %16s %16s\n", bench.jit->target->cpu,
           1e-9 * peak_measure(bench.peak, bench.jit->target), "", "forward", "d input", "d kernel");
    for (int i = 0; i < ROWS; i++) {
        if (!wanted(&rows[i], argv + first, argc - first)) continue;
        printf("%-26s", rows[i].name);
        for (int part = 0; part < PARTS; part++) {
            double microseconds, share = measure(&bench, &rows[i], (ConvolutionPart)part, &microseconds);
            printf(" %6.1f %% %7.0f", 100 * share, microseconds);
            fflush(stdout);
        }
        printf("\n");
    }
    jit_dispose(bench.jit);
    return 0;
}
