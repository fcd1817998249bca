/* Vocabularies as JSON: {"job": {"texts": ["Sales", ...]}, "x": {"means": [38.6]}}. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/status.h"
#include "extras/vocabulary.h"

static cJSON *entry(const nnrt_vocabulary *v) {
    cJSON *object = cJSON_CreateObject();
    if (v->n_means > 0) cJSON_AddItemToObject(object, "means", cJSON_CreateDoubleArray(v->means, (int)v->n_means));
    if (v->slots) {
        cJSON *texts = cJSON_AddArrayToObject(object, "texts");
        for (int64_t i = 0; i < v->n_texts; i++) cJSON_AddItemToArray(texts, cJSON_CreateString(v->texts[i]));
    }
    return object;
}

char *nnrt_vocabularies_to_json(const nnrt_vocabularies *vocabularies) {
    cJSON *object = cJSON_CreateObject();
    for (int i = 0; vocabularies->inputs && i < vocabularies->model->n_inputs; i++) {
        const nnrt_vocabulary *v = &vocabularies->inputs[i];
        if (v->slots || v->n_means > 0)
            cJSON_AddItemToObject(object, vocabularies->model->inputs[i].tensor.name, entry(v));
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

static bool read_texts(nnrt_vocabulary *v, const cJSON *texts, int64_t room) {
    int n = cJSON_GetArraySize(texts);
    if (!cJSON_IsArray(texts) || n > room) return false;
    v->texts = calloc((size_t)n + 1, sizeof *v->texts);
    const cJSON *text;
    cJSON_ArrayForEach(text, texts) {
        if (!v->texts || !cJSON_IsString(text) || !(v->texts[v->n_texts] = strdup(text->valuestring))) return false;
        v->n_texts++;
    }
    return v->texts && nnrt_vocabulary_index(v);
}

static bool read_means(nnrt_vocabulary *v, const cJSON *means, int64_t n) {
    if (!cJSON_IsArray(means) || cJSON_GetArraySize(means) != n) return false;
    v->means = calloc((size_t)n + 1, sizeof *v->means);
    const cJSON *mean;
    cJSON_ArrayForEach(mean, means) {
        if (!v->means || !cJSON_IsNumber(mean) || !isfinite(mean->valuedouble)) return false;
        v->means[v->n_means++] = mean->valuedouble;
    }
    return v->means != NULL;
}

static bool read_entry(nnrt_vocabulary *v, const nnrt_input *input, const cJSON *object) {
    const cJSON *texts = cJSON_GetObjectItemCaseSensitive(object, "texts");
    const cJSON *means = cJSON_GetObjectItemCaseSensitive(object, "means");
    int64_t      limit = nnrt_vocabulary_limit(input), room = limit == 0 ? INT32_MAX : limit - !input->is_target;
    if (input->source.missing == NNRT_MISSING_MEAN) return read_means(v, means, input->source.n_columns);
    return read_texts(v, texts, room);
}

nnrt_status nnrt_vocabularies_from_json(nnrt_vocabularies *vocabularies, const nnrt_model *model, const char *json,
                                        const char *path, nnrt_error *error) {
    *vocabularies = (nnrt_vocabularies){model, calloc((size_t)model->n_inputs + 1, sizeof(nnrt_vocabulary))};
    if (!vocabularies->inputs) return nnrt_fail_memory(error, 0, "vocabularies");
    cJSON      *object = json ? cJSON_Parse(json) : cJSON_CreateObject();
    nnrt_status status = NNRT_OK;
    if (!cJSON_IsObject(object))
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: its vocabularies are damaged: get or save the file again", path);
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++) {
        const nnrt_input *input = &model->inputs[i];
        const cJSON      *found = cJSON_GetObjectItemCaseSensitive(object, input->tensor.name);
        if (!found || read_entry(&vocabularies->inputs[i], input, found)) continue;
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: its vocabulary of '%s' does not fit this program: train anew",
                           path, input->tensor.name);
    }
    cJSON_Delete(object);
    return status;
}

/* ---- in a file of weights ---------------------------------------------------------------------------------------- */

/* The header of a safetensors file alone, for weights can be large; NULL where there is none. */
static nnrt_status read_header(const char *path, cJSON **header, nnrt_error *error) {
    unsigned char length[8];
    uint64_t      size   = 0;
    nnrt_status   status = NNRT_OK;
    FILE         *file   = fopen(path, "rb");
    *header              = NULL;
    if (!file) return NNRT_OK;
    bool read = fread(length, 1, sizeof length, file) == sizeof length;
    for (int i = 0; read && i < 8; i++) size |= (uint64_t)length[i] << (8 * i);
    if (read && fseek(file, 0, SEEK_END) == 0 && size <= (uint64_t)ftell(file) && fseek(file, 8, SEEK_SET) == 0) {
        char *text = malloc((size_t)size + 1);
        if (!text) status = nnrt_fail_memory(error, (size_t)size, path);
        if (text && fread(text, 1, (size_t)size, file) == size) *header = cJSON_ParseWithLength(text, (size_t)size);
        free(text);
    }
    fclose(file);
    return status;
}

nnrt_status nnrt_vocabularies_read(nnrt_vocabularies *vocabularies, const nnrt_model *model, const char *path,
                                   bool *found, nnrt_error *error) {
    cJSON      *header;
    nnrt_status status = read_header(path, &header, error);
    if (status != NNRT_OK) return status;
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(header, "__metadata__");
    const cJSON *text     = cJSON_GetObjectItemCaseSensitive(metadata, "vocabularies");
    const char  *json     = cJSON_IsString(text) ? text->valuestring : NULL;
    if (found) *found = json != NULL;
    status = nnrt_vocabularies_from_json(vocabularies, model, json, path, error);
    cJSON_Delete(header);
    return status;
}

nnrt_status nnrt_vocabularies_of_metadata(nnrt_vocabularies *vocabularies, const nnrt_model *model,
                                          const char *metadata, const char *source, nnrt_error *error) {
    cJSON       *object = cJSON_Parse(metadata);
    const cJSON *text   = cJSON_GetObjectItemCaseSensitive(object, "vocabularies");
    nnrt_status  status = nnrt_vocabularies_from_json(vocabularies, model,
                                                     cJSON_IsString(text) ? text->valuestring : NULL, source, error);
    cJSON_Delete(object);
    return status;
}
