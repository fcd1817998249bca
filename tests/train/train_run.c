/* Trains models.nnet in f64 and compares: gradients added up over several batches with one large batch, averages with
 * their formula, phases with lines that leave parts out, an early end with what was best, and a training that is
 * interrupted after any step, and gone on with in a fresh instance, with one that never was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extras/trainer.h"
#include "runtime_files.h"

extern const nnrt_model sumwhole_nnrt_model, sumparts_nnrt_model, lineswhole_nnrt_model, linesparts_nnrt_model,
    all_nnrt_model, partfrozen_nnrt_model, partover_nnrt_model, turns_nnrt_model;

enum { N = 26, MAX_EPOCHS = 16 }; /* 26 samples: batches of 4 make groups of 12, 12 and 2 */
static const double TOLERANCE = 1e-10;

/* ---- a run ------------------------------------------------------------------------------------------------------- */

typedef struct Run Run;
struct Run {
    nnrt_dataset          set;
    nnrt_split            train, val;
    nnrt_instance        *instance;
    nnrt_settings         settings;
    nnrt_training         training;
    volatile sig_atomic_t stop;
    int64_t               stop_after; /* steps; 0: never */
    int                   n_epochs;
    double                losses[MAX_EPOCHS], vals[MAX_EPOCHS];
    void (*seen)(Run *run, const nnrt_progress *progress); /* may be NULL */
    double *average;                                       /* what seen keeps */
};

static void hear(void *context, const nnrt_progress *progress) {
    Run *run = context;
    if (run->seen) run->seen(run, progress);
    if (run->stop_after && progress->step >= run->stop_after) run->stop = 1;
    if (!progress->train) return;
    assert_true(run->n_epochs < MAX_EPOCHS);
    run->losses[run->n_epochs] = progress->train->items[0].values[0];
    const nnrt_score *val      = progress->val ? nnrt_scores_find(progress->val, "loss") : NULL;
    run->vals[run->n_epochs++] = val ? val->values[0] : NAN;
}

static double noise(int i) {
    double x = sin(12.9898 * (i + 1)) * 43758.5453;
    return 2 * (x - floor(x)) - 1;
}

static void write_data(void) {
    char text[8192] = "x_0,x_1,x_2,y_0,y_1,w\n", *at = text + strlen(text);
    for (int i = 0; i < N; i++) {
        double a = noise(5 * i), b = noise(5 * i + 1), c = noise(5 * i + 2);
        at += sprintf(at, "%.6f,%.6f,%.6f,%.6f,%.6f,%d\n", a, b, c, a * b + 0.3 * noise(5 * i + 3), b - c, i % 4);
    }
    files_write_text("data.csv", text);
}

/* The last fifth validates where `validates`. */
static void open_run(Run *run, const nnrt_model *model, bool validates) {
    const bool needed[] = {true, true, true};
    *run                = (Run){.settings = nnrt_settings_default(model)};
    run->settings.seed  = 3;
    nnrt_error error;
    if (nnrt_dataset_load(&run->set, model, (const char *[]){"data.csv"}, 1, needed, NULL, &error) != NNRT_OK)
        fail_msg("%s", error.message);
    nnrt_split rest;
    assert_int_equal(nnrt_split_random(&run->set, validates ? 0.2 : 0, 0, 3, &run->train, &run->val, &rest, NULL),
                     NNRT_OK);
    nnrt_split_free(&rest);
    run->instance = nnrt_instance_new(model, NULL, NULL);
    run->training = (nnrt_training){.instance    = run->instance,
                                    .train       = &run->train,
                                    .val         = &run->val,
                                    .settings    = &run->settings,
                                    .observer    = {hear, run},
                                    .interrupted = &run->stop};
    assert_int_equal(nnrt_init(run->instance, &run->settings, NULL), NNRT_OK);
    assert_int_equal(nnrt_fit(&run->training, NULL), NNRT_OK);
}

static void close_run(Run *run) {
    free(run->average);
    nnrt_trainer_state_free(&run->training.state);
    nnrt_instance_free(run->instance);
    nnrt_split_free(&run->train);
    nnrt_split_free(&run->val);
    nnrt_dataset_free(&run->set);
}

static void train(Run *run) {
    nnrt_error error;
    if (nnrt_train(&run->training, &error) != NNRT_OK) fail_msg("%s", error.message);
}

static int slot_of(const Run *run, const char *path) {
    for (int i = 0; i < run->instance->model->n_slots; i++)
        if (strcmp(run->instance->model->slots[i].tensor.name, path) == 0) return i;
    fail_msg("no slot %s", path);
    return -1;
}

static size_t slot_count(const Run *run, int slot) {
    return run->instance->slot_nbytes[slot] / sizeof(double);
}

static const double *slot_data(const Run *run, const char *path) {
    return run->instance->slots[slot_of(run, path)];
}

static void compare(const char *what, const double *ours, const double *theirs, size_t n) {
    double largest = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(theirs[i]));
        off     = fmax(off, isnan(ours[i]) ? INFINITY : fabs(ours[i] - theirs[i]));
    }
    if (off > TOLERANCE * fmax(largest, 1)) fail_msg("%s: off by %g", what, off);
}

/* ---- accumulate -------------------------------------------------------------------------------------------------- */

static void ends_alike(const nnrt_model *one, const nnrt_model *other, bool losses) {
    Run a, b;
    open_run(&a, one, false);
    open_run(&b, other, false);
    train(&a);
    train(&b);
    assert_int_equal(a.training.steps_done, b.training.steps_done);
    for (int i = 0; i < one->n_slots; i++) {
        if (one->slots[i].kind != NNRT_PARAM) continue;
        const char *path = one->slots[i].tensor.name;
        compare(path, slot_data(&a, path), slot_data(&b, path), slot_count(&a, i));
    }
    assert_int_equal(a.n_epochs, b.n_epochs);
    if (losses) compare("losses", a.losses, b.losses, (size_t)a.n_epochs);
    close_run(&a);
    close_run(&b);
}

/* The losses of the parts are averaged by the samples, or weights, that they were taken over. */
static void batches_add_up_to_one(void **state) {
    (void)state;
    ends_alike(&sumwhole_nnrt_model, &sumparts_nnrt_model, true);
}

static void lines_add_up_apart(void **state) {
    (void)state;
    ends_alike(&lineswhole_nnrt_model, &linesparts_nnrt_model, true);
}

static void nothing_is_left_between_steps(void **state) {
    (void)state;
    Run run;
    open_run(&run, &sumparts_nnrt_model, false);
    train(&run);
    int n = 0;
    for (int i = 0; i < run.instance->model->n_slots; i++) {
        if (run.instance->model->slots[i].kind != NNRT_GRADIENT) continue;
        n++;
        for (size_t k = 0; k < slot_count(&run, i); k++) assert_true(((double *)run.instance->slots[i])[k] == 0);
    }
    assert_true(n > 4);
    close_run(&run);
}

/* ---- ema --------------------------------------------------------------------------------------------------------- */

static const char KERNEL[] = "head/kernel";

static void average(Run *run, const nnrt_progress *progress) {
    const double *value = slot_data(run, KERNEL);
    size_t        n     = slot_count(run, slot_of(run, KERNEL));
    double        t = (double)progress->step - 1, keep = fmin(0.9, (1 + t) / (10 + t));
    for (size_t i = 0; i < n; i++) run->average[i] = keep * run->average[i] + (1 - keep) * value[i];
    compare("ema", slot_data(run, "ema/head/kernel"), run->average, n);
}

static void averages_follow_their_formula(void **state) {
    (void)state;
    Run run;
    open_run(&run, &all_nnrt_model, true);
    size_t n    = slot_count(&run, slot_of(&run, KERNEL));
    run.average = calloc(n, sizeof *run.average);
    memcpy(run.average, slot_data(&run, KERNEL), n * sizeof *run.average);
    run.seen = average;
    train(&run);
    close_run(&run);
}

/* Evaluation reads the averages: the parameters may be anything. */
static void averages_are_evaluated(void **state) {
    (void)state;
    Run run;
    open_run(&run, &all_nnrt_model, true);
    train(&run);
    nnrt_scores before, after;
    assert_int_equal(nnrt_evaluate(run.instance, &run.val, &run.settings, &before, NULL), NNRT_OK);
    for (int i = 0; i < run.instance->model->n_slots; i++)
        if (run.instance->model->slots[i].kind == NNRT_PARAM)
            memset(run.instance->slots[i], 0, run.instance->slot_nbytes[i]);
    assert_int_equal(nnrt_evaluate(run.instance, &run.val, &run.settings, &after, NULL), NNRT_OK);
    assert_true(before.items[0].values[0] == after.items[0].values[0]);
    nnrt_scores_free(&before);
    nnrt_scores_free(&after);
    close_run(&run);
}

/* ---- freeze ------------------------------------------------------------------------------------------------------ */

static bool is_start(const Run *run, const char *path) {
    Run fresh;
    open_run(&fresh, run->instance->model, true);
    int  slot = slot_of(run, path);
    bool same = memcmp(run->instance->slots[slot], fresh.instance->slots[slot], run->instance->slot_nbytes[slot]) == 0;
    close_run(&fresh);
    return same;
}

/* All: the body until epoch 2, the head's bias until epoch 4, of 3 steps each. */
static void phase(Run *run, const nnrt_progress *progress) {
    static const char *const BODY[] = {"body/dense/kernel", "body/dense/bias", "body/batch_norm/gamma",
                                       "body/batch_norm/running_mean", "body/batch_norm/running_variance"};
    int64_t                  epoch  = (progress->step - 1) / 3; /* from 0: in which the step was made */
    assert_int_equal(progress->epoch_steps, 3);
    for (size_t i = 0; i < sizeof BODY / sizeof *BODY; i++)
        if (is_start(run, BODY[i]) != (epoch < 2)) fail_msg("%s at step %lld", BODY[i], (long long)progress->step);
    assert_int_equal(is_start(run, "head/bias"), epoch < 4);
    assert_false(is_start(run, KERNEL));
}

static void phases_freeze_parameters_and_state(void **state) {
    (void)state;
    Run run;
    open_run(&run, &all_nnrt_model, true);
    run.seen                   = phase;
    run.training.no_early_stop = true;
    train(&run);
    assert_int_equal(run.n_epochs, 12);
    close_run(&run);
}

static void frozen_is_as_left_out(void **state) {
    (void)state;
    ends_alike(&partfrozen_nnrt_model, &partover_nnrt_model, true);
    assert_true(partfrozen_nnrt_model.slots[0].frozen && !partover_nnrt_model.slots[0].frozen);
}

/* ---- early_stop -------------------------------------------------------------------------------------------------- */

static void train_ends_at_the_best(void **state) {
    (void)state;
    Run run;
    int best = 0;
    open_run(&run, &all_nnrt_model, true);
    train(&run);
    for (int i = 1; i < run.n_epochs; i++)
        if (run.vals[i] < run.vals[best]) best = i;
    assert_true(run.training.stopped_early);
    assert_int_equal(run.n_epochs, best + 1 + 4);
    assert_int_equal(run.training.best_epoch, best + 1);
    assert_int_equal(run.training.steps_done, 3 * (best + 1));
    assert_true(run.training.state.best == run.vals[best]);
    nnrt_scores scores;
    assert_int_equal(nnrt_evaluate(run.instance, &run.val, &run.settings, &scores, NULL), NNRT_OK);
    assert_true(nnrt_scores_find(&scores, "loss")->values[0] == run.vals[best]);
    nnrt_scores_free(&scores);
    close_run(&run);
}

static void early_stop_needs_a_validation_set(void **state) {
    (void)state;
    Run        run;
    nnrt_error error;
    open_run(&run, &all_nnrt_model, false);
    assert_int_equal(nnrt_train(&run.training, &error), NNRT_USAGE);
    assert_string_equal(error.message, "early_stop watches val_loss, and there is no validation set: give one with "
                                       "--val FILE, or validation_split in 'train'");
    run.training.no_early_stop = true;
    train(&run);
    assert_int_equal(run.training.steps_done, 12 * 4);
    close_run(&run);
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* What a checkpoint would carry over. */
static void hand_over(const Run *from, Run *to) {
    const nnrt_trainer_state *state = &from->training.state;
    nnrt_trainer_state       *copy  = &to->training.state;
    for (int i = 0; i < from->instance->model->n_slots; i++)
        if (nnrt_trainer_keeps(&from->instance->model->slots[i]))
            memcpy(to->instance->slots[i], from->instance->slots[i], from->instance->slot_nbytes[i]);
    *copy = (nnrt_trainer_state){
        .n_sums = state->n_sums, .best = state->best, .best_step = state->best_step, .waited = state->waited};
    size_t nbytes = (size_t)state->n_sums * sizeof(double);
    assert_int_equal(state->n_sums, nnrt_trainer_n_sums(from->instance->model));
    copy->sums = malloc(nbytes + 1);
    memcpy(copy->sums, state->sums, nbytes);
    if (state->best_slots) {
        assert_true(nnrt_trainer_state_best(copy, to->instance));
        for (int i = 0; i < state->n_slots; i++)
            if (state->best_slots[i]) memcpy(copy->best_slots[i], state->best_slots[i], from->instance->slot_nbytes[i]);
    }
    to->training.steps_done = from->training.steps_done;
    to->n_epochs            = from->n_epochs;
    memcpy(to->losses, from->losses, sizeof from->losses);
    memcpy(to->vals, from->vals, sizeof from->vals);
}

static void same_slots(const Run *a, const Run *b) {
    const nnrt_model *model = a->instance->model;
    for (int i = 0; i < model->n_slots; i++)
        if (nnrt_trainer_keeps(&model->slots[i]))
            assert_memory_equal(a->instance->slots[i], b->instance->slots[i], a->instance->slot_nbytes[i]);
}

static void resume_at_any_step(const nnrt_model *model, bool validates, int64_t epoch_steps) {
    Run whole;
    open_run(&whole, model, validates);
    train(&whole);
    assert_true(whole.n_epochs >= 4); /* all phases */
    for (int64_t step = 1; step < epoch_steps * whole.n_epochs; step++) {
        Run first, second;
        open_run(&first, model, validates);
        first.stop_after = step;
        train(&first);
        assert_true(first.training.stopped);
        assert_int_equal(first.training.steps_done, step);
        open_run(&second, model, validates);
        hand_over(&first, &second);
        train(&second);
        assert_int_equal(second.training.steps_done, whole.training.steps_done);
        assert_int_equal(second.n_epochs, whole.n_epochs);
        assert_memory_equal(second.losses, whole.losses, sizeof(double) * (size_t)whole.n_epochs);
        if (validates) assert_memory_equal(second.vals, whole.vals, sizeof(double) * (size_t)whole.n_epochs);
        same_slots(&second, &whole);
        close_run(&first);
        close_run(&second);
    }
    close_run(&whole);
}

static void resumed_at_any_step_ends_the_same(void **state) {
    (void)state;
    resume_at_any_step(&all_nnrt_model, true, 3);
    resume_at_any_step(&turns_nnrt_model, false, 2); /* 7 batches make 4 groups, of which a step draws 2 */
}

/* A line of which all is frozen makes no function; what it would have minimized is not among the losses. */
static void turn(Run *run, const nnrt_progress *progress) {
    if (!progress->train) return;
    bool judged = nnrt_scores_find(progress->train, "j_loss") != NULL;
    assert_int_equal(judged, progress->step > 3);
    assert_non_null(nnrt_scores_find(progress->train, "m_loss"));
    (void)run;
}

static void a_line_may_wait_for_its_phase(void **state) {
    (void)state;
    Run run;
    open_run(&run, &turns_nnrt_model, false);
    assert_int_equal(turns_nnrt_model.train.n_phases, 3);
    run.seen = turn;
    train(&run);
    assert_int_equal(run.training.steps_done, 8);
    close_run(&run);
}

/* More patience: what has ended goes on as if it had never stopped. */
static void patience_continues_where_it_ended(void **state) {
    (void)state;
    nnrt_model patient          = all_nnrt_model;
    patient.train.stop_patience = 7;
    Run whole, ended, more;
    open_run(&whole, &patient, true);
    train(&whole);
    open_run(&ended, &all_nnrt_model, true);
    train(&ended);
    open_run(&more, &patient, true);
    hand_over(&ended, &more);
    more.n_epochs = 0;
    train(&more);
    assert_int_equal(more.training.steps_done, whole.training.steps_done);
    same_slots(&more, &whole);
    close_run(&whole);
    close_run(&ended);
    close_run(&more);
}

static int enter(void **state) {
    int status = files_enter(state);
    write_data();
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_add_up_to_one),
        cmocka_unit_test(lines_add_up_apart),
        cmocka_unit_test(nothing_is_left_between_steps),
        cmocka_unit_test(averages_follow_their_formula),
        cmocka_unit_test(averages_are_evaluated),
        cmocka_unit_test(phases_freeze_parameters_and_state),
        cmocka_unit_test(frozen_is_as_left_out),
        cmocka_unit_test(train_ends_at_the_best),
        cmocka_unit_test(early_stop_needs_a_validation_set),
        cmocka_unit_test(resumed_at_any_step_ends_the_same),
        cmocka_unit_test(a_line_may_wait_for_its_phase),
        cmocka_unit_test(patience_continues_where_it_ended),
    };
    return cmocka_run_group_tests(tests, enter, files_leave);
}
