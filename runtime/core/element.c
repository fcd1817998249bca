#include "core/element.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t      size;
    bool        is_float;
} ELEMENTS[] = {
    [NNRT_F32] = {"f32", 4, true}, [NNRT_F64] = {"f64", 8, true},    [NNRT_BF16] = {"bf16", 2, true},
    [NNRT_F16] = {"f16", 2, true}, [NNRT_I32] = {"i32", 4, false},   [NNRT_I64] = {"i64", 8, false},
    [NNRT_U8] = {"u8", 1, false},  [NNRT_BOOL] = {"bool", 1, false},
};

size_t nnrt_elem_size(int elem) {
    return ELEMENTS[elem].size;
}

const char *nnrt_elem_name(int elem) {
    return ELEMENTS[elem].name;
}

bool nnrt_elem_is_float(int elem) {
    return ELEMENTS[elem].is_float;
}

static double from_bf16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float    value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static double from_f16(uint16_t bits) {
    int    exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double sign = bits >> 15 ? -1.0 : 1.0;
    if (exponent == 31) return mantissa ? (double)__builtin_nanf("") : sign * (double)__builtin_inff();
    if (exponent == 0) return sign * mantissa * 0x1p-24;
    double scale = exponent >= 25 ? (double)(1 << (exponent - 25)) : 1.0 / (double)(1 << (25 - exponent));
    return sign * (1024 + mantissa) * scale;
}

double nnrt_elem_get(int elem, const void *data, int64_t index) {
    switch ((nnrt_elem)elem) {
    case NNRT_F32: return ((const float *)data)[index];
    case NNRT_F64: return ((const double *)data)[index];
    case NNRT_BF16: return from_bf16(((const uint16_t *)data)[index]);
    case NNRT_F16: return from_f16(((const uint16_t *)data)[index]);
    case NNRT_I32: return ((const int32_t *)data)[index];
    case NNRT_I64: return (double)((const int64_t *)data)[index];
    case NNRT_U8:
    case NNRT_BOOL: return ((const uint8_t *)data)[index];
    }
    return 0.0;
}

/* A float of 16 bits, `fraction` of them the fraction's. The value's sign is put back at the end; a subnormal result is rounded as
 * an integer with its leading 1 written out, a normal one together with its exponent, which takes the carry. */
static uint16_t to_16_bits(double value, int fraction) {
    const int top = (1 << (15 - fraction)) - 1, bias = top >> 1;
    uint64_t  bits;
    memcpy(&bits, &value, sizeof bits);
    const uint64_t one  = UINT64_C(1) << 52;
    const uint16_t sign = (uint16_t)(bits >> 63 << 15), infinity = (uint16_t)(top << fraction);
    const uint64_t rest     = bits & (one - 1);
    const int      exponent = (int)(bits >> 52 & 2047);
    if (exponent == 2047) return (uint16_t)(sign | infinity | (rest ? 1 << (fraction - 1) : 0));
    int      biased = exponent - 1023 + bias, drop = 52 - fraction;
    uint64_t digits = rest | (uint64_t)(biased > 0 ? biased : 1) * one;
    if (biased >= top) return (uint16_t)(sign | infinity);
    if (biased < 1) drop += 1 - biased;
    if (drop > 53) return sign;
    uint64_t half = UINT64_C(1) << (drop - 1), lost = digits & (2 * half - 1), kept = digits >> drop;
    kept += lost > half || (lost == half && (kept & 1));
    return (uint16_t)(sign | kept);
}

void nnrt_elem_put(int elem, void *data, int64_t index, double value) {
    switch ((nnrt_elem)elem) {
    case NNRT_F32: ((float *)data)[index] = (float)value; return;
    case NNRT_F64: ((double *)data)[index] = value; return;
    case NNRT_BF16: ((uint16_t *)data)[index] = to_16_bits(value, 7); return;
    case NNRT_F16: ((uint16_t *)data)[index] = to_16_bits(value, 10); return;
    case NNRT_I32: ((int32_t *)data)[index] = (int32_t)value; return;
    case NNRT_I64: ((int64_t *)data)[index] = (int64_t)value; return;
    case NNRT_U8:
    case NNRT_BOOL: ((uint8_t *)data)[index] = (uint8_t)value; return;
    }
}

int64_t nnrt_shape_count(const int64_t *shape, int rank) {
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        if (shape[axis] < 0 || __builtin_mul_overflow(count, shape[axis], &count)) return -1;
    return count > INT64_MAX / 16 ? -1 : count;
}

const char *nnrt_shape_text(const int64_t *shape, int rank, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int axis = 0; axis < rank && used < size; axis++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", axis ? ", " : "", (long long)shape[axis]);
    if (used < size) snprintf(text + used, size - used, "]");
    return text;
}
