/* The command predict: outputs as CSV, or as an array in a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/cli.h"
#include "extras/convert.h"
#include "extras/nearest.h"

typedef struct Output { /* a chosen result, all batches of it */
    int         fn, result;
    const char *name;
    nnrt_array  array;  /* rows first */
    int64_t     width;  /* elements a row */
    int64_t     n_rows; /* filled so far */
} Output;

typedef struct Outputs {
    Output *items;
    int     n;
} Outputs;

static int count_outputs(const nnrt_model *model) {
    int n = 0;
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        n += model->fns[fn].n_results;
    return n;
}

static const char *chosen_name(int i, const void *outputs) {
    return ((const Outputs *)outputs)->items[i].name;
}

/* All outputs, or the one that --output names. */
static nnrt_status choose_outputs(Outputs *outputs, const nnrt_model *model, const char *only, nnrt_error *error) {
    outputs->items = calloc((size_t)count_outputs(model) + 1, sizeof *outputs->items);
    if (!outputs->items) return nnrt_fail_memory(error, 0, "outputs");
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++)
            outputs->items[outputs->n++] =
                (Output){.fn = fn, .result = i, .name = model->fns[fn].results[i].tensor.name};
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

static void free_outputs(Outputs *outputs) {
    for (int i = 0; i < outputs->n; i++) free(outputs->items[i].array.data);
    free(outputs->items);
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

/* Appends the result that was just computed. With several batches its leading axis must be the sample dim. */
static nnrt_status keep_result(Output *output, const nnrt_instance *instance, int64_t n_samples, int64_t n_batches,
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

static nnrt_status compute_batches(Outputs *outputs, nnrt_instance *instance, nnrt_batches *batches, uint64_t seed,
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
static nnrt_status compute_without_data(Outputs *outputs, nnrt_instance *instance, const nnrt_settings *settings,
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

static nnrt_status compute(Outputs *outputs, const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
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
    } else if ((status = nnrt_dataset_load(&set, model, options->data.items, options->data.n, needed, NULL, error)) ==
               NNRT_OK) {
        const nnrt_split split = nnrt_split_all(&set);
        nnrt_batches     batches;
        status = nnrt_batches_new(&batches, &split, options->settings.batch, false, 0, error);
        if (status == NNRT_OK) {
            status = compute_batches(outputs, instance, &batches, (uint64_t)options->settings.seed, error);
            nnrt_batches_free(&batches);
        }
        nnrt_dataset_free(&set);
    }
    free(needed);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void print_element(FILE *out, const nnrt_array *array, int64_t index) {
    if (array->elem == NNRT_I64)
        fprintf(out, "%lld", (long long)((const int64_t *)array->data)[index]);
    else if (!nnrt_elem_is_float(array->elem))
        fprintf(out, "%.0f", nnrt_elem_get(array->elem, array->data, index));
    else
        fprintf(out, array->elem == NNRT_F64 ? "%.17g" : "%.9g", nnrt_elem_get(array->elem, array->data, index));
}

static void print_csv(FILE *out, const Outputs *outputs) {
    for (int i = 0; i < outputs->n; i++)
        for (int64_t k = 0; k < outputs->items[i].width; k++) {
            fprintf(out, "%s%s", i || k ? "," : "", outputs->items[i].name);
            if (outputs->items[i].width > 1) fprintf(out, "_%lld", (long long)k);
        }
    fputc('\n', out);
    for (int64_t row = 0; row < outputs->items[0].n_rows && !ferror(out); row++) {
        for (int i = 0; i < outputs->n; i++)
            for (int64_t k = 0; k < outputs->items[i].width; k++) {
                if (i || k) fputc(',', out);
                print_element(out, &outputs->items[i].array, row * outputs->items[i].width + k);
            }
        fputc('\n', out);
    }
}

static nnrt_status check_rows(const Outputs *outputs, nnrt_error *error) {
    for (int i = 1; i < outputs->n; i++)
        if (outputs->items[i].n_rows != outputs->items[0].n_rows)
            return nnrt_fail(error, NNRT_USAGE,
                             "outputs '%s' and '%s' have different numbers of rows: choose one by --output NAME",
                             outputs->items[0].name, outputs->items[i].name);
    return NNRT_OK;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* NumPy has no bf16: such an output is written as f32. */
static nnrt_status write_array(const nnrt_array *array, const char *path, nnrt_error *error) {
    if (array->elem != NNRT_BF16) return nnrt_write_npy(path, array, error);
    nnrt_array wide    = *array;
    wide.elem          = NNRT_F32;
    nnrt_status status = nnrt_array_alloc(&wide, path, error);
    if (status != NNRT_OK) return status;
    nnrt_convert(array->data, array->elem, wide.data, wide.elem, array->count);
    status = nnrt_write_npy(path, &wide, error);
    free(wide.data);
    return status;
}

static nnrt_status write_outputs(const Outputs *outputs, const char *path, nnrt_error *error) {
    if (path && ends_with(path, ".npy")) return write_array(&outputs->items[0].array, path, error);
    nnrt_status status = check_rows(outputs, error);
    if (status != NNRT_OK) return status;
    if (!path) {
        print_csv(stdout, outputs);
        return NNRT_OK;
    }
    nnrt_writer writer;
    if ((status = nnrt_writer_open(&writer, path, error)) != NNRT_OK) return status;
    errno = 0;
    print_csv(writer.file, outputs);
    if (ferror(writer.file)) writer.failure = errno ? errno : EIO;
    return nnrt_writer_commit(&writer, error);
}

static nnrt_status check_out(const char *path, const Outputs *outputs, nnrt_error *error) {
    if (!path) return NNRT_OK;
    if (!ends_with(path, ".csv") && !ends_with(path, ".npy"))
        return nnrt_fail(error, NNRT_USAGE, "--out %s: the name must end in .csv or .npy", path);
    if (ends_with(path, ".npy") && outputs->n > 1)
        return nnrt_fail(error, NNRT_USAGE, "--out %s: a .npy file holds one array: choose an output by --output NAME",
                         path);
    return nnrt_check_writable(path, error);
}

nnrt_status nnrt_run_predict(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    Outputs     outputs = {0};
    nnrt_status status  = choose_outputs(&outputs, instance->model, options->output, error);
    if (status == NNRT_OK) status = check_out(options->out, &outputs, error);
    if (status == NNRT_OK) status = nnrt_load_weights(options, instance, NULL, error);
    if (status == NNRT_OK) status = compute(&outputs, options, instance, error);
    if (status == NNRT_OK) status = write_outputs(&outputs, options->out, error);
    free_outputs(&outputs);
    return status;
}
