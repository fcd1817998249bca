/* The training loop. Its counters (step, epoch, forward pass, position in the data) are functions of the number of
 * steps done, and random numbers are functions of the counters: so a run is repeatable whatever the machine. */
#include "extras/trainer_loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

nnrt_settings nnrt_settings_default(const nnrt_model *model) {
    const nnrt_train_settings *t = &model->train;
    return (nnrt_settings){.batch            = t->batch,
                           .epochs           = t->epochs,
                           .steps            = t->steps,
                           .seed             = t->seed,
                           .validation_split = t->validation_split,
                           .test_split       = t->test_split,
                           .shuffle          = t->shuffle != 0,
                           .accumulate       = t->accumulate > 1 ? t->accumulate : 1};
}

nnrt_status nnrt_init(nnrt_instance *instance, const nnrt_settings *settings, nnrt_error *error) {
    return nnrt_instance_start(instance, (uint64_t)settings->seed, error);
}

nnrt_status nnrt_fit(const nnrt_training *training, nnrt_error *error) {
    nnrt_instance *instance = training->instance;
    int            fn       = nnrt_model_fn(instance->model, NNRT_FN_FIT, 0);
    if (fn < 0) return NNRT_OK;
    nnrt_batches batches;
    uint64_t     seed   = (uint64_t)training->settings->seed;
    nnrt_status  status = nnrt_batches_new(&batches, training->train, training->settings->batch, false, seed, error);
    if (status != NNRT_OK) return status;
    nnrt_clock clock = {.seed = seed, .total_steps = batches.n_batches, .epoch_steps = batches.n_batches};
    for (; clock.step < batches.n_batches && status == NNRT_OK; clock.step++) {
        nnrt_batches_fetch(&batches, 0, clock.step);
        clock.pass = (uint64_t)clock.step;
        status     = nnrt_call_on_batch(instance, fn, &batches, &clock, error);
    }
    nnrt_batches_free(&batches);
    return status;
}

/* ---- what is averaged -------------------------------------------------------------------------------------------- */

/* The function whose results are a TRAIN function's losses. */
static int loss_fn(const nnrt_model *model, int train) {
    return model->fns[train].accumulate >= 0 ? model->fns[train].accumulate : train;
}

static bool same_losses(const nnrt_fn *a, const nnrt_fn *b) {
    if (a->n_results != b->n_results) return false;
    for (int i = 0; i < a->n_results; i++)
        if (strcmp(a->results[i].tensor.name, b->results[i].tensor.name) != 0) return false;
    return true;
}

/* How many functions before this one in its phase have the same losses. */
static int occurrence(const nnrt_model *model, int train) {
    int64_t phase = model->fns[train].phase;
    int     n     = 0;
    for (int fn = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, -1); fn >= 0 && fn != train;
         fn     = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, fn))
        n += same_losses(&model->fns[loss_fn(model, fn)], &model->fns[loss_fn(model, train)]);
    return n;
}

/* The function of an earlier phase that is made of the same minimize line, or -1: what they average is one. */
static int earlier_fn(const nnrt_model *model, int train) {
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0 && fn < train;
         fn     = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1))
        if (model->fns[fn].phase != model->fns[train].phase &&
            same_losses(&model->fns[loss_fn(model, fn)], &model->fns[loss_fn(model, train)]) &&
            occurrence(model, fn) == occurrence(model, train))
            return fn;
    return -1;
}

int nnrt_trainer_n_sums(const nnrt_model *model) {
    int n = 0;
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1))
        if (earlier_fn(model, fn) < 0) n += 2 * model->fns[loss_fn(model, fn)].n_results;
    return n;
}

static void add_items(Loop *loop, int train) {
    const nnrt_model *model   = loop->training->instance->model;
    int               earlier = earlier_fn(model, train), fn = loss_fn(model, train);
    loop->first_item[fn] = earlier >= 0 ? loop->first_item[loss_fn(model, earlier)] : loop->n_items;
    for (int i = 0; earlier < 0 && i < model->fns[fn].n_results; i++) {
        const nnrt_result *result    = &model->fns[fn].results[i];
        bool               heads     = i == 0 || (result->adds && loop->items[loop->n_items - 1].heads);
        loop->items[loop->n_items++] = (Item){result, heads};
    }
}

static nnrt_status open_items(Loop *loop, nnrt_error *error) {
    nnrt_trainer_state *state  = &loop->training->state;
    const nnrt_model   *model  = loop->training->instance->model;
    int                 n_sums = nnrt_trainer_n_sums(model);
    if (!state->sums) {
        state->sums   = calloc((size_t)n_sums + 1, sizeof *state->sums);
        state->n_sums = n_sums;
    }
    loop->sums       = state->sums;
    loop->items      = calloc((size_t)n_sums + 1, sizeof *loop->items);
    loop->first_item = calloc((size_t)model->n_fns + 1, sizeof *loop->first_item);
    if (!loop->sums || !loop->items || !loop->first_item) return nnrt_fail_memory(error, 0, "losses");
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1))
        add_items(loop, fn);
    return NNRT_OK;
}

static double item_mean(const Loop *loop, int i) {
    return loop->sums[2 * i] / loop->sums[2 * i + 1];
}

/* The epoch's means; losses of functions that this phase leaves out have none. */
static nnrt_status epoch_scores(const Loop *loop, nnrt_scores *scores, nnrt_error *error) {
    *scores = (nnrt_scores){.items = calloc((size_t)loop->n_items + 1, sizeof *scores->items)};
    if (!scores->items) return nnrt_fail_memory(error, 0, "losses");
    for (int i = 0; i < loop->n_items; i++) {
        const nnrt_tensor *tensor = &loop->items[i].result->tensor;
        if (loop->sums[2 * i + 1] == 0) continue;
        if (loop->items[i].result->adds && scores->n > 0) {
            scores->items[scores->n - 1].values[0] += item_mean(loop, i);
            continue;
        }
        double *value = malloc(sizeof *value);
        if (!value) return nnrt_fail_memory(error, 0, "losses");
        *value                     = item_mean(loop, i);
        scores->items[scores->n++] = (nnrt_score){.name = tensor->name, .count = 1, .values = value, .tensor = tensor};
    }
    return NNRT_OK;
}

enum {
    KEEP_STEPS = 200 /* between copies of the slots: little work beside so many steps, and as many are made again */
};

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static nnrt_status count_steps(Loop *loop, nnrt_error *error) {
    const nnrt_training *training = loop->training;
    const nnrt_settings *settings = training->settings;
    nnrt_steps          *steps    = &loop->steps;
    loop->groups                  = (loop->batches.n_batches + steps->accumulate - 1) / steps->accumulate;
    steps->epoch_steps            = (loop->groups + steps->draws - 1) / steps->draws;
    steps->seed                   = (uint64_t)settings->seed;
    if (settings->steps > 0)
        steps->total_steps = settings->steps;
    else if (__builtin_mul_overflow(settings->epochs, steps->epoch_steps, &steps->total_steps))
        return nnrt_fail(error, NNRT_USAGE, "--epochs is too large");
    if (training->steps_done > 0 && training->steps_done >= loop->steps.total_steps)
        return nnrt_fail(error, NNRT_USAGE,
                         "--resume: %lld of %lld steps are done already: give more --epochs or --steps",
                         (long long)training->steps_done, (long long)loop->steps.total_steps);
    return NNRT_OK;
}

static nnrt_status open_loop(Loop *loop, nnrt_training *training, nnrt_error *error) {
    const nnrt_settings *settings = training->settings;
    *loop                         = (Loop){.training = training, .fetched = -1, .fetched_epoch = -1};
    loop->steps        = nnrt_steps_of(training->instance->model, settings->accumulate > 1 ? settings->accumulate : 1);
    nnrt_status status = open_items(loop, error);
    if (status == NNRT_OK)
        status = nnrt_batches_new(&loop->batches, training->train, settings->batch, settings->shuffle,
                                  (uint64_t)settings->seed, error);
    if (status != NNRT_OK) return status;
    loop->batches.pool = training->instance->pool;
    if (loop->batches.n_batches == 0) return nnrt_fail(error, NNRT_BAD_DATA, "no samples to train on");
    status = count_steps(loop, error);
    return status == NNRT_OK ? nnrt_stop_open(loop, error) : status;
}

static void close_loop(Loop *loop) {
    if (loop->batches.split) nnrt_batches_free(&loop->batches);
    nnrt_fault_close(loop);
    nnrt_scores_free(&loop->norms);
    nnrt_scores_free(&loop->values);
    free(loop->items);
    free(loop->first_item);
}

static nnrt_progress describe(const Loop *loop, int64_t steps_done) {
    nnrt_progress progress = {
        .epoch       = (steps_done - 1) / loop->steps.epoch_steps + 1,
        .n_epochs    = (loop->steps.total_steps + loop->steps.epoch_steps - 1) / loop->steps.epoch_steps,
        .step        = steps_done,
        .total_steps = loop->steps.total_steps,
        .epoch_step  = (steps_done - 1) % loop->steps.epoch_steps + 1,
        .epoch_steps = loop->steps.epoch_steps,
    };
    for (int i = 0; i < loop->n_items; i++)
        if (loop->items[i].heads && loop->sums[2 * i + 1] != 0) progress.loss += item_mean(loop, i);
    return progress;
}

static nnrt_status end_epoch(Loop *loop, int64_t steps_done, nnrt_error *error) {
    nnrt_training *training = loop->training;
    nnrt_progress  progress = describe(loop, steps_done);
    nnrt_scores    train = {0}, val = {0};
    nnrt_status    status = epoch_scores(loop, &train, error);
    bool           whole  = steps_done % loop->steps.epoch_steps == 0;
    if (status == NNRT_OK && whole && loop->n_items > 0 && train.n == 0)
        status = nnrt_fail(
            error, NNRT_BAD_DATA,
            "no sample counted in epoch %lld: all weights of '%s' are 0 (classes that are ignored, a mask), so "
            "nothing was learnt: check the data",
            (long long)progress.epoch, loop->items[0].result->tensor.name);
    progress.train  = &train;
    progress.norms  = loop->norms.n > 0 ? &loop->norms : NULL;
    progress.values = loop->values.n > 0 ? &loop->values : NULL;
    if (status == NNRT_OK && training->val->n > 0) {
        status       = nnrt_evaluate(training->instance, training->val, training->settings, &val, error);
        progress.val = &val;
    }
    if (status == NNRT_OK) status = nnrt_stop_watch(loop, &progress, error);
    if (status == NNRT_OK && training->observer.heard) training->observer.heard(training->observer.context, &progress);
    nnrt_scores_free(&train);
    nnrt_scores_free(&val);
    memset(loop->sums, 0, 2 * (size_t)loop->n_items * sizeof *loop->sums);
    return status;
}

/* After each step: epochs' ends, those who listen, and what is to be saved. */
static nnrt_status end_step(Loop *loop, nnrt_error *error) {
    nnrt_training *training = loop->training;
    int64_t        done     = ++training->steps_done;
    bool           ends     = done % loop->steps.epoch_steps == 0 || done == loop->steps.total_steps;
    nnrt_status    status   = NNRT_OK;
    if (ends) {
        status = end_epoch(loop, done, error);
    } else if (training->observer.heard) {
        const nnrt_progress progress = describe(loop, done);
        training->observer.heard(training->observer.context, &progress);
    }
    training->stopped = done < loop->steps.total_steps && training->interrupted && *training->interrupted;
    if (status == NNRT_OK && training->save) status = training->save(training->save_context, training, ends, error);
    return status;
}

static nnrt_status run_loop(Loop *loop, nnrt_error *error) {
    nnrt_training *training = loop->training;
    nnrt_status    status   = nnrt_fault_keep_start(loop, error);
    while (status == NNRT_OK && training->steps_done < loop->steps.total_steps && !training->stopped &&
           !training->stopped_early) {
        int64_t step = training->steps_done;
        if (step - loop->start_step >= KEEP_STEPS) status = nnrt_fault_keep_start(loop, error);
        if (status == NNRT_OK) status = nnrt_loop_step(loop, step, error);
        if (loop->bad_loss) return nnrt_fault_explain(loop, step, error);
        if (status == NNRT_OK) status = end_step(loop, error);
    }
    return status;
}

nnrt_status nnrt_train(nnrt_training *training, nnrt_error *error) {
    Loop loop;
    training->stopped       = false;
    training->stopped_early = false;
    training->best_epoch    = 0;
    nnrt_status status      = open_loop(&loop, training, error);
    if (status == NNRT_OK) status = run_loop(&loop, error);
    if (status == NNRT_OK && !training->stopped) nnrt_stop_close(&loop);
    close_loop(&loop);
    return status;
}
