/* Thin helpers over LLVM's C builder. */
#include "codegen/irb.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

#include "base/diag.h"

LLVMValueRef irb_function(LLVMBuilderRef b) {
    return LLVMGetBasicBlockParent(LLVMGetInsertBlock(b));
}

LLVMModuleRef irb_module(LLVMBuilderRef b) {
    return LLVMGetGlobalParent(irb_function(b));
}

LLVMContextRef irb_context(LLVMBuilderRef b) {
    return LLVMGetModuleContext(irb_module(b));
}

LLVMValueRef irb_internal_function(LLVMModuleRef module, const char *name, LLVMTypeRef type) {
    LLVMValueRef   function = LLVMAddFunction(module, name, type);
    LLVMContextRef context  = LLVMGetModuleContext(module);
    unsigned       noinline = LLVMGetEnumAttributeKindForName("noinline", 8);
    unsigned       nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(context, noinline, 0));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(context, nounwind, 0));
    return function;
}

/* ---- types and constants ---- */

LLVMTypeRef irb_vector_type(LLVMTypeRef elem, int lanes) {
    return lanes == 1 ? elem : LLVMVectorType(elem, (unsigned)lanes);
}

LLVMTypeRef irb_elem_type(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

int irb_lanes(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? (int)LLVMGetVectorSize(type) : 1;
}

LLVMTypeRef irb_with_elem(LLVMTypeRef type, LLVMTypeRef elem) {
    return irb_vector_type(elem, irb_lanes(type));
}

int irb_elem_bytes(LLVMTypeRef type) {
    LLVMTypeRef elem = irb_elem_type(type);
    switch (LLVMGetTypeKind(elem)) {
    case LLVMFloatTypeKind: return 4;
    case LLVMDoubleTypeKind: return 8;
    case LLVMIntegerTypeKind: return (int)(LLVMGetIntTypeWidth(elem) + 7) / 8;
    default: BUG("no element type");
    }
}

LLVMTypeRef irb_int_like(LLVMBuilderRef b, LLVMTypeRef type) {
    return irb_with_elem(type, LLVMIntTypeInContext(irb_context(b), (unsigned)irb_elem_bytes(type) * 8));
}

static LLVMValueRef const_splat(LLVMTypeRef type, LLVMValueRef value) {
    LLVMValueRef lanes[64];
    int          n = irb_lanes(type);
    if (LLVMGetTypeKind(type) != LLVMVectorTypeKind) return value;
    for (int i = 0; i < n; i++) lanes[i] = value;
    return LLVMConstVector(lanes, (unsigned)n);
}

LLVMValueRef irb_i64(LLVMBuilderRef b, int64_t value) {
    return LLVMConstInt(LLVMInt64TypeInContext(irb_context(b)), (unsigned long long)value, true);
}

LLVMValueRef irb_int(LLVMTypeRef type, uint64_t value) {
    return const_splat(type, LLVMConstInt(irb_elem_type(type), value, false));
}

LLVMValueRef irb_real(LLVMTypeRef type, double value) {
    return const_splat(type, LLVMConstReal(irb_elem_type(type), value));
}

LLVMValueRef irb_zero(LLVMTypeRef type) {
    return LLVMConstNull(type);
}

LLVMValueRef irb_iota(LLVMTypeRef elem, int lanes) {
    LLVMValueRef values[64];
    if (lanes == 1) return LLVMConstNull(elem);
    for (int i = 0; i < lanes; i++) values[i] = LLVMConstInt(elem, (unsigned)i, false);
    return LLVMConstVector(values, (unsigned)lanes);
}

bool irb_const(LLVMValueRef value, int64_t *out) {
    if (!LLVMIsAConstantInt(value)) return false;
    *out = LLVMConstIntGetSExtValue(value);
    return true;
}

/* ---- i64 ---- */

LLVMValueRef irb_add(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildNSWAdd(b, x, y, "");
}

LLVMValueRef irb_sub(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildNSWSub(b, x, y, "");
}

LLVMValueRef irb_mul(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    int64_t c;
    if (irb_const(x, &c) && c == 1) return y;
    if (irb_const(y, &c) && c == 1) return x;
    return LLVMBuildNSWMul(b, x, y, "");
}

static LLVMValueRef pick(LLVMBuilderRef b, LLVMIntPredicate predicate, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildSelect(b, LLVMBuildICmp(b, predicate, x, y, ""), x, y, "");
}

LLVMValueRef irb_min(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return pick(b, LLVMIntSLT, x, y);
}

LLVMValueRef irb_max(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return pick(b, LLVMIntSGT, x, y);
}

LLVMValueRef irb_ceil_div(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    LLVMValueRef one = irb_i64(b, 1);
    return LLVMBuildUDiv(b, irb_add(b, x, irb_sub(b, y, one)), y, "");
}

LLVMValueRef irb_round_up(LLVMBuilderRef b, LLVMValueRef x, int64_t multiple) {
    return irb_mul(b, irb_ceil_div(b, x, irb_i64(b, multiple)), irb_i64(b, multiple));
}

/* ---- vectors ---- */

LLVMValueRef irb_splat(LLVMBuilderRef b, LLVMValueRef scalar, int lanes) {
    if (lanes == 1) return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    if (LLVMIsConstant(scalar)) return const_splat(type, scalar);
    LLVMTypeRef  i32   = LLVMInt32TypeInContext(irb_context(b));
    LLVMValueRef first = LLVMBuildInsertElement(b, LLVMGetPoison(type), scalar, LLVMConstInt(i32, 0, false), "");
    return LLVMBuildShuffleVector(b, first, LLVMGetPoison(type), LLVMConstNull(LLVMVectorType(i32, (unsigned)lanes)),
                                  "");
}

LLVMValueRef irb_lanes_from(LLVMBuilderRef b, LLVMValueRef v, int from, int count) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(b));
    LLVMValueRef lanes[64];
    for (int i = 0; i < count; i++) lanes[i] = LLVMConstInt(i32, (unsigned)(from + i), false);
    if (count == 1) return LLVMBuildExtractElement(b, v, lanes[0], "");
    return LLVMBuildShuffleVector(b, v, LLVMGetPoison(LLVMTypeOf(v)), LLVMConstVector(lanes, (unsigned)count), "");
}

LLVMValueRef irb_mask_below(LLVMBuilderRef b, LLVMValueRef count, int lanes) {
    LLVMTypeRef  i32  = LLVMInt32TypeInContext(irb_context(b));
    LLVMValueRef most = irb_min(b, count, irb_i64(b, lanes));
    LLVMValueRef n    = LLVMBuildTrunc(b, irb_max(b, most, irb_i64(b, 0)), i32, "");
    return LLVMBuildICmp(b, LLVMIntULT, irb_iota(i32, lanes), irb_splat(b, n, lanes), "");
}

/* ---- memory ---- */

LLVMValueRef irb_at(LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef base, LLVMValueRef index) {
    return LLVMBuildInBoundsGEP2(b, elem, base, &index, 1, "");
}

LLVMValueRef irb_near(LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef base, LLVMValueRef index) {
    return LLVMBuildGEP2(b, elem, base, &index, 1, "");
}

LLVMValueRef irb_load(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef pointer) {
    LLVMValueRef value = LLVMBuildLoad2(b, type, pointer, "");
    LLVMSetAlignment(value, (unsigned)irb_elem_bytes(type));
    return value;
}

void irb_store(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer) {
    LLVMValueRef store = LLVMBuildStore(b, value, pointer);
    LLVMSetAlignment(store, (unsigned)irb_elem_bytes(LLVMTypeOf(value)));
}

void irb_store_streamed(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer) {
    LLVMContextRef  ctx   = irb_context(b);
    LLVMTypeRef     type  = LLVMTypeOf(value);
    LLVMValueRef    store = LLVMBuildStore(b, value, pointer);
    LLVMMetadataRef one   = LLVMValueAsMetadata(LLVMConstInt(LLVMInt32TypeInContext(ctx), 1, false));
    LLVMMetadataRef node  = LLVMMDNodeInContext2(ctx, &one, 1);
    LLVMSetAlignment(store, (unsigned)(irb_elem_bytes(type) * irb_lanes(type)));
    LLVMSetMetadata(store, LLVMGetMDKindIDInContext(ctx, "nontemporal", 11), LLVMMetadataAsValue(ctx, node));
}

void irb_fence(LLVMBuilderRef b) {
    LLVMBuildFence(b, LLVMAtomicOrderingSequentiallyConsistent, false, "");
}

static LLVMValueRef call_overloaded(LLVMBuilderRef b, const char *name, LLVMTypeRef *types, int n_types,
                                    LLVMValueRef *args, int n_args) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    if (!id) BUG("no intrinsic %s", name);
    LLVMValueRef callee = LLVMGetIntrinsicDeclaration(irb_module(b), id, types, (size_t)n_types);
    LLVMTypeRef  type   = LLVMGlobalGetValueType(callee);
    return LLVMBuildCall2(b, type, callee, args, (unsigned)n_args, "");
}

LLVMValueRef irb_intrinsic(LLVMBuilderRef b, const char *name, LLVMTypeRef overload, LLVMValueRef *args, int n_args) {
    return call_overloaded(b, name, &overload, overload ? 1 : 0, args, n_args);
}

static LLVMValueRef elem_alignment(LLVMBuilderRef b, LLVMTypeRef type) {
    return LLVMConstInt(LLVMInt32TypeInContext(irb_context(b)), (unsigned)irb_elem_bytes(type), false);
}

LLVMValueRef irb_masked_load(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef pointer, LLVMValueRef mask) {
    LLVMTypeRef  types[] = {type, LLVMTypeOf(pointer)};
    LLVMValueRef args[]  = {pointer, elem_alignment(b, type), mask, LLVMConstNull(type)};
    return call_overloaded(b, "llvm.masked.load", types, 2, args, 4);
}

void irb_masked_store(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask) {
    LLVMTypeRef  types[] = {LLVMTypeOf(value), LLVMTypeOf(pointer)};
    LLVMValueRef args[]  = {value, pointer, elem_alignment(b, LLVMTypeOf(value)), mask};
    call_overloaded(b, "llvm.masked.store", types, 2, args, 4);
}

LLVMValueRef irb_variable(LLVMBuilderRef b, LLVMTypeRef type) {
    LLVMBuilderRef at_entry = LLVMCreateBuilderInContext(irb_context(b));
    LLVMPositionBuilderBefore(at_entry, LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(irb_function(b))));
    LLVMValueRef v = LLVMBuildAlloca(at_entry, type, "");
    LLVMDisposeBuilder(at_entry);
    return v;
}

void irb_prefetch(LLVMBuilderRef b, LLVMValueRef pointer, PrefetchFor use) {
    LLVMTypeRef  i32      = LLVMInt32TypeInContext(irb_context(b));
    LLVMValueRef how      = LLVMConstInt(i32, use == TO_WRITE, false),
                 locality = LLVMConstInt(i32, use == TO_READ_FAR ? 2 : 3, false), data = LLVMConstInt(i32, 1, false);
    LLVMValueRef args[] = {pointer, how, locality, data};
    irb_intrinsic(b, "llvm.prefetch", LLVMTypeOf(pointer), args, 4);
}

/* ---- loops and branches ---- */

static LLVMBasicBlockRef new_block(LLVMBuilderRef b, const char *name) {
    return LLVMAppendBasicBlockInContext(irb_context(b), irb_function(b), name);
}

/* !llvm.loop !{self, !{"llvm.loop.unroll.disable"}}: our loops are unrolled where that pays, by their emitter. */
static void forbid_unrolling(LLVMBuilderRef b, LLVMValueRef branch) {
    static const char text[] = "llvm.loop.unroll.disable";
    LLVMContextRef    ctx    = irb_context(b);
    LLVMMetadataRef   word   = LLVMMDStringInContext2(ctx, text, sizeof text - 1);
    LLVMMetadataRef   hint   = LLVMMDNodeInContext2(ctx, &word, 1);
    LLVMMetadataRef   self   = LLVMTemporaryMDNode(ctx, NULL, 0);
    LLVMMetadataRef   ops[]  = {self, hint};
    LLVMMetadataRef   node   = LLVMMDNodeInContext2(ctx, ops, 2);
    LLVMMetadataReplaceAllUsesWith(self, node); /* frees the temporary; the node now names itself and is distinct */
    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(ctx, "llvm.loop", 9), LLVMMetadataAsValue(ctx, node));
}

Loop loop_begin(LLVMBuilderRef b, LLVMValueRef lo, LLVMValueRef hi, LLVMValueRef step) {
    Loop    loop = {.step = step, .hi = hi, .before = LLVMGetInsertBlock(b)};
    int64_t first, last;
    loop.always = irb_const(lo, &first) && irb_const(hi, &last) && first < last;
    loop.body   = new_block(b, "loop");
    loop.after  = new_block(b, "after");
    if (loop.always)
        LLVMBuildBr(b, loop.body);
    else
        LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, lo, hi, ""), loop.body, loop.after);
    LLVMPositionBuilderAtEnd(b, loop.body);
    loop.index = LLVMBuildPhi(b, LLVMTypeOf(lo), "i");
    LLVMAddIncoming(loop.index, &lo, &loop.before, 1);
    return loop;
}

LLVMValueRef loop_carry(Loop *loop, LLVMBuilderRef b, LLVMValueRef start) {
    if (loop->n_carried == LOOP_MAX_CARRIED) BUG("too many values carried by a loop");
    LLVMValueRef phi = LLVMBuildPhi(b, LLVMTypeOf(start), "");
    LLVMAddIncoming(phi, &start, &loop->before, 1);
    loop->carried[loop->n_carried] = loop->next[loop->n_carried] = phi;
    loop->start[loop->n_carried++]                               = start;
    return phi;
}

void loop_next(Loop *loop, int which, LLVMValueRef value) {
    loop->next[which] = value;
}

void loop_end(Loop *loop, LLVMBuilderRef b) {
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(b);
    LLVMValueRef      next  = irb_add(b, loop->index, loop->step);
    LLVMValueRef      more  = LLVMBuildICmp(b, LLVMIntSLT, next, loop->hi, "");
    forbid_unrolling(b, LLVMBuildCondBr(b, more, loop->body, loop->after));
    LLVMAddIncoming(loop->index, &next, &latch, 1);
    LLVMPositionBuilderAtEnd(b, loop->after);
    for (int i = 0; i < loop->n_carried; i++) {
        LLVMAddIncoming(loop->carried[i], &loop->next[i], &latch, 1);
        loop->result[i] = LLVMBuildPhi(b, LLVMTypeOf(loop->start[i]), "");
        LLVMAddIncoming(loop->result[i], &loop->next[i], &latch, 1);
        if (!loop->always) LLVMAddIncoming(loop->result[i], &loop->start[i], &loop->before, 1);
    }
}

Branch branch_begin(LLVMBuilderRef b, LLVMValueRef condition) {
    Branch            branch = {.otherwise = new_block(b, "else"), .after = new_block(b, "endif")};
    LLVMBasicBlockRef then   = new_block(b, "then");
    LLVMBuildCondBr(b, condition, then, branch.otherwise);
    LLVMPositionBuilderAtEnd(b, then);
    return branch;
}

void branch_unlikely(LLVMBasicBlockRef before) {
    LLVMValueRef    branch  = LLVMGetBasicBlockTerminator(before);
    LLVMContextRef  ctx     = LLVMGetTypeContext(LLVMTypeOf(branch));
    LLVMTypeRef     i32     = LLVMInt32TypeInContext(ctx);
    LLVMMetadataRef parts[] = {LLVMMDStringInContext2(ctx, "branch_weights", 14),
                               LLVMValueAsMetadata(LLVMConstInt(i32, 1, false)),
                               LLVMValueAsMetadata(LLVMConstInt(i32, 100000, false))};
    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(ctx, "prof", 4),
                    LLVMMetadataAsValue(ctx, LLVMMDNodeInContext2(ctx, parts, 3)));
}

void branch_else(Branch *branch, LLVMBuilderRef b) {
    LLVMBuildBr(b, branch->after);
    LLVMPositionBuilderAtEnd(b, branch->otherwise);
    branch->has_else = true;
}

void branch_end(Branch *branch, LLVMBuilderRef b) {
    if (!branch->has_else) branch_else(branch, b);
    LLVMBuildBr(b, branch->after);
    LLVMPositionBuilderAtEnd(b, branch->after);
}
