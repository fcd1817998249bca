/* Running kernels: workspace, contexts, the choice between one thread and several. */
#include "codegen/sequence.h"

#include "codegen/contract.h"
#include "codegen/shards.h"
#include "codegen/tuning.h"

#include <stddef.h>

#include "nnrt.h"

/* About 10 us of work: flops at 32 a ns, bytes at 16 a ns, a lookup 1.5 ns. Below it a kernel is not worth handing to other threads. */
enum { PARALLEL_WORK = 320000, BYTE_WORK = 2, JOIN_WORK = 4, LOOKUP_WORK = 48 };

static bool runs_tail(const SequenceKernel *kernel) {
    return !kernel->inside && kernel->compiled->runs_tail;
}

Sequence *sequence_compile(Emit *e, const FnPlan *plan) {
    Sequence *sequence = ARENA_NEW(e->arena, Sequence);
    sequence->e        = e;
    sequence->plan     = plan;
    sequence->kernels  = ARENA_ARRAY(e->arena, SequenceKernel, plan->kernels.len + 1);
    for (int i = 0; i < plan->kernels.len; i++) {
        SequenceKernel *kernel = &sequence->kernels[i];
        kernel->kernel         = matmul_turned(e, plan, loop_normal(e, plan->kernels.data[i]));
        kernel->inside         = i > 0 && runs_tail(kernel - 1);
        if (kernel->inside) continue;
        kernel->compiled = kernel_compile(e, plan, kernel->kernel, &kernel->operands);
        kernel_operands_merge(e, &sequence->operands, &kernel->operands);
    }
    return sequence;
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

/* By buffer: what a product passes to the tail that it calls needs no place. */
static bool *find_passed(const Sequence *sequence) {
    const FnPlan *plan   = sequence->plan;
    bool         *passed = ARENA_ARRAY(sequence->e->arena, bool, plan->buffers.len + 1);
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = sequence->kernels[i].kernel;
        for (int k = 0; k < kernel->stores.len && runs_tail(&sequence->kernels[i]); k++)
            if (kernel->stores.data[k].passed) passed[kernel->stores.data[k].to.ref] = true;
    }
    return passed;
}

LLVMValueRef *sequence_places(const Sequence *sequence, DimEnv *dims) {
    const FnPlan *plan   = sequence->plan;
    int           count  = plan->buffers.len;
    const bool   *passed = find_passed(sequence);
    LLVMValueRef *start  = ARENA_ARRAY(sequence->e->arena, LLVMValueRef, count + 1);
    LLVMValueRef *end    = ARENA_ARRAY(sequence->e->arena, LLVMValueRef, count + 1);
    bool         *lower  = ARENA_ARRAY(sequence->e->arena, bool, count + 1); /* than another */
    for (int i = 0; i < plan->places.len; i++) {
        int           index  = plan->places.data[i];
        const Buffer *buffer = &plan->buffers.data[index];
        LLVMValueRef  bytes  = dims_product(dims, buffer->type.rank, buffer->type.dims);
        bytes                = irb_mul(dims->b, bytes, irb_i64(dims->b, elem_size(buffer->type.elem)));
        if (passed[index]) bytes = irb_i64(dims->b, 0);
        start[index] = irb_i64(dims->b, 0);
        for (int k = 0; k < buffer->below.len; k++) {
            start[index]                 = irb_max(dims->b, start[index], end[buffer->below.data[k]]);
            lower[buffer->below.data[k]] = true;
        }
        end[index] = irb_add(dims->b, start[index], irb_round_up(dims->b, bytes, PLACE_ALIGNMENT));
    }
    start[count] = irb_i64(dims->b, 0);
    for (int i = 0; i < count; i++)
        if (end[i] && !lower[i]) start[count] = irb_max(dims->b, start[count], end[i]);
    for (int i = 0; i < count; i++) {
        int lowest = i;
        while (plan->buffers.data[lowest].over >= 0) lowest = plan->buffers.data[lowest].over;
        start[i] = start[lowest];
    }
    return start;
}

KernelSize sequence_scratch(const Sequence *sequence, DimEnv *dims) {
    LLVMBuilderRef b   = dims->b;
    KernelSize     all = {irb_i64(b, 1), irb_i64(b, 0), irb_i64(b, 0)};
    for (int i = 0; i < sequence->plan->kernels.len; i++) {
        const SequenceKernel *kernel = &sequence->kernels[i];
        if (kernel->inside) continue;
        KernelSize size  = kernel_size(sequence->e, kernel->kernel, kernel->compiled, dims);
        all.shared_bytes = irb_max(b, all.shared_bytes, size.shared_bytes);
        all.worker_bytes = irb_max(b, all.worker_bytes, size.worker_bytes);
    }
    return all;
}

int sequence_context_slots(const Sequence *sequence) {
    int most = 0;
    for (int i = 0; i < sequence->plan->kernels.len; i++)
        if (sequence->kernels[i].operands.len > most) most = sequence->kernels[i].operands.len;
    return CONTEXT_OPERANDS + most;
}

/* ---- calls --------------------------------------------------------------------------------------------------------------- */

static void set_context(const SequenceRun *run, int slot, LLVMValueRef pointer) {
    LLVMBuildStore(run->b, pointer, irb_at(run->b, run->sequence->e->t_i64, run->context, irb_i64(run->b, slot)));
}

static void call_directly(const SequenceRun *run, LLVMValueRef task, LLVMValueRef units) {
    LLVMValueRef args[] = {run->context, irb_i64(run->b, 0), units, LLVMConstInt(run->sequence->e->t_i32, 0, false)};
    LLVMBuildCall2(run->b, LLVMGlobalGetValueType(task), task, args, 4, "");
}

/* The function becomes part of this one, and is gone by itself. */
static void inline_call(const SequenceRun *run, LLVMValueRef fn) {
    unsigned         kind   = LLVMGetEnumAttributeKindForName("alwaysinline", 12);
    LLVMAttributeRef always = LLVMCreateEnumAttribute(run->sequence->e->context, kind, 0);
    if (run->whole) LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, always);
}

void sequence_parallel(Emit *e, LLVMBuilderRef b, LLVMValueRef task, LLVMValueRef pool, LLVMValueRef context,
                       LLVMValueRef units) {
    LLVMTypeRef  params[] = {e->t_ptr, e->t_ptr, e->t_ptr, e->t_i64};
    LLVMTypeRef  type     = LLVMFunctionType(e->t_void, params, 4, false);
    LLVMValueRef callee   = LLVMGetNamedFunction(e->module, "nnrt_parallel");
    LLVMValueRef args[]   = {pool, task, context, units};
    if (!callee) callee = LLVMAddFunction(e->module, "nnrt_parallel", type);
    LLVMBuildCall2(b, type, callee, args, 4, "");
}

static LLVMValueRef work_of(LLVMBuilderRef b, DimEnv *dims, const Kernel *kernel) {
    LLVMValueRef work = irb_mul(b, dims_value(dims, kernel->bytes), irb_i64(b, BYTE_WORK));
    work              = irb_add(b, work, irb_mul(b, dims_value(dims, kernel->lookups), irb_i64(b, LOOKUP_WORK)));
    return irb_add(b, dims_value(dims, kernel->flops), work);
}

static LLVMValueRef work_with_tail(const SequenceRun *run, const SequenceKernel *kernel) {
    LLVMValueRef work = work_of(run->b, run->dims, kernel->kernel);
    return runs_tail(kernel) ? irb_add(run->b, work, work_of(run->b, run->dims, kernel->kernel->tail)) : work;
}

static LLVMValueRef is_worth_threads(LLVMBuilderRef b, LLVMValueRef work, LLVMValueRef pool, LLVMValueRef units) {
    LLVMValueRef large   = LLVMBuildICmp(b, LLVMIntSGT, work, irb_i64(b, PARALLEL_WORK), "");
    LLVMValueRef several = LLVMBuildICmp(b, LLVMIntSGT, units, irb_i64(b, 1), "");
    LLVMValueRef both    = LLVMBuildAnd(b, large, several, "");
    if (LLVMIsAConstantInt(both) && !LLVMConstIntGetZExtValue(both)) return both;
    return LLVMBuildAnd(b, both, LLVMBuildIsNotNull(b, pool, ""), "");
}

/* 1 for no pool */
static LLVMValueRef pool_size(Emit *e, LLVMBuilderRef b, LLVMValueRef pool) {
    LLVMTypeRef  type   = LLVMFunctionType(e->t_i32, &e->t_ptr, 1, false);
    LLVMValueRef callee = LLVMGetNamedFunction(e->module, "nnrt_pool_size");
    if (!callee) callee = LLVMAddFunction(e->module, "nnrt_pool_size", type);
    return LLVMBuildSExt(b, LLVMBuildCall2(b, type, callee, &pool, 1, ""), e->t_i64, "");
}

LLVMValueRef sequence_shares(Emit *e, LLVMBuilderRef b, DimEnv *dims, const Kernel *kernel, LLVMValueRef pool,
                             LLVMValueRef units) {
    LLVMValueRef worth  = is_worth_threads(b, work_of(b, dims, kernel), pool, units);
    LLVMValueRef enough = LLVMBuildICmp(b, LLVMIntSGE, units, pool_size(e, b, pool), "");
    return LLVMBuildAnd(b, worth, enough, "");
}

static void set_operands(const SequenceRun *run, const SequenceKernel *kernel) {
    for (int i = 0; i < kernel->operands.len; i++) {
        LLVMValueRef pointer = run->pointers[operand_index(&run->sequence->operands, &kernel->operands.data[i])];
        if (pointer) set_context(run, CONTEXT_OPERANDS + i, pointer);
    }
    if (kernel->compiled->prepare) set_context(run, CONTEXT_PACKED, run->packed[kernel - run->sequence->kernels]);
}

static void call_with_context(const SequenceRun *run, LLVMValueRef fn) {
    LLVMValueRef context = run->context;
    LLVMBuildCall2(run->b, LLVMGlobalGetValueType(fn), fn, &context, 1, "");
    inline_call(run, fn);
}

/* Where candidates are timed: nnc_tune_mark(measured, number of the contraction, whether it ends). */
static void mark(const SequenceRun *run, const SequenceKernel *kernel, bool ends) {
    Emit   *e      = run->sequence->e;
    Tuning *tuning = e->c->tuning;
    if (!tuning || !tuning->candidate || !kernel->compiled->contract) return;
    int          number   = tuning_number(tuning, e->arena, contract_shape(kernel->compiled->contract));
    LLVMTypeRef  params[] = {e->t_i64, e->t_i32, e->t_i32};
    LLVMTypeRef  type     = LLVMFunctionType(e->t_void, params, 3, false);
    LLVMValueRef callee   = LLVMGetNamedFunction(e->module, "nnc_tune_mark");
    LLVMValueRef args[]   = {irb_i64(run->b, (int64_t)(uintptr_t)tuning->measured),
                             LLVMConstInt(e->t_i32, (unsigned)number, false), LLVMConstInt(e->t_i32, ends, false)};
    if (!callee) callee = LLVMAddFunction(e->module, "nnc_tune_mark", type);
    LLVMBuildCall2(run->b, type, callee, args, 3, "");
}

/* Units of a task on one thread or several. */
static void run_task(const SequenceRun *run, LLVMValueRef task, LLVMValueRef work, LLVMValueRef units) {
    LLVMValueRef pool  = build_member(run->b, run->sequence->e->t_ptr, run->args, offsetof(nnrt_args, pool));
    LLVMValueRef share = is_worth_threads(run->b, work, pool, units);
    if (LLVMIsAConstantInt(share)) {
        call_directly(run, task, units);
        inline_call(run, task);
        return;
    }
    Branch branch = branch_begin(run->b, share);
    sequence_parallel(run->sequence->e, run->b, task, pool, run->context, units);
    branch_else(&branch, run->b);
    call_directly(run, task, units);
    branch_end(&branch, run->b);
}

/* The sums of a product's parts are read, and what the epilogue makes of them. */
static void run_join(const SequenceRun *run, const SequenceKernel *kernel, LLVMValueRef shared_bytes) {
    LLVMValueRef work = irb_mul(run->b, shared_bytes, irb_i64(run->b, JOIN_WORK));
    run_task(run, kernel->compiled->join, work, kernel_join_units(run->sequence->e, kernel->kernel, run->dims));
}

static void run_kernel(const SequenceRun *run, const SequenceKernel *kernel) {
    if (kernel->inside) return;
    KernelSize size = kernel_size(run->sequence->e, kernel->kernel, kernel->compiled, run->dims);
    set_operands(run, kernel);
    mark(run, kernel, false);
    bool in_turn = kernel->kernel->template == TEMPLATE_SCAN && !scan_is_map(kernel->kernel->scan->attr.scan);
    if (in_turn)
        call_directly(run, kernel->compiled->task, size.units);
    else
        run_task(run, kernel->compiled->task, work_with_tail(run, kernel), size.units);
    if (kernel->compiled->join) run_join(run, kernel, size.shared_bytes);
    if (kernel->compiled->finish) call_with_context(run, kernel->compiled->finish);
    mark(run, kernel, true);
}

void sequence_prepare(const SequenceRun *run) {
    for (int i = 0; i < run->sequence->plan->kernels.len; i++) {
        const SequenceKernel *kernel = &run->sequence->kernels[i];
        if (kernel->inside || !kernel->compiled->prepare) continue;
        set_operands(run, kernel);
        call_with_context(run, kernel->compiled->prepare);
    }
}

void sequence_run(const SequenceRun *run) {
    for (int i = 0; i < run->sequence->plan->kernels.len; i++) run_kernel(run, &run->sequence->kernels[i]);
}

static int uses(const Sequence *sequence, const CompiledKernel *compiled) {
    int n = 0;
    for (int i = 0; i < sequence->plan->kernels.len; i++) n += sequence->kernels[i].compiled == compiled;
    return n;
}

void sequence_run_with(const SequenceRun *run, const LLVMValueRef *contexts, bool whole) {
    SequenceRun one = *run;
    for (int i = 0; i < run->sequence->plan->kernels.len; i++) {
        one.context = contexts[i];
        one.whole   = whole && uses(run->sequence, run->sequence->kernels[i].compiled) == 1;
        run_kernel(&one, &run->sequence->kernels[i]);
    }
}

/* ---- its size ---------------------------------------------------------------------------------------------------------------- */

static int64_t work_of_function(LLVMValueRef fn) {
    return fn ? shards_function_work(fn) : 0;
}

int64_t sequence_work(const Sequence *sequence) {
    int64_t work = 0;
    for (int i = 0; i < sequence->plan->kernels.len; i++) {
        const CompiledKernel *compiled = sequence->kernels[i].compiled;
        if (!compiled) continue;
        work +=
            work_of_function(compiled->task) + work_of_function(compiled->finish) + work_of_function(compiled->join);
    }
    return work;
}
