/* Values by element type. */
#include "batches/values.h"

#include <string.h>

enum { GUARD = 64, GUARD_BYTE = 0x5a };

static double element_get(ElemType elem, const void *data, int64_t i) {
    switch (elem) {
    case ELEM_F32: return ((const float *)data)[i];
    case ELEM_F64: return ((const double *)data)[i];
    case ELEM_I32: return ((const int32_t *)data)[i];
    case ELEM_I64: return (double)((const int64_t *)data)[i];
    case ELEM_U8:
    case ELEM_BOOL: return ((const uint8_t *)data)[i];
    case ELEM_BF16:
    case ELEM_F16:
    case ELEM_COUNT: break;
    }
    BUG("no data of type %d", (int)elem);
}

static void element_set(ElemType elem, void *data, int64_t i, double value) {
    switch (elem) {
    case ELEM_F32: ((float *)data)[i] = (float)value; return;
    case ELEM_F64: ((double *)data)[i] = value; return;
    case ELEM_I32: ((int32_t *)data)[i] = (int32_t)value; return;
    case ELEM_I64: ((int64_t *)data)[i] = (int64_t)value; return;
    case ELEM_U8:
    case ELEM_BOOL: ((uint8_t *)data)[i] = (uint8_t)value; return;
    case ELEM_BF16:
    case ELEM_F16:
    case ELEM_COUNT: break;
    }
    BUG("no data of type %d", (int)elem);
}

void *buffer_new(Arena *arena, const Tensor *tensor, int64_t extra) {
    size_t   nbytes = (size_t)((tensor->count + extra) * elem_size(tensor->elem));
    uint8_t *data   = arena_alloc(arena, nbytes + GUARD);
    memset(data, 0xff, nbytes);
    memset(data + nbytes, GUARD_BYTE, GUARD);
    for (int64_t i = 0; i < tensor->count; i++) element_set(tensor->elem, data, i, tensor->data[i]);
    return data;
}

bool buffer_guarded(const Tensor *tensor, int64_t extra, const void *buffer) {
    const uint8_t *guard = (const uint8_t *)buffer + (tensor->count + extra) * elem_size(tensor->elem);
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != GUARD_BYTE) return false;
    return true;
}

void tensor_read(Tensor *tensor, const void *buffer, int64_t at) {
    for (int64_t i = 0; i < tensor->count; i++) tensor->data[i] = element_get(tensor->elem, buffer, at + i);
}
