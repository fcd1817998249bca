/* Loading checkpoints: everything is compared before anything is changed. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"
#include "extras/checkpoint.h"
#include "extras/checkpoint_text.h"

enum { SHOWN = 4 /* differences in a message */ };

typedef struct Differences {
    char   text[400];
    size_t used;
    int    n;
} Differences;

static void differ(Differences *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void differ(Differences *d, const char *format, ...) {
    if (d->n++ >= SHOWN || d->used >= sizeof d->text) return;
    va_list arguments;
    va_start(arguments, format);
    d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "\n  ");
    if (d->used < sizeof d->text)
        d->used += (size_t)vsnprintf(d->text + d->used, sizeof d->text - d->used, format, arguments);
    va_end(arguments);
}

static const nnrt_array *find_array(const nnrt_content *content, const char *name) {
    for (int i = 0; i < content->n_arrays; i++)
        if (strcmp(content->arrays[i].name, name) == 0) return &content->arrays[i];
    return NULL;
}

static int find_slot(const nnrt_model *model, const char *name) {
    for (int i = 0; i < model->n_slots; i++)
        if (nnrt_checkpoint_keeps(&model->slots[i]) && strcmp(model->slots[i].tensor.name, name) == 0) return i;
    return -1;
}

/* A slot's, or a copy of one that the training keeps as the best so far. */
static bool is_known(const nnrt_model *model, const char *name) {
    size_t n = strlen(NNRT_BEST_PREFIX);
    return find_slot(model, strncmp(name, NNRT_BEST_PREFIX, n) == 0 ? name + n : name) >= 0;
}

static bool fits(const nnrt_instance *instance, int slot, const nnrt_array *array) {
    const nnrt_tensor *tensor = &instance->model->slots[slot].tensor;
    const int64_t     *shape  = nnrt_instance_shape(instance, tensor);
    bool               same   = array->elem == tensor->elem && array->rank == tensor->rank;
    for (int axis = 0; same && axis < array->rank; axis++) same = array->shape[axis] == shape[axis];
    return same;
}

static void compare_slot(const nnrt_instance *instance, int i, const nnrt_content *content, bool resume,
                         Differences *differences) {
    const nnrt_slot  *slot  = &instance->model->slots[i];
    const nnrt_array *array = find_array(content, slot->tensor.name);
    if (!array) {
        if (resume || (slot->kind != NNRT_OPTIMIZER && (slot->kind != NNRT_EMA || slot->param < 0)))
            differ(differences, "missing: %.80s %s%s", slot->tensor.name, nnrt_elem_name(slot->tensor.elem),
                   slot->tensor.shape_text);
        return;
    }
    char text[160];
    if (!fits(instance, i, array))
        differ(differences, "differs: %.80s is %s%s, the model has %s%s", slot->tensor.name,
               nnrt_elem_name(array->elem), nnrt_shape_text(array->shape, array->rank, text, sizeof text),
               nnrt_elem_name(slot->tensor.elem), slot->tensor.shape_text);
}

/* A file of weights alone has no moving averages: they become what their parameters are. */
static nnrt_status fill_slots(nnrt_instance *instance, const nnrt_content *content, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    nnrt_status       status = NNRT_OK;
    for (int i = 0; i < model->n_slots && status == NNRT_OK; i++) {
        const nnrt_slot  *slot  = &model->slots[i];
        const nnrt_array *array = nnrt_checkpoint_keeps(slot) ? find_array(content, slot->tensor.name) : NULL;
        if (!array && slot->kind == NNRT_EMA && slot->param >= 0)
            array = find_array(content, model->slots[slot->param].tensor.name);
        if (array) status = nnrt_array_read(content, array, instance->slots[i], error);
    }
    return status;
}

/* Compiled for predictions alone: the file may hold what only training needs. */
static bool predicts_only(const nnrt_model *model) {
    return nnrt_model_fn(model, NNRT_FN_INIT, 0) < 0;
}

static nnrt_status load_content(nnrt_instance *instance, const char *path, const nnrt_content *content, bool resume,
                                nnrt_error *error) {
    const nnrt_model *model       = instance->model;
    Differences       differences = {0};
    for (int i = 0; i < model->n_slots; i++)
        if (nnrt_checkpoint_keeps(&model->slots[i])) compare_slot(instance, i, content, resume, &differences);
    int n_known = 0;
    for (int i = 0; i < content->n_arrays; i++)
        if (is_known(model, content->arrays[i].name))
            n_known++;
        else if (!predicts_only(model))
            differ(&differences, "unknown: %.80s", content->arrays[i].name);
    if (differences.n > SHOWN && differences.used < sizeof differences.text)
        snprintf(differences.text + differences.used, sizeof differences.text - differences.used, "\n  and %d more",
                 differences.n - SHOWN);
    if (differences.n > 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: these weights are not model %s's:%s%s", path, model->name,
                         differences.text,
                         resume         ? "\n  weights alone are no training to go on with: start from them with --init"
                         : n_known == 0 ? "\n  another program's names are given by --map TO=FROM"
                                        : "");
    return fill_slots(instance, content, error);
}

nnrt_status nnrt_checkpoint_settings(nnrt_instance *instance, const char *path, nnrt_settings *trained,
                                     nnrt_error *error) {
    nnrt_content content;
    nnrt_status  status = nnrt_open_safetensors(path, &content, error);
    if (status == NNRT_OK) nnrt_settings_read(&content, trained, instance);
    nnrt_content_free(&content);
    return status;
}

nnrt_status nnrt_checkpoint_load(nnrt_instance *instance, const char *path, nnrt_settings *trained, nnrt_error *error) {
    nnrt_content content;
    nnrt_status  status = nnrt_open_safetensors(path, &content, error);
    if (status == NNRT_OK) status = load_content(instance, path, &content, false, error);
    if (status == NNRT_OK && trained) nnrt_settings_read(&content, trained, NULL);
    nnrt_content_free(&content);
    return status;
}

nnrt_status nnrt_checkpoint_load_net(nnrt_instance *instance, const char *path, int64_t *steps_done,
                                     nnrt_error *error) {
    nnrt_content  content;
    nnrt_settings settings;
    nnrt_status   status = nnrt_open_safetensors(path, &content, error);
    if (status == NNRT_OK) status = load_content(instance, path, &content, false, error);
    if (status == NNRT_OK) {
        nnrt_settings_read(&content, &settings, instance);
        *steps_done = nnrt_steps_read(&content);
    }
    nnrt_content_free(&content);
    return status;
}

static bool has_best(const nnrt_content *content) {
    for (int i = 0; i < content->n_arrays; i++)
        if (strncmp(content->arrays[i].name, NNRT_BEST_PREFIX, strlen(NNRT_BEST_PREFIX)) == 0) return true;
    return false;
}

/* The best weights so far: without them, those of the slots are the best. */
static nnrt_status load_best(nnrt_training *training, const char *path, const nnrt_content *content,
                             nnrt_error *error) {
    const nnrt_instance *instance = training->instance;
    char                 name[4096];
    if (!has_best(content)) return NNRT_OK;
    if (!nnrt_trainer_state_best(&training->state, instance)) return nnrt_fail_memory(error, 0, path);
    for (int i = 0; i < training->state.n_slots; i++) {
        if (!training->state.best_slots[i]) continue;
        snprintf(name, sizeof name, "%s%s", NNRT_BEST_PREFIX, instance->model->slots[i].tensor.name);
        const nnrt_array *array = find_array(content, name);
        if (!array || !fits(instance, i, array))
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: '%.100s' is missing or differs: start from its weights with --init", path, name);
        nnrt_status status = nnrt_array_read(content, array, training->state.best_slots[i], error);
        if (status != NNRT_OK) return status;
    }
    return NNRT_OK;
}

nnrt_status nnrt_checkpoint_resume(nnrt_training *training, const char *path, nnrt_error *error) {
    nnrt_content content;
    nnrt_status  status = nnrt_open_safetensors(path, &content, error);
    if (status == NNRT_OK) status = load_content(training->instance, path, &content, true, error);
    if (status == NNRT_OK) status = nnrt_state_read(&content, path, training, error);
    if (status == NNRT_OK) status = load_best(training, path, &content, error);
    nnrt_content_free(&content);
    return status;
}
