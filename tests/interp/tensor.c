/* Tensors of the interpreter. */
#include "interp/interp.h"

Tensor *tensor_new(Arena *arena, ElemType elem, int rank, const int64_t *dims) {
    Tensor *tensor = ARENA_NEW(arena, Tensor);
    tensor->elem   = elem;
    tensor->rank   = rank;
    tensor->count  = 1;
    for (int i = 0; i < rank; i++) tensor->count *= tensor->dims[i] = dims[i];
    tensor->data = ARENA_ARRAY(arena, Scalar, tensor->count + 1);
    return tensor;
}

Tensor *tensor_of_type(Arena *arena, const Type *type, const int64_t *symbols) {
    int64_t dims[MAX_RANK];
    for (int i = 0; i < type->rank; i++)
        if (!dim_eval(type->dims[i], symbols, &dims[i]) || dims[i] < 0)
            BUG("dim %s has no value", dim_print(arena, type->dims[i]));
    return tensor_new(arena, type->elem, type->rank, dims);
}

double tensor_real(const Tensor *tensor, int64_t index) {
    Scalar x = tensor->data[index];
    return elem_is_float(tensor->elem) ? x.real : (double)x.integer;
}
