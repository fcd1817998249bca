/* safetensors: 8 bytes header length, a JSON object (name: dtype, shape, data_offsets), then the elements.
 * https://huggingface.co/docs/safetensors */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"

static const char *const DTYPES[] = {
    [NNRT_F32] = "F32", [NNRT_F64] = "F64", [NNRT_BF16] = "BF16", [NNRT_F16] = "F16",
    [NNRT_I32] = "I32", [NNRT_I64] = "I64", [NNRT_U8] = "U8",     [NNRT_BOOL] = "BOOL",
};
enum { N_DTYPES = sizeof DTYPES / sizeof *DTYPES };

static nnrt_status fail_damaged(const char *path, const char *what, const char *detail, nnrt_error *error) {
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: damaged safetensors file: %s%.100s: get or save it again", path, what,
                     detail);
}

/* A JSON number that is a size or an offset. */
static bool whole_number(const cJSON *item, int64_t *value) {
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 0x1p53) return false;
    *value = (int64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static nnrt_status read_entry(const char *path, const cJSON *entry, const nnrt_bytes *data, nnrt_array *array,
                              nnrt_error *error) {
    const char  *name    = entry->string;
    const cJSON *dtype   = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    const cJSON *shape   = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    int64_t      begin, end;
    if (!cJSON_IsString(dtype) || !cJSON_IsArray(shape) || cJSON_GetArraySize(offsets) != 2)
        return fail_damaged(path, "no dtype, shape and data_offsets for ", name, error);
    array->elem = -1;
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(DTYPES[i], dtype->valuestring) == 0) array->elem = i;
    if (array->elem < 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: '%.100s' has type %.20s, which is not read", path, name,
                         dtype->valuestring);
    if (cJSON_GetArraySize(shape) > NNRT_MAX_RANK)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: '%.100s' has more than %d axes", path, name, NNRT_MAX_RANK);
    const cJSON *size;
    cJSON_ArrayForEach(size, shape) if (!whole_number(size, &array->shape[array->rank++])) return fail_damaged(
        path, "bad shape of ", name, error);
    bool bounded = whole_number(cJSON_GetArrayItem(offsets, 0), &begin) &&
                   whole_number(cJSON_GetArrayItem(offsets, 1), &end) && begin <= end && (size_t)end <= data->size;
    if (!bounded) return fail_damaged(path, "it ends before the elements of ", name, error);
    int64_t count = nnrt_shape_count(array->shape, array->rank);
    if (count < 0 || count * (int64_t)nnrt_elem_size(array->elem) != end - begin)
        return fail_damaged(path, "shape and data_offsets disagree for ", name, error);
    nnrt_status status = nnrt_array_alloc(array, path, error);
    if (status != NNRT_OK) return status;
    memcpy(array->data, data->data + begin, (size_t)(end - begin));
    array->name = strdup(name);
    return array->name ? NNRT_OK : nnrt_fail_memory(error, 0, path);
}

static nnrt_status read_entries(const char *path, const cJSON *header, const nnrt_bytes *data, nnrt_content *content,
                                nnrt_error *error) {
    content->arrays = calloc((size_t)cJSON_GetArraySize(header) + 1, sizeof *content->arrays);
    if (!content->arrays) return nnrt_fail_memory(error, 0, path);
    nnrt_status  status = NNRT_OK;
    size_t       taken  = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, header) {
        if (strcmp(entry->string, "__metadata__") == 0) {
            free(content->metadata);
            content->metadata = cJSON_PrintUnformatted(entry);
            continue;
        }
        nnrt_array *array = &content->arrays[content->n_arrays++];
        status            = read_entry(path, entry, data, array, error);
        if (status != NNRT_OK) return status;
        taken += nnrt_array_nbytes(array); /* so that a small file cannot fill the memory */
        if (taken > data->size) return fail_damaged(path, "arrays share elements: ", entry->string, error);
    }
    if (content->n_arrays > 0) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: holds no arrays", path);
}

nnrt_status nnrt_read_safetensors(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    uint64_t size = 0;
    if (bytes->size < 8) return fail_damaged(path, "it ends inside the header", "", error);
    for (int i = 0; i < 8; i++) size |= (uint64_t)bytes->data[i] << (8 * i);
    if (size > bytes->size - 8) return fail_damaged(path, "it ends inside the header", "", error);
    cJSON *header = cJSON_ParseWithLength((const char *)bytes->data + 8, (size_t)size);
    if (!cJSON_IsObject(header)) {
        cJSON_Delete(header);
        return fail_damaged(path, "its header is no JSON object", "", error);
    }
    const nnrt_bytes data   = {bytes->data + 8 + size, bytes->size - 8 - (size_t)size};
    nnrt_status      status = read_entries(path, header, &data, content, error);
    cJSON_Delete(header);
    return status;
}

static cJSON *make_entry(const nnrt_array *array, double begin, double end) {
    const double offsets[2] = {begin, end};
    cJSON       *entry      = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "dtype", DTYPES[array->elem]);
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
    for (int axis = 0; axis < array->rank; axis++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)array->shape[axis]));
    cJSON_AddItemToObject(entry, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
    return entry;
}

/* The header's text, padded with blanks to a multiple of 8 bytes; the caller frees it. */
static char *make_header(const nnrt_array *const *order, int n_arrays, const char *const *metadata, int n_metadata) {
    cJSON *header = cJSON_CreateObject();
    if (n_metadata > 0) {
        cJSON *entries = cJSON_AddObjectToObject(header, "__metadata__");
        for (int i = 0; i < n_metadata; i++) cJSON_AddStringToObject(entries, metadata[2 * i], metadata[2 * i + 1]);
    }
    double at = 0;
    for (int i = 0; i < n_arrays; i++) {
        double end = at + (double)order[i]->count * (double)nnrt_elem_size(order[i]->elem);
        cJSON_AddItemToObject(header, order[i]->name, make_entry(order[i], at, end));
        at = end;
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    if (!text) return NULL;
    size_t size = strlen(text), padded = (size + 7) / 8 * 8;
    char  *out = realloc(text, padded + 1);
    if (!out) {
        free(text);
        return NULL;
    }
    memset(out + size, ' ', padded - size);
    out[padded] = 0;
    return out;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const nnrt_array *const *)a)->name, (*(const nnrt_array *const *)b)->name);
}

nnrt_status nnrt_write_safetensors(const char *path, const nnrt_array *arrays, int n_arrays,
                                   const char *const *metadata, int n_metadata, nnrt_error *error) {
    const nnrt_array **order = calloc((size_t)n_arrays + 1, sizeof *order);
    if (!order) return nnrt_fail_memory(error, 0, path);
    for (int i = 0; i < n_arrays; i++) order[i] = &arrays[i];
    qsort(order, (size_t)n_arrays, sizeof *order, by_name);
    char       *header = make_header(order, n_arrays, metadata, n_metadata);
    nnrt_writer writer;
    nnrt_status status = header ? nnrt_writer_open(&writer, path, error) : nnrt_fail_memory(error, 0, path);
    if (status == NNRT_OK) {
        uint64_t      size = strlen(header);
        unsigned char length[8];
        for (int i = 0; i < 8; i++) length[i] = (unsigned char)(size >> (8 * i));
        nnrt_writer_put(&writer, length, sizeof length);
        nnrt_writer_put(&writer, header, size);
        for (int i = 0; i < n_arrays; i++)
            nnrt_writer_put(&writer, order[i]->data, nnrt_elem_size(order[i]->elem) * (size_t)order[i]->count);
        status = nnrt_writer_commit(&writer, error);
    }
    free(header);
    free(order);
    return status;
}
