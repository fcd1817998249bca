/* early_stop: training ends when a loss or metric has not become better for a number of epochs, and everything goes back to
 * the epoch at which it was best. What that takes is part of the training's state, so that a resumed run stops where an
 * uninterrupted one does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/trainer_loop.h"

static const char VAL[] = "val_";

bool nnrt_trainer_keeps(const nnrt_slot *slot) {
    return slot->kind == NNRT_PARAM || slot->kind == NNRT_STATE || slot->kind == NNRT_OPTIMIZER ||
           slot->kind == NNRT_EMA;
}

bool nnrt_trainer_state_best(nnrt_trainer_state *state, const nnrt_instance *instance) {
    if (state->best_slots) return true;
    state->n_slots    = instance->model->n_slots;
    state->best_slots = calloc((size_t)state->n_slots + 1, sizeof *state->best_slots);
    for (int i = 0; state->best_slots && i < state->n_slots; i++) {
        if (!nnrt_trainer_keeps(&instance->model->slots[i])) continue;
        state->best_slots[i] = malloc(instance->slot_nbytes[i] + 1);
        if (!state->best_slots[i]) return false;
    }
    return state->best_slots != NULL;
}

static void forget_best(nnrt_trainer_state *state) {
    for (int i = 0; state->best_slots && i < state->n_slots; i++) free(state->best_slots[i]);
    free(state->best_slots);
    state->best_slots = NULL;
}

void nnrt_trainer_state_free(nnrt_trainer_state *state) {
    forget_best(state);
    free(state->sums);
    *state = (nnrt_trainer_state){0};
}

static bool is_watching(const Loop *loop) {
    return loop->training->instance->model->train.stop_patience > 0 && !loop->training->no_early_stop;
}

static nnrt_status keep_best(Loop *loop, nnrt_error *error) {
    nnrt_trainer_state  *state    = &loop->training->state;
    const nnrt_instance *instance = loop->training->instance;
    if (!nnrt_trainer_state_best(state, instance)) return nnrt_fail_memory(error, 0, "the best weights");
    for (int i = 0; i < state->n_slots; i++)
        if (state->best_slots[i]) memcpy(state->best_slots[i], instance->slots[i], instance->slot_nbytes[i]);
    return NNRT_OK;
}

nnrt_status nnrt_stop_open(Loop *loop, nnrt_error *error) {
    nnrt_training *training = loop->training;
    const char    *metric   = training->instance->model->train.stop_metric;
    if (!is_watching(loop)) return NNRT_OK;
    if (strncmp(metric, VAL, strlen(VAL)) == 0 && training->val->n == 0)
        return nnrt_fail(error, NNRT_USAGE,
                         "early_stop watches %s, and there is no validation set: give one with --val FILE, or "
                         "validation_split in 'train'",
                         metric);
    training->stopped_early = training->state.waited >= training->instance->model->train.stop_patience;
    return training->state.best_step > 0 && !training->state.best_slots ? keep_best(loop, error) : NNRT_OK;
}

static double watched(const nnrt_model *model, const nnrt_progress *progress) {
    const char       *metric = model->train.stop_metric;
    const nnrt_score *score  = nnrt_scores_find(progress->train, metric);
    if (strncmp(metric, VAL, strlen(VAL)) == 0 && progress->val)
        score = nnrt_scores_find(progress->val, metric + strlen(VAL));
    return score ? score->values[0] : NAN;
}

nnrt_status nnrt_stop_watch(Loop *loop, const nnrt_progress *progress, nnrt_error *error) {
    nnrt_training             *training = loop->training;
    nnrt_trainer_state        *state    = &training->state;
    const nnrt_train_settings *train    = &training->instance->model->train;
    if (!is_watching(loop)) return NNRT_OK;
    double value = watched(training->instance->model, progress);
    double gain  = train->stop_larger ? value - state->best : state->best - value;
    if (state->best_step == 0 ? !isnan(value) : gain > train->stop_min_delta) {
        state->best      = value;
        state->best_step = progress->step;
        state->waited    = 0;
        return keep_best(loop, error);
    }
    training->stopped_early = ++state->waited >= train->stop_patience;
    return NNRT_OK;
}

void nnrt_stop_close(Loop *loop) {
    nnrt_training      *training = loop->training;
    nnrt_trainer_state *state    = &training->state;
    if (!is_watching(loop) || state->best_step == 0) return;
    for (int i = 0; i < state->n_slots; i++)
        if (state->best_slots[i])
            memcpy(training->instance->slots[i], state->best_slots[i], training->instance->slot_nbytes[i]);
    forget_best(state);
    state->waited        = 0;
    training->steps_done = state->best_step;
    training->best_epoch = (state->best_step - 1) / loop->steps.epoch_steps + 1;
}
