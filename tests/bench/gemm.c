/* Share of this machine's FMA peak that contractions reach, on one thread or several. The peak is measured in the same run, between the
 * products, by a loop of independent FMAs emitted for the same target, on as many threads at once; the table shows medians of ratios, so
 * that a changing clock or a busy neighbour cancels out. One thread is timed in processor time; several by the clock, each with its share
 * of the units and a meeting after every product, so they want as many idle CPUs. Never fails for being slow.
 *
 *     bench_gemm [--target NAME] [--rounds N] [--threads N] [WORD...]     only rows whose name contains a WORD
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/peak.h"
#include "unit/contract_case.h"

typedef struct Row {
    const char *name;
    int64_t     m, n, k;
    bool        m_runtime, k_runtime; /* the batch: not known when compiling */
    char        layout;               /* N: NN, T: TN (A transposed), t: NT (B transposed) */
} Row;

static const Row rows[] = {
    {"NN 512^3", 512, 512, 512, false, false, 'N'},
    {"NT 512^3", 512, 512, 512, false, false, 't'},
    {"TN 512^3", 512, 512, 512, false, false, 'T'},
    {"NN 1024^3", 1024, 1024, 1024, false, false, 'N'},
    {"NT 1024^3", 1024, 1024, 1024, false, false, 't'},
    {"TN 1024^3", 1024, 1024, 1024, false, false, 'T'},
    {"NN 2048^3", 2048, 2048, 2048, false, false, 'N'},
    {"NT 2048^3", 2048, 2048, 2048, false, false, 't'},
    {"TN 2048^3", 2048, 2048, 2048, false, false, 'T'},
    {"NN batch 64 x512x784", 64, 512, 784, true, false, 'N'},
    {"TN 784x512x batch 64", 784, 512, 64, false, true, 'T'},
    {"NT batch 64 x512x10", 64, 512, 10, true, false, 't'},
    {"NN batch 64 x10x512", 64, 10, 512, true, false, 'N'},
    {"TN 512x10x batch 64", 512, 10, 64, false, true, 'T'},
    {"NN 64x512x784", 64, 512, 784, false, false, 'N'},
    {"TN 784x512x64", 784, 512, 64, false, false, 'T'},
    {"NN batch 128 x1024x1024", 128, 1024, 1024, true, false, 'N'},
    {"NT batch 128 x1024x1024", 128, 1024, 1024, true, false, 't'},
    {"TN 1024x1024x batch 128", 1024, 1024, 128, false, true, 'T'},
    {"TN 1024x1024x batch 1024", 1024, 1024, 1024, false, true, 'T'},
    {"NN batch 128 x256x256", 128, 256, 256, true, false, 'N'},
    {"NN batch 128 x128x128", 128, 128, 128, true, false, 'N'},
    {"NN batch 32 x64x64", 32, 64, 64, true, false, 'N'},
    {"NN batch 32 x32x32", 32, 32, 32, true, false, 'N'},
    {"NN batch 100 x512x784", 100, 512, 784, true, false, 'N'},
    {"NN 32x128x128", 32, 128, 128, false, false, 'N'},
    {"NN 16^3", 16, 16, 16, false, false, 'N'},
    {"NN batch 256 x32x4", 256, 32, 4, true, false, 'N'},
    {"NN batch 1 x512x784", 1, 512, 784, true, false, 'N'},
    {"NN words 256x3072x768", 256, 3072, 768, true, false, 'N'},
    {"NT words 256x768x3072", 256, 768, 3072, true, false, 't'},
    {"TN words 768x3072x256", 768, 3072, 256, false, true, 'T'},
    {"NN words 256x768x768", 256, 768, 768, true, false, 'N'},
    {"NT words 256x50257x768", 256, 50257, 768, true, false, 't'},
    {"NN words 256x768x50257", 256, 768, 50257, true, false, 'N'},
    {"TN words 50257x768x256", 50257, 768, 256, false, true, 'T'},
    {"NN attention 128x64x1024", 128, 64, 1024, false, false, 'N'},
    {"NT attention 128x1024x64", 128, 1024, 64, false, false, 't'},
    {"TN attention 1024x64x128", 1024, 64, 128, false, false, 'T'},
    {"TN attention 64x1024x128", 64, 1024, 128, false, false, 'T'},
    {"TN 32x16x batch 256", 32, 16, 256, false, true, 'T'},
    {"TN 64x64x batch 256", 64, 64, 256, false, true, 'T'},
    {"TN 96x96x batch 170", 96, 96, 170, false, true, 'T'},
    {"TN 128x32x batch 128", 128, 32, 128, false, true, 'T'},
    {"TN 32x10x batch 512", 32, 10, 512, false, true, 'T'},
};
enum { ROWS = sizeof rows / sizeof *rows, ROUNDS_MOST = 101, THREADS_MOST = 64 };

typedef struct Bench {
    Jit           *jit;
    PeakLoop      *peak;
    ContractRun   *run[ROWS];
    ContractUnits *units[ROWS];
    int64_t        scratch_bytes;
    void          *scratch[THREADS_MOST];
    int            rounds, threads;
} Bench;

/* What all threads do at once, each with its number. */
typedef struct Team {
    const Bench *bench;
    int          row, repeats; /* row -1: the peak */
    float       *a, *b, *c;
    double     seconds, flops; /* out: what it took, of one thread its time on a processor; flops of the peak's loops */
    atomic_int arrived, number;
} Team;

/* Waits for all threads of the team, for the `turn`-th time. */
static void meet(Team *team, int turn) {
    atomic_fetch_add(&team->arrived, 1);
    while (atomic_load(&team->arrived) < turn * team->bench->threads) continue;
}

static double now(const Team *team) {
    return team->bench->threads > 1 ? clock_time() : thread_time();
}

static void *take_part(void *user) {
    Team        *team  = user;
    const Bench *bench = team->bench;
    const Row   *r     = team->row < 0 ? NULL : &rows[team->row];
    int          me = atomic_fetch_add(&team->number, 1), turn = 1;
    int64_t      units = r ? bench->units[team->row](r->m, r->n, r->k) : 0;
    int64_t      begin = units * me / bench->threads, end = units * (me + 1) / bench->threads;
    double       flops = 0;
    meet(team, turn);
    double start = now(team);
    for (int i = 0; i < team->repeats; i++) {
        if (r)
            bench->run[team->row](team->a, team->b, team->c, NULL, r->m, r->n, r->k, begin, end, bench->scratch[me]);
        else
            flops += peak_run(bench->peak, bench->jit->target);
        meet(team, ++turn);
    }
    if (me == 0) team->seconds = now(team) - start, team->flops = flops * bench->threads;
    return NULL;
}

static void run_team(Team *team) {
    pthread_t others[THREADS_MOST];
    for (int i = 1; i < team->bench->threads; i++)
        if (pthread_create(&others[i], NULL, take_part, team)) abort();
    take_part(team);
    for (int i = 1; i < team->bench->threads; i++) pthread_join(others[i], NULL);
    atomic_store(&team->arrived, 0);
    atomic_store(&team->number, 0);
}

static const char *symbol(int row, bool units) {
    static char text[32];
    snprintf(text, sizeof text, units ? "row%d_units" : "row%d", row);
    return text;
}

static double flops_per_second_of_peak(const Bench *bench) {
    Team team = {.bench = bench, .row = -1, .repeats = 3};
    run_team(&team);
    return team.flops / team.seconds;
}

/* As the runtime's: large blocks in huge pages where the machine grants them. */
static void *memory_new(int64_t nbytes) {
    enum { HUGE_PAGE = 2 << 20, LARGE = 4 << 20 };
    size_t unit = nbytes >= LARGE ? HUGE_PAGE : 64, size = ((size_t)nbytes + unit - 1) / unit * unit;
    void  *p = aligned_alloc(unit, size);
    if (!p) abort();
    if (nbytes >= LARGE) madvise(p, size, MADV_HUGEPAGE); /* advice: a refusal costs speed alone */
    return p;
}

static float *filled(int64_t n) {
    float *p = memory_new(n * 4);
    for (int64_t i = 0; i < n; i++) p[i] = (float)(i % 17 - 8) / 8;
    return p;
}

static void measure(const Bench *bench, int row) {
    const Row *r     = &rows[row];
    double     flops = 2.0 * (double)r->m * (double)r->n * (double)r->k, ratios[ROUNDS_MOST], seconds[ROUNDS_MOST];
    Team       team  = {.bench   = bench,
                        .row     = row,
                        .repeats = 1 + (int)(4e8 / flops),
                        .a       = filled(r->m * r->k),
                        .b       = filled(r->k * r->n),
                        .c       = filled(r->m * r->n)};
    for (int round = 0; round < bench->rounds; round++) {
        double before = flops_per_second_of_peak(bench);
        run_team(&team);
        double after   = flops_per_second_of_peak(bench);
        seconds[round] = team.seconds / team.repeats;
        ratios[round]  = flops / seconds[round] / (before > after ? before : after);
    }
    printf("%-26s %4ld units %10.2f us %6.1f %%\n", r->name, (long)bench->units[row](r->m, r->n, r->k),
           1e6 * median_of(seconds, bench->rounds), 100 * median_of(ratios, bench->rounds));
    fflush(stdout);
    free(team.a);
    free(team.b);
    free(team.c);
}

static bool wanted(const Row *row, char **words, int n) {
    bool any = n == 0;
    for (int i = 0; i < n; i++) any = any || strstr(row->name, words[i]);
    return any;
}

static void emit_row(Bench *bench, int row) {
    const Row   *r     = &rows[row];
    ContractCase t     = {.m            = r->m,
                          .n            = r->n,
                          .k            = r->k,
                          .m_runtime    = r->m_runtime,
                          .k_runtime    = r->k_runtime,
                          .a_transposed = r->layout == 'T',
                          .b_transposed = r->layout == 't'};
    int64_t      bytes = contract_case_emit(bench->jit, &t, symbol(row, false));
    if (bytes > bench->scratch_bytes) bench->scratch_bytes = bytes;
}

int main(int argc, char **argv) {
    Bench       bench  = {.rounds = 11, .threads = 1};
    const char *target = "native";
    int         first  = 1;
    for (; first < argc && !strncmp(argv[first], "--", 2); first++) {
        if (!strcmp(argv[first], "--target") && first + 1 < argc)
            target = argv[++first];
        else if (!strcmp(argv[first], "--rounds") && first + 1 < argc)
            bench.rounds = atoi(argv[++first]);
        else if (!strcmp(argv[first], "--threads") && first + 1 < argc)
            bench.threads = atoi(argv[++first]);
        else
            return fprintf(stderr, "usage: %s [--target NAME] [--rounds N] [--threads N] [WORD...]\n", argv[0]), 2;
    }
    if (bench.threads < 1 || bench.threads > THREADS_MOST) bench.threads = 1;
    if (bench.rounds < 1 || bench.rounds > ROUNDS_MOST) bench.rounds = ROUNDS_MOST;
    bench.jit = jit_new(target);
    peak_emit(bench.jit);
    int n_rows = 0;
    for (int i = 0; i < ROWS; i++)
        if (wanted(&rows[i], argv + first, argc - first)) emit_row(&bench, i), n_rows++;
    double start = thread_time();
    jit_compile(bench.jit);
    bench.peak   = (PeakLoop *)jit_address(bench.jit, "peak");
    double spent = thread_time() - start;
    for (int i = 0; i < bench.threads; i++) bench.scratch[i] = memory_new(bench.scratch_bytes);
    printf("target %s (%s), peak %.1f GFLOP/s; %d contractions compiled in %.0f ms\n", target, bench.jit->target->cpu,
           1e-9 * flops_per_second_of_peak(&bench), n_rows, 1e3 * spent);
    for (int i = 0; i < ROWS; i++) {
        if (!wanted(&rows[i], argv + first, argc - first)) continue;
        bench.run[i]   = (ContractRun *)jit_address(bench.jit, symbol(i, false));
        bench.units[i] = (ContractUnits *)jit_address(bench.jit, symbol(i, true));
        measure(&bench, i);
    }
    for (int i = 0; i < bench.threads; i++) free(bench.scratch[i]);
    jit_dispose(bench.jit);
    return 0;
}
