/* Growable arrays in an arena. Declare one with VEC(Type); a zeroed one is empty and valid.
 *
 *     typedef VEC(Node *) NodeVec;
 *     NodeVec nodes = {0};
 *     vec_push(arena, &nodes, node);
 *     for (int i = 0; i < nodes.len; i++) use(nodes.data[i]);
 */
#ifndef NNC_BASE_VEC_H
#define NNC_BASE_VEC_H

#include "base/arena.h"

#define VEC(Type)                                                                                                      \
    struct {                                                                                                           \
        Type *data;                                                                                                    \
        int   len;                                                                                                     \
        int   cap;                                                                                                     \
    }

/* Makes room for one more element; used through vec_push. */
void *vec_grow(Arena *arena, void *data, int *cap, int len, size_t element_size);

#define vec_push(arena, vec, value)                                                                                    \
    ((vec)->len == (vec)->cap                                                                                          \
         ? (void)((vec)->data = vec_grow((arena), (vec)->data, &(vec)->cap, (vec)->len, sizeof *(vec)->data))          \
         : (void)0,                                                                                                    \
     (vec)->data[(vec)->len++] = (value))

#define vec_last(vec) ((vec)->data[(vec)->len - 1])

#endif
