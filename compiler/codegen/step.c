/* A function of the model: an nnrt_code that runs its kernels in order, and the size of the workspace it needs. Pointers and offsets
 * are computed once, at the start; nothing is allocated. */
#include "codegen/emit.h"

#include <stddef.h>
#include <string.h>

#include "nnrt.h"

/* About 10 us of work: flops at 32 a ns, bytes at 16 a ns. Below it a kernel is not worth handing to other threads. */
enum { PARALLEL_WORK = 320000, BYTE_WORK = 2 };

typedef struct StepKernel {
    const Kernel   *kernel;
    CompiledKernel *compiled;
    LocationVec     operands;
} StepKernel;

typedef struct Step {
    Emit          *e;
    const FnPlan  *plan;
    LLVMValueRef   fn, args, context;
    LLVMBuilderRef b;
    DimEnv         dims;
    StepKernel    *kernels;
    LocationVec    operands; /* those whose pointers are known */
    LLVMValueRef  *pointers;
    LLVMValueRef  *regions; /* offsets; the last one is where the scratch starts */
} Step;

/* ---- workspace ------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef region_bytes(const FnPlan *plan, const Region *region, DimEnv *dims) {
    LLVMValueRef largest = irb_i64(dims->b, 0);
    for (int i = 0; i < region->buffers.len; i++) {
        const Type  *type  = &plan->buffers.data[region->buffers.data[i]].type;
        LLVMValueRef count = dims_product(dims, type->rank, type->dims);
        largest = irb_max(dims->b, largest, irb_mul(dims->b, count, irb_i64(dims->b, elem_size(type->elem))));
    }
    return irb_round_up(dims->b, largest, 64);
}

/* Where each region starts; regions[count] is where the last one ends. */
static LLVMValueRef *region_offsets(Emit *e, const FnPlan *plan, DimEnv *dims) {
    LLVMValueRef *offsets = ARENA_ARRAY(e->arena, LLVMValueRef, plan->regions.len + 1);
    offsets[0]            = irb_i64(dims->b, 0);
    for (int i = 0; i < plan->regions.len; i++)
        offsets[i + 1] = irb_add(dims->b, offsets[i], region_bytes(plan, &plan->regions.data[i], dims));
    return offsets;
}

static LLVMBuilderRef open_block(Emit *e, LLVMValueRef fn) {
    LLVMBuilderRef b = LLVMCreateBuilderInContext(e->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(e->context, fn, "entry"));
    return b;
}

/* int64_t workspace(const int64_t *symbols, int64_t nthreads) */
static LLVMValueRef emit_workspace(Emit *e, const FnPlan *plan, const StepKernel *kernels) {
    LLVMTypeRef    params[] = {e->t_ptr, e->t_i64};
    LLVMValueRef   fn       = function_new(e, arena_printf(e->arena, "%s_workspace", plan->fn->name),
                                           LLVMFunctionType(e->t_i64, params, 2, false));
    LLVMBuilderRef b        = open_block(e, fn);
    DimEnv         dims     = dims_begin(e, b, LLVMGetParam(fn, 0));
    LLVMValueRef   scratch  = irb_i64(b, 0);
    for (int i = 0; i < plan->kernels.len; i++) {
        KernelSize size = kernel_size(e, kernels[i].kernel, kernels[i].compiled, &dims);
        scratch =
            irb_max(b, scratch, irb_add(b, size.shared_bytes, irb_mul(b, LLVMGetParam(fn, 1), size.worker_bytes)));
    }
    LLVMBuildRet(b, irb_add(b, region_offsets(e, plan, &dims)[plan->regions.len], scratch));
    LLVMDisposeBuilder(b);
    return fn;
}

/* ---- pointers ---------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef table_entry(Step *s, int64_t table, int ref) {
    LLVMValueRef entries = build_member(s->b, s->e->t_ptr, s->args, table);
    return irb_at(s->b, s->e->t_ptr, entries, irb_i64(s->b, ref));
}

static LLVMValueRef workspace_at(Step *s, LLVMValueRef offset) {
    return irb_at(s->b, s->e->t_i8, build_member(s->b, s->e->t_ptr, s->args, offsetof(nnrt_args, workspace)), offset);
}

static LLVMValueRef location_pointer(Step *s, const Location *at) {
    static const int64_t tables[] = {[LOC_INPUT]  = offsetof(nnrt_args, inputs),
                                     [LOC_SLOT]   = offsetof(nnrt_args, slots),
                                     [LOC_RESULT] = offsetof(nnrt_args, results)};
    if (at->kind == LOC_WORKSPACE) return workspace_at(s, s->regions[s->plan->buffers.data[at->ref].region]);
    LLVMValueRef pointer = LLVMBuildLoad2(s->b, s->e->t_ptr, table_entry(s, tables[at->kind], at->ref), "");
    if (!at->offset) return pointer;
    ElemType elem = s->plan->fn->results.data[at->ref].value->type.elem;
    return irb_at(s->b, s->e->t_i8, pointer, irb_i64(s->b, (int64_t)at->offset * elem_size(elem)));
}

static void load_pointers(Step *s) {
    for (int i = 0; i < s->plan->kernels.len; i++) kernel_operands_merge(s->e, &s->operands, &s->kernels[i].operands);
    s->pointers = ARENA_ARRAY(s->e->arena, LLVMValueRef, s->operands.len + 1);
    for (int i = 0; i < s->operands.len; i++) s->pointers[i] = location_pointer(s, &s->operands.data[i]);
}

/* ---- calls --------------------------------------------------------------------------------------------------------------------- */

static void set_context(Step *s, int slot, LLVMValueRef pointer) {
    LLVMBuildStore(s->b, pointer, irb_at(s->b, s->e->t_i64, s->context, irb_i64(s->b, slot)));
}

static void call_directly(Step *s, const StepKernel *kernel, LLVMValueRef units) {
    LLVMValueRef args[] = {s->context, irb_i64(s->b, 0), units, LLVMConstInt(s->e->t_i32, 0, false)};
    LLVMBuildCall2(s->b, LLVMGlobalGetValueType(kernel->compiled->task), kernel->compiled->task, args, 4, "");
}

static void call_parallel(Step *s, const StepKernel *kernel, LLVMValueRef pool, LLVMValueRef units) {
    Emit        *e        = s->e;
    LLVMTypeRef  params[] = {e->t_ptr, e->t_ptr, e->t_ptr, e->t_i64};
    LLVMTypeRef  type     = LLVMFunctionType(e->t_void, params, 4, false);
    LLVMValueRef callee   = LLVMGetNamedFunction(e->module, "nnrt_parallel");
    LLVMValueRef args[]   = {pool, kernel->compiled->task, s->context, units};
    if (!callee) callee = LLVMAddFunction(e->module, "nnrt_parallel", type);
    LLVMBuildCall2(s->b, type, callee, args, 4, "");
}

static LLVMValueRef is_worth_threads(Step *s, const Kernel *kernel, LLVMValueRef pool, LLVMValueRef units) {
    LLVMBuilderRef b       = s->b;
    LLVMValueRef   work    = irb_add(b, dims_value(&s->dims, kernel->flops),
                                     irb_mul(b, dims_value(&s->dims, kernel->bytes), irb_i64(b, BYTE_WORK)));
    LLVMValueRef   large   = LLVMBuildICmp(b, LLVMIntSGT, work, irb_i64(b, PARALLEL_WORK), "");
    LLVMValueRef   several = LLVMBuildICmp(b, LLVMIntSGT, units, irb_i64(b, 1), "");
    LLVMValueRef   both    = LLVMBuildAnd(b, large, several, "");
    if (LLVMIsAConstantInt(both) && !LLVMConstIntGetZExtValue(both)) return both;
    return LLVMBuildAnd(b, both, LLVMBuildIsNotNull(b, pool, ""), "");
}

static void run_kernel(Step *s, const StepKernel *kernel) {
    KernelSize size = kernel_size(s->e, kernel->kernel, kernel->compiled, &s->dims);
    for (int i = 0; i < kernel->operands.len; i++)
        set_context(s, CONTEXT_OPERANDS + i, s->pointers[operand_index(&s->operands, &kernel->operands.data[i])]);
    LLVMValueRef pool  = build_member(s->b, s->e->t_ptr, s->args, offsetof(nnrt_args, pool));
    LLVMValueRef share = is_worth_threads(s, kernel->kernel, pool, size.units);
    if (LLVMIsAConstantInt(share)) {
        call_directly(s, kernel, size.units);
    } else {
        Branch branch = branch_begin(s->b, share);
        call_parallel(s, kernel, pool, size.units);
        branch_else(&branch, s->b);
        call_directly(s, kernel, size.units);
        branch_end(&branch, s->b);
    }
    if (kernel->compiled->finish)
        LLVMBuildCall2(s->b, LLVMGlobalGetValueType(kernel->compiled->finish), kernel->compiled->finish, &s->context, 1,
                       "");
}

/* ---- denormals to zero --------------------------------------------------------------------------------------------------------- */

static LLVMValueRef call_intrinsic(Step *s, const char *name, LLVMValueRef *args, int n) {
    unsigned     id     = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef callee = LLVMGetIntrinsicDeclaration(s->e->module, id, NULL, 0);
    return LLVMBuildCall2(s->b, LLVMGlobalGetValueType(callee), callee, args, (unsigned)n, "");
}

static bool is_x86(const Step *s) {
    return !strncmp(s->e->target->triple, "x86_64", 6);
}

/* Returns the state to restore: on x86 the address of a saved mxcsr, on AArch64 the fpcr. */
static LLVMValueRef flush_denormals(Step *s) {
    LLVMTypeRef i32 = s->e->t_i32, i64 = s->e->t_i64;
    if (is_x86(s)) {
        LLVMValueRef saved = LLVMBuildAlloca(s->b, i32, "mxcsr"), changed = LLVMBuildAlloca(s->b, i32, "");
        call_intrinsic(s, "llvm.x86.sse.stmxcsr", &saved, 1);
        LLVMValueRef old = LLVMBuildLoad2(s->b, i32, saved, "");
        LLVMBuildStore(s->b, LLVMBuildOr(s->b, old, LLVMConstInt(i32, 0x8040, false), ""), changed);
        call_intrinsic(s, "llvm.x86.sse.ldmxcsr", &changed, 1);
        return saved;
    }
    LLVMValueRef old = call_intrinsic(s, "llvm.aarch64.get.fpcr", NULL, 0);
    LLVMValueRef set = LLVMBuildOr(s->b, old, LLVMConstInt(i64, UINT64_C(1) << 24, false), "");
    call_intrinsic(s, "llvm.aarch64.set.fpcr", &set, 1);
    return old;
}

static void restore_denormals(Step *s, LLVMValueRef saved) {
    call_intrinsic(s, is_x86(s) ? "llvm.x86.sse.ldmxcsr" : "llvm.aarch64.set.fpcr", &saved, 1);
}

/* ---- the function ----------------------------------------------------------------------------------------------------------------- */

static void compile_kernels(Step *s) {
    s->kernels = ARENA_ARRAY(s->e->arena, StepKernel, s->plan->kernels.len + 1);
    for (int i = 0; i < s->plan->kernels.len; i++) {
        StepKernel *kernel = &s->kernels[i];
        kernel->kernel     = loop_normal(s->e, s->plan->kernels.data[i]);
        kernel->compiled   = kernel_compile(s->e, s->plan, kernel->kernel, &kernel->operands);
    }
}

static int context_slots(const Step *s) {
    int most = 0;
    for (int i = 0; i < s->plan->kernels.len; i++)
        if (s->kernels[i].operands.len > most) most = s->kernels[i].operands.len;
    return CONTEXT_OPERANDS + most;
}

static void emit_code(Step *s) {
    Emit *e            = s->e;
    s->fn              = function_new(e, arena_printf(e->arena, "%s_code", s->plan->fn->name),
                                      LLVMFunctionType(e->t_void, &e->t_ptr, 1, false));
    s->b               = open_block(e, s->fn);
    s->args            = LLVMGetParam(s->fn, 0);
    s->context         = LLVMBuildAlloca(s->b, LLVMArrayType2(e->t_i64, (uint64_t)context_slots(s)), "context");
    s->dims            = dims_begin(e, s->b, build_member(s->b, e->t_ptr, s->args, offsetof(nnrt_args, symbols)));
    s->regions         = region_offsets(e, s->plan, &s->dims);
    LLVMValueRef saved = flush_denormals(s);
    load_pointers(s);
    set_context(s, CONTEXT_ARGS, s->args);
    set_context(s, CONTEXT_SCRATCH, workspace_at(s, s->regions[s->plan->regions.len]));
    for (int i = 0; i < s->plan->kernels.len; i++) run_kernel(s, &s->kernels[i]);
    restore_denormals(s, saved);
    LLVMBuildRetVoid(s->b);
    LLVMDisposeBuilder(s->b);
}

CompiledFn step_emit(Emit *e, const FnPlan *plan) {
    Step s = {.e = e, .plan = plan};
    compile_kernels(&s);
    emit_code(&s);
    return (CompiledFn){s.fn, emit_workspace(e, plan, s.kernels), s.operands};
}
