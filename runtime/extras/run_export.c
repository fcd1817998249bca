/* The command export: the weights alone, as evaluations use them, under the names that other programs know them by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"
#include "extras/checkpoint.h"
#include "extras/checkpoint_text.h"
#include "extras/cli.h"
#include "extras/convert.h"
#include "extras/weight_map.h"

typedef struct Export {
    nnrt_array *arrays; /* names are owned; data where owned[i] says so */
    bool       *owned;
    int         n;
} Export;

static void free_export(Export *export) {
    for (int i = 0; i < export->n; i++) {
        free(export->arrays[i].name);
        if (export->owned[i]) free(export->arrays[i].data);
    }
    free(export->arrays);
    free(export->owned);
}

static bool is_chosen(const nnrt_options *options, const nnrt_slot *slot) {
    if (slot->kind != NNRT_PARAM && slot->kind != NNRT_STATE && slot->kind != NNRT_FIT) return false;
    for (int i = 0; i < options->only.n; i++)
        if (nnrt_name_matches(options->only.items[i], slot->tensor.name)) return true;
    return options->only.n == 0;
}

/* A parameter's moving average where it has one: that is what was evaluated. */
static void *weight_data(const nnrt_instance *instance, int slot) {
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_EMA && model->slots[i].param == slot) return instance->slots[i];
    return instance->slots[slot];
}

/* Swaps the two axes in memory of its own. */
static nnrt_status transpose(nnrt_array *array, bool *owned, nnrt_error *error) {
    if (array->rank != 2)
        return nnrt_fail(error, NNRT_USAGE, "--rename '%.100s': only two axes can be swapped, it has %d", array->name,
                         array->rank);
    nnrt_array  swapped = *array;
    const char *from    = array->data;
    size_t      size    = nnrt_elem_size(array->elem);
    int64_t     rows = array->shape[0], columns = array->shape[1];
    swapped.shape[0]   = columns;
    swapped.shape[1]   = rows;
    nnrt_status status = nnrt_array_alloc(&swapped, array->name, error);
    if (status != NNRT_OK) return status;
    for (int64_t i = 0; i < columns; i++)
        for (int64_t k = 0; k < rows; k++)
            memcpy((char *)swapped.data + (size_t)(i * rows + k) * size, from + (size_t)(k * columns + i) * size, size);
    *array = swapped;
    *owned = true;
    return NNRT_OK;
}

static nnrt_status add_weight(Export *export, const nnrt_instance *instance, int slot, nnrt_map *renames,
                              nnrt_error *error) {
    nnrt_array  *array = &export->arrays[export->n];
    nnrt_mapping mapping;
    nnrt_status  status = nnrt_map_reverse(renames, instance->model->slots[slot].tensor.name, &mapping, error);
    if (status != NNRT_OK) return status;
    for (int i = 0; i < export->n; i++)
        if (strcmp(export->arrays[i].name, mapping.name) == 0)
            return nnrt_fail(error, NNRT_USAGE, "--rename makes two weights '%.200s'", mapping.name);
    *array      = nnrt_slot_array(instance, slot);
    array->data = weight_data(instance, slot);
    array->name = strdup(mapping.name);
    if (!array->name) return nnrt_fail_memory(error, 0, "a name");
    bool *owned = &export->owned[export->n++];
    return mapping.transposed ? transpose(array, owned, error) : NNRT_OK;
}

static nnrt_status collect(Export *export, const nnrt_options *options, const nnrt_instance *instance,
                           nnrt_map *renames, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    nnrt_status       status = NNRT_OK;
    export->arrays           = calloc((size_t)model->n_slots + 1, sizeof *export->arrays);
    export->owned            = calloc((size_t)model->n_slots + 1, sizeof *export->owned);
    if (!export->arrays || !export->owned) return nnrt_fail_memory(error, 0, "weights");
    for (int i = 0; i < model->n_slots && status == NNRT_OK; i++)
        if (is_chosen(options, &model->slots[i])) status = add_weight(export, instance, i, renames, error);
    if (status != NNRT_OK) return status;
    const nnrt_map_entry *entry = nnrt_map_unused(renames);
    if (entry)
        return nnrt_fail(error, NNRT_USAGE,
                         "--rename '%.100s=%.100s': no weight is called so: info --params lists them", entry->to,
                         entry->from);
    if (export->n > 0) return NNRT_OK;
    return options->only.n > 0
               ? nnrt_fail(error, NNRT_USAGE, "--only '%.100s': no weight is called so: info --params lists them",
                           options->only.items[0])
               : nnrt_fail(error, NNRT_USAGE, "model %s has no weights", model->name);
}

/* "digits.weights.safetensors" for model Digits; the caller frees it. */
static char *default_out(const nnrt_model *model) {
    static const char EXTENSION[] = ".weights.safetensors";
    char             *path        = nnrt_checkpoint_default_path(model);
    char             *dot         = path ? strrchr(path, '.') : NULL;
    char             *out         = dot ? malloc((size_t)(dot - path) + sizeof EXTENSION) : NULL;
    if (out) {
        memcpy(out, path, (size_t)(dot - path));
        strcpy(out + (dot - path), EXTENSION);
    }
    free(path);
    return out;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool is_npz(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".npz") == 0;
}

/* NumPy has no bf16: such weights are written as f32, which holds them exactly. */
static nnrt_status widen(Export *export, nnrt_error *error) {
    for (int i = 0; i < export->n; i++) {
        nnrt_array *array = &export->arrays[i], wide = *array;
        if (array->elem != NNRT_BF16) continue;
        wide.elem          = NNRT_F32;
        nnrt_status status = nnrt_array_alloc(&wide, array->name, error);
        if (status != NNRT_OK) return status;
        nnrt_convert(array->data, array->elem, wide.data, wide.elem, array->count);
        if (export->owned[i]) free(array->data);
        *array           = wide;
        export->owned[i] = true;
    }
    return NNRT_OK;
}

static nnrt_status write_npz(Export *export, const char *path, nnrt_error *error) {
    nnrt_status status = widen(export, error);
    return status == NNRT_OK ? nnrt_write_npz(path, export->arrays, export->n, error) : status;
}

/* With the vocabularies of the file that the weights come from: a prediction from texts needs them. */
static nnrt_status write_safetensors(const Export *export, const nnrt_options *options, const nnrt_model *model,
                                     const char *path, nnrt_error *error) {
    nnrt_vocabularies vocabularies = {0};
    char             *text         = NULL;
    nnrt_status       status       = nnrt_load_vocabularies(options, model, &vocabularies, error);
    if (status == NNRT_OK && !(text = nnrt_vocabularies_to_json(&vocabularies)))
        status = nnrt_fail_memory(error, 0, path);
    if (status == NNRT_OK) {
        const char *const metadata[] = {"format", "nnc", "model", model->name, "vocabularies", text};
        status =
            nnrt_write_safetensors(path, export->arrays, export->n, metadata, strcmp(text, "{}") == 0 ? 2 : 3, error);
    }
    free(text);
    nnrt_vocabularies_free(&vocabularies);
    return status;
}

static nnrt_status write_weights(Export *export, const nnrt_options *options, const nnrt_model *model, const char *path,
                                 nnrt_error *error) {
    nnrt_status status =
        is_npz(path) ? write_npz(export, path, error) : write_safetensors(export, options, model, path, error);
    if (status != NNRT_OK) return status;
    int64_t count = 0;
    for (int i = 0; i < export->n; i++) count += export->arrays[i].count;
    printf("exported %d weights, %lld elements: saved %s\n", export->n, (long long)count, path);
    return NNRT_OK;
}

static nnrt_status check_path(const char *path, nnrt_error *error) {
    const char *dot = strrchr(path, '.');
    if (!is_npz(path) && (!dot || strcmp(dot, ".safetensors") != 0))
        return nnrt_fail(error, NNRT_USAGE, "--out %s: the name must end in .safetensors or .npz", path);
    return nnrt_check_writable(path, error);
}

nnrt_status nnrt_run_export(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    char    *path      = options->out ? strdup(options->out) : default_out(instance->model);
    nnrt_map renames   = {0};
    Export export      = {0};
    nnrt_status status = path ? check_path(path, error) : nnrt_fail_memory(error, 0, "a file name");
    if (status == NNRT_OK)
        status = nnrt_map_parse(&renames, "--rename", options->renames.items, options->renames.n, error);
    if (status == NNRT_OK) status = nnrt_load_weights(options, instance, NULL, error);
    if (status == NNRT_OK) status = collect(&export, options, instance, &renames, error);
    if (status == NNRT_OK) status = write_weights(&export, options, instance->model, path, error);
    free_export(&export);
    nnrt_map_free(&renames);
    free(path);
    return status;
}
