/* Element types and tensor types. */
#include "ir/type.h"

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
