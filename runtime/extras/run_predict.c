/* The command predict: outputs as CSV, or as an array in a file. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/cli.h"
#include "extras/nearest.h"
#include "extras/outputs.h"

static int count_outputs(const nnrt_model *model) {
    int n = 0;
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        n += model->fns[fn].n_results;
    return n;
}

static const char *chosen_name(int i, const void *outputs) {
    return ((const nnrt_outputs *)outputs)->items[i].name;
}

/* All outputs, or the one that --output names. */
static nnrt_status choose_outputs(nnrt_outputs *outputs, const nnrt_model *model, const char *only, nnrt_error *error) {
    outputs->items = calloc((size_t)count_outputs(model) + 1, sizeof *outputs->items);
    if (!outputs->items) return nnrt_fail_memory(error, 0, "outputs");
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++) {
            const nnrt_tensor *tensor    = &model->fns[fn].results[i].tensor;
            outputs->items[outputs->n++] = (nnrt_output){
                .fn = fn, .result = i, .name = tensor->name, .array = {.elem = tensor->elem, .rank = tensor->rank}};
        }
    if (outputs->n == 0) return nnrt_fail(error, NNRT_USAGE, "model %s has no output", model->name);
    if (!only) return NNRT_OK;
    for (int i = 0; i < outputs->n; i++) {
        if (strcmp(outputs->items[i].name, only) != 0) continue;
        outputs->items[0] = outputs->items[i];
        outputs->n        = 1;
        return NNRT_OK;
    }
    const char *near = nnrt_nearest(only, chosen_name, outputs, outputs->n);
    return nnrt_fail(error, NNRT_USAGE, "model %s has no output '%s'%s%s%s", model->name, only,
                     near ? "; did you mean '" : ": see info", near ? near : "", near ? "'?" : "");
}

static void free_outputs(nnrt_outputs *outputs) {
    for (int i = 0; i < outputs->n; i++) free(outputs->items[i].array.data);
    free(outputs->items);
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

/* Appends the result that was just computed. With several batches its leading axis must be the sample dim. */
static nnrt_status keep_result(nnrt_output *output, const nnrt_instance *instance, int64_t n_samples, int64_t n_batches,
                               nnrt_error *error) {
    const nnrt_model  *model  = instance->model;
    const nnrt_tensor *tensor = &model->fns[output->fn].results[output->result].tensor;
    const int64_t     *shape  = nnrt_instance_shape(instance, tensor);
    nnrt_array        *array  = &output->array;
    int                sample = nnrt_model_sample_dim(model);
    bool               rows   = tensor->rank > 0 && sample >= 0 && tensor->symbol[0] == sample;
    if (!rows && n_batches > 1)
        return nnrt_fail(error, NNRT_USAGE,
                         "output '%s' %s%s is no row a sample: give --batch %lld to compute it at once", output->name,
                         nnrt_elem_name(tensor->elem), tensor->shape_text, (long long)n_samples);
    if (!array->data) {
        array->elem = tensor->elem;
        array->rank = tensor->rank;
        for (int axis = 0; axis < tensor->rank; axis++) array->shape[axis] = shape[axis];
        if (rows) array->shape[0] = n_samples;
        nnrt_status status = nnrt_array_alloc(array, output->name, error);
        if (status != NNRT_OK) return status;
        output->width = tensor->rank > 0 && array->shape[0] > 0 ? array->count / array->shape[0] : 1;
    }
    int64_t n_new = tensor->rank > 0 ? shape[0] : 1;
    size_t  size  = nnrt_elem_size(array->elem);
    memcpy((char *)array->data + (size_t)(output->n_rows * output->width) * size,
           instance->results[output->result].data, (size_t)(n_new * output->width) * size);
    output->n_rows += n_new;
    return NNRT_OK;
}

static nnrt_status compute_batches(nnrt_outputs *outputs, nnrt_instance *instance, nnrt_batches *batches, uint64_t seed,
                                   nnrt_error *error) {
    nnrt_clock  clock  = {.seed = seed, .total_steps = batches->n_batches, .epoch_steps = batches->n_batches};
    nnrt_status status = NNRT_OK;
    for (; clock.step < batches->n_batches; clock.step++) {
        nnrt_batches_fetch(batches, 0, clock.step);
        clock.pass = (uint64_t)clock.step;
        for (int i = 0; i < outputs->n; i++) {
            bool computed = i > 0 && outputs->items[i].fn == outputs->items[i - 1].fn;
            if (!computed) status = nnrt_call_on_batch(instance, outputs->items[i].fn, batches, &clock, error);
            if (status == NNRT_OK)
                status = keep_result(&outputs->items[i], instance, batches->split->n, batches->n_batches, error);
            if (status != NNRT_OK) return status;
        }
    }
    return NNRT_OK;
}

/* A model that makes its outputs from random numbers alone: --batch says how many. */
static nnrt_status compute_without_data(nnrt_outputs *outputs, nnrt_instance *instance, const nnrt_settings *settings,
                                        nnrt_error *error) {
    const nnrt_model *model = instance->model;
    int64_t           symbols[model->n_symbols + 1];
    const void       *inputs[model->n_inputs + 1];
    int               sample = nnrt_model_sample_dim(model);
    memset(inputs, 0, sizeof inputs);
    memset(symbols, 0, sizeof symbols);
    if (sample >= 0) symbols[sample] = settings->batch;
    nnrt_status      status = nnrt_instance_bind(instance, symbols, error);
    const nnrt_clock clock  = {.seed = (uint64_t)settings->seed, .total_steps = 1, .epoch_steps = 1};
    for (int i = 0; i < outputs->n && status == NNRT_OK; i++) {
        nnrt_fault fault;
        status = nnrt_instance_call(instance, outputs->items[i].fn, inputs, &clock, &fault, error);
        if (status == NNRT_OK) status = keep_result(&outputs->items[i], instance, settings->batch, 1, error);
    }
    return status;
}

static nnrt_status compute(nnrt_outputs *outputs, const nnrt_options *options, nnrt_instance *instance,
                           nnrt_vocabularies *vocabularies, nnrt_error *error) {
    const nnrt_model *model      = instance->model;
    bool             *needed     = calloc((size_t)model->n_inputs + 1, sizeof *needed);
    bool              needs_data = false;
    if (!needed) return nnrt_fail_memory(error, 0, "data");
    for (int i = 0; i < outputs->n; i++) {
        const nnrt_fn *fn = &model->fns[outputs->items[i].fn];
        for (int k = 0; k < fn->n_inputs_used; k++) needs_data = needed[fn->inputs_used[k]] = true;
    }
    nnrt_dataset set    = {0};
    nnrt_status  status = NNRT_OK;
    if (!needs_data) {
        status = compute_without_data(outputs, instance, &options->settings, error);
    } else if (options->data.n == 0) {
        status = nnrt_fail(error, NNRT_USAGE, "predict needs data: --data FILE (predict --help says what it holds)");
    } else if ((status = nnrt_load_data(options, model, needed, &set, vocabularies, error)) == NNRT_OK) {
        const nnrt_split split = nnrt_split_all(&set);
        nnrt_batches     batches;
        status = nnrt_batches_new(&batches, &split, options->settings.batch, false, 0, error);
        if (status == NNRT_OK) {
            status = compute_batches(outputs, instance, &batches, (uint64_t)options->settings.seed, error);
            nnrt_batches_free(&batches);
        }
    }
    if (set.model) nnrt_dataset_free(&set);
    free(needed);
    return status;
}

nnrt_status nnrt_run_predict(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    nnrt_outputs      outputs      = {0};
    nnrt_vocabularies vocabularies = {0};
    nnrt_status       status       = choose_outputs(&outputs, instance->model, options->output, error);
    if (status == NNRT_OK) status = nnrt_outputs_check(&outputs, options->out, error);
    if (status == NNRT_OK) status = nnrt_load_weights(options, instance, NULL, error);
    if (status == NNRT_OK) status = compute(&outputs, options, instance, &vocabularies, error);
    if (!options->raw) outputs.classes = nnrt_vocabularies_classes(&vocabularies, NULL);
    if (status == NNRT_OK) status = nnrt_outputs_write(&outputs, options->out, error);
    nnrt_vocabularies_free(&vocabularies);
    free_outputs(&outputs);
    return status;
}
