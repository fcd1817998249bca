/* Dims at run time: integer polynomials over args->symbols, each computed once in the block that the environment belongs to. */
#include "codegen/emit.h"

DimEnv dims_begin(const Emit *e, LLVMBuilderRef b, LLVMValueRef symbols) {
    return (DimEnv){e, b, symbols, map_new(e->arena)};
}

static LLVMValueRef symbol_value(DimEnv *env, int symbol) {
    if (env->e->sizes) return irb_i64(env->b, env->e->sizes[symbol]);
    const Dim   *dim   = dim_symbol(graph_dims(env->e->program->graph), symbol);
    LLVMValueRef known = map_get(env->known, dim);
    if (known) return known;
    LLVMValueRef value =
        irb_load(env->b, env->e->t_i64, irb_at(env->b, env->e->t_i64, env->symbols, irb_i64(env->b, symbol)));
    map_set(env->known, dim, value);
    return value;
}

/* floor(x / y) for any signs. */
static LLVMValueRef floor_div(DimEnv *env, LLVMValueRef x, LLVMValueRef y) {
    LLVMBuilderRef b        = env->b;
    LLVMValueRef   quotient = LLVMBuildSDiv(b, x, y, ""), rest = LLVMBuildSRem(b, x, y, "");
    LLVMValueRef   zero     = irb_i64(b, 0);
    LLVMValueRef   inexact  = LLVMBuildICmp(b, LLVMIntNE, rest, zero, "");
    LLVMValueRef   opposite = LLVMBuildICmp(b, LLVMIntSLT, LLVMBuildXor(b, rest, y, ""), zero, "");
    LLVMValueRef   below    = LLVMBuildAnd(b, inexact, opposite, "");
    return LLVMBuildSub(b, quotient, LLVMBuildZExt(b, below, env->e->t_i64, ""), "");
}

static LLVMValueRef term_value(DimEnv *env, const DimTerm *term) {
    LLVMValueRef product = irb_i64(env->b, term->coefficient);
    for (int i = 0; i < term->n_atoms; i++) {
        const DimAtom *atom  = &term->atoms[i];
        LLVMValueRef   value = atom->symbol >= 0
                                   ? symbol_value(env, atom->symbol)
                                   : floor_div(env, dims_value(env, atom->numerator), dims_value(env, atom->denominator));
        product              = irb_mul(env->b, product, value);
    }
    return product;
}

LLVMValueRef dims_value(DimEnv *env, const Dim *dim) {
    int64_t constant;
    if (dim_is_const(dim, &constant)) return irb_i64(env->b, constant);
    LLVMValueRef known = map_get(env->known, dim);
    if (known) return known;
    LLVMValueRef sum = irb_i64(env->b, 0);
    for (int i = 0; i < dim_term_count(dim); i++) sum = irb_add(env->b, sum, term_value(env, dim_term(dim, i)));
    map_set(env->known, dim, sum);
    return sum;
}

LLVMValueRef dims_product(DimEnv *env, int count, const Dim *const *dims) {
    LLVMValueRef product = irb_i64(env->b, 1);
    for (int i = 0; i < count; i++) product = irb_mul(env->b, product, dims_value(env, dims[i]));
    return product;
}

int64_t dims_constant(int count, const Dim *const *dims) {
    int64_t product = 1, value;
    for (int i = 0; i < count; i++) {
        if (!dim_is_const(dims[i], &value) || __builtin_mul_overflow(product, value, &product)) return -1;
    }
    return product;
}
