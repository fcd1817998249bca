/* Slots, dims, workspace and results of one model; see instance.h. */
#include "core/instance.h"

#include <stdlib.h>
#include <string.h>

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

/* Slots have constant shapes, so any dims do to compute them. */
static nnrt_status alloc_slots(nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_symbols; i++) instance->symbols[i] = 1;
    model->shapes(instance->symbols, instance->shape_values);
    for (int i = 0; i < model->n_slots; i++) {
        const nnrt_slot *slot   = &model->slots[i];
        int64_t          nbytes = tensor_nbytes(instance, &slot->tensor);
        if (nbytes < 0)
            return nnrt_fail(error, NNRT_ERROR, "'%s' %s is too large", slot->tensor.name, slot->tensor.shape_text);
        instance->slots[i]       = nnrt_alloc((size_t)nbytes);
        instance->slot_nbytes[i] = (size_t)nbytes;
        if (!instance->slots[i]) return nnrt_fail_memory(error, (size_t)nbytes, slot->tensor.name);
        if (slot->kind == NNRT_HYPER) memcpy(instance->slots[i], &slot->value, sizeof slot->value);
    }
    memset(instance->symbols, 0, (size_t)model->n_symbols * sizeof *instance->symbols);
    return NNRT_OK;
}

static bool alloc_tables(nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_fns; i++)
        if (model->fns[i].n_results > instance->max_results) instance->max_results = model->fns[i].n_results;
    instance->given        = calloc((size_t)model->n_symbols + 1, sizeof *instance->given);
    instance->symbols      = calloc((size_t)model->n_symbols + 1, sizeof *instance->symbols);
    instance->shape_values = calloc((size_t)model->n_shape_values + 1, sizeof *instance->shape_values);
    instance->slots        = calloc((size_t)model->n_slots + 1, sizeof *instance->slots);
    instance->slot_nbytes  = calloc((size_t)model->n_slots + 1, sizeof *instance->slot_nbytes);
    instance->results      = calloc((size_t)instance->max_results + 1, sizeof *instance->results);
    return instance->given && instance->symbols && instance->shape_values && instance->slots && instance->slot_nbytes &&
           instance->results;
}

nnrt_instance *nnrt_instance_new(const nnrt_model *model, nnrt_pool *pool, nnrt_error *error) {
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
    instance->model    = model;
    instance->pool     = pool;
    nnrt_status status = alloc_tables(instance) ? alloc_slots(instance, error) : nnrt_fail_memory(error, 0, "tables");
    if (status == NNRT_OK) return instance;
    nnrt_instance_free(instance);
    return NULL;
}

void nnrt_instance_free(nnrt_instance *instance) {
    if (!instance) return;
    for (int i = 0; instance->slots && instance->slot_nbytes && i < instance->model->n_slots; i++)
        nnrt_free(instance->slots[i], instance->slot_nbytes[i]);
    for (int i = 0; instance->results && i < instance->max_results; i++)
        nnrt_free(instance->results[i].data, instance->results[i].nbytes);
    nnrt_free(instance->workspace.data, instance->workspace.nbytes);
    free(instance->given);
    free(instance->symbols);
    free(instance->shape_values);
    free(instance->slots);
    free(instance->slot_nbytes);
    free(instance->results);
    free(instance);
}

/* Does an assertion say something about a dim that is not known? Seen by trying values for it. */
static bool is_open(const nnrt_model *model, const int64_t *given, int check, int64_t *symbols, int64_t *values) {
    static const int64_t probes[] = {2, 3, 1001};
    for (int i = 0; i < model->n_symbols; i++) {
        if (given[i]) continue;
        for (size_t k = 0; k < sizeof probes / sizeof *probes; k++) {
            symbols[i] = 1;
            model->check_values(symbols, values);
            int64_t left = values[2 * check], right = values[2 * check + 1];
            symbols[i] = probes[k];
            model->check_values(symbols, values);
            symbols[i] = 1;
            if (values[2 * check] != left || values[2 * check + 1] != right) return true;
        }
    }
    return false;
}

static nnrt_status check_asserts(const nnrt_model *model, const int64_t *given, int64_t *symbols, int64_t *values,
                                 nnrt_error *error) {
    for (int i = 0; i < model->n_checks; i++) {
        model->check_values(symbols, values);
        int64_t left = values[2 * i], right = values[2 * i + 1];
        if (left != right && !is_open(model, given, i, symbols, values))
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: the data gives %lld and %lld", model->check_messages[i],
                             (long long)left, (long long)right);
    }
    return NNRT_OK;
}

/* Requires: symbols are as given, 1 where not known. */
static nnrt_status check_dims(const nnrt_model *model, const int64_t *given, int64_t *symbols, nnrt_error *error) {
    for (int i = 0; i < model->n_symbols; i++)
        if (model->dims[i].bound >= 0 && given[i] > model->dims[i].bound)
            return nnrt_fail(error, NNRT_BAD_DATA, "dim '%s' is %lld in the data, the model allows at most %lld",
                             model->dims[i].name, (long long)given[i], (long long)model->dims[i].bound);
    if (model->n_checks == 0) return NNRT_OK;
    int64_t *values = calloc((size_t)model->n_checks * 2, sizeof *values);
    if (!values) return nnrt_fail_memory(error, 0, "checks");
    nnrt_status status = check_asserts(model, given, symbols, values, error);
    free(values);
    return status;
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
    nnrt_status status = check_dims(model, instance->given, instance->symbols, error);
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

/* A weighted result is two values, whatever its type. */
static nnrt_status prepare_results(nnrt_instance *instance, const nnrt_fn *fn, nnrt_error *error) {
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_result *result = &fn->results[i];
        int64_t            nbytes = tensor_nbytes(instance, &result->tensor);
        if (nbytes < 0) return nnrt_fail(error, NNRT_ERROR, "result '%s' is too large", result->tensor.name);
        if (result->has_weight) nbytes *= 2;
        nnrt_status status = grow(&instance->results[i], (size_t)nbytes, "results", error);
        if (status != NNRT_OK) return status;
    }
    return NNRT_OK;
}

nnrt_status nnrt_instance_call(nnrt_instance *instance, int index, const void *const *inputs, const nnrt_clock *clock,
                               nnrt_fault *fault, nnrt_error *error) {
    const nnrt_fn *fn     = &instance->model->fns[index];
    nnrt_status    status = check_known(instance, fn, error);
    if (status == NNRT_OK) status = prepare_results(instance, fn, error);
    if (status != NNRT_OK) return status;
    int64_t workspace = fn->workspace ? fn->workspace(instance->symbols, nnrt_pool_size(instance->pool)) : 0;
    if (workspace < 0) return nnrt_fail(error, NNRT_ERROR, "the workspace for these sizes is too large");
    if ((status = grow(&instance->workspace, (size_t)workspace, "the workspace", error)) != NNRT_OK) return status;

    void *results[fn->n_results + 1];
    for (int i = 0; i < fn->n_results; i++) results[i] = instance->results[i].data;
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
    uint64_t state = nnrt_denormals_flush();
    fn->code(&args);
    nnrt_denormals_restore(state);
    if (fault->code == NNRT_FAULT_NONE) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "index %lld is out of range: the model takes 0 to %lld",
                     (long long)fault->value, (long long)fault->limit - 1);
}
