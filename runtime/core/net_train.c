/* Steps of training on batches that the application brings. What a step consists of is core/steps.c's, as in a program. */
#include <math.h>

#include "core/net.h"
#include "core/status.h"

typedef struct StepRun {
    nnrt_net   *net;
    nnrt_ctx   *ctx;
    const char *batches;
    bool        checks; /* looks at everything, runs nothing */
} StepRun;

static const void *batch_at(const StepRun *run, int64_t draw, int64_t member) {
    return run->batches + (size_t)(draw * run->net->steps.accumulate + member) * nnrt_batch_size(run->net->model);
}

/* A batch without samples is none: the last group of an epoch may be short. */
static int64_t count_members(void *context, int64_t draw) {
    const StepRun *run = context;
    int64_t        n   = 1;
    while (n < run->net->steps.accumulate && nnrt_ctx_read_batch(run->ctx, batch_at(run, draw, n), NULL) == NNRT_OK &&
           nnrt_ctx_samples(run->ctx) > 0)
        n++;
    return n;
}

static nnrt_status run_call(void *context, const nnrt_call *call, nnrt_error *error) {
    StepRun    *run    = context;
    const char *bad    = NULL;
    nnrt_status status = nnrt_ctx_read_batch(run->ctx, batch_at(run, call->draw, call->member), error);
    if (status == NNRT_OK) status = nnrt_ctx_check(run->ctx, call->fn, error);
    if (status != NNRT_OK || run->checks) return status;
    status = nnrt_ctx_call(run->ctx, call->fn, NULL, &call->clock, error);
    if (status != NNRT_OK || call->applies || nnrt_ctx_add_losses(run->ctx, call->fn, &bad)) return status;
    return nnrt_fail(error, NNRT_ERROR, "%s is not finite at step %lld: lower the learning rate or check the data", bad,
                     (long long)run->net->steps_done + 1);
}

static nnrt_status check_counts(const nnrt_net *net, nnrt_error *error) {
    const nnrt_api *api = net->model->api;
    if (api->needs_total_steps && net->steps.total_steps <= 0)
        return nnrt_fail(error, NNRT_USAGE,
                         "training depends on its number of steps: give the config's total_steps (or epoch_steps)");
    if (api->needs_epoch_steps && net->steps.epoch_steps <= 0)
        return nnrt_fail(error, NNRT_USAGE, "training depends on the steps of an epoch: give the config's epoch_steps");
    if (api->needs_total_steps && net->steps_done >= net->steps.total_steps)
        return nnrt_fail(error, NNRT_USAGE, "all %lld steps of the training are done", (long long)net->steps_done);
    return NNRT_OK;
}

static void put_losses(nnrt_ctx *ctx, const nnrt_net *net, int64_t phase, double *metrics) {
    const nnrt_model *model = net->model;
    nnrt_ctx_clear_metrics(ctx, metrics);
    for (int fn = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, -1); fn >= 0;
         fn     = nnrt_steps_next(model, NNRT_FN_TRAIN, phase, fn))
        nnrt_ctx_put_means(ctx, ctx->sums, model->fns[fn].accumulate >= 0 ? model->fns[fn].accumulate : fn, metrics);
}

nnrt_status nnrt_net_train_step(nnrt_net *net, nnrt_ctx *ctx, const void *batches, double *metrics, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status == NNRT_OK && !batches) status = nnrt_fail(error, NNRT_USAGE, "the batch is NULL");
    if (status == NNRT_OK) status = nnrt_net_check_set(net, error);
    if (status == NNRT_OK) status = check_counts(net, error);
    if (status != NNRT_OK) return status;
    StepRun    run   = {.net = net, .ctx = ctx, .batches = batches, .checks = true};
    nnrt_steps steps = net->steps;
    if (steps.total_steps < 1) steps.total_steps = 1;
    if (steps.epoch_steps < 1) steps.epoch_steps = 1;
    const nnrt_stepper stepper = {&run, count_members, run_call};
    status                     = nnrt_steps_run(&steps, net->steps_done, &stepper, error);
    if (status != NNRT_OK) return status;
    run.checks = false;
    nnrt_ctx_clear(ctx, ctx->sums, NNRT_FN_TRAIN);
    nnrt_ctx_clear(ctx, ctx->sums, NNRT_FN_ACCUMULATE);
    status = nnrt_steps_run(&steps, net->steps_done, &stepper, error);
    if (status != NNRT_OK) return status;
    put_losses(ctx, net, nnrt_steps_phase(&steps, net->steps_done), metrics);
    net->steps_done++;
    return NNRT_OK;
}

nnrt_status nnrt_net_fit_statistics(nnrt_net *net, nnrt_ctx *ctx, const void *batch, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status != NNRT_OK) return status;
    int              fn    = nnrt_model_fn(net->model, NNRT_FN_FIT, 0);
    const nnrt_clock clock = {.step        = net->fit_batches,
                              .total_steps = 1,
                              .epoch_steps = 1,
                              .seed        = net->steps.seed,
                              .pass        = (uint64_t)net->fit_batches};
    if (net->steps_done > 0)
        return nnrt_fail(error, NNRT_USAGE, "statistics come before training: %lld steps are done",
                         (long long)net->steps_done);
    status = nnrt_ctx_read_batch(ctx, batch, error);
    if (status == NNRT_OK) status = nnrt_ctx_check(ctx, fn, error);
    if (status == NNRT_OK) status = nnrt_ctx_call(ctx, fn, NULL, &clock, error);
    if (status != NNRT_OK) return status;
    net->fit_batches++;
    for (int i = 0; i < net->model->n_slots; i++)
        if (net->model->slots[i].kind == NNRT_FIT) net->is_set[i] = 1;
    return NNRT_OK;
}
