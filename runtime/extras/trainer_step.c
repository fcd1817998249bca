/* One step of training: its batches, its functions in their order, its losses. All of it is a function of the step's
 * number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/trainer_loop.h"

int64_t nnrt_loop_phase(const Loop *loop, int64_t step) {
    const nnrt_train_settings *train = &loop->training->instance->model->train;
    int64_t                    phase = 0;
    for (; phase + 1 < train->n_phases; phase++) {
        const nnrt_phase *p = &train->phases[phase];
        if (p->until < 0 || (p->in_epochs ? step / loop->epoch_steps : step) < p->until) break;
    }
    return phase;
}

int nnrt_loop_next(const nnrt_model *model, nnrt_fn_kind kind, int64_t phase, int fn) {
    do fn = nnrt_model_fn(model, kind, fn + 1);
    while (fn >= 0 && model->fns[fn].phase != phase);
    return fn;
}

int nnrt_loop_probe_of(const nnrt_model *model, int train) {
    int64_t phase = model->fns[train].phase;
    int     probe = nnrt_loop_next(model, NNRT_FN_PROBE, phase, -1);
    for (int fn = nnrt_loop_next(model, NNRT_FN_TRAIN, phase, -1); fn >= 0 && fn != train && probe >= 0;
         fn     = nnrt_loop_next(model, NNRT_FN_TRAIN, phase, fn))
        probe = nnrt_loop_next(model, NNRT_FN_PROBE, phase, probe);
    return probe;
}

static void fetch(Loop *loop, int64_t epoch, int64_t index) {
    if (loop->fetched_epoch == epoch && loop->fetched == index) return;
    nnrt_batches_fetch(&loop->batches, epoch, index);
    loop->fetched_epoch = epoch;
    loop->fetched       = index;
}

/* Adds a function's losses to the epoch's sums. */
static nnrt_status add_losses(Loop *loop, int fn, Place place, nnrt_error *error) {
    const nnrt_fn *code  = &loop->training->instance->model->fns[fn];
    int            first = loop->first_item[fn];
    for (int i = 0; i < code->n_results; i++) {
        const nnrt_result *result = &code->results[i];
        const void        *data   = loop->training->instance->results[i].data;
        double             value  = nnrt_elem_get(result->tensor.elem, data, 0);
        double weight = result->has_weight ? nnrt_elem_get(result->tensor.elem, data, 1) : (double)loop->batches.count;
        if (weight == 0) continue;
        if (!isfinite(value)) {
            loop->sought     = place;
            loop->bad_loss   = result->tensor.name;
            loop->bad_is_nan = isnan(value);
            return nnrt_fail(error, NNRT_ERROR, "%s is not finite", result->tensor.name);
        }
        loop->sums[2 * (first + i)] += value * weight;
        loop->sums[2 * (first + i) + 1] += weight;
    }
    return NNRT_OK;
}

/* ---- probing ----------------------------------------------------------------------------------------------------- */

static nnrt_status put_score(nnrt_scores *scores, const nnrt_tensor *tensor, double value, nnrt_error *error) {
    int at = 0;
    while (at < scores->n && strcmp(scores->items[at].name, tensor->name) != 0) at++;
    if (at == scores->n) {
        nnrt_score *items  = realloc(scores->items, ((size_t)at + 1) * sizeof *items);
        double     *values = malloc(sizeof *values);
        if (items) scores->items = items;
        if (!items || !values) {
            free(values);
            return nnrt_fail_memory(error, 0, "scores");
        }
        items[at] = (nnrt_score){.name = tensor->name, .count = 1, .values = values, .tensor = tensor};
        scores->n++;
    }
    scores->items[at].values[0] = value;
    return NNRT_OK;
}

/* Puts the results of the PROBE function that has just run into norms and values. */
static nnrt_status take_probe(Loop *loop, const nnrt_fn *probe, nnrt_error *error) {
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < probe->n_results && status == NNRT_OK; i++) {
        const nnrt_result *result = &probe->results[i];
        if (result->role != NNRT_GRADIENT_NORM && result->role != NNRT_VALUE) continue;
        double value = nnrt_elem_get(result->tensor.elem, loop->training->instance->results[i].data, 0);
        status = put_score(result->role == NNRT_VALUE ? &loop->values : &loop->norms, &result->tensor, value, error);
    }
    return status;
}

static bool is_sought(const Loop *loop, Place place) {
    return loop->replays && place.fn == loop->sought.fn && place.repetition == loop->sought.repetition &&
           place.member == loop->sought.member;
}

/* Runs the PROBE function where it is wanted: before the call that it tells of. */
static nnrt_status probe(Loop *loop, Place place, bool wanted, const nnrt_clock *clock, nnrt_error *error) {
    nnrt_instance *instance = loop->training->instance;
    bool           sought   = is_sought(loop, place);
    int            fn       = sought || wanted ? nnrt_loop_probe_of(instance->model, place.fn) : -1;
    if (fn < 0) return NNRT_OK;
    nnrt_status status = nnrt_call_on_batch(instance, fn, &loop->batches, clock, error);
    if (status != NNRT_OK) return status;
    loop->found = sought;
    return sought ? NNRT_OK : take_probe(loop, &instance->model->fns[fn], error);
}

/* ---- the step ---------------------------------------------------------------------------------------------------- */

typedef struct Step {
    int64_t step, draw, pass;
    bool    probed; /* of its last batch */
} Step;

/* One repetition: the function on its batch, or what adds up its gradients on each batch of the group and then it. */
static nnrt_status run_once(Loop *loop, Step *s, int fn, int64_t repetition, int64_t times, nnrt_error *error) {
    nnrt_instance *instance = loop->training->instance;
    int            adds     = instance->model->fns[fn].accumulate;
    int64_t        epoch = s->draw / loop->groups, begin = s->draw % loop->groups * loop->accumulate;
    int64_t        left  = loop->batches.n_batches - begin;
    int64_t        n     = left < loop->accumulate ? left : loop->accumulate;
    nnrt_clock     clock = {.step        = s->step * times + repetition,
                            .total_steps = loop->total_steps * times,
                            .epoch_steps = loop->epoch_steps * times,
                            .seed        = (uint64_t)loop->training->settings->seed};
    for (int64_t k = 0; k < n; k++) {
        const Place place  = {fn, repetition, k};
        const bool  wanted = s->probed && !loop->replays && repetition == times - 1 && k == n - 1;
        clock.pass         = (uint64_t)s->pass++;
        fetch(loop, epoch, begin + k);
        nnrt_status status = probe(loop, place, wanted, &clock, error);
        if (status != NNRT_OK || loop->found) return status;
        status = nnrt_call_on_batch(instance, adds >= 0 ? adds : fn, &loop->batches, &clock, error);
        if (status == NNRT_OK && !loop->replays) status = add_losses(loop, adds >= 0 ? adds : fn, place, error);
        if (status != NNRT_OK) return status;
    }
    return adds >= 0 ? nnrt_call_on_batch(instance, fn, &loop->batches, &clock, error) : NNRT_OK;
}

nnrt_status nnrt_loop_step(Loop *loop, int64_t step, nnrt_error *error) {
    const nnrt_model *model = loop->training->instance->model;
    int64_t           phase = nnrt_loop_phase(loop, step);
    bool              ends  = (step + 1) % loop->epoch_steps == 0 || step + 1 == loop->total_steps;
    Step              s     = {.step   = step,
                               .draw   = step * loop->step_draws,
                               .pass   = step * loop->step_passes,
                               .probed = ends && loop->training->wants_probe};
    for (int fn = nnrt_loop_next(model, NNRT_FN_TRAIN, phase, -1); fn >= 0;
         fn     = nnrt_loop_next(model, NNRT_FN_TRAIN, phase, fn)) {
        int64_t times = model->fns[fn].times > 1 ? model->fns[fn].times : 1;
        for (int64_t i = 0; i < times; i++) {
            if (i > 0) s.draw++;
            nnrt_status status = run_once(loop, &s, fn, i, times, error);
            if (status != NNRT_OK || loop->found) return status;
        }
    }
    return NNRT_OK;
}
