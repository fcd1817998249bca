/* The expression emitter: the value of a node at an index. A node in memory is loaded, movement ops change the index, elementwise ops
 * are lowered from their inputs' values at the same index, other reductions and contractions become loops (reduce.c). */
#include "codegen/emit.h"

#include <stddef.h>

#include "codegen/vmath.h"
#include "nnrt.h"
#include "ops/random.h"

/* ---- sources ------------------------------------------------------------------------------------------------------------ */

static Value value_runtime(KernelEmit *k, const Node *node) {
    static const int64_t offsets[] = {offsetof(nnrt_args, step), offsetof(nnrt_args, total_steps),
                                      offsetof(nnrt_args, epoch_steps)};
    return value_new(k, build_member(k->root->b, k->e->t_i64, k->args, offsets[node->attr.ref]), k->root);
}

static Value value_random(KernelEmit *k, const Node *node, const Index *index) {
    LLVMBuilderRef entry  = k->root->b;
    LLVMValueRef   where  = operand_pointer(k, &(Location){LOC_KEY, node->id, 0});
    LLVMValueRef   key    = LLVMBuildPtrToInt(entry, where, k->e->t_i64, "key");
    LLVMValueRef   seed   = build_member(entry, k->e->t_i64, k->args, offsetof(nnrt_args, seed));
    LLVMValueRef   pass   = build_member(entry, k->e->t_i64, k->args, offsetof(nnrt_args, pass));
    Index          linear = index_row_major(k, node->type.rank, node->type.dims, index);
    LLVMValueRef   at     = linear.kind == INDEX_UNIFORM ? linear.v : index_vector(k, linear);
    LLVMTypeRef    type   = irb_with_elem(LLVMTypeOf(at), emit_reg_type(k->e, node->type.elem));
    LLVMBuilderRef b      = linear.scope->b;
    LLVMValueRef   v      = node->op == OP_UNIFORM ? vmath_uniform(b, k->e->target, type, seed, key, pass, at)
                                                   : vmath_normal(b, k->e->target, type, seed, key, pass, at);
    return value_new(k, v, linear.scope);
}

Value index_value(KernelEmit *k, Index a, ElemType elem) {
    LLVMValueRef v = a.kind == INDEX_UNIFORM ? a.v : index_vector(k, a);
    return value_new(k, math_cast(k->e, a.scope->b, ELEM_I64, elem, v), a.scope);
}

/* ---- movement: another index -------------------------------------------------------------------------------------------- */

static bool has_axis(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

static Value value_expand(KernelEmit *k, const Node *node, const Index *index) {
    Index at[MAX_RANK];
    int   n = 0;
    for (int i = 0; i < node->type.rank; i++)
        if (!has_axis(node, i)) at[n++] = index[i];
    return value_at(k, node->inputs[0], at);
}

static Value value_permute(KernelEmit *k, const Node *node, const Index *index) {
    Index at[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) at[node->attr.axes.axes[i]] = index[i];
    return value_at(k, node->inputs[0], at);
}

static Value value_slice(KernelEmit *k, const Node *node, const Index *index) {
    Index at[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) {
        Index offset = index_uniform(dims_value(&k->dims, node->attr.offsets[i]), k->root);
        at[i]        = index_add(k, index[i], offset);
    }
    return value_at(k, node->inputs[0], at);
}

static Value value_dynamic_slice(KernelEmit *k, const Node *node, const Index *index) {
    Index at[MAX_RANK];
    Value start = value_at(k, node->inputs[1], NULL);
    for (int i = 0; i < node->type.rank; i++) at[i] = index[i];
    at[node->attr.axis] = index_add(k, at[node->attr.axis], index_uniform(start->v, start->scope));
    return value_at(k, node->inputs[0], at);
}

static Value value_reshape(KernelEmit *k, const Node *node, const Index *index) {
    Index at[MAX_RANK];
    index_reshape(k, &node->type, index, &node->inputs[0]->type, at);
    return value_at(k, node->inputs[0], at);
}

/* ---- parts: an index that may lie outside --------------------------------------------------------------------------------- */

/* Which elements of a result come from one input: conditions that hold for all lanes at once (`same`) and lane by lane. */
typedef struct Inside {
    LLVMValueRef same, lanes; /* NULL: always */
    Scope       *same_scope, *lanes_scope;
} Inside;

static void add_condition(LLVMValueRef *sum, Scope **scope, LLVMValueRef condition, Scope *at) {
    *scope = *sum ? scope_deeper(*scope, at) : at;
    *sum   = *sum ? LLVMBuildAnd((*scope)->b, *sum, condition, "") : condition;
}

/* 0 <= at < size, as one unsigned comparison; a uniform index is clamped to a safe one. */
static void check_axis(KernelEmit *k, Index *at, LLVMValueRef size, Inside *inside) {
    LLVMBuilderRef b = at->scope->b;
    int64_t        known;
    bool           bounded = at->bounded && irb_const(size, &known);
    if (bounded && at->low >= 0 && at->high < known) return;
    if (bounded && (at->high < 0 || at->low >= known)) {
        add_condition(&inside->same, &inside->same_scope, LLVMConstInt(k->e->t_i1, 0, false), k->root);
        *at = index_constant(k, 0);
        return;
    }
    if (at->kind == INDEX_UNIFORM) {
        add_condition(&inside->same, &inside->same_scope, LLVMBuildICmp(b, LLVMIntULT, at->v, size, ""), at->scope);
        LLVMValueRef last = irb_sub(b, size, irb_i64(b, 1));
        *at               = index_uniform(irb_max(b, irb_min(b, at->v, last), irb_i64(b, 0)), at->scope);
        return;
    }
    LLVMValueRef limit = irb_splat(k->root->b, size, k->lanes);
    add_condition(&inside->lanes, &inside->lanes_scope, LLVMBuildICmp(b, LLVMIntULT, index_vector(k, *at), limit, ""),
                  at->scope);
}

/* The input's value where it is inside; elsewhere anything. */
static Value value_inside(KernelEmit *k, Node *input, const Index *at, const Inside *inside) {
    LLVMValueRef mask  = k->mask;
    Scope       *scope = k->mask_scope;
    if (inside->lanes) {
        k->mask_scope = mask ? scope_deeper(scope, inside->lanes_scope) : inside->lanes_scope;
        k->mask       = mask ? LLVMBuildAnd(k->mask_scope->b, mask, inside->lanes, "") : inside->lanes;
    }
    Value value   = value_at(k, input, at);
    k->mask       = mask;
    k->mask_scope = scope;
    return value;
}

static Value choose(KernelEmit *k, const Inside *inside, Value yes, Value no) {
    Scope       *scope  = scope_deeper(yes->scope, no->scope);
    bool         vector = inside->lanes || value_is_vector(yes->v) || value_is_vector(no->v);
    LLVMValueRef a = vector ? value_vector(k, yes) : yes->v, b = vector ? value_vector(k, no) : no->v;
    if (inside->lanes) {
        scope = scope_deeper(scope, inside->lanes_scope);
        a     = LLVMBuildSelect(scope->b, inside->lanes, a, b, "");
    }
    if (inside->same) {
        scope = scope_deeper(scope, inside->same_scope);
        a     = LLVMBuildSelect(scope->b, inside->same, a, b, "");
    }
    return value_new(k, a, scope);
}

static Value value_pad(KernelEmit *k, const Node *node, const Index *index) {
    Node  *input  = node->inputs[0];
    Inside inside = {0};
    Index  at[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) {
        at[i] = index_sub(k, index[i], index_uniform(dims_value(&k->dims, node->attr.offsets[i]), k->root));
        if (node->type.dims[i] != input->type.dims[i])
            check_axis(k, &at[i], dims_value(&k->dims, input->type.dims[i]), &inside);
    }
    Value zero = value_new(k, math_constant(k->e, node->type.elem, 0), k->root);
    return choose(k, &inside, value_inside(k, input, at, &inside), zero);
}

/* The place along the axis; where the division leaves a rest, nothing is inside. */
static Index slide_index(KernelEmit *k, const Node *node, const Index *index, Inside *inside) {
    const Slide *slide = &node->attr.slide;
    DimTable    *dims  = graph_dims(k->e->program->graph);
    Index        at    = index_scale(k, index[slide->axis], dim_const(dims, slide->step));
    if (slide->dilation) at = index_add(k, at, index_scale(k, index[slide->by], dim_const(dims, slide->dilation)));
    at = index_sub(k, at, index_uniform(dims_value(&k->dims, slide->before), k->root));
    if (slide->divisor == 1) return at;
    bool           same = at.kind == INDEX_UNIFORM;
    LLVMBuilderRef b    = at.scope->b;
    LLVMValueRef   v = same ? at.v : index_vector(k, at), by = irb_int(LLVMTypeOf(v), (uint64_t)slide->divisor);
    LLVMValueRef   rest = LLVMBuildURem(b, v, by, ""), whole;
    whole               = LLVMBuildICmp(b, LLVMIntEQ, rest, LLVMConstNull(LLVMTypeOf(v)), "");
    add_condition(same ? &inside->same : &inside->lanes, same ? &inside->same_scope : &inside->lanes_scope, whole,
                  at.scope);
    v = LLVMBuildUDiv(b, v, by, "");
    if (same && at.bounded && at.low >= 0)
        return index_bounded(index_uniform(v, at.scope), at.low / slide->divisor, at.high / slide->divisor);
    return same ? index_uniform(v, at.scope) : index_full(v, at.scope);
}

static Value value_slide(KernelEmit *k, const Node *node, const Index *index) {
    Node  *input  = node->inputs[0];
    int    axis   = node->attr.slide.axis;
    Inside inside = {0};
    Index  at[MAX_RANK];
    for (int i = 0; i < node->type.rank; i++) at[i] = index[i];
    at[axis] = slide_index(k, node, index, &inside);
    check_axis(k, &at[axis], dims_value(&k->dims, input->type.dims[axis]), &inside);
    Value fill = value_new(k, math_constant(k->e, node->type.elem, node->attr.slide.fill), k->root);
    return choose(k, &inside, value_inside(k, input, at, &inside), fill);
}

static Value value_concat(KernelEmit *k, const Node *node, const Index *index) {
    int   axis   = node->attr.axis;
    Index start  = index_constant(k, 0);
    Value result = NULL;
    for (int n = 0; n < node->n_inputs; n++) {
        Node        *input  = node->inputs[n];
        LLVMValueRef size   = dims_value(&k->dims, input->type.dims[axis]);
        Inside       inside = {0};
        Index        at[MAX_RANK];
        for (int i = 0; i < node->type.rank; i++) at[i] = index[i];
        at[axis] = index_sub(k, index[axis], start);
        check_axis(k, &at[axis], size, &inside);
        Value part = value_inside(k, input, at, &inside);
        result     = result ? choose(k, &inside, part, result) : part;
        start      = index_add(k, start, index_uniform(size, k->root));
    }
    return result;
}

/* ---- indexed by data -------------------------------------------------------------------------------------------------------- */

/* void fault(args, value, limit): notes the first index out of range. */
static LLVMValueRef fault_function(Emit *e) {
    static const char name[] = "nnc_fault_index";
    LLVMValueRef      fn     = LLVMGetNamedFunction(e->module, name);
    if (fn) return fn;
    LLVMTypeRef params[] = {e->t_ptr, e->t_i64, e->t_i64};
    fn                   = LLVMAddFunction(e->module, name, LLVMFunctionType(e->t_void, params, 3, false));
    LLVMSetLinkage(fn, LLVMInternalLinkage);
    unsigned cold     = LLVMGetEnumAttributeKindForName("cold", 4),
             noinline = LLVMGetEnumAttributeKindForName("noinline", 8);
    LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, cold, 0));
    LLVMAddAttributeAtIndex(fn, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, noinline, 0));
    LLVMBuilderRef b = LLVMCreateBuilderInContext(e->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(e->context, fn, "entry"));
    LLVMValueRef fault = build_member(b, e->t_ptr, LLVMGetParam(fn, 0), offsetof(nnrt_args, fault));
    LLVMBuildStore(b, LLVMConstInt(e->t_i32, NNRT_FAULT_INDEX, false), fault);
    LLVMBuildStore(b, LLVMGetParam(fn, 1), irb_at(b, e->t_i8, fault, irb_i64(b, offsetof(nnrt_fault, value))));
    LLVMBuildStore(b, LLVMGetParam(fn, 2), irb_at(b, e->t_i8, fault, irb_i64(b, offsetof(nnrt_fault, limit))));
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
    return fn;
}

/* `bad` lanes as one condition, and the offending index of the first of them. */
static LLVMValueRef any_lane(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef bad, LLVMValueRef index,
                             LLVMValueRef *first) {
    *first = index;
    if (!value_is_vector(bad)) return bad;
    LLVMTypeRef  bits_type = LLVMIntTypeInContext(k->e->context, (unsigned)irb_lanes(LLVMTypeOf(bad)));
    LLVMValueRef bits      = LLVMBuildBitCast(b, bad, bits_type, "");
    LLVMValueRef args[]    = {bits, LLVMConstNull(k->e->t_i1)};
    LLVMValueRef lane      = irb_intrinsic(b, "llvm.cttz", bits_type, args, 2);
    LLVMValueRef any       = LLVMBuildICmp(b, LLVMIntNE, bits, LLVMConstNull(bits_type), "");
    LLVMValueRef lane64    = LLVMBuildZExt(b, lane, k->e->t_i64, "");
    LLVMValueRef zero      = irb_i64(b, 0);
    *first                 = LLVMBuildExtractElement(b, index, LLVMBuildSelect(b, any, lane64, zero, ""), "");
    return any;
}

/* Sets the fault where an existing lane's index is not in 0 .. limit - 1, and puts 0 in its place. */
void fault_unless_below(KernelEmit *k, Scope *scope, LLVMValueRef index, LLVMValueRef limit, LLVMValueRef *safe) {
    LLVMBuilderRef b   = scope->b;
    LLVMValueRef   all = irb_splat(k->root->b, limit, irb_lanes(LLVMTypeOf(index)));
    LLVMValueRef   bad = LLVMBuildICmp(b, LLVMIntUGE, index, all, ""), first;
    *safe              = LLVMBuildSelect(b, bad, LLVMConstNull(LLVMTypeOf(index)), index, "");
    if (k->mask && value_is_vector(index)) bad = LLVMBuildAnd(b, bad, k->mask, "");
    LLVMValueRef any   = any_lane(k, b, bad, index, &first);
    LLVMValueRef fault = fault_function(k->e), args[] = {k->args, first, limit};
    Branch       branch = branch_begin(b, any);
    LLVMBuildCall2(b, LLVMGlobalGetValueType(fault), fault, args, 3, "");
    branch_end(&branch, b);
}

Value value_gather(KernelEmit *k, Node *node, const Index *index) {
    Node  *table = node->inputs[0], *indices = node->inputs[1];
    Value  row   = value_at(k, indices, index);
    Scope *scope = row->scope;
    if (value_is_vector(row->v) && k->mask) scope = scope_deeper(scope, k->mask_scope);
    LLVMValueRef wide = math_cast(k->e, scope->b, indices->type.elem, ELEM_I64, row->v), safe;
    fault_unless_below(k, scope, wide, dims_value(&k->dims, table->type.dims[0]), &safe);
    Index at[MAX_RANK];
    at[0] = value_is_vector(safe) ? index_full(safe, scope) : index_uniform(safe, scope);
    for (int i = 1; i < table->type.rank; i++) at[i] = index[indices->type.rank + i - 1];
    return value_at(k, table, at);
}

/* ---- the emitter ------------------------------------------------------------------------------------------------------------ */

static Value value_elementwise(KernelEmit *k, const Node *node, const Index *index) {
    Value inputs[3];
    for (int i = 0; i < node->n_inputs; i++) inputs[i] = value_at(k, node->inputs[i], index);
    Value estimated = node->op == OP_DIV ? quotient(k, node, inputs[0], inputs[1]) : NULL;
    return estimated ? estimated : op_lower[node->op](&k->lower, node, inputs);
}

/* From the worker's row buffer, when an earlier pass has kept it there. */
static Value value_kept(KernelEmit *k, const Node *node, const Index *index) {
    for (int i = 0; k->kept_rows && i < k->kernel->kept.len; i++) {
        const Kept *kept = &k->kernel->kept.data[i];
        if (kept->node != node || !k->kept_rows[i] || k->pass <= kept->pass) continue;
        Type row = {.elem = node->type.elem, .rank = k->kernel->n_inner};
        for (int a = 0; a < row.rank; a++) row.dims[a] = k->kernel->inner[a];
        return memory_load(k, k->kept_rows[i], &row, index + k->kernel->n_rows);
    }
    return NULL;
}

static Value value_computed(KernelEmit *k, Node *node, const Index *index) {
    switch (node->op) {
    case OP_CONST: return value_new(k, math_constant(k->e, node->type.elem, node->attr.value), k->root);
    case OP_DIM: return value_new(k, dims_value(&k->dims, node->attr.dim), k->root);
    case OP_RUNTIME: return value_runtime(k, node);
    case OP_IOTA: return index_value(k, index[node->attr.axis], node->type.elem);
    case OP_UNIFORM:
    case OP_NORMAL: return value_random(k, node, index);
    case OP_STOP_GRAD:
    case OP_AGAIN:
    case OP_CUSTOM: return value_at(k, node->inputs[0], index);
    case OP_RESHAPE: return value_reshape(k, node, index);
    case OP_PERMUTE: return value_permute(k, node, index);
    case OP_EXPAND: return value_expand(k, node, index);
    case OP_SLICE: return value_slice(k, node, index);
    case OP_DYNAMIC_SLICE: return value_dynamic_slice(k, node, index);
    case OP_PAD: return value_pad(k, node, index);
    case OP_SLIDE: return value_slide(k, node, index);
    case OP_CONCAT: return value_concat(k, node, index);
    case OP_GATHER: return value_gather(k, node, index);
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_ARGMAX: return value_reduction(k, node, index);
    case OP_DOT: return value_dot(k, node, index);
    default:
        if (op_lower[node->op]) return value_elementwise(k, node, index);
        BUG("node %d (%s) has no value inside a kernel", node->id, op_info[node->op].name);
    }
}

Value value_at(KernelEmit *k, Node *node, const Index *index) {
    Value value = memo_get(k, node, index);
    if (value) return value;
    Span outer = debug_place(k, node->span);
    value      = value_kept(k, node, index);
    if (!value && kernel_loads(k->plan, k->kernel, node)) {
        LLVMValueRef base = operand_pointer(k, node_location(k->plan, node));
        value             = k->across ? across_load(k, node, base, index) : NULL;
        if (!value) value = memory_load(k, base, &node->type, index);
    }
    if (!value) value = value_computed(k, node, index);
    memo_set(k, node, index, value);
    debug_place(k, outer);
    return value;
}
