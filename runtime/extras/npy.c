/* NumPy's .npy, versions 1 to 3: a Python dictionary as text, then the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"

typedef struct NpyType {
    const char *descr;
    int         elem;   /* what it is read as */
    int         stored; /* bytes of an element in the file */
    bool        is_signed;
} NpyType;

/* Types that the language has not widen to the next one that holds all their values. */
static const NpyType TYPES[] = {
    {"<f4", NNRT_F32, 4, true}, {"<f8", NNRT_F64, 8, true},  {"<f2", NNRT_F16, 2, true},   {"<i4", NNRT_I32, 4, true},
    {"<i8", NNRT_I64, 8, true}, {"|u1", NNRT_U8, 1, false},  {"|b1", NNRT_BOOL, 1, false}, {"|i1", NNRT_I32, 1, true},
    {"<i2", NNRT_I32, 2, true}, {"<u2", NNRT_I32, 2, false}, {"<u4", NNRT_I64, 4, false},
};

typedef struct NpyHeader {
    const NpyType *type;
    bool           fortran;
    size_t         data_at;
} NpyHeader;

static nnrt_status fail_damaged(const char *path, const char *what, nnrt_error *error) {
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: damaged .npy file: %s: save it again with np.save", path, what);
}

static const char *skip_blanks(const char *p) {
    while (*p == ' ' || *p == '\n' || *p == '\t') p++;
    return p;
}

/* The text of a key's value, or NULL. */
static const char *find_value(const char *dictionary, const char *key) {
    const char *p = strstr(dictionary, key);
    if (!p) return NULL;
    p = skip_blanks(p + strlen(key));
    return *p == ':' ? skip_blanks(p + 1) : NULL;
}

static nnrt_status parse_type(const char *path, const char *value, NpyHeader *header, nnrt_error *error) {
    if (!value || *value != '\'') return fail_damaged(path, "the header names no element type", error);
    const char *descr = value + 1, *end = strchr(descr, '\'');
    size_t      size = end ? (size_t)(end - descr) : 0;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strlen(TYPES[i].descr) == size && strncmp(descr, TYPES[i].descr, size) == 0) header->type = &TYPES[i];
    if (header->type) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "%s: elements of type '%.*s' are not read: save numbers, as in "
                     "np.save(file, array.astype('float32'))",
                     path, size > 20 ? 20 : (int)size, descr);
}

static nnrt_status parse_shape(const char *path, const char *value, nnrt_array *array, nnrt_error *error) {
    if (!value || *value != '(') return fail_damaged(path, "the header names no shape", error);
    for (const char *p = skip_blanks(value + 1); *p != ')';) {
        char     *end;
        long long size = *p >= '0' && *p <= '9' ? strtoll(p, &end, 10) : -1;
        if (size < 0) return fail_damaged(path, "its shape is no list of sizes", error);
        if (array->rank == NNRT_MAX_RANK)
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: has more than %d axes", path, NNRT_MAX_RANK);
        array->shape[array->rank++] = size;
        p                           = skip_blanks(end);
        if (*p == ',') p = skip_blanks(p + 1);
    }
    return NNRT_OK;
}

static nnrt_status parse_header(const char *path, const nnrt_bytes *bytes, nnrt_array *array, NpyHeader *header,
                                nnrt_error *error) {
    const unsigned char *p = bytes->data;
    if (bytes->size < 12) return fail_damaged(path, "it ends inside the header", error);
    int    version = p[6];
    size_t start   = version == 1 ? 10 : 12;
    size_t size    = p[8] | (size_t)p[9] << 8;
    if (version < 1 || version > 3) return fail_damaged(path, "its version is not 1, 2 or 3", error);
    if (version > 1) size |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (size > bytes->size - start) return fail_damaged(path, "it ends inside the header", error);
    char *text = strndup((const char *)p + start, size);
    if (!text) return nnrt_fail_memory(error, size, path);
    const char *order  = find_value(text, "'fortran_order'");
    nnrt_status status = parse_type(path, find_value(text, "'descr'"), header, error);
    if (status == NNRT_OK) status = parse_shape(path, find_value(text, "'shape'"), array, error);
    header->fortran = order && strncmp(order, "True", 4) == 0;
    header->data_at = start + size;
    free(text);
    return status;
}

static int64_t read_integer(const unsigned char *p, const NpyType *type) {
    uint64_t bits = 0;
    for (int i = 0; i < type->stored; i++) bits |= (uint64_t)p[i] << (8 * i);
    int unused = 64 - 8 * type->stored;
    return type->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

static void copy_element(const unsigned char *from, const NpyType *type, nnrt_array *array, int64_t to) {
    size_t size = nnrt_elem_size(array->elem);
    if ((int)size == type->stored)
        memcpy((char *)array->data + (size_t)to * size, from, size);
    else if (array->elem == NNRT_I32)
        ((int32_t *)array->data)[to] = (int32_t)read_integer(from, type);
    else
        ((int64_t *)array->data)[to] = read_integer(from, type);
}

/* Column-major to row-major: walks the row-major positions in the file's order. */
static void copy_elements(const unsigned char *from, const NpyHeader *header, nnrt_array *array) {
    const NpyType *type = header->type;
    if (!header->fortran && (int)nnrt_elem_size(array->elem) == type->stored) {
        memcpy(array->data, from, (size_t)array->count * (size_t)type->stored);
        return;
    }
    int64_t index[NNRT_MAX_RANK] = {0};
    for (int64_t i = 0; i < array->count; i++) {
        int64_t to = 0;
        for (int axis = 0; axis < array->rank; axis++) to = to * array->shape[axis] + index[axis];
        copy_element(from + i * type->stored, type, array, to);
        for (int k = 0; k < array->rank; k++) { /* the axis that runs fastest in the file first */
            int axis = header->fortran ? k : array->rank - 1 - k;
            if (++index[axis] < array->shape[axis]) break;
            index[axis] = 0;
        }
    }
}

nnrt_status nnrt_read_npy(const char *path, const nnrt_bytes *bytes, nnrt_array *array, nnrt_error *error) {
    NpyHeader   header = {0};
    nnrt_status status = parse_header(path, bytes, array, &header, error);
    if (status != NNRT_OK) return status;
    array->elem   = header.type->elem;
    int64_t count = nnrt_shape_count(array->shape, array->rank);
    size_t  left  = bytes->size - header.data_at;
    if (count < 0 || left / (size_t)header.type->stored < (size_t)count) {
        char text[160];
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: is cut off: its header says %s, %zu bytes of elements follow: save it again", path,
                         nnrt_shape_text(array->shape, array->rank, text, sizeof text), left);
    }
    if ((status = nnrt_array_alloc(array, path, error)) != NNRT_OK) return status;
    copy_elements(bytes->data + header.data_at, &header, array);
    return NNRT_OK;
}

nnrt_status nnrt_npy_header(const nnrt_array *array, const char *path, nnrt_bytes *bytes, nnrt_error *error) {
    const NpyType *type = NULL;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES && !type; i++)
        if (TYPES[i].elem == array->elem && TYPES[i].stored == (int)nnrt_elem_size(array->elem)) type = &TYPES[i];
    if (!type) return nnrt_fail(error, NNRT_ERROR, "%s: .npy has no type %s", path, nnrt_elem_name(array->elem));
    char shape[256] = "", header[512], *start = (char *)bytes->data;
    for (int axis = 0, used = 0; axis < array->rank; axis++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%lld, ", (long long)array->shape[axis]);
    int size =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type->descr, shape);
    int padded = (10 + size + 1 + 63) / 64 * 64 - 10; /* elements start on a multiple of 64 */
    memcpy(start, "\x93NUMPY\1\0", 8);
    start[8] = (char)(padded & 255);
    start[9] = (char)(padded >> 8);
    snprintf(start + 10, NNRT_NPY_HEADER - 10, "%-*s\n", padded - 1, header);
    bytes->size = 10 + (size_t)padded;
    return NNRT_OK;
}

nnrt_status nnrt_write_npy(const char *path, const nnrt_array *array, nnrt_error *error) {
    char        header[NNRT_NPY_HEADER];
    nnrt_bytes  bytes = {(unsigned char *)header, 0};
    nnrt_writer writer;
    nnrt_status status = nnrt_npy_header(array, path, &bytes, error);
    if (status == NNRT_OK) status = nnrt_writer_open(&writer, path, error);
    if (status != NNRT_OK) return status;
    nnrt_writer_put(&writer, header, bytes.size);
    nnrt_writer_put(&writer, array->data, nnrt_array_nbytes(array));
    return nnrt_writer_commit(&writer, error);
}
