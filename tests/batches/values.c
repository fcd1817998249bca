/* Values by element type. Halves are converted by hand: what a test compares with must not come from what it tests. */
#include "batches/values.h"

#include <math.h>
#include <string.h>

enum { GUARD = 64, GUARD_BYTE = 0x5a };

/* To the nearest, ties to even; `value` is finite and small enough. */
static uint16_t to_bf16(double value) {
    float    single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static double from_bf16(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float    single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

static uint16_t to_f16(double value) {
    int    exponent;
    double magnitude = fabs(value);
    (void)frexp(magnitude, &exponent);
    exponent            = exponent < -13 ? -13 : exponent; /* below: subnormal, of one exponent */
    double   unit       = ldexp(1, exponent - 11);
    uint16_t mantissa   = (uint16_t)nearbyint(magnitude / unit); // 0 .. 2^11
    uint16_t as_integer = (uint16_t)(((uint16_t)(exponent + 13) << 10) + mantissa);
    return (uint16_t)((signbit(value) ? 0x8000u : 0u) | as_integer);
}

static double from_f16(uint16_t half) {
    int    exponent  = half >> 10 & 31;
    double mantissa  = half & 1023;
    double magnitude = exponent == 0 ? ldexp(mantissa, -24) : ldexp(mantissa + 1024, exponent - 25);
    if (exponent == 31) magnitude = mantissa > 0 ? NAN : INFINITY;
    return half & 0x8000 ? -magnitude : magnitude;
}

static double element_get(ElemType elem, const void *data, int64_t i) {
    switch (elem) {
    case ELEM_F32: return ((const float *)data)[i];
    case ELEM_F64: return ((const double *)data)[i];
    case ELEM_BF16: return from_bf16(((const uint16_t *)data)[i]);
    case ELEM_F16: return from_f16(((const uint16_t *)data)[i]);
    case ELEM_I32: return ((const int32_t *)data)[i];
    case ELEM_I64: return (double)((const int64_t *)data)[i];
    case ELEM_U8:
    case ELEM_BOOL: return ((const uint8_t *)data)[i];
    case ELEM_COUNT: break;
    }
    BUG("no element type %d", (int)elem);
}

static void element_set(ElemType elem, void *data, int64_t i, double value) {
    switch (elem) {
    case ELEM_F32: ((float *)data)[i] = (float)value; return;
    case ELEM_F64: ((double *)data)[i] = value; return;
    case ELEM_BF16: ((uint16_t *)data)[i] = to_bf16(value); return;
    case ELEM_F16: ((uint16_t *)data)[i] = to_f16(value); return;
    case ELEM_I32: ((int32_t *)data)[i] = (int32_t)value; return;
    case ELEM_I64: ((int64_t *)data)[i] = (int64_t)value; return;
    case ELEM_U8:
    case ELEM_BOOL: ((uint8_t *)data)[i] = (uint8_t)value; return;
    case ELEM_COUNT: break;
    }
    BUG("no element type %d", (int)elem);
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
