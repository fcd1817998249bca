/* A kernel as an LLVM function: void task(context, begin, end, worker), an nnrt_task over units of work, and for sums over all rows
 * void finish(context) that the calling thread runs after them. */
#include "codegen/contract.h"
#include "codegen/sequence.h"
#include "codegen/tail.h"

#include "ops/random.h"

#include <stddef.h>
#include <string.h>

#include "nnrt.h"

/* ---- what is in memory ------------------------------------------------------------------------------------------------- */

void kernel_operands_merge(Emit *e, LocationVec *all, const LocationVec *some) {
    for (int i = 0; i < some->len; i++)
        if (operand_index(all, &some->data[i]) < 0) vec_push(e->arena, all, some->data[i]);
}

LLVMValueRef key_pointer(const Emit *e, const Location *location) {
    uint64_t key = random_key(graph_node_at(e->program->graph, location->ref)->attr.random);
    return LLVMConstIntToPtr(LLVMConstInt(e->t_i64, key, false), e->t_ptr);
}

LLVMValueRef operand_pointer(KernelEmit *k, const Location *location) {
    int index = operand_index(&k->operands, location);
    if (index < 0) BUG("a kernel uses memory that is not among its operands");
    if (k->passed && k->passed->at[index]) return k->passed->at[index];
    if (!k->pointers[index]) {
        int64_t slot       = CONTEXT_OPERANDS + index;
        k->pointers[index] = build_member(k->root->b, k->e->t_ptr, k->context, 8 * slot);
    }
    return k->pointers[index];
}

/* ---- scratch ----------------------------------------------------------------------------------------------------------------- */

static KernelSize size_here(KernelEmit *k, const struct ContractPlan *contract) {
    CompiledKernel compiled = {.contract = contract};
    return kernel_size(k->e, k->kernel, &compiled, &k->dims);
}

LLVMValueRef kernel_shared_scratch(KernelEmit *k) {
    return build_member(k->root->b, k->e->t_ptr, k->context, 8 * CONTEXT_SCRATCH);
}

LLVMValueRef kernel_worker_scratch(KernelEmit *k) {
    LLVMBuilderRef b      = k->root->b;
    KernelSize     size   = size_here(k, k->contract);
    LLVMValueRef   worker = LLVMBuildSExt(b, k->worker, k->e->t_i64, "");
    LLVMValueRef   offset = irb_add(b, size.shared_bytes, irb_mul(b, worker, size.worker_bytes));
    return irb_at(b, k->e->t_i8, kernel_shared_scratch(k), offset);
}

KernelSize kernel_size(Emit *e, const Kernel *kernel, const CompiledKernel *compiled, DimEnv *dims) {
    switch (kernel->template) {
    case TEMPLATE_LOOP: return loop_size(e, kernel, dims);
    case TEMPLATE_CONTRACT: return matmul_size(e, kernel, compiled->contract, dims);
    case TEMPLATE_SCATTER: return scatter_size(e, kernel, dims);
    case TEMPLATE_SCAN: return scan_size(e, kernel, compiled, dims);
    }
    BUG("unknown template");
}

LLVMValueRef kernel_join_units(Emit *e, const Kernel *kernel, DimEnv *dims) {
    if (kernel->scatter) return scatter_join_units(e, kernel, dims);
    return matmul_join_units(e, kernel, dims);
}

/* ---- functions ---------------------------------------------------------------------------------------------------------------- */

static void set_function_attributes(Emit *e, LLVMValueRef fn) {
    const char *names[] = {"target-cpu", "target-features"}, *values[] = {e->target->cpu, e->target->features};
    for (int i = 0; i < 2; i++) {
        LLVMAttributeRef attribute = LLVMCreateStringAttribute(e->context, names[i], (unsigned)strlen(names[i]),
                                                               values[i], (unsigned)strlen(values[i]));
        LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, attribute);
    }
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, nounwind, 0));
}

LLVMValueRef function_new(Emit *e, const char *name, LLVMTypeRef type) {
    LLVMValueRef fn = LLVMAddFunction(e->module, name, type);
    LLVMSetLinkage(fn, LLVMInternalLinkage);
    set_function_attributes(e, fn);
    return fn;
}

static int lane_count(const Emit *e) {
    return target_lanes(e->target, e->program->real == ELEM_F64 ? 8 : 4);
}

static void open_function(KernelEmit *k, const char *name, LLVMTypeRef *params, int n_params) {
    Emit *e    = k->e;
    k->fn_type = LLVMFunctionType(e->t_void, params, (unsigned)n_params, false);
    k->fn      = function_new(e, name, k->fn_type);
    k->context = LLVMGetParam(k->fn, 0);
    k->root = k->now = scope_new(k, NULL, LLVMAppendBasicBlockInContext(e->context, k->fn, "entry"));
    k->args          = build_member(k->root->b, e->t_ptr, k->context, 8 * CONTEXT_ARGS);
    k->dims     = dims_begin(e, k->root->b, build_member(k->root->b, e->t_ptr, k->args, offsetof(nnrt_args, symbols)));
    k->pointers = ARENA_ARRAY(e->arena, LLVMValueRef, k->operands.len + 1);
    k->full_lanes = lane_count(e);
    k->lanes      = 1;
    math_init(k);
    if (k->kernel->stores.len) debug_function(k, name, k->kernel->stores.data[0].node->span);
}

static LLVMValueRef close_function(KernelEmit *k) {
    LLVMBuildRetVoid(k->root->b);
    LLVMDisposeBuilder(k->root->b);
    return k->fn;
}

/* if (...) return streamed(context, begin, end, worker); */
static void hand_over(KernelEmit *k, LLVMValueRef streamed) {
    LLVMBuilderRef    b    = k->root->b;
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(k->e->context, k->fn, "streamed"),
                      rest = LLVMAppendBasicBlockInContext(k->e->context, k->fn, "cached");
    LLVMValueRef args[4];
    for (unsigned i = 0; i < 4; i++) args[i] = LLVMGetParam(k->fn, i);
    LLVMBuildCondBr(b, stream_condition(k), then, rest);
    LLVMPositionBuilderAtEnd(b, then);
    LLVMBuildCall2(b, k->fn_type, streamed, args, 4, "");
    LLVMBuildRetVoid(b);
    LLVMPositionBuilderAtEnd(b, rest);
}

static const char *function_name(const KernelEmit *k, const char *part) {
    return arena_printf(k->e->arena, "%s%s%s", k->kernel->name, k->e->sizes ? "_sized" : "", part);
}

void kernel_open(KernelEmit *k, LLVMTypeRef *params, int n_params) {
    open_function(k, function_name(k, ""), params, n_params);
}

LLVMValueRef kernel_close(KernelEmit *k) {
    return close_function(k);
}

static LLVMValueRef emit_task(KernelEmit k, LLVMValueRef streamed) {
    Emit       *e        = k.e;
    LLVMTypeRef params[] = {e->t_ptr, e->t_i64, e->t_i64, e->t_i32};
    open_function(&k, function_name(&k, k.streams ? "_streamed" : ""), params, 4);
    if (streamed) hand_over(&k, streamed);
    k.worker           = LLVMGetParam(k.fn, 3);
    LLVMValueRef begin = LLVMGetParam(k.fn, 1), end = LLVMGetParam(k.fn, 2);
    switch (k.kernel->template) {
    case TEMPLATE_LOOP: loop_emit_task(&k, begin, end); break;
    case TEMPLATE_CONTRACT: matmul_emit_task(&k, begin, end); break;
    case TEMPLATE_SCATTER: scatter_emit_task(&k, begin, end); break;
    case TEMPLATE_SCAN: BUG("loops are not emitted as tasks");
    }
    if (k.streams) irb_fence(k.root->b);
    return close_function(&k);
}

static LLVMValueRef emit_finish(KernelEmit k) {
    bool sums = k.kernel->template == TEMPLATE_LOOP || k.kernel->template == TEMPLATE_CONTRACT;
    if (!sums || !loop_has_finish(k.kernel)) return NULL;
    open_function(&k, function_name(&k, "_finish"), &k.e->t_ptr, 1);
    loop_emit_finish(&k);
    return close_function(&k);
}

static LLVMValueRef emit_prepare(KernelEmit k) {
    if (!k.contract || !contract_packs_whole(k.contract)) return NULL;
    open_function(&k, function_name(&k, "_prepare"), &k.e->t_ptr, 1);
    matmul_emit_prepare(&k);
    return close_function(&k);
}

static LLVMValueRef emit_join(KernelEmit k) {
    Emit *e        = k.e;
    bool  products = k.contract && contract_joins(k.contract);
    if (!products && !scatter_joins(e, k.kernel)) return NULL;
    LLVMTypeRef params[] = {e->t_ptr, e->t_i64, e->t_i64, e->t_i32};
    open_function(&k, function_name(&k, "_join"), params, 4);
    (products ? matmul_emit_join : scatter_emit_join)(&k, LLVMGetParam(k.fn, 1), LLVMGetParam(k.fn, 2));
    return close_function(&k);
}

CompiledKernel *kernel_compile(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands) {
    if (kernel->template == TEMPLATE_SCAN) return scan_compile(e, plan, kernel, operands);
    size_t      length;
    const char *text = kernel_signature(e, plan, kernel, operands, &length);
    for (int i = 0; i < e->kernels.len; i++) {
        CompiledKernel *known = e->kernels.data[i];
        if (known->sizes == e->sizes && known->length == length && !memcmp(known->text, text, length)) return known;
    }
    CompiledKernel *compiled = ARENA_NEW(e->arena, CompiledKernel);
    compiled->text           = text;
    compiled->length         = length;
    compiled->sizes          = e->sizes;
    compiled->n_operands     = operands->len;
    if (kernel->template == TEMPLATE_CONTRACT) compiled->contract = matmul_plan(e, plan, kernel);
    compiled->runs_tail = tail_runs(e, kernel, compiled->contract);
    KernelEmit k = {.e = e, .plan = plan, .kernel = kernel, .operands = *operands, .contract = compiled->contract};
    if (compiled->runs_tail) k.tail = tail_emit(k);
    k.streams             = stream_pays(e, kernel);
    LLVMValueRef streamed = k.streams ? emit_task(k, NULL) : NULL;
    k.streams             = false;
    compiled->task        = emit_task(k, streamed);
    compiled->finish      = emit_finish(k);
    compiled->join        = emit_join(k);
    compiled->prepare     = emit_prepare(k);
    vec_push(e->arena, &e->kernels, compiled);
    return compiled;
}
