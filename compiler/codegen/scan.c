/* A loop as a function: it computes where everything is once, then runs the kernels of its body step by step.
 *
 * Without carries no step waits for another: the steps are units of work, which any worker may run in scratch of its own.
 *
 * A carry's values alternate between two places, so that no step overwrites what it reads; which of them is first is chosen so that
 * the last step writes to the carry's result; a carry that is changed element by element stays there. A carry that is emitted has its values in the stack: each step writes the next piece
 * of it, the last one the result. Slices and emits move by one piece a step. What a product multiplies with at every step
 * is packed before the first. Scratch of the kernel, in this order: the body's buffers, the carries' second places, packed operands,
 * the index, the scratch of the body's kernels.
 *
 * Where rows go their own ways (Kernel.row_symbol) there is a second function, a task whose units are blocks of rows: it runs all steps for its
 * rows, with the symbol's value changed to their number and everything in memory addressed from the first of them on, and with an index
 * and scratch for the body's kernels of its own. With several threads, and a block of rows for each, the first function has it run instead of
 * steps whose kernels are handed out one by one. */
#include "ir/scan.h"
#include "codegen/sequence.h"

#include <stddef.h>

#include "nnrt.h"

enum { ROW_BLOCK = 8 }; /* rows of a tile: so that tiles are cut alike however rows are shared out */

typedef struct ScanEmit {
    Emit           *e;
    const FnPlan   *plan; /* the outer one */
    const Kernel   *kernel;
    const Scan     *scan;
    const Sequence *body;
    LocationVec     operands;
    LLVMBuilderRef  entry, b;             /* what holds for all steps is emitted in the entry block */
    LLVMValueRef    context, args, inner; /* contexts: the kernel's own, its body's */
    DimEnv          dims;
    LLVMValueRef   *places, scratch, inner_scratch; /* of the body's kernels */
    LLVMValueRef   *inputs, *results;               /* pointers; a result that nobody picks: its spare place */
    bool           *picked;
    LLVMValueRef   *spare;  /* by carry */
    LLVMValueRef   *packed; /* by the body's kernels: operands that are the same at all steps */
    LLVMValueRef    cell;   /* of the index */
    bool           *stays;  /* by carry: its next value is written over it */
    int            *stacks; /* by carry: the result that stacks its values, or -1 */
    LLVMValueRef    length, turn, position;
    const Dim      *row_dim;   /* of rows that go their own ways; NULL: there are none */
    LLVMValueRef    rows_task; /* of the first function: the second one; NULL */
    LLVMValueRef    first_row; /* of the second function; NULL: all rows */
    DimEnv         *run_dims;  /* those of the rows at hand */
} ScanEmit;

bool scan_is_map(const Scan *scan) {
    return scan->carries.len == 0;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef bytes_of(DimEnv *dims, const Type *type) {
    LLVMValueRef count = dims_product(dims, type->rank, type->dims);
    return irb_mul(dims->b, count, irb_i64(dims->b, elem_size(type->elem)));
}

static const Type *local_type(const Scan *scan, int local) {
    int slice = local - scan->carries.len, whole = slice - scan->slices.len;
    if (slice < 0) return &scan->carries.data[local]->type;
    if (whole < 0) return &scan->slices.data[slice]->type;
    return whole < scan->captures.len ? &scan->captures.data[whole]->type : &scan->index->type;
}

static const Type *step_type(const Scan *scan, int result) {
    int emit = result - scan->carries.len;
    return emit < 0 ? &scan->carries.data[result]->type : &scan->emits.data[emit]->type;
}

/* Spare places: of each carry, and of the piece that a result takes a step where nobody picks it. */
static LLVMValueRef spare_bytes(const Scan *scan, DimEnv *dims, int result) {
    return irb_round_up(dims->b, bytes_of(dims, step_type(scan, result)), 64);
}

static bool stays(Emit *e, const Kernel *kernel, int result) {
    const Scan *scan = kernel->scan->attr.scan;
    return result < scan->carries.len && carry_stays(e->arena, kernel->body, scan, result);
}

static LLVMValueRef packed_bytes(const Sequence *body, int kernel, DimEnv *dims) {
    const SequenceKernel *k = &body->kernels[kernel];
    if (!k->compiled->prepare) return irb_i64(dims->b, 0);
    return matmul_packed_bytes(body->e, k->kernel, k->compiled->contract, dims);
}

/* Of each thread that runs some rows: what the body's kernels need together. */
static LLVMValueRef rows_scratch_bytes(const Sequence *body, DimEnv *dims) {
    KernelSize size = sequence_scratch(body, dims);
    return irb_round_up(dims->b, irb_add(dims->b, size.shared_bytes, size.worker_bytes), 64);
}

KernelSize scan_size(Emit *e, const Kernel *kernel, const CompiledKernel *compiled, DimEnv *dims) {
    const Sequence *body   = compiled->body;
    const Scan     *scan   = kernel->scan->attr.scan;
    KernelSize      size   = sequence_scratch(body, dims);
    LLVMValueRef    shared = sequence_places(body, dims)[body->plan->buffers.len];
    for (int i = 0; i < scan_result_count(scan);
         i++) { /* where a carry's last value is not picked it needs both places */
        LLVMValueRef places = irb_i64(dims->b, stays(e, kernel, i) ? 1 : 2);
        shared              = irb_add(dims->b, shared, irb_mul(dims->b, spare_bytes(scan, dims, i), places));
    }
    for (int i = 0; i < body->plan->kernels.len; i++) shared = irb_add(dims->b, shared, packed_bytes(body, i, dims));
    shared = irb_add(dims->b, irb_add(dims->b, shared, irb_i64(dims->b, 64)), size.shared_bytes);
    if (kernel->row_symbol >= 0) size.worker_bytes = rows_scratch_bytes(body, dims);
    if (!scan_is_map(scan)) return (KernelSize){size.units, shared, size.worker_bytes};
    LLVMValueRef own = irb_round_up(dims->b, irb_add(dims->b, shared, size.worker_bytes), 64);
    return (KernelSize){dims_value(dims, scan->length), irb_i64(dims->b, 0), own};
}

/* ---- places ------------------------------------------------------------------------------------------------------------------ */

static void add_operand(ScanEmit *s, const Location *at) {
    if (!at) BUG("a loop's input is not in memory");
    if (operand_index(&s->operands, at) < 0) vec_push(s->e->arena, &s->operands, *at);
}

static LLVMValueRef operand(ScanEmit *s, const Location *at) {
    int slot = CONTEXT_OPERANDS + operand_index(&s->operands, at);
    return build_member(s->entry, s->e->t_ptr, s->context, 8 * slot);
}

static void find_operands(ScanEmit *s) {
    const Node *node = s->kernel->scan;
    for (int i = 0; i < node->n_inputs; i++) add_operand(s, node_location(s->plan, node->inputs[i]));
    for (int i = 0; i < s->kernel->stores.len; i++) add_operand(s, &s->kernel->stores.data[i].to);
}

/* The kernel's scratch is handed out from `offset` on. */
static LLVMValueRef take(ScanEmit *s, LLVMValueRef *offset, LLVMValueRef bytes) {
    LLVMValueRef place = irb_at(s->entry, s->e->t_i8, s->scratch, *offset);
    *offset            = irb_add(s->entry, *offset, bytes);
    return place;
}

static void find_places(ScanEmit *s) {
    const Node  *node    = s->kernel->scan;
    int          results = scan_result_count(s->scan);
    LLVMValueRef offset  = s->places[s->body->plan->buffers.len];
    s->inputs            = ARENA_ARRAY(s->e->arena, LLVMValueRef, node->n_inputs + 1);
    s->results           = ARENA_ARRAY(s->e->arena, LLVMValueRef, results + 1);
    s->spare             = ARENA_ARRAY(s->e->arena, LLVMValueRef, results + 1);
    s->picked            = ARENA_ARRAY(s->e->arena, bool, results + 1);
    s->stays             = ARENA_ARRAY(s->e->arena, bool, results + 1);
    for (int i = 0; i < results; i++) s->stays[i] = stays(s->e, s->kernel, i);
    for (int i = 0; i < node->n_inputs; i++) s->inputs[i] = operand(s, node_location(s->plan, node->inputs[i]));
    for (int i = s->kernel->stores.len - 1; i >= 0;
         i--) { /* the first store of a result is the one that is computed into */
        const Store *store  = &s->kernel->stores.data[i];
        int          result = store->node->attr.ref;
        s->results[result]  = operand(s, &store->to);
        s->picked[result]   = true;
    }
    for (int i = 0; i < results; i++) {
        LLVMValueRef bytes = spare_bytes(s->scan, &s->dims, i);
        if (!s->stays[i]) s->spare[i] = take(s, &offset, bytes);
        if (!s->picked[i]) s->results[i] = take(s, &offset, bytes);
    }
    s->stacks = ARENA_ARRAY(s->e->arena, int, s->scan->carries.len + 1);
    for (int i = 0; i < s->scan->carries.len; i++) s->stacks[i] = -1;
    for (int i = 0; i < results; i++)
        if (s->picked[i] && scan_emitted_carry(s->scan, i) >= 0) s->stacks[scan_emitted_carry(s->scan, i)] = i;
    s->packed = ARENA_ARRAY(s->e->arena, LLVMValueRef, s->body->plan->kernels.len + 1);
    for (int i = 0; i < s->body->plan->kernels.len; i++)
        s->packed[i] = take(s, &offset, packed_bytes(s->body, i, &s->dims));
    s->cell          = take(s, &offset, irb_i64(s->entry, 64));
    s->inner_scratch = irb_at(s->entry, s->e->t_i8, s->scratch, offset);
}

static void set_inner(ScanEmit *s, int slot, LLVMValueRef pointer) {
    LLVMBuildStore(s->entry, pointer, irb_at(s->entry, s->e->t_i64, s->inner, irb_i64(s->entry, slot)));
}

/* ---- a step ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef moved(ScanEmit *s, LLVMValueRef base, const Type *piece) {
    return irb_at(s->b, s->e->t_i8, base, irb_mul(s->b, s->position, bytes_of(&s->dims, piece)));
}

static LLVMValueRef position_of(ScanEmit *s, LLVMValueRef turn) {
    return s->scan->reverse ? irb_sub(s->b, irb_sub(s->b, s->length, irb_i64(s->b, 1)), turn) : turn;
}

/* Where an emitted carry's value after this step goes: to the next piece of its stack, after the last step to its result. */
static LLVMValueRef next_in_stack(ScanEmit *s, int carry) {
    LLVMValueRef next  = irb_add(s->b, s->turn, irb_i64(s->b, 1));
    LLVMValueRef bytes = bytes_of(&s->dims, &s->scan->carries.data[carry]->type);
    LLVMValueRef piece =
        irb_at(s->b, s->e->t_i8, s->results[s->stacks[carry]], irb_mul(s->b, position_of(s, next), bytes));
    LLVMValueRef last = LLVMBuildICmp(s->b, LLVMIntEQ, next, s->length, "");
    return LLVMBuildSelect(s->b, last, s->results[carry], piece, "");
}

/* Whether this step writes the carries' results: the last one does, the one before it does not, and so on. */
static LLVMValueRef writes_result(ScanEmit *s) {
    LLVMValueRef left = irb_sub(s->b, irb_sub(s->b, s->length, irb_i64(s->b, 1)), s->turn);
    LLVMValueRef odd  = LLVMBuildAnd(s->b, left, irb_i64(s->b, 1), "");
    return LLVMBuildICmp(s->b, LLVMIntEQ, odd, irb_i64(s->b, 0), "");
}

static LLVMValueRef local_pointer(ScanEmit *s, int local) {
    const Scan *scan  = s->scan;
    int         slice = local - scan->carries.len, whole = slice - scan->slices.len;
    if (whole == scan->captures.len) return s->cell;
    if (whole >= 0) return s->inputs[local];
    if (slice >= 0) return moved(s, s->inputs[local], &scan->slices.data[slice]->type);
    if (s->stacks[local] >= 0) return moved(s, s->results[s->stacks[local]], &scan->carries.data[local]->type);
    if (s->stays[local]) return s->results[local];
    LLVMValueRef before = LLVMBuildSelect(s->b, writes_result(s), s->spare[local], s->results[local], "");
    LLVMValueRef first  = LLVMBuildICmp(s->b, LLVMIntEQ, s->turn, irb_i64(s->b, 0), "");
    return LLVMBuildSelect(s->b, first, s->inputs[local], before, "");
}

static LLVMValueRef result_pointer(ScanEmit *s, int result) {
    int emit = result - s->scan->carries.len;
    if (emit < 0 && s->stacks[result] >= 0) return next_in_stack(s, result);
    if (emit < 0 && s->stays[result]) return s->results[result];
    if (emit < 0) return LLVMBuildSelect(s->b, writes_result(s), s->results[result], s->spare[result], "");
    return s->picked[result] ? moved(s, s->results[result], &s->scan->emits.data[emit]->type) : s->results[result];
}

/* From the rows at hand on. */
static LLVMValueRef from_row(ScanEmit *s, LLVMValueRef base, const Type *type) {
    if (!s->first_row || !type->rank || type->dims[0] != s->row_dim) return base;
    LLVMValueRef elements = dims_product(&s->dims, type->rank - 1, type->dims + 1);
    LLVMValueRef bytes    = irb_mul(s->entry, elements, irb_i64(s->entry, elem_size(type->elem)));
    return irb_at(s->b, s->e->t_i8, base, irb_mul(s->entry, s->first_row, bytes));
}

static LLVMValueRef body_pointer(ScanEmit *s, const Location *at) {
    switch (at->kind) {
    case LOC_LOCAL: return from_row(s, local_pointer(s, at->ref), local_type(s->scan, at->ref));
    case LOC_RESULT: {
        int result = scan_planned_result(s->scan, at->ref);
        return from_row(s, result_pointer(s, result), step_type(s->scan, result));
    }
    case LOC_KEY: return key_pointer(s->e, at);
    case LOC_WORKSPACE:
        return from_row(s, irb_at(s->b, s->e->t_i8, s->scratch, s->places[at->ref]),
                        &s->body->plan->buffers.data[at->ref].type);
    default: BUG("a loop's body reads memory that is not its own");
    }
}

static void emit_step(ScanEmit *s) {
    LLVMValueRef *pointers = ARENA_ARRAY(s->e->arena, LLVMValueRef, s->body->operands.len + 1);
    s->position            = position_of(s, s->turn);
    LLVMBuildStore(s->b, s->position, s->cell);
    LLVMBuildStore(s->b, s->turn, irb_at(s->b, s->e->t_i64, s->inner, irb_i64(s->b, CONTEXT_TURN)));
    for (int i = 0; i < s->body->operands.len; i++) pointers[i] = body_pointer(s, &s->body->operands.data[i]);
    sequence_run(&(SequenceRun){s->body, s->b, s->run_dims, s->args, s->inner, pointers, s->packed, false});
}

/* What is the same at all steps: captured values are where they are. */
static void emit_preparation(ScanEmit *s) {
    LLVMValueRef *pointers = ARENA_ARRAY(s->e->arena, LLVMValueRef, s->body->operands.len + 1);
    int           first    = s->scan->carries.len + s->scan->slices.len;
    for (int i = 0; i < s->body->operands.len; i++) {
        const Location *at       = &s->body->operands.data[i];
        bool            captured = at->kind == LOC_LOCAL && at->ref >= first && at->ref < first + s->scan->captures.len;
        if (captured) pointers[i] = s->inputs[at->ref];
        if (at->kind == LOC_KEY) pointers[i] = key_pointer(s->e, at);
    }
    sequence_prepare(&(SequenceRun){s->body, s->b, &s->dims, s->args, s->inner, pointers, s->packed, false});
}

/* ---- the function ---------------------------------------------------------------------------------------------------------------- */

/* Of the rows at hand. */
static void copy(ScanEmit *s, LLVMValueRef to, LLVMValueRef from, const Type *type) {
    unsigned size = (unsigned)elem_size(type->elem);
    LLVMBuildMemCpy(s->b, from_row(s, to, type), size, from_row(s, from, type), size, bytes_of(s->run_dims, type));
}

/* Without a step a carry's result is its first value. */
static void emit_no_step(ScanEmit *s) {
    LLVMValueRef none = LLVMBuildICmp(s->b, LLVMIntSLE, s->length, irb_i64(s->b, 0), "");
    int64_t      length;
    if (irb_const(s->length, &length) && length > 0) return;
    Branch branch = branch_begin(s->b, none);
    for (int i = 0; i < s->scan->carries.len; i++)
        if (s->picked[i]) copy(s, s->results[i], s->inputs[i], &s->scan->carries.data[i]->type);
    branch_end(&branch, s->b);
}

/* First values of carries to their stacks, or to where they stay, where there is a first step. */
static void emit_first_pieces(ScanEmit *s) {
    Branch some = branch_begin(s->b, LLVMBuildICmp(s->b, LLVMIntSGT, s->length, irb_i64(s->b, 0), ""));
    s->position = position_of(s, irb_i64(s->b, 0));
    for (int i = 0; i < s->scan->carries.len; i++) {
        const Type *piece = &s->scan->carries.data[i]->type;
        if (s->stays[i]) copy(s, s->results[i], s->inputs[i], piece);
        if (s->stacks[i] >= 0) copy(s, moved(s, s->results[s->stacks[i]], piece), s->inputs[i], piece);
    }
    branch_end(&some, s->b);
}

/* A result that is wanted in several places: its last value, or a step's piece of it. */
static void emit_copies(ScanEmit *s, bool carries) {
    for (int i = 0; i < s->kernel->stores.len; i++) {
        const Store *store = &s->kernel->stores.data[i];
        int          emit  = store->node->attr.ref - s->scan->carries.len;
        bool         first = true;
        for (int k = 0; k < i; k++) first &= s->kernel->stores.data[k].node != store->node;
        if (first || carries != (emit < 0)) continue;
        LLVMValueRef to = operand(s, &store->to), from = s->results[store->node->attr.ref];
        if (carries) {
            copy(s, to, from, &store->node->type);
        } else {
            const Type *piece = &s->scan->emits.data[emit]->type;
            copy(s, moved(s, to, piece), moved(s, from, piece), piece);
        }
    }
}

static LLVMValueRef worker_scratch(ScanEmit *s, LLVMValueRef worker) {
    if (!scan_is_map(s->scan)) return s->scratch;
    CompiledKernel compiled = {.body = (struct Sequence *)(uintptr_t)s->body};
    LLVMValueRef   bytes    = scan_size(s->e, s->kernel, &compiled, &s->dims).worker_bytes;
    LLVMValueRef   index    = LLVMBuildSExt(s->entry, worker, s->e->t_i64, "");
    return irb_at(s->entry, s->e->t_i8, s->scratch, irb_mul(s->entry, index, bytes));
}

/* The entry block, where everything is that holds for all steps. */
static LLVMValueRef open_function(ScanEmit *s, const char *name) {
    Emit             *e        = s->e;
    LLVMTypeRef       params[] = {e->t_ptr, e->t_i64, e->t_i64, e->t_i32};
    LLVMValueRef      fn       = function_new(e, name, LLVMFunctionType(e->t_void, params, 4, false));
    LLVMBasicBlockRef entry    = LLVMAppendBasicBlockInContext(e->context, fn, "entry");
    LLVMBasicBlockRef start    = LLVMAppendBasicBlockInContext(e->context, fn, "start");
    uint64_t          slots    = (uint64_t)sequence_context_slots(s->body);
    s->entry                   = LLVMCreateBuilderInContext(e->context);
    s->b                       = LLVMCreateBuilderInContext(e->context);
    LLVMPositionBuilderAtEnd(s->entry, entry);
    LLVMPositionBuilderAtEnd(s->b, start);
    s->context  = LLVMGetParam(fn, 0);
    s->args     = build_member(s->entry, e->t_ptr, s->context, 8 * CONTEXT_ARGS);
    s->scratch  = build_member(s->entry, e->t_ptr, s->context, 8 * CONTEXT_SCRATCH);
    s->inner    = LLVMBuildAlloca(s->entry, LLVMArrayType2(e->t_i64, slots), "context");
    s->dims     = dims_begin(e, s->entry, build_member(s->entry, e->t_ptr, s->args, offsetof(nnrt_args, symbols)));
    s->run_dims = &s->dims;
    s->scratch  = worker_scratch(s, LLVMGetParam(fn, 3));
    s->places   = sequence_places(s->body, &s->dims);
    s->length   = dims_value(&s->dims, s->scan->length);
    find_places(s);
    return fn;
}

static void close_function(ScanEmit *s, LLVMBasicBlockRef start) {
    LLVMBuildRetVoid(s->b);
    LLVMBuildBr(s->entry, start);
    LLVMDisposeBuilder(s->b);
    LLVMDisposeBuilder(s->entry);
}

static void emit_steps(ScanEmit *s, LLVMValueRef begin, LLVMValueRef end) {
    set_inner(s, CONTEXT_ARGS, s->args);
    set_inner(s, CONTEXT_SCRATCH, s->inner_scratch);
    Loop loop = loop_begin(s->b, begin, end, irb_i64(s->b, 1));
    s->turn   = loop.index;
    emit_step(s);
    emit_copies(s, false);
    loop_end(&loop, s->b);
}

/* ---- some rows ------------------------------------------------------------------------------------------------------------------- */

/* A copy of what a function is called with, for `rows` rows and one thread. */
static LLVMValueRef args_of_rows(ScanEmit *s, LLVMValueRef rows, LLVMValueRef *symbols) {
    Emit        *e     = s->e;
    int          count = dim_symbol_count(graph_dims(e->program->graph));
    LLVMValueRef args  = LLVMBuildAlloca(s->entry, LLVMArrayType2(e->t_i64, sizeof(nnrt_args) / 8), "args");
    *symbols           = LLVMBuildAlloca(s->entry, LLVMArrayType2(e->t_i64, (uint64_t)count), "symbols");
    LLVMBuildMemCpy(s->entry, args, 8, s->args, 8, irb_i64(s->entry, sizeof(nnrt_args)));
    LLVMBuildMemCpy(s->entry, *symbols, 8, s->dims.symbols, 8, irb_i64(s->entry, 8 * (int64_t)count));
    LLVMBuildStore(s->entry, rows, irb_at(s->entry, e->t_i64, *symbols, irb_i64(s->entry, s->kernel->row_symbol)));
    LLVMBuildStore(s->entry, *symbols,
                   irb_at(s->entry, e->t_i8, args, irb_i64(s->entry, offsetof(nnrt_args, symbols))));
    LLVMBuildStore(s->entry, LLVMConstNull(e->t_ptr),
                   irb_at(s->entry, e->t_i8, args, irb_i64(s->entry, offsetof(nnrt_args, pool))));
    return args;
}

/* void task(context, first block of rows, end, worker) */
static LLVMValueRef emit_rows_task(ScanEmit scan) {
    ScanEmit         *s     = &scan;
    LLVMValueRef      fn    = open_function(s, arena_printf(s->e->arena, "%s_rows", s->kernel->name)), symbols;
    LLVMBasicBlockRef start = LLVMGetInsertBlock(s->b);
    LLVMValueRef      block = irb_i64(s->entry, ROW_BLOCK), all = dims_value(&s->dims, s->row_dim);
    LLVMValueRef      worker = LLVMBuildSExt(s->entry, LLVMGetParam(fn, 3), s->e->t_i64, "");
    LLVMValueRef      own    = irb_mul(s->entry, worker, rows_scratch_bytes(s->body, &s->dims));
    s->first_row             = irb_mul(s->entry, LLVMGetParam(fn, 1), block);
    LLVMValueRef end         = irb_min(s->entry, irb_mul(s->entry, LLVMGetParam(fn, 2), block), all);
    s->args                  = args_of_rows(s, irb_sub(s->entry, end, s->first_row), &symbols);
    s->inner_scratch         = irb_at(s->entry, s->e->t_i8, s->inner_scratch, own);
    s->cell                  = LLVMBuildAlloca(s->entry, s->e->t_i64, "index");
    DimEnv dims              = dims_begin(s->e, s->entry, symbols);
    s->run_dims              = &dims;
    emit_steps(s, irb_i64(s->b, 0), s->length);
    close_function(s, start);
    return fn;
}

/* Rows go to several threads where there is a block for each. */
static void emit_shared_steps(ScanEmit *s) {
    LLVMValueRef pool   = build_member(s->b, s->e->t_ptr, s->args, offsetof(nnrt_args, pool));
    LLVMValueRef blocks = irb_ceil_div(s->b, dims_value(&s->dims, s->row_dim), irb_i64(s->b, ROW_BLOCK));
    Branch       branch = branch_begin(s->b, sequence_shares(s->e, s->b, &s->dims, s->kernel, pool, blocks));
    sequence_parallel(s->e, s->b, s->rows_task, pool, s->context, blocks);
    branch_else(&branch, s->b);
    emit_steps(s, irb_i64(s->b, 0), s->length);
    branch_end(&branch, s->b);
}

/* ---- all rows -------------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef emit_function(ScanEmit *s) {
    LLVMValueRef      fn    = open_function(s, s->kernel->name);
    LLVMBasicBlockRef start = LLVMGetInsertBlock(s->b);
    emit_no_step(s);
    emit_first_pieces(s);
    emit_preparation(s);
    if (scan_is_map(s->scan))
        emit_steps(s, LLVMGetParam(fn, 1), LLVMGetParam(fn, 2));
    else if (s->rows_task)
        emit_shared_steps(s);
    else
        emit_steps(s, irb_i64(s->b, 0), s->length);
    emit_copies(s, true);
    close_function(s, start);
    return fn;
}

CompiledKernel *scan_compile(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands) {
    CompiledKernel *compiled = ARENA_NEW(e->arena, CompiledKernel);
    ScanEmit        s        = {.e = e, .plan = plan, .kernel = kernel, .scan = kernel->scan->attr.scan};
    compiled->body           = sequence_compile(e, kernel->body);
    s.body                   = compiled->body;
    find_operands(&s);
    compiled->n_operands = s.operands.len;
    if (kernel->row_symbol >= 0) {
        s.row_dim   = dim_symbol(graph_dims(e->program->graph), kernel->row_symbol);
        s.rows_task = emit_rows_task(s);
    }
    compiled->task = emit_function(&s);
    *operands      = s.operands;
    return compiled;
}
