#include "extras/convert.h"

#include <math.h>
#include <string.h>

#include "core/element.h"

/* Does `to` hold this value exactly? */
static bool holds(int to, double value) {
    uint16_t bits;
    switch ((nnrt_elem)to) {
    case NNRT_F32: return (double)(float)value == value;
    case NNRT_F64: return true;
    case NNRT_I32: return value >= INT32_MIN && value <= INT32_MAX && value == floor(value);
    case NNRT_I64: return fabs(value) <= 0x1p53 && value == floor(value);
    case NNRT_U8: return value >= 0 && value <= 255 && value == floor(value);
    case NNRT_BOOL: return value == 0 || value == 1;
    case NNRT_BF16:
    case NNRT_F16: nnrt_elem_put(to, &bits, 0, value); return nnrt_elem_get(to, &bits, 0) == value;
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

void nnrt_convert(const void *data, int from, void *out, int to, int64_t count) {
    if (from == to)
        memcpy(out, data, (size_t)count * nnrt_elem_size(to));
    else if (!convert_fast(data, from, out, to, count))
        for (int64_t i = 0; i < count; i++) nnrt_elem_put(to, out, i, nnrt_elem_get(from, data, i));
}
