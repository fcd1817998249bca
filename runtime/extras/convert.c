#include "extras/convert.h"

#include <math.h>
#include <string.h>

#include "core/element.h"

/* Does `to` hold this value exactly? (bf16 and f16 are filled only from their own type.) */
static bool holds(int to, double value) {
    switch ((nnrt_elem)to) {
    case NNRT_F32: return (double)(float)value == value;
    case NNRT_F64: return true;
    case NNRT_I32: return value >= INT32_MIN && value <= INT32_MAX && value == floor(value);
    case NNRT_I64: return fabs(value) <= 0x1p53 && value == floor(value);
    case NNRT_U8: return value >= 0 && value <= 255 && value == floor(value);
    case NNRT_BOOL: return value == 0 || value == 1;
    case NNRT_BF16:
    case NNRT_F16: return false;
    }
    return false;
}

/* Types all of whose values `to` holds, so that nothing need be looked at. */
static bool always_fits(int from, int to) {
    if (nnrt_elem_is_float(from)) return false; /* may be NaN */
    if (from == to) return true;
    if (from == NNRT_BOOL || from == NNRT_U8)
        return to == NNRT_F32 || to == NNRT_F64 || to == NNRT_I32 || to == NNRT_I64 || to == NNRT_U8;
    return from == NNRT_I32 && (to == NNRT_F64 || to == NNRT_I64);
}

int64_t nnrt_convert_check(const void *data, int from, int64_t count, int to) {
    if (always_fits(from, to)) return -1;
    for (int64_t i = 0; i < count; i++) {
        double value = nnrt_elem_get(from, data, i);
        if (!isfinite(value) || (from != to && !holds(to, value))) return i;
    }
    return -1;
}

#define CONVERT(From, To)                                                                                              \
    for (int64_t i = 0; i < count; i++) ((To *)out)[i] = (To)((const From *)data)[i]

/* The pairs that real data sets use get a loop that the compiler vectorises. */
static bool convert_fast(const void *restrict data, int from, void *restrict out, int to, int64_t count) {
    if (from == NNRT_U8 && to == NNRT_F32)
        CONVERT(uint8_t, float);
    else if (from == NNRT_U8 && to == NNRT_I32)
        CONVERT(uint8_t, int32_t);
    else if (from == NNRT_I64 && to == NNRT_I32)
        CONVERT(int64_t, int32_t);
    else if (from == NNRT_F64 && to == NNRT_F32)
        CONVERT(double, float);
    else if (from == NNRT_F32 && to == NNRT_F64)
        CONVERT(float, double);
    else
        return false;
    return true;
}

static void put(void *out, int to, int64_t index, double value) {
    switch ((nnrt_elem)to) {
    case NNRT_F32: ((float *)out)[index] = (float)value; return;
    case NNRT_F64: ((double *)out)[index] = value; return;
    case NNRT_I32: ((int32_t *)out)[index] = (int32_t)value; return;
    case NNRT_I64: ((int64_t *)out)[index] = (int64_t)value; return;
    case NNRT_U8:
    case NNRT_BOOL: ((uint8_t *)out)[index] = (uint8_t)value; return;
    case NNRT_BF16:
    case NNRT_F16: return; /* nnrt_convert_check refuses */
    }
}

void nnrt_convert(const void *data, int from, void *out, int to, int64_t count) {
    if (from == to)
        memcpy(out, data, (size_t)count * nnrt_elem_size(to));
    else if (!convert_fast(data, from, out, to, count))
        for (int64_t i = 0; i < count; i++) put(out, to, i, nnrt_elem_get(from, data, i));
}
