#include "extras/checkpoint.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"

char *nnrt_checkpoint_default_path(const nnrt_model *model) {
    static const char EXTENSION[] = ".safetensors";
    size_t            size        = strlen(model->name);
    char             *path        = malloc(size + sizeof EXTENSION);
    if (!path) return NULL;
    for (size_t i = 0; i < size; i++) path[i] = (char)tolower((unsigned char)model->name[i]);
    memcpy(path + size, EXTENSION, sizeof EXTENSION);
    return path;
}

static bool is_saved(const nnrt_slot *slot) {
    return slot->kind != NNRT_METRIC && slot->kind != NNRT_HYPER;
}

static void add_integer(cJSON *object, const char *name, int64_t value) {
    char text[32]; /* as text: a JSON number of this library is a double */
    snprintf(text, sizeof text, "%lld", (long long)value);
    cJSON_AddRawToObject(object, name, text);
}

/* Settings and hyper-parameters as JSON; the caller frees it. */
static char *settings_text(const nnrt_instance *instance, const nnrt_settings *settings) {
    cJSON *object = cJSON_CreateObject();
    add_integer(object, "batch", settings->batch);
    if (settings->steps > 0)
        add_integer(object, "steps", settings->steps);
    else
        add_integer(object, "epochs", settings->epochs);
    add_integer(object, "seed", settings->seed);
    if (settings->data_sum) add_integer(object, "data_sum", settings->data_sum);
    cJSON_AddNumberToObject(object, "validation_split", settings->validation_split);
    cJSON_AddNumberToObject(object, "test_split", settings->test_split);
    cJSON_AddBoolToObject(object, "shuffle", settings->shuffle);
    for (int i = 0; i < instance->model->n_slots; i++) {
        const nnrt_slot *slot = &instance->model->slots[i];
        if (slot->kind == NNRT_HYPER)
            cJSON_AddNumberToObject(object, slot->tensor.name, *(const double *)instance->slots[i]);
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

nnrt_status nnrt_checkpoint_save(const nnrt_instance *instance, const nnrt_settings *settings, int64_t steps_done,
                                 const char *path, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    nnrt_array       *arrays = calloc((size_t)model->n_slots + 1, sizeof *arrays);
    char             *text   = settings_text(instance, settings), steps[32];
    int               n      = 0;
    for (int i = 0; arrays && i < model->n_slots; i++) {
        const nnrt_slot *slot = &model->slots[i];
        if (!is_saved(slot)) continue;
        const int64_t *shape = nnrt_instance_shape(instance, &slot->tensor);
        nnrt_array    *array = &arrays[n++];
        *array               = (nnrt_array){.name  = (char *)slot->tensor.name,
                                            .elem  = slot->tensor.elem,
                                            .rank  = slot->tensor.rank,
                                            .count = nnrt_shape_count(shape, slot->tensor.rank),
                                            .data  = instance->slots[i]};
        for (int axis = 0; axis < array->rank; axis++) array->shape[axis] = shape[axis];
    }
    snprintf(steps, sizeof steps, "%lld", (long long)steps_done);
    const char *const metadata[] = {"format", "nnc", "model", model->name, "settings", text, "steps_done", steps};
    nnrt_status       status =
        arrays && text ? nnrt_write_safetensors(path, arrays, n, metadata, 4, error) : nnrt_fail_memory(error, 0, path);
    free(arrays);
    free(text);
    return status;
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

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
        if (is_saved(&model->slots[i]) && strcmp(model->slots[i].tensor.name, name) == 0) return i;
    return -1;
}

static void compare_slot(const nnrt_instance *instance, int i, const nnrt_content *content, bool resume,
                         Differences *differences) {
    const nnrt_slot  *slot  = &instance->model->slots[i];
    const nnrt_array *array = find_array(content, slot->tensor.name);
    const int64_t    *shape = nnrt_instance_shape(instance, &slot->tensor);
    if (!array) {
        if (slot->kind != NNRT_OPTIMIZER || resume)
            differ(differences, "missing: %.80s %s%s", slot->tensor.name, nnrt_elem_name(slot->tensor.elem),
                   slot->tensor.shape_text);
        return;
    }
    bool same = array->elem == slot->tensor.elem && array->rank == slot->tensor.rank;
    for (int axis = 0; same && axis < array->rank; axis++) same = array->shape[axis] == shape[axis];
    char text[160];
    if (!same)
        differ(differences, "differs: %.80s is %s%s, the model has %s%s", slot->tensor.name,
               nnrt_elem_name(array->elem), nnrt_shape_text(array->shape, array->rank, text, sizeof text),
               nnrt_elem_name(slot->tensor.elem), slot->tensor.shape_text);
}

static nnrt_status load_content(nnrt_instance *instance, const char *path, const nnrt_content *content, bool resume,
                                nnrt_error *error) {
    const nnrt_model *model       = instance->model;
    Differences       differences = {0};
    for (int i = 0; i < model->n_slots; i++)
        if (is_saved(&model->slots[i])) compare_slot(instance, i, content, resume, &differences);
    for (int i = 0; i < content->n_arrays; i++)
        if (find_slot(model, content->arrays[i].name) < 0)
            differ(&differences, "unknown: %.80s", content->arrays[i].name);
    if (differences.n > SHOWN && differences.used < sizeof differences.text)
        snprintf(differences.text + differences.used, sizeof differences.text - differences.used, "\n  and %d more",
                 differences.n - SHOWN);
    if (differences.n > 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: these weights are not model %s's:%s", path, model->name,
                         differences.text);
    for (int i = 0; i < model->n_slots; i++) {
        const nnrt_array *array = is_saved(&model->slots[i]) ? find_array(content, model->slots[i].tensor.name) : NULL;
        if (array) memcpy(instance->slots[i], array->data, instance->slot_nbytes[i]);
    }
    return NNRT_OK;
}

/* The entry of a checkpoint's metadata, or -1. */
static int64_t read_steps_done(const nnrt_content *content) {
    cJSON       *metadata = content->metadata ? cJSON_Parse(content->metadata) : NULL;
    const cJSON *item     = cJSON_GetObjectItemCaseSensitive(metadata, "steps_done");
    char        *end      = NULL;
    int64_t      steps    = cJSON_IsString(item) ? strtoll(item->valuestring, &end, 10) : -1;
    if (!end || *end != 0 || steps > INT64_MAX / 65536) steps = -1;
    cJSON_Delete(metadata);
    return steps;
}

/* A whole number of settings_text, exactly (a JSON number of this library is a double); 0 if it is not there. */
static int64_t find_integer(const char *settings, const char *quoted_name) {
    const char *at = strstr(settings, quoted_name);
    return at ? strtoll(at + strlen(quoted_name), NULL, 10) : 0;
}

static void read_trained(const nnrt_content *content, nnrt_settings *trained) {
    cJSON       *metadata = content->metadata ? cJSON_Parse(content->metadata) : NULL;
    const cJSON *text     = cJSON_GetObjectItemCaseSensitive(metadata, "settings");
    cJSON       *settings = cJSON_IsString(text) ? cJSON_Parse(text->valuestring) : NULL;
    const cJSON *val      = cJSON_GetObjectItemCaseSensitive(settings, "validation_split");
    const cJSON *test     = cJSON_GetObjectItemCaseSensitive(settings, "test_split");
    *trained              = (nnrt_settings){0};
    if (cJSON_IsNumber(val) && cJSON_IsNumber(test)) {
        trained->validation_split = val->valuedouble;
        trained->test_split       = test->valuedouble;
        trained->batch            = find_integer(text->valuestring, "\"batch\":");
        trained->seed             = find_integer(text->valuestring, "\"seed\":");
        trained->data_sum         = find_integer(text->valuestring, "\"data_sum\":");
    }
    cJSON_Delete(settings);
    cJSON_Delete(metadata);
}

/* steps_done NULL: weights alone will do. */
static nnrt_status load(nnrt_instance *instance, const char *path, int64_t *steps_done, nnrt_settings *trained,
                        nnrt_error *error) {
    nnrt_bytes   bytes;
    nnrt_content content = {0};
    nnrt_status  status  = nnrt_read_file(path, &bytes, error);
    if (status != NNRT_OK) return status;
    status = nnrt_read_safetensors(path, &bytes, &content, error);
    free(bytes.data);
    if (status == NNRT_OK) status = load_content(instance, path, &content, steps_done != NULL, error);
    if (status == NNRT_OK && steps_done && (*steps_done = read_steps_done(&content)) < 0)
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: does not say how many steps were done: start from it with --init",
                           path);
    if (status == NNRT_OK && trained) read_trained(&content, trained);
    nnrt_content_free(&content);
    return status;
}

nnrt_status nnrt_checkpoint_settings(const char *path, nnrt_settings *trained, nnrt_error *error) {
    nnrt_bytes   bytes;
    nnrt_content content = {0};
    nnrt_status  status  = nnrt_read_file(path, &bytes, error);
    if (status != NNRT_OK) return status;
    status = nnrt_read_safetensors(path, &bytes, &content, error);
    free(bytes.data);
    if (status == NNRT_OK) read_trained(&content, trained);
    nnrt_content_free(&content);
    return status;
}

nnrt_status nnrt_checkpoint_load(nnrt_instance *instance, const char *path, nnrt_settings *trained, nnrt_error *error) {
    return load(instance, path, NULL, trained, error);
}

nnrt_status nnrt_checkpoint_resume(nnrt_instance *instance, const char *path, int64_t *steps_done, nnrt_error *error) {
    return load(instance, path, steps_done, NULL, error);
}
