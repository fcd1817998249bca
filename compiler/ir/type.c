/* Element types and tensor types. */
#include "ir/type.h"

#include <math.h>
#include <string.h>

typedef struct ElemInfo {
    const char *name;
    int         size;
    bool        is_float, is_integer;
} ElemInfo;

static const ElemInfo elems[ELEM_COUNT] = {
#define X(id, name, size, is_float, is_integer, st) [id] = {name, size, is_float, is_integer},
    ELEM_TYPES(X)
#undef X
};

const char *elem_name(ElemType elem) {
    return elems[elem].name;
}

int elem_size(ElemType elem) {
    return elems[elem].size;
}

bool elem_is_float(ElemType elem) {
    return elems[elem].is_float;
}

bool elem_is_integer(ElemType elem) {
    return elems[elem].is_integer;
}

bool elem_is_narrow(ElemType elem) {
    return elem == ELEM_BF16 || elem == ELEM_F16;
}

/* To `digits` binary digits, the last of which is worth 2^lowest at least; from 2^limit on infinity. */
static double round_binary(double value, int digits, int lowest, int limit) {
    int exponent;
    if (!isfinite(value) || value == 0) return value;
    frexp(value, &exponent);
    int    unit    = exponent - digits > lowest ? exponent - digits : lowest;
    double rounded = ldexp(nearbyint(ldexp(value, -unit)), unit);
    return fabs(rounded) >= ldexp(1, limit) ? copysign(INFINITY, rounded) : rounded;
}

double elem_round(ElemType elem, double value) {
    switch (elem) {
    case ELEM_F32: return (float)value;
    case ELEM_BF16: return round_binary(value, 8, -133, 128);
    case ELEM_F16: return round_binary(value, 11, -24, 16);
    default: return value;
    }
}

ElemType elem_parse(const char *name) {
    ElemType elem = 0;
    while (elem < ELEM_COUNT && strcmp(elems[elem].name, name) != 0) elem++;
    return elem;
}

bool type_same_shape(const Type *a, const Type *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

bool type_equal(const Type *a, const Type *b) {
    return a->elem == b->elem && type_same_shape(a, b);
}

const char *shape_print(Arena *arena, const Type *type) {
    const char *text = "[";
    for (int i = 0; i < type->rank; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", dim_print(arena, type->dims[i]));
    return arena_printf(arena, "%s]", text);
}

const char *type_print(Arena *arena, const Type *type) {
    return arena_printf(arena, "%s%s", elem_name(type->elem), shape_print(arena, type));
}
