/* Tensors of the interpreter. */
#include "interp/interp.h"

Tensor tensor_new(Arena *arena, const Type *type, const int64_t *symbols) {
    Tensor tensor = {.elem = type->elem, .rank = type->rank, .count = 1};
    for (int i = 0; i < type->rank; i++) {
        if (!dim_eval(type->dims[i], symbols, &tensor.dims[i]) || tensor.dims[i] < 0)
            BUG("dim %s has no value", dim_print(arena, type->dims[i]));
        tensor.count *= tensor.dims[i];
    }
    tensor.data = ARENA_ARRAY(arena, double, tensor.count + 1);
    return tensor;
}
