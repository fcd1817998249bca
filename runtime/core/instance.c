#include "core/instance.h"

#include <stdlib.h>
#include <string.h>

#include "core/dims.h"
#include "core/element.h"
#include "core/status.h"

int nnrt_model_fn(const nnrt_model *model, nnrt_fn_kind kind, int start) {
    for (int i = start; i < model->n_fns; i++)
        if (model->fns[i].kind == (int32_t)kind) return i;
    return -1;
}

int nnrt_model_sample_dim(const nnrt_model *model) {
    for (int i = 0; i < model->n_symbols; i++)
        if (model->dims[i].is_sample) return i;
    return -1;
}

const int64_t *nnrt_instance_shape(const nnrt_instance *instance, const nnrt_tensor *tensor) {
    return instance->shape_values + tensor->shape_at;
}

/* Makes room for nbytes; the contents are not kept. */
static nnrt_status grow(nnrt_buffer *buffer, size_t nbytes, const char *what, nnrt_error *error) {
    if (buffer->data && buffer->nbytes >= nbytes) return NNRT_OK;
    nnrt_free(buffer->data, buffer->nbytes);
    *buffer = (nnrt_buffer){.data = nnrt_alloc(nbytes), .nbytes = nbytes};
    if (buffer->data) return NNRT_OK;
    buffer->nbytes = 0;
    return nnrt_fail_memory(error, nbytes, what);
}

/* Bytes of a tensor; -1 when its shape overflows. */
static int64_t tensor_nbytes(const nnrt_instance *instance, const nnrt_tensor *tensor) {
    int64_t count = nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank);
    return count < 0 ? -1 : count * (int64_t)nnrt_elem_size(tensor->elem);
}

static bool alloc_tables(nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_fns; i++)
        if (model->fns[i].n_results > instance->max_results) instance->max_results = model->fns[i].n_results;
    instance->given        = calloc((size_t)model->n_symbols + 1, sizeof *instance->given);
    instance->symbols      = calloc((size_t)model->n_symbols + 1, sizeof *instance->symbols);
    instance->shape_values = calloc((size_t)model->n_shape_values + 1, sizeof *instance->shape_values);
    instance->check_values = calloc((size_t)model->n_checks * 2 + 1, sizeof *instance->check_values);
    instance->slots        = calloc((size_t)model->n_slots + 1, sizeof *instance->slots);
    instance->results      = calloc((size_t)instance->max_results + 1, sizeof *instance->results);
    return instance->given && instance->symbols && instance->shape_values && instance->check_values &&
           instance->slots && instance->results;
}

static nnrt_status open_instance(nnrt_instance *instance, unsigned kinds, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    if (!alloc_tables(instance)) return nnrt_fail_memory(error, 0, "tables");
    for (int i = 0; i < model->n_symbols; i++) instance->symbols[i] = 1; /* slots have constant shapes: any dims do */
    model->shapes(instance->symbols, instance->shape_values);
    memset(instance->symbols, 0, (size_t)model->n_symbols * sizeof *instance->symbols);
    nnrt_status status    = nnrt_store_open(&instance->own, model, kinds, error);
    instance->slot_nbytes = instance->own.nbytes;
    if (status == NNRT_OK) memcpy(instance->slots, instance->own.slots, (size_t)model->n_slots * sizeof(void *));
    return status;
}

nnrt_instance *nnrt_instance_part(const nnrt_model *model, nnrt_pool *pool, unsigned kinds, nnrt_error *error) {
    if (model->abi != NNRT_ABI) {
        nnrt_fail(error, NNRT_ERROR, "model '%s' was compiled for runtime ABI %d, this is %d: compile it again",
                  model->name, (int)model->abi, NNRT_ABI);
        return NULL;
    }
    nnrt_instance *instance = calloc(1, sizeof *instance);
    if (!instance) {
        nnrt_fail_memory(error, sizeof *instance, "a model instance");
        return NULL;
    }
    instance->model = model;
    instance->pool  = pool;
    nnrt_status status =
        nnrt_variant_choose(model, nnrt_cpu_features(), getenv(NNRT_TARGET_VARIABLE), &instance->variant, error);
    if (status == NNRT_OK) status = open_instance(instance, kinds, error);
    if (status == NNRT_OK) return instance;
    nnrt_instance_free(instance);
    return NULL;
}

nnrt_instance *nnrt_instance_new(const nnrt_model *model, nnrt_pool *pool, nnrt_error *error) {
    return nnrt_instance_part(model, pool, NNRT_ALL_SLOTS, error);
}

void nnrt_instance_free(nnrt_instance *instance) {
    if (!instance) return;
    nnrt_store_close(&instance->own);
    for (int i = 0; instance->results && i < instance->max_results; i++)
        nnrt_free(instance->results[i].data, instance->results[i].nbytes);
    nnrt_free(instance->workspace.data, instance->workspace.nbytes);
    free(instance->given);
    free(instance->symbols);
    free(instance->shape_values);
    free(instance->check_values);
    free(instance->slots);
    free(instance->results);
    free(instance);
}

void nnrt_instance_use(nnrt_instance *instance, const nnrt_store *store) {
    for (int i = 0; i < instance->model->n_slots; i++)
        if (!instance->own.slots[i]) instance->slots[i] = store->slots[i];
}

nnrt_status nnrt_instance_bind(nnrt_instance *instance, const int64_t *symbols, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    size_t            nbytes = (size_t)model->n_symbols * sizeof *symbols;
    if (instance->is_bound && memcmp(symbols, instance->given, nbytes) == 0) return NNRT_OK;
    instance->is_bound = 0;
    for (int i = 0; i < model->n_symbols; i++) {
        instance->given[i]   = symbols[i] > 0 ? symbols[i] : 0;
        instance->symbols[i] = symbols[i] > 0 ? symbols[i] : 1;
    }
    nnrt_status status = nnrt_dims_check(model, instance->given, instance->symbols, instance->check_values, error);
    if (status != NNRT_OK) return status;
    model->shapes(instance->symbols, instance->shape_values);
    instance->is_bound = 1;
    return NNRT_OK;
}

static nnrt_status check_known(const nnrt_instance *instance, const nnrt_fn *fn, nnrt_error *error) {
    for (int i = 0; i < fn->n_dims_used; i++)
        if (instance->given[fn->dims_used[i]] == 0)
            return nnrt_fail(error, NNRT_BAD_DATA, "dim '%s' is not bound by the data",
                             instance->model->dims[fn->dims_used[i]].name);
    return NNRT_OK;
}

/* Room for the results that the caller gave none for. A weighted result is two values, whatever its type. */
static nnrt_status prepare_results(nnrt_instance *instance, const nnrt_fn *fn, void *const *given, void **results,
                                   nnrt_error *error) {
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_result *result = &fn->results[i];
        int64_t            nbytes = tensor_nbytes(instance, &result->tensor);
        if (nbytes < 0) return nnrt_fail(error, NNRT_ERROR, "result '%s' is too large", result->tensor.name);
        if (result->has_weight) nbytes *= 2;
        results[i] = given ? given[i] : NULL;
        if (results[i]) continue;
        nnrt_status status = grow(&instance->results[i], (size_t)nbytes, "results", error);
        if (status != NNRT_OK) return status;
        results[i] = instance->results[i].data;
    }
    return NNRT_OK;
}

int64_t nnrt_instance_workspace(const nnrt_instance *instance, int fn, int nthreads) {
    nnrt_workspace_fn *workspace = instance->model->fns[fn].workspace;
    if (instance->variant) workspace = instance->variant->workspace[fn];
    return workspace ? workspace(instance->symbols, nthreads) : 0;
}

nnrt_status nnrt_instance_call_into(nnrt_instance *instance, int index, const void *const *inputs, void *const *given,
                                    const nnrt_clock *clock, nnrt_fault *fault, nnrt_error *error) {
    const nnrt_fn *fn = &instance->model->fns[index];
    void          *results[fn->n_results + 1];
    nnrt_status    status = check_known(instance, fn, error);
    if (status == NNRT_OK) status = prepare_results(instance, fn, given, results, error);
    if (status != NNRT_OK) return status;
    int64_t workspace = nnrt_instance_workspace(instance, index, nnrt_pool_size(instance->pool));
    if (workspace < 0) return nnrt_fail(error, NNRT_ERROR, "the workspace for these sizes is too large");
    if ((status = grow(&instance->workspace, (size_t)workspace, "the workspace", error)) != NNRT_OK) return status;

    *fault               = (nnrt_fault){.input = -1};
    const nnrt_args args = {
        .symbols     = instance->symbols,
        .inputs      = inputs,
        .slots       = instance->slots,
        .results     = results,
        .workspace   = instance->workspace.data,
        .pool        = instance->pool,
        .step        = clock->step,
        .total_steps = clock->total_steps,
        .epoch_steps = clock->epoch_steps,
        .seed        = clock->seed,
        .pass        = clock->pass,
        .fault       = fault,
    };
    (instance->variant ? instance->variant->code[index] : fn->code)(&args);
    if (fault->code == NNRT_FAULT_NONE) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "index %lld is out of range: the model takes 0 to %lld",
                     (long long)fault->value, (long long)fault->limit - 1);
}

nnrt_status nnrt_instance_call(nnrt_instance *instance, int fn, const void *const *inputs, const nnrt_clock *clock,
                               nnrt_fault *fault, nnrt_error *error) {
    return nnrt_instance_call_into(instance, fn, inputs, NULL, clock, fault, error);
}

nnrt_status nnrt_instance_call_plain(nnrt_instance *instance, int fn, uint64_t seed, nnrt_error *error) {
    const nnrt_clock clock = {.seed = seed, .total_steps = 1, .epoch_steps = 1};
    nnrt_fault       fault;
    const void      *inputs[instance->model->n_inputs + 1];
    memset(inputs, 0, sizeof inputs);
    return fn < 0 ? NNRT_OK : nnrt_instance_call(instance, fn, inputs, &clock, &fault, error);
}

nnrt_status nnrt_instance_start(nnrt_instance *instance, uint64_t seed, nnrt_error *error) {
    nnrt_status status =
        nnrt_instance_call_plain(instance, nnrt_model_fn(instance->model, NNRT_FN_INIT, 0), seed, error);
    if (status == NNRT_OK) nnrt_store_fill(&instance->own);
    return status;
}
