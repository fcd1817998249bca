#include "base/vec.h"

#include <string.h>

void *vec_grow(Arena *arena, void *data, int *cap, int len, size_t element_size) {
    int   grown = *cap ? *cap * 2 : 8;
    void *fresh = arena_alloc(arena, (size_t)grown * element_size);
    if (len) memcpy(fresh, data, (size_t)len * element_size);
    *cap = grown;
    return fresh;
}
