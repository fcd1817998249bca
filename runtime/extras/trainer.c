/* The training loop. Its counters (step, epoch, forward pass, position in the data) are functions of the number of
 * steps done, and random numbers are functions of the counters: so a run is repeatable whatever the machine. */
#include "extras/trainer.h"

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
                           .shuffle          = t->shuffle != 0};
}

nnrt_status nnrt_init(nnrt_instance *instance, const nnrt_settings *settings, nnrt_error *error) {
    int fn = nnrt_model_fn(instance->model, NNRT_FN_INIT, 0);
    if (fn < 0) return NNRT_OK;
    const nnrt_clock clock = {.seed = (uint64_t)settings->seed, .total_steps = 1, .epoch_steps = 1};
    nnrt_fault       fault;
    const void      *inputs[instance->model->n_inputs + 1];
    memset(inputs, 0, sizeof inputs);
    return nnrt_instance_call(instance, fn, inputs, &clock, &fault, error);
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

/* ---- one step ---------------------------------------------------------------------------------------------------- */

typedef struct Loop {
    nnrt_training *training;
    nnrt_batches   batches;
    int64_t        draws;       /* batches drawn so far */
    int64_t        step_draws;  /* batches a step draws: one, and one for each repetition of a function */
    int64_t        step_passes; /* functions a step runs, repetitions included */
    int64_t        epoch_steps, total_steps;
    uint64_t       pass;
    nnrt_scores    epoch; /* at its end: means of the losses */
    double        *sums;  /* the training's state: sum and weight, one pair an item of `epoch` */
} Loop;

void nnrt_trainer_state_free(nnrt_trainer_state *state) {
    free(state->sums);
    *state = (nnrt_trainer_state){0};
}

static void draw_batch(Loop *loop) {
    nnrt_batches_fetch(&loop->batches, loop->draws / loop->batches.n_batches, loop->draws % loop->batches.n_batches);
    loop->draws++;
}

/* Adds a function's losses to the epoch's sums, from item `first` on. */
static nnrt_status add_losses(Loop *loop, const nnrt_fn *fn, int first, int64_t step, nnrt_error *error) {
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_result *result = &fn->results[i];
        const void        *data   = loop->training->instance->results[i].data;
        double             value  = nnrt_elem_get(result->tensor.elem, data, 0);
        double weight = result->has_weight ? nnrt_elem_get(result->tensor.elem, data, 1) : (double)loop->batches.count;
        if (!isfinite(value) && weight != 0)
            return nnrt_fail(error, NNRT_ERROR,
                             "%s is %s at step %lld: lower the learning rate (--set) or check the data",
                             result->tensor.name, isnan(value) ? "nan" : "infinite", (long long)step + 1);
        if (weight == 0) continue;
        loop->sums[2 * (first + i)] += value * weight;
        loop->sums[2 * (first + i) + 1] += weight;
    }
    return NNRT_OK;
}

static nnrt_status run_step(Loop *loop, int64_t step, nnrt_error *error) {
    nnrt_instance    *instance = loop->training->instance;
    const nnrt_model *model    = instance->model;
    int               first    = 0;
    draw_batch(loop);
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1)) {
        int64_t times = model->fns[fn].times > 1 ? model->fns[fn].times : 1;
        for (int64_t i = 0; i < times; i++) {
            if (i > 0) draw_batch(loop);
            const nnrt_clock clock  = {.step        = step * times + i,
                                       .total_steps = loop->total_steps * times,
                                       .epoch_steps = loop->epoch_steps * times,
                                       .seed        = (uint64_t)loop->training->settings->seed,
                                       .pass        = loop->pass++};
            nnrt_status      status = nnrt_call_on_batch(instance, fn, &loop->batches, &clock, error);
            if (status == NNRT_OK) status = add_losses(loop, &model->fns[fn], first, step, error);
            if (status != NNRT_OK) return status;
        }
        first += model->fns[fn].n_results;
    }
    return NNRT_OK;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static nnrt_status open_loop(Loop *loop, nnrt_training *training, nnrt_error *error) {
    const nnrt_model    *model    = training->instance->model;
    const nnrt_settings *settings = training->settings;
    *loop                         = (Loop){.training = training, .step_draws = 1};
    int n_losses                  = 0;
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1)) {
        n_losses += model->fns[fn].n_results;
        int64_t times = model->fns[fn].times > 1 ? model->fns[fn].times : 1;
        loop->step_draws += times - 1;
        loop->step_passes += times;
    }
    if (!training->state.sums)
        training->state = (nnrt_trainer_state){calloc(2 * (size_t)n_losses + 1, sizeof(double)), 2 * n_losses};
    loop->sums        = training->state.sums;
    loop->epoch.items = calloc((size_t)n_losses + 1, sizeof *loop->epoch.items);
    if (!loop->epoch.items || !loop->sums) return nnrt_fail_memory(error, 0, "losses");
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++) {
            const nnrt_tensor *tensor = &model->fns[fn].results[i].tensor;
            loop->epoch.items[loop->epoch.n++] =
                (nnrt_score){.name = tensor->name, .count = 1, .values = calloc(1, sizeof(double)), .tensor = tensor};
            if (!loop->epoch.items[loop->epoch.n - 1].values) return nnrt_fail_memory(error, 0, "losses");
        }
    nnrt_status status = nnrt_batches_new(&loop->batches, training->train, settings->batch, settings->shuffle,
                                          (uint64_t)settings->seed, error);
    if (status != NNRT_OK) return status;
    loop->batches.pool = training->instance->pool;
    if (loop->batches.n_batches == 0) return nnrt_fail(error, NNRT_BAD_DATA, "no samples to train on");
    loop->epoch_steps = (loop->batches.n_batches + loop->step_draws - 1) / loop->step_draws;
    if (settings->steps > 0)
        loop->total_steps = settings->steps;
    else if (__builtin_mul_overflow(settings->epochs, loop->epoch_steps, &loop->total_steps))
        return nnrt_fail(error, NNRT_USAGE, "--epochs is too large");
    if (training->steps_done > 0 && training->steps_done >= loop->total_steps)
        return nnrt_fail(error, NNRT_USAGE,
                         "--resume: %lld of %lld steps are done already: give more --epochs or --steps",
                         (long long)training->steps_done, (long long)loop->total_steps);
    loop->draws = training->steps_done * loop->step_draws;
    loop->pass  = (uint64_t)(training->steps_done * loop->step_passes);
    return NNRT_OK;
}

static void close_loop(Loop *loop) {
    if (loop->batches.split) nnrt_batches_free(&loop->batches);
    nnrt_scores_free(&loop->epoch);
}

static nnrt_progress describe(const Loop *loop, int64_t steps_done) {
    nnrt_progress progress = {
        .epoch       = (steps_done - 1) / loop->epoch_steps + 1,
        .n_epochs    = (loop->total_steps + loop->epoch_steps - 1) / loop->epoch_steps,
        .step        = steps_done,
        .total_steps = loop->total_steps,
        .epoch_step  = (steps_done - 1) % loop->epoch_steps + 1,
        .epoch_steps = loop->epoch_steps,
    };
    for (int i = 0; i < loop->epoch.n; i++) progress.loss += loop->sums[2 * i] / loop->sums[2 * i + 1];
    return progress;
}

static nnrt_status end_epoch(Loop *loop, int64_t steps_done, nnrt_error *error) {
    nnrt_training *training = loop->training;
    nnrt_progress  progress = describe(loop, steps_done);
    nnrt_scores    val      = {0};
    nnrt_status    status   = NNRT_OK;
    for (int i = 0; i < loop->epoch.n; i++) loop->epoch.items[i].values[0] = loop->sums[2 * i] / loop->sums[2 * i + 1];
    progress.train = &loop->epoch;
    if (training->val->n > 0) {
        status       = nnrt_evaluate(training->instance, training->val, training->settings, &val, error);
        progress.val = &val;
    }
    if (status == NNRT_OK && training->observer.heard) training->observer.heard(training->observer.context, &progress);
    nnrt_scores_free(&val);
    memset(loop->sums, 0, 2 * (size_t)loop->epoch.n * sizeof *loop->sums);
    return status;
}

static nnrt_status run_loop(Loop *loop, nnrt_error *error) {
    nnrt_training *training = loop->training;
    while (training->steps_done < loop->total_steps) {
        nnrt_status status = run_step(loop, training->steps_done, error);
        if (status != NNRT_OK) return status;
        int64_t done      = ++training->steps_done;
        bool    ends      = done % loop->epoch_steps == 0 || done == loop->total_steps;
        training->stopped = training->interrupted && *training->interrupted;
        if (ends) {
            if ((status = end_epoch(loop, done, error)) != NNRT_OK) return status;
        } else if (training->observer.heard) {
            const nnrt_progress progress = describe(loop, done);
            training->observer.heard(training->observer.context, &progress);
        }
        if (training->save && (status = training->save(training->save_context, training, ends, error)) != NNRT_OK)
            return status;
        if (training->stopped) return NNRT_OK;
    }
    return NNRT_OK;
}

nnrt_status nnrt_train(nnrt_training *training, nnrt_error *error) {
    Loop        loop;
    nnrt_status status = open_loop(&loop, training, error);
    if (status == NNRT_OK) status = run_loop(&loop, error);
    close_loop(&loop);
    return status;
}
