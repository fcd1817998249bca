/* IDX, the format of MNIST: two zero bytes, a type byte, the number of axes, one big-endian 32-bit size an axis,
 * then the elements, big-endian and row-major. http://yann.lecun.com/exdb/mnist/ */
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"

typedef struct IdxType {
    int code, elem, stored;
} IdxType;

static const IdxType TYPES[] = {
    {0x08, NNRT_U8, 1},  {0x09, NNRT_I32, 1}, {0x0B, NNRT_I32, 2},
    {0x0C, NNRT_I32, 4}, {0x0D, NNRT_F32, 4}, {0x0E, NNRT_F64, 8},
};

static uint64_t big_endian(const unsigned char *p, int nbytes) {
    uint64_t bits = 0;
    for (int i = 0; i < nbytes; i++) bits = bits << 8 | p[i];
    return bits;
}

static void copy_elements(const unsigned char *from, const IdxType *type, nnrt_array *array) {
    if (type->stored == 1 && type->elem == NNRT_U8) {
        memcpy(array->data, from, (size_t)array->count);
        return;
    }
    size_t size   = nnrt_elem_size(type->elem);
    int    unused = 64 - 8 * type->stored;
    for (int64_t i = 0; i < array->count; i++) {
        uint64_t bits  = big_endian(from + i * type->stored, type->stored);
        int32_t  value = (int32_t)((int64_t)(bits << unused) >> unused); /* signed integers keep their sign */
        uint32_t word  = (uint32_t)bits;
        void    *to    = (char *)array->data + (size_t)i * size;
        if (type->elem == NNRT_I32)
            memcpy(to, &value, size);
        else if (type->elem == NNRT_F32)
            memcpy(to, &word, size);
        else
            memcpy(to, &bits, size);
    }
}

nnrt_status nnrt_read_idx(const char *path, const nnrt_bytes *bytes, nnrt_array *array, nnrt_error *error) {
    const IdxType *type = NULL;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (TYPES[i].code == bytes->data[2]) type = &TYPES[i];
    if (!type)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: IDX element type 0x%02x does not exist: the file is damaged", path,
                         bytes->data[2]);
    array->elem = type->elem;
    array->rank = bytes->data[3];
    if (array->rank > NNRT_MAX_RANK)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: has %d axes, at most %d are read", path, array->rank,
                         NNRT_MAX_RANK);
    size_t data_at = 4 + 4 * (size_t)array->rank;
    if (bytes->size < data_at)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: is cut off inside its IDX header: get the file again", path);
    for (int axis = 0; axis < array->rank; axis++)
        array->shape[axis] = (int64_t)big_endian(bytes->data + 4 + 4 * axis, 4);
    int64_t count = nnrt_shape_count(array->shape, array->rank);
    size_t  left  = bytes->size - data_at;
    if (count < 0 || left / (size_t)type->stored < (size_t)count) {
        char text[160];
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: is cut off: its header says %s, %zu bytes of elements follow: get the file again", path,
                         nnrt_shape_text(array->shape, array->rank, text, sizeof text), left);
    }
    nnrt_status status = nnrt_array_alloc(array, path, error);
    if (status == NNRT_OK) copy_elements(bytes->data + data_at, type, array);
    return status;
}
