#include "extras/checkpoint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"
#include "extras/checkpoint_text.h"
#include "extras/vocabulary.h"

char *nnrt_checkpoint_default_path(const nnrt_model *model) {
    static const char EXTENSION[] = ".safetensors";
    size_t            size        = strlen(model->name);
    char             *path        = malloc(size + sizeof EXTENSION);
    if (!path) return NULL;
    for (size_t i = 0; i < size; i++) path[i] = (char)tolower((unsigned char)model->name[i]);
    memcpy(path + size, EXTENSION, sizeof EXTENSION);
    return path;
}

nnrt_array nnrt_slot_array(const nnrt_instance *instance, int i) {
    const nnrt_slot *slot  = &instance->model->slots[i];
    const int64_t   *shape = nnrt_instance_shape(instance, &slot->tensor);
    nnrt_array       array = {.name  = (char *)slot->tensor.name,
                              .elem  = slot->tensor.elem,
                              .rank  = slot->tensor.rank,
                              .count = nnrt_shape_count(shape, slot->tensor.rank),
                              .data  = instance->slots[i]};
    for (int axis = 0; axis < array.rank; axis++) array.shape[axis] = shape[axis];
    return array;
}

/* Appends an entry unless it is empty or there is none; returns their number. */
static int add_text(const char **metadata, int n, const char *name, const char *text) {
    if (!text || strcmp(text, "{}") == 0) return n;
    metadata[2 * n]     = name;
    metadata[2 * n + 1] = text;
    return n + 1;
}

/* The best weights so far, each under its slot's name behind a prefix, which is owned. False without memory. */
static bool add_best(const nnrt_instance *instance, const nnrt_trainer_state *state, nnrt_array *arrays, int *n) {
    for (int i = 0; i < state->n_slots; i++) {
        if (!state->best_slots[i]) continue;
        nnrt_array *array = &arrays[*n];
        const char *path  = instance->model->slots[i].tensor.name;
        size_t      size  = strlen(path) + sizeof NNRT_BEST_PREFIX;
        *array            = nnrt_slot_array(instance, i);
        array->data       = state->best_slots[i];
        array->name       = malloc(size);
        if (!array->name) return false;
        snprintf(array->name, size, "%s%s", NNRT_BEST_PREFIX, path);
        ++*n;
    }
    return true;
}

/* `state` NULL: none is written. */
static nnrt_status save(const nnrt_instance *instance, const nnrt_settings *settings, int64_t steps_done,
                        const nnrt_trainer_state *state, const char *path, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    nnrt_array       *arrays = calloc(2 * (size_t)model->n_slots + 1, sizeof *arrays);
    char *text = nnrt_settings_text(instance, settings), *state_text = NULL, *vocabularies = NULL, steps[32];
    int   n = 0, n_metadata = 4;
    bool  whole = arrays && text && (!state || nnrt_state_text(state, &state_text));
    if (whole && settings->vocabularies)
        whole = (vocabularies = nnrt_vocabularies_to_json(settings->vocabularies)) != NULL;
    for (int i = 0; whole && i < model->n_slots; i++)
        if (nnrt_checkpoint_keeps(&model->slots[i])) arrays[n++] = nnrt_slot_array(instance, i);
    int n_slots = n;
    if (whole && state && state->best_slots && state->best_step != steps_done)
        whole = add_best(instance, state, arrays, &n);
    snprintf(steps, sizeof steps, "%lld", (long long)steps_done);
    const char *metadata[12] = {"format", "nnc", "model", model->name, "settings", text, "steps_done", steps};
    n_metadata               = add_text(metadata, n_metadata, "state", state_text);
    n_metadata               = add_text(metadata, n_metadata, "vocabularies", vocabularies);
    nnrt_status status =
        whole ? nnrt_write_safetensors(path, arrays, n, metadata, n_metadata, error) : nnrt_fail_memory(error, 0, path);
    for (int i = n_slots; i < n; i++) free(arrays[i].name);
    free(arrays);
    free(text);
    free(state_text);
    free(vocabularies);
    return status;
}

nnrt_status nnrt_checkpoint_save(const nnrt_instance *instance, const nnrt_settings *settings, int64_t steps_done,
                                 const char *path, nnrt_error *error) {
    return save(instance, settings, steps_done, NULL, path, error);
}

nnrt_status nnrt_checkpoint_save_training(const nnrt_training *training, const char *path, nnrt_error *error) {
    return save(training->instance, training->settings, training->steps_done, &training->state, path, error);
}
