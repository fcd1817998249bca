/* One contraction compiled for a test or a benchmark: plain loads and stores as anchors. */
#include "unit/contract_case.h"

#include <stdio.h>
#include <string.h>

#include "codegen/irb.h"

typedef struct Anchor {
    LLVMBuilderRef b;
    LLVMTypeRef    elem;
    LLVMValueRef   base, stride_free, stride_k; /* of the operand; of C: stride_free is the row length */
    LLVMValueRef   counts;
    bool           epilogue;
} Anchor;

static LLVMValueRef spread(const Anchor *a, LLVMValueRef start, LLVMValueRef step, int lanes) {
    LLVMTypeRef i64 = LLVMInt64TypeInContext(irb_context(a->b));
    return irb_add(a->b, irb_splat(a->b, start, lanes),
                   LLVMBuildMul(a->b, irb_iota(i64, lanes), irb_splat(a->b, step, lanes), ""));
}

/* Twice the element; gathered lane by lane, as an anchor without contiguous memory would. */
static LLVMValueRef load_twice(void *user, LLVMValueRef free, LLVMValueRef k, int lanes, bool along_k,
                               LLVMValueRef mask) {
    const Anchor  *a       = user;
    LLVMBuilderRef b       = a->b;
    LLVMValueRef   start   = irb_add(b, irb_mul(b, free, a->stride_free), irb_mul(b, k, a->stride_k));
    LLVMTypeRef    type    = irb_vector_type(a->elem, lanes);
    LLVMValueRef   offsets = spread(a, start, along_k ? a->stride_k : a->stride_free, lanes);
    LLVMValueRef   value   = irb_zero(type);
    for (int i = 0; i < lanes; i++) {
        LLVMValueRef lane   = irb_i64(b, i);
        LLVMValueRef offset = lanes == 1 ? offsets : LLVMBuildExtractElement(b, offsets, lane, "");
        LLVMValueRef exists = mask ? LLVMBuildExtractElement(b, mask, lane, "") : NULL;
        if (exists) offset = LLVMBuildSelect(b, exists, offset, start, "");
        LLVMValueRef one = irb_load(b, a->elem, irb_at(b, a->elem, a->base, offset));
        value            = lanes == 1 ? one : LLVMBuildInsertElement(b, value, one, lane, "");
    }
    value = LLVMBuildFMul(b, value, irb_real(type, 2), "");
    return mask ? LLVMBuildSelect(b, mask, value, irb_zero(type), "") : value;
}

static void add_count(const Anchor *a, LLVMValueRef offset, int lanes, LLVMValueRef mask) {
    LLVMTypeRef  i32  = LLVMInt32TypeInContext(irb_context(a->b));
    LLVMTypeRef  type = irb_vector_type(i32, lanes);
    LLVMValueRef at   = irb_at(a->b, i32, a->counts, offset);
    LLVMValueRef old  = mask ? irb_masked_load(a->b, type, at, mask) : irb_load(a->b, type, at);
    LLVMValueRef new  = LLVMBuildAdd(a->b, old, irb_int(type, 1), "");
    if (mask)
        irb_masked_store(a->b, new, at, mask);
    else
        irb_store(a->b, new, at);
}

static void store_sum(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes, LLVMValueRef mask) {
    const Anchor  *a      = user;
    LLVMBuilderRef b      = a->b;
    LLVMTypeRef    type   = LLVMTypeOf(value);
    LLVMValueRef   offset = irb_add(b, irb_mul(b, m, a->stride_free), n);
    LLVMValueRef   at     = irb_at(b, a->elem, a->base, offset);
    if (a->epilogue) {
        LLVMTypeRef  i32     = LLVMInt32TypeInContext(irb_context(b));
        LLVMValueRef columns = irb_splat(b, LLVMBuildTrunc(b, n, i32, ""), lanes);
        columns              = LLVMBuildAdd(b, columns, irb_iota(i32, lanes), "");
        value                = LLVMBuildFAdd(b, value, LLVMBuildSIToFP(b, columns, type, ""), "");
        LLVMValueRef below   = LLVMBuildFCmp(b, LLVMRealOLT, value, irb_zero(type), "");
        value                = LLVMBuildSelect(b, below, irb_zero(type), value, "");
    }
    if (mask)
        irb_masked_store(b, value, at, mask);
    else
        irb_store(b, value, at);
    if (a->counts) add_count(a, offset, lanes, mask);
}

static Extent extent(LLVMBuilderRef b, int64_t value, bool runtime, LLVMValueRef param) {
    return runtime ? (Extent){-1, param} : (Extent){value, irb_i64(b, value)};
}

static void mark_noalias(LLVMContextRef context, LLVMValueRef function, int param) {
    unsigned kind = LLVMGetEnumAttributeKindForName("noalias", 7);
    LLVMAddAttributeAtIndex(function, (unsigned)param + 1, LLVMCreateEnumAttribute(context, kind, 0));
}

static LLVMBuilderRef begin_function(Jit *jit, const char *name, LLVMTypeRef type) {
    LLVMValueRef   function = LLVMAddFunction(jit->module, name, type);
    LLVMBuilderRef b        = LLVMCreateBuilderInContext(jit->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(jit->context, function, "entry"));
    return b;
}

static ContractShape shape_of(const ContractSpec *spec, bool is_double, int64_t m_likely) {
    return (ContractShape){.is_double  = is_double,
                           .m          = spec->m.constant,
                           .n          = spec->n.constant,
                           .k          = spec->k.constant,
                           .m_likely   = m_likely,
                           .a_stride_m = spec->a.stride_free.constant,
                           .a_stride_k = spec->a.stride_k.constant,
                           .b_stride_k = spec->b.stride_k.constant,
                           .b_stride_n = spec->b.stride_free.constant,
                           .a_has_load = spec->a.load,
                           .b_has_load = spec->b.load};
}

static void emit_units(Jit *jit, const ContractPlan *plan, const ContractCase *t, const char *name) {
    char        full[64];
    LLVMTypeRef i64 = LLVMInt64TypeInContext(jit->context), params[] = {i64, i64, i64};
    snprintf(full, sizeof full, "%s_units", name);
    LLVMBuilderRef b = begin_function(jit, full, LLVMFunctionType(i64, params, 3, false));
    LLVMValueRef   f = irb_function(b);
    LLVMBuildRet(b, contract_units(plan, b, extent(b, t->m, t->m_runtime, LLVMGetParam(f, 0)),
                                   extent(b, t->n, t->n_runtime, LLVMGetParam(f, 1)),
                                   extent(b, t->k, t->k_runtime, LLVMGetParam(f, 2))));
    LLVMDisposeBuilder(b);
}

int64_t contract_case_emit(Jit *jit, const ContractCase *t, const char *name) {
    LLVMTypeRef    ptr = LLVMPointerTypeInContext(jit->context, 0), i64 = LLVMInt64TypeInContext(jit->context);
    LLVMTypeRef    params[] = {ptr, ptr, ptr, ptr, i64, i64, i64, i64, i64, ptr};
    LLVMTypeRef    type     = LLVMFunctionType(LLVMVoidTypeInContext(jit->context), params, 10, false);
    LLVMBuilderRef b        = begin_function(jit, name, type);
    LLVMValueRef   f        = irb_function(b);
    for (int i = 0; i < 4; i++) mark_noalias(jit->context, f, i);
    mark_noalias(jit->context, f, 9);
    LLVMTypeRef elem = t->is_double ? LLVMDoubleTypeInContext(jit->context) : LLVMFloatTypeInContext(jit->context);
    Extent m = extent(b, t->m, t->m_runtime, LLVMGetParam(f, 4)), n = extent(b, t->n, t->n_runtime, LLVMGetParam(f, 5));
    Extent k = extent(b, t->k, t->k_runtime, LLVMGetParam(f, 6)), one = extent(b, 1, false, NULL);
    Extent b_row = n;
    if (t->b_strided) {
        one   = extent(b, 2, false, NULL);
        b_row = (Extent){n.constant < 0 ? -1 : 2 * n.constant, irb_mul(b, n.value, one.value)};
    }
    Extent          unit = extent(b, 1, false, NULL);
    ContractOperand A    = {
           .base = LLVMGetParam(f, 0), .stride_free = t->a_transposed ? unit : k, .stride_k = t->a_transposed ? m : unit};
    ContractOperand B        = {.base        = LLVMGetParam(f, 1),
                                .stride_free = t->b_transposed ? k : one,
                                .stride_k    = t->b_transposed ? unit : b_row};
    Anchor          anchor_a = {
                 .b = b, .elem = elem, .base = A.base, .stride_free = A.stride_free.value, .stride_k = A.stride_k.value};
    Anchor anchor_b = {
        .b = b, .elem = elem, .base = B.base, .stride_free = B.stride_free.value, .stride_k = B.stride_k.value};
    Anchor out = {.b           = b,
                  .elem        = elem,
                  .base        = LLVMGetParam(f, 2),
                  .stride_free = n.value,
                  .epilogue    = t->epilogue,
                  .counts      = t->count ? LLVMGetParam(f, 3) : NULL};
    if (t->a_load) A.load = load_twice, A.user = &anchor_a;
    if (t->b_load) B.load = load_twice, B.user = &anchor_b;
    ContractSpec  spec = {.elem = elem, .m = m, .n = n, .k = k, .a = A, .b = B, .store = store_sum, .store_user = &out};
    ContractShape shape = shape_of(&spec, t->is_double, t->m);
    shape.blocking      = t->blocking;
    ContractPlan *plan  = contract_plan(jit->c->arena, jit->target, &shape);
    contract_emit(plan, b, &spec, LLVMGetParam(f, 7), LLVMGetParam(f, 8), LLVMGetParam(f, 9));
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
    emit_units(jit, plan, t, name);
    return contract_scratch_bytes(plan);
}
