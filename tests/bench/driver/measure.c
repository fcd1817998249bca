/* One case: compile, export weights and data, compare losses, then time in turn: ours, a peer, ours, the next peer ... */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/driver/bench.h"

enum { N_LOSSES = 4, ROOM = 1024 };

/* Losses may differ by rounding alone: of the first step by this share, and after it, as rounding grows with training, by that. */
static const double FIRST_LOSS = 1e-5, LATER_LOSS = 2e-3;

typedef struct Paths {
    char program[ROOM], weights[ROOM], cache[ROOM];
} Paths;

typedef struct Samples {
    double wall[MAX_ROUNDS * N_PEERS], cpu[MAX_ROUNDS * N_PEERS], peak[MAX_ROUNDS * N_PEERS];
    double start_kb[MAX_ROUNDS * N_PEERS], peak_kb[MAX_ROUNDS * N_PEERS];
    double round_trip_ns[MAX_ROUNDS * N_PEERS];
    int    n, variant;
} Samples;

typedef struct Args {
    const char *list[MAX_ARGS];
    int         n;
} Args;

static void add(Args *args, const char *arg) {
    if (args->n < MAX_ARGS - 1) args->list[args->n++] = arg;
}

static void add_dims(Args *args, const Case *kase) {
    add(args, kase->limit);
    for (int i = 0; i < MAX_DIMS && kase->dims[i]; i++) add(args, strchr(kase->dims[i], '=') + 1);
}

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void read_said(void *context, const char *line) {
    Said  *said = context;
    char   word[32];
    double a = 0, b = 0;
    if (sscanf(line, "%31s %lf %lf", word, &a, &b) < 2) return;
    if (strcmp(word, "loss") == 0 && said->n_losses < MAX_LOSSES) said->losses[said->n_losses++] = a;
    if (strcmp(word, "step_us") == 0) said->wall_us = a, said->cpu_us = b;
    if (strcmp(word, "peak_gflops") == 0) said->peak_wall = a, said->peak_cpu = b;
    if (strcmp(word, "start_kb") == 0) said->start_kb = a;
    if (strcmp(word, "peak_kb") == 0) said->peak_kb = a;
    if (strcmp(word, "compile_s") == 0) said->compile_s = a;
    if (strcmp(word, "round_trip_ns") == 0) said->round_trip_ns = a;
    if (strcmp(word, "variant") == 0) said->variant = (int)a;
}

static bool run_args(const Args *args, const char *const *environment, Said *said) {
    *said = (Said){.variant = -1};
    return child_run(args->list, environment, read_said, said, NULL);
}

static bool compile(const Options *options, const Case *kase, Paths *paths, Cost *cost) {
    snprintf(paths->program, ROOM, "%s/%s", options->work, kase->name);
    snprintf(paths->weights, ROOM, "%s/%s.safetensors", options->work, kase->name);
    snprintf(paths->cache, ROOM, "TORCHINDUCTOR_CACHE_DIR=%s/%s.cache", options->work, kase->name);
    return child_build(options, kase->model, NULL, kase->defines, kase->dims, kase->symbol, "bench_worker",
                       paths->program, cost);
}

static bool run_ours(const Case *kase, const Paths *paths, const char *task, const char *what, const char *threads,
                     Said *said) {
    Args args = {0};
    add(&args, paths->program), add(&args, task), add(&args, what);
    if (threads) add(&args, threads);
    add_dims(&args, kase);
    return run_args(&args, NULL, said);
}

static bool run_peer(const Options *options, const Case *kase, const Paths *paths, int peer, const char *task,
                     const char *what, const char *threads, int variant, Said *said) {
    char        script[ROOM], omp[ROOM], chosen[16];
    const char *environment[] = {paths->cache, omp, NULL};
    Args        args          = {0};
    snprintf(script, ROOM, "%s/peers/%s", options->source, PEERS[peer].script);
    snprintf(omp, ROOM, "OMP_NUM_THREADS=%s", threads ? threads : "1");
    snprintf(chosen, sizeof chosen, "%d", variant);
    add(&args, options->python), add(&args, script), add(&args, PEERS[peer].mode), add(&args, kase->peer);
    add(&args, paths->weights), add(&args, task), add(&args, what);
    if (threads) add(&args, threads);
    if (threads && variant >= 0) add(&args, chosen);
    return run_args(&args, environment, said);
}

static bool check_losses(const Case *kase, const char *peer, const Said *ours, const Said *theirs) {
    for (int i = 0; i < N_LOSSES; i++) {
        double a = ours->losses[i], b = theirs->losses[i], bound = i ? LATER_LOSS : FIRST_LOSS;
        if (i < theirs->n_losses && fabs(a - b) <= bound * fabs(a)) continue;
        fprintf(stderr,
                "bench: %s: the loss of step %d is %.9g here and %.9g in %s, which differ by more than %g: they do not "
                "compute "
                "the same\n",
                kase->name, i + 1, a, i < theirs->n_losses ? b : (double)NAN, peer, bound);
        return false;
    }
    return true;
}

/* Losses of the first steps here and in every peer; the peers' first step tells what compiling takes. */
static bool check_case(const Options *options, const Case *kase, const Paths *paths, Row *row) {
    char count[16];
    Said ours, theirs;
    snprintf(count, sizeof count, "%d", N_LOSSES);
    if (!run_ours(kase, paths, "losses", count, NULL, &ours)) return false;
    if (ours.n_losses < N_LOSSES) return fprintf(stderr, "bench: %s printed no losses\n", kase->name), false;
    memcpy(row->ours.losses, ours.losses, sizeof ours.losses);
    if (options->python && !run_ours(kase, paths, "export", paths->weights, NULL, &theirs)) return false;
    for (int i = 0; i < N_PEERS; i++) {
        if (!options->peers[i] || !kase->peer) continue;
        if (!run_peer(options, kase, paths, i, "losses", count, NULL, -1, &theirs) ||
            !check_losses(kase, PEERS[i].name, &ours, &theirs))
            return false;
        row->peers[i].ran       = true;
        row->peers[i].compile_s = theirs.compile_s;
        memcpy(row->peers[i].losses, theirs.losses, sizeof theirs.losses);
    }
    return true;
}

static void keep(Samples *samples, const Said *said, bool wall) {
    int n                     = samples->n++;
    samples->wall[n]          = said->wall_us;
    samples->cpu[n]           = said->cpu_us;
    samples->peak[n]          = wall ? said->peak_wall : said->peak_cpu;
    samples->start_kb[n]      = said->start_kb;
    samples->peak_kb[n]       = said->peak_kb;
    samples->round_trip_ns[n] = said->round_trip_ns;
    if (said->variant >= 0) samples->variant = said->variant;
}

static void settle(Samples *samples, Side *side) {
    side->ran      = true;
    side->wall_us  = median(samples->wall, samples->n);
    side->cpu_us   = median(samples->cpu, samples->n);
    side->start_kb = median(samples->start_kb, samples->n);
    side->peak_kb  = median(samples->peak_kb, samples->n);
}

static bool time_round(const Options *options, const Case *kase, const Paths *paths, const Row *row, Samples *ours,
                       Samples *theirs) {
    char seconds[32], threads[16];
    Said said;
    bool any = false;
    snprintf(seconds, sizeof seconds, "%g", options->seconds);
    snprintf(threads, sizeof threads, "%d", row->threads);
    for (int i = 0; i < N_PEERS; i++) {
        if (!row->peers[i].ran) continue;
        any = true;
        if (!run_ours(kase, paths, "time", seconds, threads, &said)) return false;
        keep(ours, &said, row->threads > 1);
        if (!run_peer(options, kase, paths, i, "time", seconds, threads, theirs[i].variant, &said)) return false;
        keep(&theirs[i], &said, row->threads > 1);
    }
    if (any) return true;
    if (!run_ours(kase, paths, "time", seconds, threads, &said)) return false;
    keep(ours, &said, row->threads > 1);
    return true;
}

static bool time_case(const Options *options, const Case *kase, const Paths *paths, Row *row) {
    Samples *ours = calloc(1 + N_PEERS, sizeof *ours), *theirs = ours + 1;
    bool     done = ours;
    for (int i = 0; done && i < N_PEERS; i++) theirs[i].variant = -1;
    for (int round = 0; done && round < options->rounds; round++)
        done = time_round(options, kase, paths, row, ours, theirs);
    if (done) {
        settle(ours, &row->ours);
        row->peak_gflops   = median(ours->peak, ours->n);
        row->round_trip_ns = median(ours->round_trip_ns, ours->n);
        row->share = kase->flops / (row->threads > 1 ? row->ours.wall_us : row->ours.cpu_us) * 1e-3 / row->peak_gflops;
        for (int i = 0; i < N_PEERS; i++)
            if (theirs[i].n) settle(&theirs[i], &row->peers[i]);
    }
    free(ours);
    return done;
}

bool measure_case(const Options *options, const Case *kase, Row *rows) {
    Paths paths;
    Cost  compiled;
    rows[0] = (Row){.kase = kase, .threads = options->threads[0]};
    if (!compile(options, kase, &paths, &compiled) || !check_case(options, kase, &paths, &rows[0])) return false;
    rows[0].ours.compile_s     = compiled.wall;
    rows[0].ours.compile_cpu_s = compiled.cpu;
    for (int i = 0; i < options->n_threads; i++) {
        rows[i]         = rows[0];
        rows[i].threads = options->threads[i];
        if (!time_case(options, kase, &paths, &rows[i])) return false;
        report_row(&rows[i]);
    }
    return true;
}
