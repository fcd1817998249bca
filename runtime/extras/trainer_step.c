/* One step of training: its batches, its functions in their order, its losses. All of it is a function of the step's
 * number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/trainer_loop.h"

int nnrt_loop_probe_of(const nnrt_model *model, int train) {
    int64_t phase = model->fns[train].phase;
    int     probe = nnrt_steps_next(model, NNRT_FN_PROBE, phase, -1);
    for (int fn = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, -1); fn >= 0 && fn != train && probe >= 0;
         fn     = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, fn))
        probe = nnrt_steps_next(model, NNRT_FN_PROBE, phase, probe);
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
    Loop   *loop;
    int64_t step;
    bool    probed; /* of its last batch */
} Step;

/* Groups are drawn one after the other, whatever the epoch. */
static int64_t draw_number(const Step *s, int64_t draw) {
    return s->step * s->loop->steps.draws + draw;
}

static int64_t first_batch(const Step *s, int64_t draw) {
    return draw_number(s, draw) % s->loop->groups * s->loop->steps.accumulate;
}

static int64_t group_size(void *context, int64_t draw) {
    const Loop *loop = ((const Step *)context)->loop;
    int64_t     left = loop->batches.n_batches - first_batch(context, draw);
    return left < loop->steps.accumulate ? left : loop->steps.accumulate;
}

static nnrt_status make_call(void *context, const nnrt_call *call, nnrt_error *error) {
    const Step *s      = context;
    Loop       *loop   = s->loop;
    const Place place  = {call->train, call->repetition, call->member};
    bool        last   = call->repetition == call->times - 1 && call->member == group_size(context, call->draw) - 1;
    nnrt_status status = NNRT_OK;
    if (loop->found) return NNRT_OK;
    if (!call->applies) {
        fetch(loop, draw_number(s, call->draw) / loop->groups, first_batch(s, call->draw) + call->member);
        status = probe(loop, place, s->probed && !loop->replays && last, &call->clock, error);
        if (status != NNRT_OK || loop->found) return status;
    }
    status = nnrt_call_on_batch(loop->training->instance, call->fn, &loop->batches, &call->clock, error);
    return status == NNRT_OK && !call->applies && !loop->replays ? add_losses(loop, call->fn, place, error) : status;
}

nnrt_status nnrt_loop_step(Loop *loop, int64_t step, nnrt_error *error) {
    bool               ends    = (step + 1) % loop->steps.epoch_steps == 0 || step + 1 == loop->steps.total_steps;
    Step               s       = {.loop = loop, .step = step, .probed = ends && loop->training->wants_probe};
    const nnrt_stepper stepper = {&s, group_size, make_call};
    return nnrt_steps_run(&loop->steps, step, &stepper, error);
}
