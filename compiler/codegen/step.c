/* A function of the model: an nnrt_code that runs its kernels in order, and the size of the workspace it needs. Pointers and offsets
 * are computed once, at the start; nothing is allocated. A training step of little work is compiled a second time for the nominal sizes
 * alone, and the function goes there where it is called with these: finding bounds, parts of vectors and units at run time is then
 * worth sparing. Where that is not much code, its kernels are parts of it. */
#include "codegen/sequence.h"
#include "codegen/tuning.h"
#include "plan/plan.h"

#include <stddef.h>
#include <string.h>

#include "nnrt.h"

enum {
    SMALL_STEP_FLOPS = 4 << 20, /* about 40 us */
    WHOLE_WORK       = 8000,    /* instructions: more are compiled in parallel, kernel by kernel */
};

typedef struct Step {
    Emit           *e;
    const FnPlan   *plan;
    const Sequence *sequence;
    LLVMValueRef    fn, args;
    bool            whole; /* kernels become part of the function */
    LLVMBuilderRef  b;
    DimEnv          dims;
    LLVMValueRef   *places; /* offsets of buffers; the last one is where the scratch starts */
} Step;

/* ---- workspace ------------------------------------------------------------------------------------------------------------ */

static LLVMBuilderRef open_block(Emit *e, LLVMValueRef fn) {
    LLVMBuilderRef b = LLVMCreateBuilderInContext(e->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(e->context, fn, "entry"));
    return b;
}

/* int64_t workspace(const int64_t *symbols, int64_t nthreads) */
static LLVMValueRef emit_workspace(Emit *e, const Sequence *sequence) {
    LLVMTypeRef    params[] = {e->t_ptr, e->t_i64};
    LLVMValueRef   fn       = function_new(e, arena_printf(e->arena, "%s_workspace", sequence->plan->fn->name),
                                           LLVMFunctionType(e->t_i64, params, 2, false));
    LLVMBuilderRef b        = open_block(e, fn);
    DimEnv         dims     = dims_begin(e, b, LLVMGetParam(fn, 0));
    KernelSize     scratch  = sequence_scratch(sequence, &dims);
    LLVMValueRef   workers  = irb_mul(b, LLVMGetParam(fn, 1), scratch.worker_bytes);
    LLVMValueRef   buffers  = sequence_places(sequence, &dims)[sequence->plan->buffers.len];
    LLVMBuildRet(b, irb_add(b, buffers, irb_add(b, scratch.shared_bytes, workers)));
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
    if (at->kind == LOC_KEY) return key_pointer(s->e, at);
    if (at->kind == LOC_WORKSPACE) return workspace_at(s, s->places[at->ref]);
    LLVMValueRef pointer = LLVMBuildLoad2(s->b, s->e->t_ptr, table_entry(s, tables[at->kind], at->ref), "");
    if (!at->offset) return pointer;
    ElemType elem = s->plan->fn->results.data[at->ref].value->type.elem;
    return irb_at(s->b, s->e->t_i8, pointer, irb_i64(s->b, (int64_t)at->offset * elem_size(elem)));
}

static LLVMValueRef *load_pointers(Step *s) {
    const LocationVec *operands = &s->sequence->operands;
    LLVMValueRef      *pointers = ARENA_ARRAY(s->e->arena, LLVMValueRef, operands->len + 1);
    for (int i = 0; i < operands->len; i++) pointers[i] = location_pointer(s, &operands->data[i]);
    return pointers;
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

static void set_context(Step *s, LLVMValueRef context, int slot, LLVMValueRef pointer) {
    LLVMBuildStore(s->b, pointer, irb_at(s->b, s->e->t_i64, context, irb_i64(s->b, slot)));
}

static LLVMValueRef open_context(Step *s) {
    uint64_t slots = (uint64_t)sequence_context_slots(s->sequence);
    return LLVMBuildAlloca(s->b, LLVMArrayType2(s->e->t_i64, slots), "context");
}

/* By kernel: one for all; for kernels that become part of this function one each, as a context that nobody else sees dissolves. */
static LLVMValueRef *open_contexts(Step *s) {
    int           n        = s->plan->kernels.len;
    LLVMValueRef *contexts = ARENA_ARRAY(s->e->arena, LLVMValueRef, n + 1);
    for (int i = 0; i < n; i++) contexts[i] = i && !s->whole ? contexts[0] : open_context(s);
    return contexts;
}

static void fill_contexts(Step *s, const LLVMValueRef *contexts) {
    LLVMValueRef scratch = workspace_at(s, s->places[s->plan->buffers.len]);
    for (int i = 0; i < s->plan->kernels.len; i++) {
        if (i && contexts[i] == contexts[0]) continue;
        set_context(s, contexts[i], CONTEXT_ARGS, s->args);
        set_context(s, contexts[i], CONTEXT_SCRATCH, scratch);
    }
}

static LLVMTypeRef code_type(const Emit *e) {
    LLVMTypeRef args = e->t_ptr;
    return LLVMFunctionType(e->t_void, &args, 1, false);
}

/* if (the symbols are `sizes`) return sized(args); */
static void hand_over(Step *s, LLVMValueRef sized, const int64_t *sizes) {
    Emit        *e       = s->e;
    LLVMValueRef symbols = build_member(s->b, e->t_ptr, s->args, offsetof(nnrt_args, symbols)), same = NULL;
    for (int i = 0; i < dim_symbol_count(graph_dims(e->program->graph)); i++) {
        LLVMValueRef value = LLVMBuildLoad2(s->b, e->t_i64, irb_at(s->b, e->t_i64, symbols, irb_i64(s->b, i)), "");
        LLVMValueRef equal = LLVMBuildICmp(s->b, LLVMIntEQ, value, irb_i64(s->b, sizes[i]), "");
        same               = same ? LLVMBuildAnd(s->b, same, equal, "") : equal;
    }
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(e->context, s->fn, "sized"),
                      rest = LLVMAppendBasicBlockInContext(e->context, s->fn, "any");
    LLVMBuildCondBr(s->b, same, then, rest);
    LLVMPositionBuilderAtEnd(s->b, then);
    LLVMBuildCall2(s->b, code_type(e), sized, &s->args, 1, "");
    LLVMBuildRetVoid(s->b);
    LLVMPositionBuilderAtEnd(s->b, rest);
}

/* `sized`: the same for these sizes; NULL: there is none. */
static void emit_code(Step *s, LLVMValueRef sized, const int64_t *sizes) {
    Emit *e    = s->e;
    char *name = arena_printf(e->arena, "%s%s_code", s->plan->fn->name, e->sizes ? "_sized" : "");
    s->fn      = function_new(e, name, code_type(e));
    s->b       = open_block(e, s->fn);
    s->args    = LLVMGetParam(s->fn, 0);
    if (sized) hand_over(s, sized, sizes);
    LLVMValueRef *contexts = open_contexts(s);
    s->dims                = dims_begin(e, s->b, build_member(s->b, e->t_ptr, s->args, offsetof(nnrt_args, symbols)));
    s->places              = sequence_places(s->sequence, &s->dims);
    LLVMValueRef saved     = flush_denormals(s);
    SequenceRun  run       = {s->sequence, s->b, &s->dims, s->args, NULL, load_pointers(s), NULL, false};
    fill_contexts(s, contexts);
    sequence_run_with(&run, contexts, s->whole);
    restore_denormals(s, saved);
    LLVMBuildRetVoid(s->b);
    LLVMDisposeBuilder(s->b);
}

/* Whether the nominal sizes are worth code of their own. */
static bool is_small(const Emit *e, const FnPlan *plan, const int64_t *sizes) {
    int64_t all   = 0, flops;
    bool    timed = e->c->tuning && e->c->tuning->candidate;
    if (plan->fn->kind != FN_TRAIN || !dim_symbol_count(graph_dims(e->program->graph)) || timed) return false;
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        if (kernel->template == TEMPLATE_SCAN || !dim_eval(kernel->flops, sizes, &flops)) return false;
        if (flops > SMALL_STEP_FLOPS || (all += flops) > SMALL_STEP_FLOPS) return false;
    }
    return true;
}

static LLVMValueRef emit_sized(Emit *e, const FnPlan *plan, const int64_t *sizes) {
    e->sizes = sizes;
    Step s   = {.e = e, .plan = plan, .sequence = sequence_compile(e, plan)};
    s.whole  = !e->debug && sequence_work(s.sequence) <= WHOLE_WORK;
    emit_code(&s, NULL, NULL);
    e->sizes = NULL;
    return s.fn;
}

CompiledFn step_emit(Emit *e, const FnPlan *plan) {
    const int64_t  *sizes    = nominal_sizes(e->c, e->program);
    LLVMValueRef    sized    = is_small(e, plan, sizes) ? emit_sized(e, plan, sizes) : NULL;
    const Sequence *sequence = sequence_compile(e, plan);
    Step            s        = {.e = e, .plan = plan, .sequence = sequence};
    emit_code(&s, sized, sizes);
    return (CompiledFn){s.fn, emit_workspace(e, sequence), sequence->operands};
}
