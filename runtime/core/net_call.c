/* Contexts, and one function on one batch: everything that can be checked is checked before anything runs. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/net.h"
#include "core/status.h"

static const int64_t LARGEST_DIM = INT64_C(1) << 40; /* sizes made of larger ones overflow */

static bool alloc_tables(nnrt_ctx *ctx, const nnrt_model *model) {
    for (int i = 0; i < model->n_fns; i++) ctx->n_sums += 2 * model->fns[i].n_results;
    ctx->symbols    = calloc((size_t)model->n_symbols + 1, sizeof *ctx->symbols);
    ctx->inputs     = calloc((size_t)model->n_inputs + 1, sizeof *ctx->inputs);
    ctx->sums       = calloc((size_t)ctx->n_sums + 1, sizeof *ctx->sums);
    ctx->epoch_sums = calloc((size_t)ctx->n_sums + 1, sizeof *ctx->epoch_sums);
    return ctx->symbols && ctx->inputs && ctx->sums && ctx->epoch_sums;
}

nnrt_ctx *nnrt_ctx_new(const nnrt_net *net, nnrt_pool *pool, nnrt_error *error) {
    if (!net) {
        nnrt_fail(error, NNRT_USAGE, "the model of the context is NULL");
        return NULL;
    }
    nnrt_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx) {
        nnrt_fail_memory(error, sizeof *ctx, "a context");
        return NULL;
    }
    ctx->eval_batches = -1;
    ctx->instance     = nnrt_instance_part(net->model, pool, 1u << NNRT_METRIC, error);
    if (ctx->instance && alloc_tables(ctx, net->model)) return ctx;
    if (ctx->instance) nnrt_fail_memory(error, 0, "a context");
    nnrt_ctx_free(ctx);
    return NULL;
}

void nnrt_ctx_free(nnrt_ctx *ctx) {
    if (!ctx) return;
    nnrt_instance_free(ctx->instance);
    free(ctx->symbols);
    free(ctx->inputs);
    free(ctx->sums);
    free(ctx->epoch_sums);
    free(ctx);
}

nnrt_status nnrt_ctx_use(nnrt_ctx *ctx, const nnrt_net *net, nnrt_error *error) {
    if (!net || !ctx) return nnrt_fail(error, NNRT_USAGE, "the %s is NULL", net ? "context" : "model");
    if (ctx->instance->model != net->model)
        return nnrt_fail(error, NNRT_USAGE, "the context is one of model %s, not of model %s",
                         ctx->instance->model->name, net->model->name);
    nnrt_instance_use(ctx->instance, &net->store);
    return NNRT_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

size_t nnrt_batch_size(const nnrt_model *model) {
    return 8 * ((size_t)model->api->n_batch_dims + (size_t)model->api->n_batch_inputs);
}

int64_t nnrt_ctx_samples(const nnrt_ctx *ctx) {
    int sample = nnrt_model_sample_dim(ctx->instance->model);
    return sample < 0 ? 1 : ctx->symbols[sample];
}

static nnrt_status read_dims(nnrt_ctx *ctx, const char **at, const int32_t *symbols, int n, nnrt_error *error) {
    const nnrt_model *model = ctx->instance->model;
    memset(ctx->symbols, 0, (size_t)model->n_symbols * sizeof *ctx->symbols);
    for (int i = 0; i < n; i++, *at += sizeof(int64_t)) {
        int64_t value;
        memcpy(&value, *at, sizeof value);
        if (value < 0 || value > LARGEST_DIM)
            return nnrt_fail(error, NNRT_BAD_DATA, "dim '%s' is %lld", model->dims[symbols[i]].name, (long long)value);
        ctx->symbols[symbols[i]] = value;
    }
    return NNRT_OK;
}

static void read_inputs(nnrt_ctx *ctx, const char *at, const int32_t *inputs, int n) {
    memset(ctx->inputs, 0, (size_t)ctx->instance->model->n_inputs * sizeof *ctx->inputs);
    for (int i = 0; i < n; i++, at += sizeof(void *)) memcpy(&ctx->inputs[inputs[i]], at, sizeof(void *));
}

nnrt_status nnrt_ctx_read_batch(nnrt_ctx *ctx, const void *batch, nnrt_error *error) {
    const nnrt_api *api = ctx->instance->model->api;
    const char     *at  = batch;
    if (!batch) return nnrt_fail(error, NNRT_USAGE, "the batch is NULL");
    nnrt_status status = read_dims(ctx, &at, api->batch_dims, api->n_batch_dims, error);
    if (status == NNRT_OK) read_inputs(ctx, at, api->batch_inputs, api->n_batch_inputs);
    return status;
}

nnrt_status nnrt_ctx_read_inputs(nnrt_ctx *ctx, const void *inputs, uint64_t *seed, nnrt_error *error) {
    const nnrt_api *api = ctx->instance->model->api;
    const char     *at  = inputs;
    if (!inputs) return nnrt_fail(error, NNRT_USAGE, "the inputs are NULL");
    nnrt_status status = read_dims(ctx, &at, api->predict_dims, api->n_predict_dims, error);
    if (status != NNRT_OK) return status;
    memcpy(seed, at, sizeof *seed);
    read_inputs(ctx, at + sizeof *seed, api->predict_inputs, api->n_predict_inputs);
    return NNRT_OK;
}

/* ---- checking ----------------------------------------------------------------------------------------------------------- */

static nnrt_status check_dims(const nnrt_ctx *ctx, const nnrt_fn *fn, nnrt_error *error) {
    for (int i = 0; i < fn->n_dims_used; i++)
        if (ctx->symbols[fn->dims_used[i]] < 1)
            return nnrt_fail(error, NNRT_BAD_DATA, "dim '%s' is %lld: it must be at least 1",
                             ctx->instance->model->dims[fn->dims_used[i]].name,
                             (long long)ctx->symbols[fn->dims_used[i]]);
    return NNRT_OK;
}

static bool is_index(int elem) {
    return elem == NNRT_I32 || elem == NNRT_I64 || elem == NNRT_U8;
}

static nnrt_status fail_index(const nnrt_tensor *tensor, int64_t at, int64_t value, int64_t limit, nnrt_error *error) {
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "'%s' holds %lld at element %lld: it takes classes or indices from 0 to %lld", tensor->name,
                     (long long)value, (long long)at, (long long)limit - 1);
}

static nnrt_status check_input(const nnrt_ctx *ctx, int i, nnrt_error *error) {
    const nnrt_input  *input  = &ctx->instance->model->inputs[i];
    const nnrt_tensor *tensor = &input->tensor;
    int64_t            count  = nnrt_shape_count(nnrt_instance_shape(ctx->instance, tensor), tensor->rank);
    if (!ctx->inputs[i]) return nnrt_fail(error, NNRT_USAGE, "input '%s' %s is NULL", tensor->name, tensor->shape_text);
    if (count < 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "input '%s' %s is too large", tensor->name, tensor->shape_text);
    if (input->class_limit <= 0 || !is_index(tensor->elem)) return NNRT_OK;
    for (int64_t at = 0; at < count; at++) {
        int64_t value = (int64_t)nnrt_elem_get(tensor->elem, ctx->inputs[i], at);
        if (value < 0 || value >= input->class_limit) return fail_index(tensor, at, value, input->class_limit, error);
    }
    return NNRT_OK;
}

nnrt_status nnrt_ctx_check(nnrt_ctx *ctx, int index, nnrt_error *error) {
    const nnrt_fn *fn     = &ctx->instance->model->fns[index];
    nnrt_status    status = check_dims(ctx, fn, error);
    if (status == NNRT_OK) status = nnrt_instance_bind(ctx->instance, ctx->symbols, error);
    for (int i = 0; i < fn->n_inputs_used && status == NNRT_OK; i++)
        status = check_input(ctx, fn->inputs_used[i], error);
    return status;
}

/* ---- calling ------------------------------------------------------------------------------------------------------------ */

/* Names the input that holds the value that a kernel could not use as an index. */
static void explain(const nnrt_ctx *ctx, const nnrt_fn *fn, const nnrt_fault *fault, nnrt_error *error) {
    for (int i = 0; i < fn->n_inputs_used; i++) {
        const nnrt_tensor *tensor = &ctx->instance->model->inputs[fn->inputs_used[i]].tensor;
        const void        *data   = ctx->inputs[fn->inputs_used[i]];
        int64_t            count  = nnrt_shape_count(nnrt_instance_shape(ctx->instance, tensor), tensor->rank);
        for (int64_t at = 0; is_index(tensor->elem) && at < count; at++)
            if ((int64_t)nnrt_elem_get(tensor->elem, data, at) == fault->value) {
                fail_index(tensor, at, fault->value, fault->limit, error);
                return;
            }
    }
}

nnrt_status nnrt_ctx_call(nnrt_ctx *ctx, int fn, void *const *results, const nnrt_clock *clock, nnrt_error *error) {
    nnrt_fault  fault  = {0};
    nnrt_status status = nnrt_instance_call_into(ctx->instance, fn, ctx->inputs, results, clock, &fault, error);
    if (fault.code != NNRT_FAULT_NONE) explain(ctx, &ctx->instance->model->fns[fn], &fault, error);
    return status;
}
