/* Stores that pass the caches by. What a loop writes from start to end into memory larger than the caches is evicted before anyone reads
 * it, and fetching each line first, only to overwrite it, costs as much as reading it. So a kernel with such stores gets a second task,
 * which the first hands over to when, at run time, the tensor is large, lies at a vector's start and is none of the operands. */
#include "codegen/emit.h"

#include "plan/plan.h"

enum {
    STREAM_BYTES  = 24 << 20, /* of the values stored, from which on they pass the caches by */
    STREAM_LIKELY = 4         /* times as large as at nominal sizes may a tensor with symbolic dims be */
};

static bool stored_in_order(const Kernel *kernel, const Store *store) {
    if (store->level != LEVEL_POINT || store->type.rank != kernel->n_rows + kernel->n_inner) return false;
    for (int i = 0; i < store->type.rank; i++)
        if (store->type.dims[i] != (i < kernel->n_rows ? kernel->rows[i] : kernel->inner[i - kernel->n_rows]))
            return false;
    return true;
}

bool store_streams(const Emit *e, const Kernel *kernel, const Store *store) {
    if (kernel->template != TEMPLATE_LOOP || !kernel->n_inner || !stored_in_order(kernel, store)) return false;
    if (store->to.kind != LOC_WORKSPACE && store->to.kind != LOC_RESULT) return false;
    if (store->to.offset != 0 || store->type.elem != e->program->real || elem_is_narrow(store->type.elem)) return false;
    int64_t last = dims_constant(1, &kernel->inner[kernel->n_inner - 1]);
    return kernel->flat || (last > 0 && last % target_lanes(e->target, elem_size(store->type.elem)) == 0);
}

static bool may_be_large(const Emit *e, const Type *type) {
    int64_t known = dims_constant(type->rank, type->dims);
    if (known >= 0) return known * elem_size(type->elem) >= STREAM_BYTES;
    return nominal_bytes(nominal_sizes(e->c, e->program), type) >= STREAM_BYTES / STREAM_LIKELY;
}

bool stream_pays(const Emit *e, const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++)
        if (store_streams(e, kernel, &kernel->stores.data[i]) && may_be_large(e, &kernel->stores.data[i].type))
            return true;
    return false;
}

/* Whether `at` starts a vector and is no other operand. */
static LLVMValueRef is_apart(KernelEmit *k, int operand, LLVMValueRef condition) {
    LLVMBuilderRef b    = k->root->b;
    LLVMValueRef   at   = operand_pointer(k, &k->operands.data[operand]);
    LLVMValueRef   bits = LLVMBuildPtrToInt(b, at, k->e->t_i64, "");
    LLVMValueRef   rest = LLVMBuildAnd(b, bits, irb_i64(b, k->e->target->vector_bytes - 1), "");
    condition           = LLVMBuildAnd(b, condition, LLVMBuildICmp(b, LLVMIntEQ, rest, irb_i64(b, 0), ""), "");
    for (int i = 0; i < k->operands.len; i++) {
        if (i == operand) continue;
        LLVMValueRef other = operand_pointer(k, &k->operands.data[i]);
        condition          = LLVMBuildAnd(b, condition, LLVMBuildICmp(b, LLVMIntNE, at, other, ""), "");
    }
    return condition;
}

LLVMValueRef stream_condition(KernelEmit *k) {
    LLVMBuilderRef b         = k->root->b;
    LLVMValueRef   rows      = dims_product(&k->dims, k->kernel->n_rows, k->kernel->rows);
    LLVMValueRef   elements  = irb_mul(b, rows, dims_product(&k->dims, k->kernel->n_inner, k->kernel->inner));
    LLVMValueRef   bytes     = irb_mul(b, elements, irb_i64(b, elem_size(k->e->program->real)));
    LLVMValueRef   condition = LLVMBuildICmp(b, LLVMIntSGE, bytes, irb_i64(b, STREAM_BYTES), "");
    for (int i = 0; i < k->kernel->stores.len; i++) {
        const Store *store = &k->kernel->stores.data[i];
        if (store_streams(k->e, k->kernel, store))
            condition = is_apart(k, operand_index(&k->operands, &store->to), condition);
    }
    return condition;
}
