#include "extras/checkpoint_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/status.h"

bool nnrt_checkpoint_keeps(const nnrt_slot *slot) {
    return slot->kind != NNRT_METRIC && slot->kind != NNRT_HYPER && slot->kind != NNRT_GRADIENT;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static void add_integer(cJSON *object, const char *name, int64_t value) {
    char text[32]; /* as text: a JSON number of this library is a double */
    snprintf(text, sizeof text, "%lld", (long long)value);
    cJSON_AddRawToObject(object, name, text);
}

/* What the train block alone decides, so that the file tells all that made it. */
static void add_fixed(cJSON *object, const nnrt_train_settings *train) {
    if (train->ema > 0) cJSON_AddNumberToObject(object, "ema", train->ema);
    if (train->stop_patience <= 0) return;
    cJSON *stop = cJSON_AddObjectToObject(object, "early_stop");
    cJSON_AddStringToObject(stop, "metric", train->stop_metric ? train->stop_metric : "");
    add_integer(stop, "patience", train->stop_patience);
    cJSON_AddNumberToObject(stop, "min_delta", train->stop_min_delta);
}

char *nnrt_settings_text(const nnrt_instance *instance, const nnrt_settings *settings) {
    cJSON *object = cJSON_CreateObject();
    add_integer(object, "batch", settings->batch);
    if (settings->accumulate > 1) add_integer(object, "accumulate", settings->accumulate);
    if (settings->steps > 0)
        add_integer(object, "steps", settings->steps);
    else
        add_integer(object, "epochs", settings->epochs);
    add_integer(object, "seed", settings->seed);
    if (settings->data_sum) add_integer(object, "data_sum", settings->data_sum);
    cJSON_AddNumberToObject(object, "validation_split", settings->validation_split);
    cJSON_AddNumberToObject(object, "test_split", settings->test_split);
    cJSON_AddBoolToObject(object, "shuffle", settings->shuffle);
    add_fixed(object, &instance->model->train);
    for (int i = 0; i < instance->model->n_slots; i++) {
        const nnrt_slot *slot = &instance->model->slots[i];
        if (slot->kind == NNRT_HYPER)
            cJSON_AddNumberToObject(object, slot->tensor.name, *(const double *)instance->slots[i]);
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

/* An entry of the metadata as text; NULL when there is none. Part of `metadata`. */
static const char *find_text(const cJSON *metadata, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* A whole number of nnrt_settings_text, exactly; 0 when it is not there or not in [0, high]. */
static int64_t find_integer(const char *settings, const char *quoted_name, int64_t high) {
    const char *at    = strstr(settings, quoted_name);
    int64_t     value = at ? strtoll(at + strlen(quoted_name), NULL, 10) : 0;
    return value >= 0 && value <= high ? value : 0;
}

static bool is_share(const cJSON *item) {
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1;
}

static void read_hypers(const cJSON *settings, nnrt_instance *instance) {
    for (int i = 0; i < instance->model->n_slots; i++) {
        const nnrt_slot *slot = &instance->model->slots[i];
        const cJSON     *item = cJSON_GetObjectItemCaseSensitive(settings, slot->tensor.name);
        if (slot->kind == NNRT_HYPER && !slot->frozen && cJSON_IsNumber(item) && isfinite(item->valuedouble))
            *(double *)instance->slots[i] = item->valuedouble;
    }
}

void nnrt_settings_read(const nnrt_content *content, nnrt_settings *settings, nnrt_instance *instance) {
    cJSON       *metadata = content->metadata ? cJSON_Parse(content->metadata) : NULL;
    const char  *text     = find_text(metadata, "settings");
    cJSON       *object   = text ? cJSON_Parse(text) : NULL;
    const cJSON *val      = cJSON_GetObjectItemCaseSensitive(object, "validation_split");
    const cJSON *test     = cJSON_GetObjectItemCaseSensitive(object, "test_split");
    *settings             = (nnrt_settings){0};
    if (is_share(val) && is_share(test)) {
        settings->validation_split = val->valuedouble;
        settings->test_split       = test->valuedouble;
        settings->batch            = find_integer(text, "\"batch\":", INT32_MAX);
        settings->accumulate       = find_integer(text, "\"accumulate\":", INT32_MAX);
        settings->epochs           = find_integer(text, "\"epochs\":", INT32_MAX);
        settings->steps            = find_integer(text, "\"steps\":", INT32_MAX);
        settings->seed             = find_integer(text, "\"seed\":", INT64_MAX);
        settings->data_sum         = find_integer(text, "\"data_sum\":", INT64_MAX);
        settings->shuffle          = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "shuffle"));
        if (instance) read_hypers(object, instance);
    }
    cJSON_Delete(object);
    cJSON_Delete(metadata);
}

/* ---- the state of a training ------------------------------------------------------------------------------------- */

static bool has_sums(const nnrt_trainer_state *state) {
    for (int i = 0; i < state->n_sums; i++)
        if (state->sums[i] != 0) return true;
    return false;
}

bool nnrt_state_text(const nnrt_trainer_state *state, char **text) {
    *text = NULL;
    if (!has_sums(state) && state->best_step == 0) return true;
    cJSON *object = cJSON_CreateObject();
    if (has_sums(state)) {
        cJSON *sums = cJSON_AddArrayToObject(object, "sums");
        for (int i = 0; i < state->n_sums; i++) cJSON_AddItemToArray(sums, cJSON_CreateNumber(state->sums[i]));
    }
    if (state->best_step > 0) {
        cJSON_AddNumberToObject(object, "best", state->best);
        add_integer(object, "best_step", state->best_step);
        add_integer(object, "waited", state->waited);
    }
    *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return *text != NULL;
}

static bool read_sums(const cJSON *sums, const nnrt_model *model, nnrt_trainer_state *state) {
    const cJSON *item;
    if (!sums) return true;
    if (!cJSON_IsArray(sums) || cJSON_GetArraySize(sums) != nnrt_trainer_n_sums(model)) return false;
    state->sums = calloc((size_t)cJSON_GetArraySize(sums) + 1, sizeof *state->sums);
    if (!state->sums) return false;
    cJSON_ArrayForEach(item, sums) {
        if (!cJSON_IsNumber(item)) return false;
        state->sums[state->n_sums++] = item->valuedouble;
    }
    return true;
}

/* A whole number from 0 to `high`. */
static bool read_count(const cJSON *item, int64_t high, int64_t *value) {
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > (double)high) return false;
    *value = (int64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static bool read_best(const cJSON *object, int64_t steps_done, nnrt_trainer_state *state) {
    const cJSON *best = cJSON_GetObjectItemCaseSensitive(object, "best");
    if (!best) return true;
    state->best = cJSON_IsNumber(best) ? best->valuedouble : NAN;
    return isfinite(state->best) &&
           read_count(cJSON_GetObjectItemCaseSensitive(object, "best_step"), steps_done, &state->best_step) &&
           read_count(cJSON_GetObjectItemCaseSensitive(object, "waited"), steps_done, &state->waited);
}

/* What is there must be right; an object without anything is none that was written here. */
static bool read_state(const cJSON *object, nnrt_training *training) {
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(object, "sums");
    return read_sums(sums, training->instance->model, &training->state) &&
           read_best(object, training->steps_done, &training->state) && (sums || training->state.best_step > 0);
}

static int64_t read_steps(const cJSON *metadata) {
    const char *text = find_text(metadata, "steps_done");
    char       *end  = NULL;
    int64_t     n    = text && *text ? strtoll(text, &end, 10) : -1;
    return end && *end == 0 && n <= INT64_MAX / 65536 ? n : -1;
}

int64_t nnrt_steps_read(const nnrt_content *content) {
    cJSON  *metadata = content->metadata ? cJSON_Parse(content->metadata) : NULL;
    int64_t steps    = read_steps(metadata);
    cJSON_Delete(metadata);
    return steps > 0 ? steps : 0;
}

nnrt_status nnrt_state_read(const nnrt_content *content, const char *path, nnrt_training *training, nnrt_error *error) {
    cJSON      *metadata = content->metadata ? cJSON_Parse(content->metadata) : NULL;
    const char *text     = find_text(metadata, "state");
    cJSON      *object   = text ? cJSON_Parse(text) : NULL;
    nnrt_status status   = NNRT_OK;
    training->steps_done = read_steps(metadata);
    if (training->steps_done < 0)
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: does not say how many steps were done: start from it with --init",
                           path);
    else if (text && !read_state(object, training))
        status = nnrt_fail(error, NNRT_BAD_DATA,
                           "%s: its state of the training is damaged: start from its weights with --init", path);
    cJSON_Delete(object);
    cJSON_Delete(metadata);
    return status;
}
