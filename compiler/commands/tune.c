/* nnc --tune FILE: which blocking each contraction of a model takes on this machine.
 *
 * The program is compiled into memory once a candidate, all its contractions blocked alike, with calls around each of them that take the
 * time. It runs in turn with the default, so that a busy machine slows both, on one thread; the least time of each counts. A candidate
 * that gains less than a few percent is noise. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ast/parse.h"
#include "base/output.h"
#include "codegen/tuning.h"
#include "commands/gradcheck.h"
#include "pipeline.h"
#include "sema/sema.h"

enum { ROUNDS = 9, MOST_KEYS = 4096 };
static const double least_gain = 1.03, round_seconds = 0.01;

typedef struct Measured { /* what the marks of one program write */
    double start[MOST_KEYS], sum[MOST_KEYS], best[MOST_KEYS];
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
    const Blocking **chosen; /* by key */
    double          *gain;
    double           seconds[MOST_KEYS]; /* of the default */
} Tune;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Called by the code that is timed. */
static void nnc_tune_mark(int64_t measured, int32_t number, int32_t ends) {
    Measured *m = (Measured *)(uintptr_t)measured; // NOLINT: the address that we compiled in
    if (number >= MOST_KEYS) return;
    if (ends)
        m->sum[number] += now() - m->start[number];
    else
        m->start[number] = now();
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
    double    start = now();
    do {
        memset(m->sum, 0, sizeof m->sum);
        if (!step(tune, p, p->fn)) return false;
        for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++)
            if (m->best[i] == 0 || m->sum[i] < m->best[i]) m->best[i] = m->sum[i];
    } while (now() - start < round_seconds);
    return true;
}

static void keep_better(Tune *tune, const Candidate *p, const Candidate *usual, const Blocking *blocking) {
    for (int i = 0; i < tune->tuning->keys.len && i < MOST_KEYS; i++) {
        double ours = p->measured->best[i], base = usual->measured->best[i];
        tune->seconds[i] = base;
        if (ours <= 0 || base / ours < least_gain || base / ours <= tune->gain[i]) continue;
        tune->gain[i]   = base / ours;
        tune->chosen[i] = blocking;
    }
}

static bool compare(Tune *tune, Candidate *usual, const Blocking *blocking) {
    Candidate p;
    memset(usual->measured->best, 0, sizeof usual->measured->best);
    bool fine = candidate_open(tune, &p, blocking);
    for (int i = 0; i < ROUNDS && fine; i++) fine = round_of(tune, usual) && round_of(tune, &p);
    if (fine) keep_better(tune, &p, usual, blocking);
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
        after += tune->seconds[i] / (chosen ? tune->gain[i] : 1);
        printf("%10.1f us  %-12s %s%s\n", tune->seconds[i] * 1e6, chosen ? chosen->name : "default",
               chosen ? arena_printf(c->arena, "%.2fx  ", tune->gain[i]) : "", tune->tuning->keys.data[i]);
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
    bool      fine = candidate_open(tune, &usual, &blockings[0]);
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
    if (program && !line->batch) tune->line.batch = program->train.batch ? program->train.batch : 32;
    c->options.target = "native";
    tune->plan        = program ? plan_from_program(c, program) : NULL;
    c->tuning         = tune->tuning;
    bool fine         = tune->plan && tune_plan(tune);
    fine              = fine && write_result(tune, result_path(c));
    fflush(stdout);
    command_report(c, line);
    return fine ? EXIT_OK : EXIT_FAILED;
}
