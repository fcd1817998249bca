/* safetensors: 8 bytes header length, a JSON object (name: dtype, shape, data_offsets), then the elements.
 * https://huggingface.co/docs/safetensors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What holds the elements: `data` after the header, or with data NULL the content's file, whose elements begin at `start`. */
typedef struct Elements {
    const unsigned char *data;
    size_t               size;
    int64_t              start;
} Elements;

static nnrt_status read_entry(const char *path, const cJSON *entry, const Elements *elements, nnrt_array *array,
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
                   whole_number(cJSON_GetArrayItem(offsets, 1), &end) && begin <= end && (size_t)end <= elements->size;
    if (!bounded) return fail_damaged(path, "it ends before the elements of ", name, error);
    int64_t count = nnrt_shape_count(array->shape, array->rank);
    if (count < 0 || count * (int64_t)nnrt_elem_size(array->elem) != end - begin)
        return fail_damaged(path, "shape and data_offsets disagree for ", name, error);
    array->count = count;
    array->at    = elements->start + begin;
    if (elements->data) {
        nnrt_status status = nnrt_array_alloc(array, path, error);
        if (status != NNRT_OK) return status;
        memcpy(array->data, elements->data + begin, (size_t)(end - begin));
    }
    array->name = strdup(name);
    return array->name ? NNRT_OK : nnrt_fail_memory(error, 0, path);
}

static nnrt_status read_entries(const char *path, const cJSON *header, const Elements *elements, nnrt_content *content,
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
        status            = read_entry(path, entry, elements, array, error);
        if (status != NNRT_OK) return status;
        taken += nnrt_array_nbytes(array); /* so that a small file cannot fill the memory */
        if (taken > elements->size) return fail_damaged(path, "arrays share elements: ", entry->string, error);
    }
    if (content->n_arrays > 0) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: holds no arrays", path);
}

static nnrt_status read_header(const char *path, const char *text, size_t size, const Elements *elements,
                               nnrt_content *content, nnrt_error *error) {
    cJSON *header = cJSON_ParseWithLength(text, size);
    if (!cJSON_IsObject(header)) {
        cJSON_Delete(header);
        return fail_damaged(path, "its header is no JSON object", "", error);
    }
    nnrt_status status = read_entries(path, header, elements, content, error);
    cJSON_Delete(header);
    return status;
}

static uint64_t header_size(const unsigned char length[8]) {
    uint64_t size = 0;
    for (int i = 0; i < 8; i++) size |= (uint64_t)length[i] << (8 * i);
    return size;
}

nnrt_status nnrt_read_safetensors(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    if (bytes->size < 8 || header_size(bytes->data) > bytes->size - 8)
        return fail_damaged(path, "it ends inside the header", "", error);
    size_t         size     = (size_t)header_size(bytes->data);
    const Elements elements = {bytes->data + 8 + size, bytes->size - 8 - size, 0};
    return read_header(path, (const char *)bytes->data + 8, size, &elements, content, error);
}

/* ---- elements that stay in the file -------------------------------------------------------------------------------- */

/* The size of an ordinary file that is not gzip; 0: it is to be read whole. */
static size_t plain_size(FILE *file) {
    struct stat   info;
    unsigned char magic[2];
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
    bool packed = fread(magic, 1, 2, file) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    rewind(file);
    return packed ? 0 : (size_t)info.st_size;
}

static nnrt_status open_plain(const char *path, size_t nbytes, nnrt_content *content, nnrt_error *error) {
    unsigned char length[8];
    if (nbytes < 8 || fread(length, 1, 8, content->file) != 8 || header_size(length) > nbytes - 8)
        return fail_damaged(path, "it ends inside the header", "", error);
    size_t size = (size_t)header_size(length);
    char  *text = malloc(size + 1);
    if (!text) return nnrt_fail_memory(error, size, path);
    const Elements elements = {NULL, nbytes - 8 - size, 8 + (int64_t)size};
    nnrt_status    status   = fread(text, 1, size, content->file) == size
                                  ? read_header(path, text, size, &elements, content, error)
                                  : fail_damaged(path, "it ends inside the header", "", error);
    free(text);
    return status;
}

nnrt_status nnrt_open_safetensors(const char *path, nnrt_content *content, nnrt_error *error) {
    *content      = (nnrt_content){.file = fopen(path, "rb")};
    size_t nbytes = content->file ? plain_size(content->file) : 0;
    if (nbytes > 0) return open_plain(path, nbytes, content, error);
    if (content->file) fclose(content->file);
    content->file = NULL;
    nnrt_bytes  bytes;
    nnrt_status status = nnrt_read_file(path, &bytes, error);
    if (status != NNRT_OK) return status;
    status = nnrt_read_safetensors(path, &bytes, content, error);
    free(bytes.data);
    return status;
}

nnrt_status nnrt_array_read(const nnrt_content *content, const nnrt_array *array, void *to, nnrt_error *error) {
    size_t nbytes = nnrt_array_nbytes(array), done = 0;
    if (!content->file) {
        memcpy(to, array->data, nbytes);
        return NNRT_OK;
    }
    while (done < nbytes) { /* past the stream's buffer, straight to its place */
        ssize_t n = pread(fileno(content->file), (char *)to + done, nbytes - done, array->at + (int64_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return nnrt_fail(error, NNRT_BAD_DATA, "the elements of '%.100s' cannot be read: %s", array->name,
                             n < 0 ? strerror(errno) : "the file was cut short while it was read");
        done += (size_t)n;
    }
    return NNRT_OK;
}

nnrt_status nnrt_array_fetch(const nnrt_content *content, nnrt_array *array, nnrt_error *error) {
    if (array->data) return NNRT_OK;
    nnrt_status status = nnrt_array_alloc(array, array->name, error);
    return status == NNRT_OK ? nnrt_array_read(content, array, array->data, error) : status;
}

void nnrt_array_drop(const nnrt_content *content, nnrt_array *array) {
    if (!content->file) return;
    free(array->data);
    array->data = NULL;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

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
