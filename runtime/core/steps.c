#include "core/steps.h"

int nnrt_steps_next(const nnrt_model *model, nnrt_fn_kind kind, int64_t phase, int fn) {
    do fn = nnrt_model_fn(model, kind, fn + 1);
    while (fn >= 0 && model->fns[fn].phase != phase);
    return fn;
}

static int64_t at_least_1(int64_t n) {
    return n > 1 ? n : 1;
}

/* So that both are functions of the step's number, whatever its phase. */
static void count_phase(nnrt_steps *steps, int64_t phase) {
    int64_t draws = 1, passes = 0;
    for (int fn = nnrt_steps_next(steps->model, NNRT_FN_TRAIN, phase, -1); fn >= 0;
         fn     = nnrt_steps_next(steps->model, NNRT_FN_TRAIN, phase, fn)) {
        int64_t times = at_least_1(steps->model->fns[fn].times);
        draws += times - 1;
        passes += times * steps->accumulate;
    }
    if (draws > steps->draws) steps->draws = draws;
    if (passes > steps->passes) steps->passes = passes;
}

nnrt_steps nnrt_steps_of(const nnrt_model *model, int64_t accumulate) {
    nnrt_steps steps = {.model       = model,
                        .accumulate  = at_least_1(accumulate ? accumulate : model->train.accumulate),
                        .draws       = 1,
                        .total_steps = 1,
                        .epoch_steps = 1};
    for (int64_t phase = 0; phase < at_least_1(model->train.n_phases); phase++) count_phase(&steps, phase);
    return steps;
}

int64_t nnrt_steps_phase(const nnrt_steps *steps, int64_t step) {
    const nnrt_train_settings *train = &steps->model->train;
    int64_t                    phase = 0;
    for (; phase + 1 < train->n_phases; phase++) {
        const nnrt_phase *p = &train->phases[phase];
        if (p->until < 0 || (p->in_epochs ? step / steps->epoch_steps : step) < p->until) break;
    }
    return phase;
}

/* One repetition: the function on its batch, or what adds up its gradients on each batch of the group and then it. */
static nnrt_status run_once(const nnrt_stepper *stepper, nnrt_call call, int64_t *pass, nnrt_error *error) {
    int64_t     n      = stepper->members(stepper->context, call.draw);
    nnrt_status status = NNRT_OK;
    for (call.member = 0; call.member < n && status == NNRT_OK; call.member++) {
        call.clock.pass = (uint64_t)(*pass)++;
        status          = stepper->call(stepper->context, &call, error);
    }
    if (status != NNRT_OK || call.fn == call.train) return status;
    call.member--;
    call.fn      = call.train;
    call.applies = true;
    return stepper->call(stepper->context, &call, error);
}

nnrt_status nnrt_steps_run(const nnrt_steps *steps, int64_t step, const nnrt_stepper *stepper, nnrt_error *error) {
    int64_t phase = nnrt_steps_phase(steps, step), pass = step * steps->passes, draw = 0;
    for (int fn = nnrt_steps_next(steps->model, NNRT_FN_TRAIN, phase, -1); fn >= 0;
         fn     = nnrt_steps_next(steps->model, NNRT_FN_TRAIN, phase, fn)) {
        int64_t times = at_least_1(steps->model->fns[fn].times);
        int     adds  = steps->model->fns[fn].accumulate;
        for (int64_t i = 0; i < times; i++) {
            if (i > 0) draw++;
            const nnrt_call call   = {.fn         = adds >= 0 ? adds : fn,
                                      .train      = fn,
                                      .times      = times,
                                      .repetition = i,
                                      .draw       = draw,
                                      .clock      = {.step        = step * times + i,
                                                     .total_steps = steps->total_steps * times,
                                                     .epoch_steps = steps->epoch_steps * times,
                                                     .seed        = steps->seed}};
            nnrt_status     status = run_once(stepper, call, &pass, error);
            if (status != NNRT_OK) return status;
        }
    }
    return NNRT_OK;
}
