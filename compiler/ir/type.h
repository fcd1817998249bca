/* Tensor types: an element type and dims. Rank 0 is a scalar tensor. */
#ifndef NNC_IR_TYPE_H
#define NNC_IR_TYPE_H

#include "ir/dim.h"

enum { MAX_RANK = 8 };

/* Rows: enumerator, spelling, size in bytes, is_float, is_integer, safetensors name. The order is the ABI's (nnrt_elem). */
#define ELEM_TYPES(X)                                                                                                  \
    X(ELEM_F32, "f32", 4, 1, 0, "F32")                                                                                 \
    X(ELEM_F64, "f64", 8, 1, 0, "F64")                                                                                 \
    X(ELEM_BF16, "bf16", 2, 1, 0, "BF16")                                                                              \
    X(ELEM_F16, "f16", 2, 1, 0, "F16")                                                                                 \
    X(ELEM_I32, "i32", 4, 0, 1, "I32")                                                                                 \
    X(ELEM_I64, "i64", 8, 0, 1, "I64")                                                                                 \
    X(ELEM_U8, "u8", 1, 0, 1, "U8")                                                                                    \
    X(ELEM_BOOL, "bool", 1, 0, 0, "BOOL")

typedef enum ElemType {
#define X(id, name, size, is_float, is_integer, st) id,
    ELEM_TYPES(X)
#undef X
        ELEM_COUNT
} ElemType;

const char *elem_name(ElemType elem);
int         elem_size(ElemType elem);
bool        elem_is_float(ElemType elem);
bool        elem_is_integer(ElemType elem);
bool        elem_is_narrow(ElemType elem); /* bf16, f16: stored and moved, computed with only after a cast */
ElemType    elem_parse(const char *name);  /* ELEM_COUNT when unknown */

/* The value of a float type that is nearest to `value`, ties to even; beyond the largest: infinity. */
double elem_round(ElemType elem, double value);

typedef struct Type {
    ElemType   elem;
    int        rank;
    const Dim *dims[MAX_RANK];
} Type;

bool        type_equal(const Type *a, const Type *b);
bool        type_same_shape(const Type *a, const Type *b);
const char *type_print(Arena *arena, const Type *type);  /* "f32[batch, 10]" */
const char *shape_print(Arena *arena, const Type *type); /* "[batch, 10]" */

#endif
