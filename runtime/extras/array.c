/* Ownership of arrays and tables, and the choice of a reader by what a file begins with. */
#include "extras/array.h"

#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

void nnrt_array_free(nnrt_array *array) {
    free(array->name);
    free(array->data);
    free(array->source);
    free(array->lines);
    *array = (nnrt_array){0};
}

void nnrt_content_free(nnrt_content *content) {
    for (int i = 0; i < content->n_arrays; i++) nnrt_array_free(&content->arrays[i]);
    free(content->arrays);
    free(content->metadata);
    if (content->file) fclose(content->file);
    nnrt_table_free(&content->table);
    *content = (nnrt_content){0};
}

nnrt_status nnrt_array_alloc(nnrt_array *array, const char *path, nnrt_error *error) {
    array->count = nnrt_shape_count(array->shape, array->rank);
    if (array->count < 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: its header asks for an impossibly large array", path);
    size_t nbytes = (size_t)array->count * nnrt_elem_size(array->elem);
    array->data   = malloc(nbytes ? nbytes : 1);
    return array->data ? NNRT_OK : nnrt_fail_memory(error, nbytes, path);
}

size_t nnrt_array_nbytes(const nnrt_array *array) {
    return (size_t)array->count * nnrt_elem_size(array->elem);
}

static bool is_idx(const nnrt_bytes *bytes) {
    const unsigned char *p = bytes->data;
    return bytes->size >= 4 && p[0] == 0 && p[1] == 0 && p[2] >= 8 && p[2] <= 14 && p[3] >= 1;
}

/* PK\5\6 begins an archive without members. */
static bool is_zip(const nnrt_bytes *bytes) {
    return bytes->size >= 4 && (memcmp(bytes->data, "PK\3\4", 4) == 0 || memcmp(bytes->data, "PK\5\6", 4) == 0);
}

/* By name alone: the records begin with a class and pixels. */
static bool is_cifar(const char *path) {
    static const char *const ENDINGS[] = {".bin", ".bin.gz"};
    size_t                   size      = strlen(path);
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(ENDINGS[i]);
        if (size >= n && strcmp(path + size - n, ENDINGS[i]) == 0) return true;
    }
    return false;
}

/* A header length and then a JSON object: no text file looks like that, since its 8 bytes would be NULs in part. */
static bool is_safetensors(const char *path, const nnrt_bytes *bytes) {
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".safetensors") == 0) return true;
    return bytes->size >= 9 && bytes->data[7] == 0 && bytes->data[8] == '{';
}

typedef struct Magic { /* what files of a format begin with */
    const char *name, *bytes;
    size_t      size;
    const char *extension;
} Magic;

static const Magic MAGICS[] = {
    {".npy", "\x93NUMPY", 6, ".npy"},
    {".npz", "PK\3\4", 4, ".npz"},
    {"gzip", "\x1f\x8b", 2, ".gz"},
};

/* Formats that are known and not read, files that are cut off, files that are no text. */
static nnrt_status refuse_known(const char *path, const nnrt_bytes *bytes, nnrt_error *error) {
    const char *extension = strrchr(path, '.');
    if (bytes->size == 0) return nnrt_fail(error, NNRT_BAD_DATA, "%s: the file is empty", path);
    for (size_t i = 0; i < sizeof MAGICS / sizeof *MAGICS; i++) {
        const Magic *m = &MAGICS[i];
        if (bytes->size < m->size && memcmp(bytes->data, m->bytes, bytes->size) == 0)
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: is cut off after %zu byte%s, inside the beginning of a %s file: get the file again",
                             path, bytes->size, bytes->size == 1 ? "" : "s", m->name);
        if (extension && strcmp(extension, m->extension) == 0 && strcmp(extension, ".gz") != 0)
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: is no %s file: it begins otherwise", path, m->name);
    }
    if (bytes->size >= 8 && memcmp(bytes->data, "\x89HDF\r\n\x1a\n", 8) == 0)
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: HDF5 files are not read: save the arrays with np.savez(file, name=array)", path);
    if (bytes->size >= 2 && (memcmp(bytes->data, "\xff\xfe", 2) == 0 || memcmp(bytes->data, "\xfe\xff", 2) == 0))
        return nnrt_fail(
            error, NNRT_BAD_DATA,
            "%s: is text in UTF-16: save it as UTF-8 (\"CSV UTF-8\" in a spreadsheet; iconv -f UTF-16 -t UTF-8)", path);
    if (bytes->data[0] < 0x80 && memchr(bytes->data, '\r', bytes->size) && !memchr(bytes->data, '\n', bytes->size) &&
        !memchr(bytes->data, 0, bytes->size))
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: its lines end as those of old Macintosh files, with CR alone: tr '\\r' '\\n' gives LF",
                         path);
    if (memchr(bytes->data, 0, bytes->size < 512 ? bytes->size : 512))
        return nnrt_fail(
            error, NNRT_BAD_DATA,
            "%s: of no known format: CSV, .npy, .npz, IDX, CIFAR-10 (.bin) and .safetensors are read, gzipped or not",
            path);
    return NNRT_OK;
}

/* The one array of a .npy or IDX file. */
static nnrt_status read_one(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    bool npy        = bytes->data[0] == 0x93;
    content->format = npy ? ".npy" : "IDX";
    content->arrays = calloc(1, sizeof *content->arrays);
    if (!content->arrays) return nnrt_fail_memory(error, sizeof *content->arrays, path);
    content->n_arrays = 1;
    return npy ? nnrt_read_npy(path, bytes, content->arrays, error)
               : nnrt_read_idx(path, bytes, content->arrays, error);
}

static nnrt_status read_by_format(const char *path, nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    if (is_safetensors(path, bytes)) {
        content->format = "safetensors";
        return nnrt_read_safetensors(path, bytes, content, error);
    }
    if (is_zip(bytes)) {
        content->format = ".npz";
        return nnrt_read_npz(path, bytes, content, error);
    }
    if (is_idx(bytes) || (bytes->size >= 6 && memcmp(bytes->data, "\x93NUMPY", 6) == 0))
        return read_one(path, bytes, content, error);
    if (is_cifar(path)) {
        content->format = "CIFAR-10";
        return nnrt_read_cifar(path, bytes, content, error);
    }
    nnrt_status status = refuse_known(path, bytes, error);
    content->format    = "CSV";
    return status == NNRT_OK ? nnrt_read_csv(path, bytes, &content->table, error) : status;
}

nnrt_status nnrt_read_content(const char *path, nnrt_content *content, nnrt_error *error) {
    *content = (nnrt_content){0};
    nnrt_bytes  bytes;
    nnrt_status status = nnrt_read_file(path, &bytes, error);
    if (status != NNRT_OK) return status;
    status = read_by_format(path, &bytes, content, error);
    free(bytes.data);
    for (int i = 0; i < content->n_arrays && status == NNRT_OK; i++)
        if (!(content->arrays[i].source = strdup(path))) status = nnrt_fail_memory(error, 0, path);
    if (status != NNRT_OK) nnrt_content_free(content);
    return status;
}
