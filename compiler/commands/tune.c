/* nnc --tune FILE: which blocking each contraction of a model takes on this machine.
 *
 * The program is compiled into memory once a candidate, all its contractions blocked alike, with calls around each of them that take the
 * time. It runs in turn with the default, so that a busy machine slows both, on one thread; the least time of each counts. A candidate
 * that gains less than a few percent is noise. Candidates that differ in how work is cut for threads run a second time on all of them, by
 * the clock: there they have to gain more, and may not cost one thread anything. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ast/parse.h"
#include "base/output.h"
#include "codegen/tuning.h"
#include "commands/gradcheck.h"
#include "extras/cpus.h"
#include "pipeline.h"
#include "sema/sema.h"

enum { ROUNDS = 9, MOST_KEYS = 4096 };
static const double least_gain = 1.03, least_gain_shared = 1.06, most_loss_alone = 0.99, least_shared_seconds = 20e-6,
                    threads_pay = 1.4, round_seconds = 0.01;

typedef struct Measured { /* what the marks of one program write */
    clockid_t clock;
    double    start[MOST_KEYS], sum[MOST_KEYS], best[MOST_KEYS];
} Measured;

typedef struct Candidate { /* a candidate, compiled */
    Run       run;
    Feed      feed;
    Measured *measured;
    int       fn;
} Candidate;

typedef struct Tune {
    Compilation     *c;
    CommandLine      line;
    const Plan      *plan;
    Tuning          *tuning;
    nnrt_pool       *pool;   /* of all CPUs; NULL: there is one */
    const Blocking **chosen; /* by key */
    double          *gain;
    bool            *shared;             /* the gain is that of several threads */
    double           seconds[MOST_KEYS]; /* of the default */
} Tune;

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Called by the code that is timed. */
static void nnc_tune_mark(int64_t measured, int32_t number, int32_t ends) {
    Measured *m = (Measured *)(uintptr_t)measured; // NOLINT: the address that we compiled in
    if (number >= MOST_KEYS) return;
    if (ends)
        m->sum[number] += now(m->clock) - m->start[number];
    else
        m->start[number] = now(m->clock);
}

/* ---- one candidate ------------------------------------------------------------------------------------------------------------ */

static bool step(Tune *tune, Candidate *p, int fn) {
    nnrt_clock clock = {.total_steps = 1000, .epoch_steps = 1000, .seed = (uint64_t)tune->line.seed};
    nnrt_fault fault = {0};
    nnrt_error error = {0};
    if (fn < 0 || nnrt_instance_call(p->run.instance, fn, p->feed.inputs, &clock, &fault, &error) == NNRT_OK)
        return true;
    diag_error(tune->c->diags, (Span){0}, E0744, "'%s' stopped: %s", p->run.instance->model->fns[fn].name,
               error.message);
    return false;
}

static bool candidate_open(Tune *tune, Candidate *p, const Blocking *blocking) {
    *p                      = (Candidate){.measured = ARENA_NEW(tune->c->arena, Measured)};
    p->measured->clock      = CLOCK_THREAD_CPUTIME_ID;
    tune->tuning->candidate = blocking;
    tune->tuning->measured  = p->measured;
    if (!run_open_plan(&p->run, tune->c, tune->plan, (void (*)(void))nnc_tune_mark)) return false;
    if (!feed_open(&p->feed, tune->c, &tune->line, &p->run)) return false;
    const nnrt_model *model = p->run.instance->model;
    p->fn                   = nnrt_model_fn(model, NNRT_FN_TRAIN, 0);
    if (p->fn < 0) p->fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0);
    return step(tune, p, nnrt_model_fn(model, NNRT_FN_INIT, 0)) &&
           step(tune, p, nnrt_model_fn(model, NNRT_FN_FIT, 0)) && step(tune, p, p->fn);
}

static void candidate_close(Candidate *p) {
    feed_free(&p->feed);
    run_close(&p->run);
}

/* As many steps as make a round long enough; keeps the least time of a step. */
static bool round_of(Tune *tune, Candidate *p) {
    Measured *m     = p->measured;
    double    start = now(m->clock);
    do {
        memset(m->sum, 0, sizeof m->sum);
        if (!step(tune, p, p->fn)) return false;
        for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++)
            if (m->best[i] == 0 || m->sum[i] < m->best[i]) m->best[i] = m->sum[i];
    } while (now(m->clock) - start < round_seconds);
    return true;
}

static void keep_better(Tune *tune, const Candidate *usual, const Blocking *blocking, const double *gains) {
    for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++) {
        tune->seconds[i] = usual->measured->best[i];
        if (gains[i] < least_gain || gains[i] <= tune->gain[i]) continue;
        tune->gain[i]   = gains[i];
        tune->chosen[i] = blocking;
        tune->shared[i] = false;
    }
}

static void run_on(Candidate *p, nnrt_pool *pool) {
    p->run.instance->pool = pool;
    p->measured->clock    = pool ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
    memset(p->measured->best, 0, sizeof p->measured->best);
}

static bool rounds_of(Tune *tune, Candidate *usual, Candidate *p) {
    bool fine = true;
    for (int i = 0; i < ROUNDS && fine; i++) fine = round_of(tune, usual) && round_of(tune, p);
    return fine;
}

/* How many times as long each contraction takes by default, to gains[keys]; 0: not measured. */
static bool gains_of(Tune *tune, Candidate *usual, Candidate *p, double *gains) {
    bool fine = rounds_of(tune, usual, p);
    for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++)
        gains[i] = p->measured->best[i] > 0 ? usual->measured->best[i] / p->measured->best[i] : 0;
    return fine;
}

/* On all threads, twice, as other programs and where the CPUs are disturb both: the lesser gain counts. */
static bool compare_shared(Tune *tune, Candidate *usual, Candidate *p, const Blocking *blocking, const double *alone) {
    double *gains[2];
    bool    fine = true;
    for (int turn = 0; turn < 2 && fine; turn++) {
        gains[turn] = ARENA_ARRAY(tune->c->arena, double, MOST_KEYS);
        run_on(usual, tune->pool);
        run_on(p, tune->pool);
        fine = step(tune, usual, usual->fn) && step(tune, p, p->fn);
        memset(p->measured->best, 0, sizeof p->measured->best);
        fine = fine && gains_of(tune, usual, p, gains[turn]);
    }
    for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS && fine; i++) {
        double gain = gains[0][i] < gains[1][i] ? gains[0][i] : gains[1][i];
        if (tune->seconds[i] < least_shared_seconds || alone[i] < most_loss_alone || gain < least_gain_shared ||
            gain <= tune->gain[i])
            continue;
        tune->gain[i]   = gain;
        tune->chosen[i] = blocking;
        tune->shared[i] = true;
    }
    return fine;
}

static double total_of(const Tune *tune, const Candidate *p) {
    double total = 0;
    for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++) total += p->measured->best[i];
    return total;
}

/* Whether all contractions take so much less time on all CPUs that these can be free. Else there is nothing to compare there. */
static bool find_threads(Tune *tune, Candidate *usual) {
    double alone, shared;
    int    cpus = nnrt_usable_cpus();
    if (cpus < 2) return true;
    tune->pool = nnrt_pool_new(cpus);
    run_on(usual, NULL);
    bool fine = true;
    for (int i = 0; i < ROUNDS && fine; i++) fine = round_of(tune, usual);
    alone = total_of(tune, usual);
    run_on(usual, tune->pool);
    for (int i = 0; i < ROUNDS && fine; i++) fine = round_of(tune, usual);
    shared = total_of(tune, usual);
    run_on(usual, NULL);
    if (fine && tune->pool && shared * threads_pay <= alone) return true;
    if (fine)
        printf("On %d threads contractions take %.2f of their time on one: how they are cut is not compared.\n", cpus,
               shared / alone);
    nnrt_pool_free(tune->pool);
    tune->pool = NULL;
    return fine;
}

static bool compare(Tune *tune, Candidate *usual, const Blocking *blocking) {
    Candidate p;
    double   *alone = ARENA_ARRAY(tune->c->arena, double, MOST_KEYS);
    run_on(usual, NULL);
    bool fine = candidate_open(tune, &p, blocking) && gains_of(tune, usual, &p, alone);
    if (fine) keep_better(tune, usual, blocking, alone);
    if (fine && tune->pool && blocking_cuts_only(blocking)) fine = compare_shared(tune, usual, &p, blocking, alone);
    candidate_close(&p);
    return fine;
}

/* ---- the result --------------------------------------------------------------------------------------------------------------- */

static bool write_result(Tune *tune, const char *path) {
    Compilation *c     = tune->c;
    const char  *text  = tuning_head(c);
    int          count = 0, n = tune->tuning->keys.len < MOST_KEYS ? tune->tuning->keys.len : MOST_KEYS;
    double       before = 0, after = 0;
    for (int i = 0; i < n; i++) {
        const Blocking *chosen = tune->chosen[i];
        before += tune->seconds[i];
        after += tune->seconds[i] / (chosen && !tune->shared[i] ? tune->gain[i] : 1);
        printf("%10.1f us  %-12s %s%s\n", tune->seconds[i] * 1e6, chosen ? chosen->name : "default",
               chosen ? arena_printf(c->arena, "%.2fx%s  ", tune->gain[i], tune->shared[i] ? " on threads" : "") : "",
               tune->tuning->keys.data[i]);
        if (!chosen) continue;
        text = arena_printf(c->arena, "%s%s %.3f %s\n", text, chosen->name, tune->gain[i], tune->tuning->keys.data[i]);
        count++;
    }
    const char *wrong = output_write(c->arena, path, text, strlen(text));
    if (wrong)
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, wrong);
    else
        printf("%d of %d contractions gain; together %.1f us instead of %.1f (%.1f %%); written to %s\n", count, n,
               after * 1e6, before * 1e6, before > 0 ? 100 * (1 - after / before) : 0.0, path);
    return !wrong;
}

static const char *result_path(Compilation *c) {
    if (c->options.output) return c->options.output;
    const char *slash = strrchr(c->options.input, '/'), *base = slash ? slash + 1 : c->options.input;
    const char *dot = strrchr(base, '.');
    return arena_printf(c->arena, "%.*s.tune", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}

static bool tune_plan(Tune *tune) {
    Candidate usual;
    bool      fine = candidate_open(tune, &usual, &blockings[0]) && find_threads(tune, &usual);
    for (int i = 1; i < blocking_count && fine; i++) fine = compare(tune, &usual, &blockings[i]);
    candidate_close(&usual);
    return fine;
}

int command_tune(Compilation *c, const CommandLine *line) {
    Tune    *tune    = ARENA_NEW(c->arena, Tune);
    Module  *module  = ast_from_file(c, c->options.input);
    Program *program = module ? graph_from_ast(c, module) : NULL;
    *tune            = (Tune){.c = c, .line = *line, .tuning = tuning_new(c->arena)};
    tune->chosen     = ARENA_ARRAY(c->arena, const Blocking *, MOST_KEYS);
    tune->gain       = ARENA_ARRAY(c->arena, double, MOST_KEYS);
    tune->shared     = ARENA_ARRAY(c->arena, bool, MOST_KEYS);
    if (program && !line->batch) tune->line.batch = program->train.batch ? program->train.batch : 32;
    c->options.target = "native";
    tune->plan        = program ? plan_from_program(c, program) : NULL;
    c->tuning         = tune->tuning;
    bool fine         = tune->plan && tune_plan(tune);
    fine              = fine && write_result(tune, result_path(c));
    nnrt_pool_free(tune->pool);
    fflush(stdout);
    command_report(c, line);
    return fine ? EXIT_OK : EXIT_FAILED;
}
