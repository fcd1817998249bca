/* Losses and metrics: means over batches, exact for ragged ones, and the struct that they are handed out in. */
#include <math.h>
#include <string.h>

#include "core/element.h"
#include "core/net.h"
#include "core/status.h"

/* Evaluation draws from other random numbers than training, and the same in every evaluation. */
static const uint64_t EVALUATION_PASS = UINT64_C(1) << 62;

double *nnrt_ctx_sums_of(nnrt_ctx *ctx, double *sums, int fn) {
    for (int i = 0; i < fn; i++) sums += 2 * ctx->instance->model->fns[i].n_results;
    return sums;
}

void nnrt_ctx_clear(nnrt_ctx *ctx, double *sums, nnrt_fn_kind kind) {
    const nnrt_model *model = ctx->instance->model;
    for (int fn = nnrt_model_fn(model, kind, 0); fn >= 0; fn = nnrt_model_fn(model, kind, fn + 1))
        memset(nnrt_ctx_sums_of(ctx, sums, fn), 0, 2 * (size_t)model->fns[fn].n_results * sizeof *sums);
}

bool nnrt_ctx_add_losses(nnrt_ctx *ctx, int fn, const char **bad) {
    const nnrt_fn *code  = &ctx->instance->model->fns[fn];
    double        *sums  = nnrt_ctx_sums_of(ctx, ctx->sums, fn);
    double        *epoch = nnrt_ctx_sums_of(ctx, ctx->epoch_sums, fn);
    for (int i = 0; i < code->n_results; i++) {
        const nnrt_result *result = &code->results[i];
        const void        *data   = ctx->instance->results[i].data;
        double             value  = nnrt_elem_get(result->tensor.elem, data, 0);
        double             weight =
            result->has_weight ? nnrt_elem_get(result->tensor.elem, data, 1) : (double)nnrt_ctx_samples(ctx);
        if (weight == 0) continue; /* nothing to average: the value may be 0/0 */
        *bad = result->tensor.name;
        if (!isfinite(value) && code->kind != NNRT_FN_EVAL) return false;
        sums[2 * i] += value * weight;
        sums[2 * i + 1] += weight;
        epoch[2 * i] += value * weight;
        epoch[2 * i + 1] += weight;
    }
    return true;
}

void nnrt_ctx_clear_metrics(const nnrt_ctx *ctx, double *metrics) {
    for (int i = 0; metrics && i < ctx->instance->model->api->n_metric_values; i++) metrics[i] = NAN;
}

static const nnrt_metric *find_metric(const nnrt_api *api, const char *name) {
    for (int i = 0; i < api->n_metrics; i++)
        if (strcmp(api->metrics[i].name, name) == 0) return &api->metrics[i];
    return NULL;
}

/* A loss of several terms is the sum of their means. */
void nnrt_ctx_put_means(nnrt_ctx *ctx, double *sums, int fn, double *metrics) {
    const nnrt_model  *model  = ctx->instance->model;
    const nnrt_metric *metric = NULL;
    if (!metrics) return;
    sums = nnrt_ctx_sums_of(ctx, sums, fn);
    for (int i = 0; i < model->fns[fn].n_results; i++) {
        const nnrt_result *result = &model->fns[fn].results[i];
        double             mean   = sums[2 * i] / sums[2 * i + 1];
        if (!result->adds) metric = find_metric(model->api, result->tensor.name);
        if (metric && sums[2 * i + 1] != 0) metrics[metric->at] = result->adds ? metrics[metric->at] + mean : mean;
    }
}

/* ---- evaluation --------------------------------------------------------------------------------------------------------- */

nnrt_status nnrt_net_evaluate_begin(const nnrt_net *net, nnrt_ctx *ctx, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status == NNRT_OK) status = nnrt_net_check_set(net, error);
    if (status != NNRT_OK) return status;
    ctx->eval_batches = 0;
    nnrt_ctx_clear(ctx, ctx->sums, NNRT_FN_EVAL);
    nnrt_ctx_clear(ctx, ctx->epoch_sums, NNRT_FN_EVAL);
    return nnrt_instance_call_plain(ctx->instance, nnrt_model_fn(net->model, NNRT_FN_RESET, 0), net->steps.seed, error);
}

nnrt_status nnrt_net_evaluate_add(const nnrt_net *net, nnrt_ctx *ctx, const void *batch, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    const char *bad;
    if (status != NNRT_OK) return status;
    if (ctx->eval_batches < 0) return nnrt_fail(error, NNRT_USAGE, "no evaluation has begun: call evaluate_begin");
    int              eval  = nnrt_model_fn(net->model, NNRT_FN_EVAL, 0);
    const nnrt_clock clock = {.step        = ctx->eval_batches,
                              .total_steps = 1,
                              .epoch_steps = 1,
                              .seed        = net->steps.seed,
                              .pass        = EVALUATION_PASS + (uint64_t)ctx->eval_batches};
    status                 = nnrt_ctx_read_batch(ctx, batch, error);
    if (status == NNRT_OK) status = nnrt_ctx_check(ctx, eval, error);
    if (status == NNRT_OK) status = nnrt_ctx_call(ctx, eval, NULL, &clock, error);
    if (status != NNRT_OK) return status;
    nnrt_ctx_add_losses(ctx, eval, &bad);
    ctx->eval_batches++;
    return NNRT_OK;
}

static nnrt_status put_metrics(nnrt_ctx *ctx, uint64_t seed, double *metrics, nnrt_error *error) {
    const nnrt_model *model  = ctx->instance->model;
    int               fn     = nnrt_model_fn(model, NNRT_FN_METRICS, 0);
    nnrt_status       status = nnrt_instance_call_plain(ctx->instance, fn, seed, error);
    for (int i = 0; fn >= 0 && i < model->fns[fn].n_results && status == NNRT_OK; i++) {
        const nnrt_tensor *tensor = &model->fns[fn].results[i].tensor;
        const nnrt_metric *metric = find_metric(model->api, tensor->name);
        for (int64_t k = 0; metric && k < metric->count; k++)
            metrics[metric->at + k] = nnrt_elem_get(tensor->elem, ctx->instance->results[i].data, k);
    }
    return status;
}

nnrt_status nnrt_net_evaluate_finish(const nnrt_net *net, nnrt_ctx *ctx, double *metrics, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status != NNRT_OK) return status;
    if (!metrics) return nnrt_fail(error, NNRT_USAGE, "the struct of metrics is NULL");
    if (ctx->eval_batches < 1)
        return nnrt_fail(error, NNRT_USAGE,
                         "nothing was evaluated: call evaluate_begin, and evaluate_add for each batch");
    ctx->eval_batches = -1;
    nnrt_ctx_clear_metrics(ctx, metrics);
    nnrt_ctx_put_means(ctx, ctx->sums, nnrt_model_fn(net->model, NNRT_FN_EVAL, 0), metrics);
    return put_metrics(ctx, net->steps.seed, metrics, error);
}

nnrt_status nnrt_net_evaluate(const nnrt_net *net, nnrt_ctx *ctx, const void *batches, int64_t n_batches,
                              double *metrics, nnrt_error *error) {
    nnrt_status status = nnrt_net_evaluate_begin(net, ctx, error);
    if (status == NNRT_OK && !batches) status = nnrt_fail(error, NNRT_USAGE, "the batches are NULL");
    for (int64_t i = 0; i < n_batches && status == NNRT_OK; i++)
        status =
            nnrt_net_evaluate_add(net, ctx, (const char *)batches + (size_t)i * nnrt_batch_size(net->model), error);
    if (status == NNRT_OK) status = nnrt_net_evaluate_finish(net, ctx, metrics, error);
    if (ctx) ctx->eval_batches = -1;
    return status;
}
