/* The scatter template: dest = 0, then dest[index[i]] += values[i] in index order. The work is cut along the trailing dims. Where these are
 * few and the index is long beside dest, it is cut into parts of the index, by shape only: each has sums of its own in scratch, rows
 * padded to whole vectors, and a second task ("join") adds them up in the parts' order. So every sum has one order. */
#include "codegen/emit.h"

#include "plan/plan.h"

enum {
    SCATTER_COLUMNS = 256, /* of a unit */
    PARTS_MOST      = 8,
    PART_VALUES     = 4096, /* in a part, at least */
    INDEX_PER_ROW   = 1,    /* of a part: as many as dest has rows, at least */
};

typedef struct ScatterParts {
    bool    may;    /* cut the index, where its length beside dest's rows pays for it: part_count */
    int64_t stride; /* elements of a row of sums */
    int     lanes;  /* of their vectors */
} ScatterParts;

typedef struct Scatter {
    KernelEmit  *k;
    Node        *node, *values, *index;
    const Store *store;
    int          n_index, n_rest;
    const Dim  **rest;
    int          lanes;
    LLVMValueRef rows, columns, low, high; /* low, high: the unit's range of the trailing elements */
    LLVMValueRef to, stride;               /* where row 0 lies; elements from one row to the next */
    ScatterParts parts;
    LLVMValueRef count;   /* of parts; 1: sums are added up in dest itself */
    bool         whole;   /* ... which the code at hand does */
    bool         is_last; /* nothing behind the last column may be overwritten */
} Scatter;

static LLVMValueRef column_count(const Kernel *kernel, DimEnv *dims) {
    const Type *type = &kernel->scatter->type;
    return dims_product(dims, type->rank - 1, type->dims + 1);
}

static ScatterParts parts_of(const Emit *e, const Kernel *kernel) {
    const Type  *to    = &kernel->scatter->type;
    ScatterParts parts = {.lanes = 1};
    int64_t columns = dims_constant(to->rank - 1, to->dims + 1), full = target_lanes(e->target, elem_size(to->elem));
    parts.may = (to->elem == ELEM_F32 || to->elem == ELEM_F64) && columns > 0 && columns <= SCATTER_COLUMNS;
    for (int i = 0; i < kernel->stores.len; i++) parts.may &= kernel->stores.data[i].type.elem == to->elem;
    while (parts.lanes < columns && parts.lanes < full) parts.lanes *= 2;
    parts.stride = (columns + parts.lanes - 1) / parts.lanes * parts.lanes;
    return parts;
}

/* The largest power of two for which a part has enough of the index. */
static LLVMValueRef part_count(const Kernel *kernel, const ScatterParts *parts, DimEnv *dims) {
    LLVMBuilderRef b     = dims->b;
    const Type    *index = &kernel->scatter->inputs[1]->type, *to = &kernel->scatter->type;
    LLVMValueRef   count = irb_i64(b, 1);
    if (!parts->may) return count;
    LLVMValueRef length = dims_product(dims, index->rank, index->dims), rows = dims_value(dims, to->dims[0]);
    LLVMValueRef values = irb_mul(b, length, column_count(kernel, dims));
    for (int64_t more = 2; more <= PARTS_MOST; more *= 2) {
        LLVMValueRef filled =
            LLVMBuildICmp(b, LLVMIntSGE, length, irb_mul(b, rows, irb_i64(b, more * INDEX_PER_ROW)), "");
        LLVMValueRef enough = LLVMBuildICmp(b, LLVMIntSGE, values, irb_i64(b, more * PART_VALUES), "");
        count               = LLVMBuildSelect(b, LLVMBuildAnd(b, filled, enough, ""), irb_i64(b, more), count, "");
    }
    return count;
}

static LLVMValueRef several(LLVMBuilderRef b, LLVMValueRef count) {
    return LLVMBuildICmp(b, LLVMIntSGT, count, irb_i64(b, 1), "");
}

KernelSize scatter_size(Emit *e, const Kernel *kernel, DimEnv *dims) {
    LLVMBuilderRef b     = dims->b;
    ScatterParts   parts = parts_of(e, kernel);
    LLVMValueRef   none  = irb_i64(b, 0);
    if (!parts.may)
        return (KernelSize){irb_ceil_div(b, column_count(kernel, dims), irb_i64(b, SCATTER_COLUMNS)), none, none};
    LLVMValueRef count = part_count(kernel, &parts, dims),
                 sums  = LLVMBuildSelect(b, several(b, count), count, none, "");
    LLVMValueRef each  = irb_i64(b, parts.stride * elem_size(kernel->scatter->type.elem));
    LLVMValueRef rows  = dims_value(dims, kernel->scatter->type.dims[0]);
    return (KernelSize){count, irb_round_up(b, irb_mul(b, irb_mul(b, rows, each), sums), 64), none};
}

/* Whether an index of known length is cut, or one that only the run time knows may be. */
bool scatter_joins(const Emit *e, const Kernel *kernel) {
    if (kernel->template != TEMPLATE_SCATTER || !parts_of(e, kernel).may) return false;
    const Type *index = &kernel->scatter->inputs[1]->type, *to = &kernel->scatter->type;
    int64_t     length = dims_constant(index->rank, index->dims), rows = dims_constant(1, to->dims);
    int64_t     columns = dims_constant(to->rank - 1, to->dims + 1);
    if (length < 0 || rows < 0) return true;
    return length >= 2 * rows * INDEX_PER_ROW && length * columns >= 2 * PART_VALUES;
}

LLVMValueRef scatter_join_units(const Emit *e, const Kernel *kernel, DimEnv *dims) {
    ScatterParts parts = parts_of(e, kernel);
    LLVMValueRef rows  = dims_value(dims, kernel->scatter->type.dims[0]);
    return LLVMBuildSelect(dims->b, several(dims->b, part_count(kernel, &parts, dims)), rows, irb_i64(dims->b, 0), "");
}

/* The trailing index of flat column `at`. */
static void split_columns(Scatter *s, Index at, Index *parts) {
    int64_t extent = dims_constant(s->n_rest, s->rest);
    for (int i = s->n_rest - 1; i > 0; i--) {
        Index quotient;
        index_split(s->k, at, s->rest[i], extent, &quotient, &parts[i]);
        at = quotient;
    }
    if (s->n_rest) parts[0] = at;
}

typedef void ScatterBody(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column);

static LLVMValueRef target_at(Scatter *s, LLVMBuilderRef b, LLVMValueRef row, LLVMValueRef column) {
    LLVMValueRef at = irb_add(b, irb_mul(b, row, s->stride), column);
    return irb_at(b, emit_mem_type(s->k->e, s->store->type.elem), s->to, at);
}

/* body(row, column) for columns [low, high) in vectors. */
static void for_vectors(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef low, LLVMValueRef high,
                        ScatterBody *body) {
    ScopedLoop loop;
    scope_loop_begin(s->k, &loop, scope, low, high, irb_i64(scope->b, s->k->lanes), 0, NULL);
    body(s, loop.scope, row, loop.index);
    scope_loop_end(s->k, &loop, NULL);
}

/* The same where only those before s->high exist. */
static void for_part_of_vector(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef low, ScatterBody *body) {
    KernelEmit *k = s->k;
    ScopedLoop  loop;
    scope_loop_begin(k, &loop, scope, low, s->high, irb_i64(scope->b, k->lanes), 0, NULL);
    k->mask       = irb_mask_below(loop.scope->b, irb_sub(loop.scope->b, s->high, loop.index), k->lanes);
    k->mask_scope = loop.scope;
    body(s, loop.scope, row, loop.index);
    k->mask = NULL;
    scope_loop_end(k, &loop, NULL);
}

/* body(row, column) for all columns of the unit, in vectors. */
static void for_columns(Scatter *s, Scope *scope, LLVMValueRef row, ScatterBody *body) {
    KernelEmit    *k   = s->k;
    LLVMBuilderRef b   = scope->b;
    k->lanes           = s->lanes;
    LLVMValueRef rest  = LLVMBuildURem(b, irb_sub(b, s->high, s->low), irb_i64(b, k->lanes), "");
    LLVMValueRef whole = irb_sub(b, s->high, rest);
    int64_t      part, first, last;
    bool         is_known = irb_const(rest, &part) && irb_const(s->low, &first) && irb_const(whole, &last);
    if (!is_known || first < last) for_vectors(s, scope, row, s->low, whole, body);
    if (k->lanes > 1 && (!is_known || part > 0)) for_part_of_vector(s, scope, row, whole, body);
    k->lanes = 1;
}

static void clear_body(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column) {
    ElemType    elem = s->store->type.elem;
    LLVMTypeRef type = irb_vector_type(emit_reg_type(s->k->e, elem), s->k->lanes);
    build_store_lanes(s->k, scope->b, target_at(s, scope->b, row, column), elem, LLVMConstNull(type), s->k->mask);
}

/* `row` is the flat index into the index tensor. Rows of a part's sums have room for whole vectors. */
static void add_body(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column) {
    KernelEmit *k = s->k;
    Index       at[MAX_RANK];
    Index       rest = k->lanes > 1 ? index_linear(column, scope, 1) : index_uniform(column, scope);
    Index       flat = index_uniform(row, scope->parent);
    for (int i = s->n_index - 1; i > 0; i--) {
        Index quotient;
        index_split(k, flat, s->index->type.dims[i], -1, &quotient, &at[i]);
        flat = quotient;
    }
    if (s->n_index) at[0] = flat;
    Value        target_row = value_at(k, s->index, at);
    Scope       *in         = target_row->scope;
    LLVMValueRef wide       = math_cast(k->e, in->b, s->index->type.elem, ELEM_I64, target_row->v), safe;
    LLVMValueRef rows = dims_value(&k->dims, s->node->type.dims[0]), mask = s->whole ? k->mask : NULL;
    fault_unless_below(k, in, wide, rows, &safe);
    split_columns(s, rest, at + s->n_index);
    ElemType       elem = s->store->type.elem, reg = math_register_elem(elem);
    LLVMBuilderRef b        = scope->b;
    LLVMValueRef   value    = value_lanes(k, value_at(k, s->values, at));
    LLVMValueRef   valid    = LLVMBuildICmp(in->b, LLVMIntULT, wide, rows, "");
    value                   = LLVMBuildSelect(b, valid, value, LLVMConstNull(LLVMTypeOf(value)), "");
    LLVMValueRef to         = target_at(s, b, safe, column),
                 operands[] = {build_load_lanes(k, b, to, elem, k->lanes, mask), value};
    build_store_lanes(k, b, to, elem, math_build(k->e, b, MATH_ADD, reg, operands), mask);
}

static void for_rows(Scatter *s, Scope *scope, LLVMValueRef begin, LLVMValueRef end, ScatterBody *body) {
    KernelEmit *k = s->k;
    ScopedLoop  rows;
    scope_loop_begin(k, &rows, scope, begin, end, irb_i64(scope->b, 1), 0, NULL);
    for_columns(s, rows.scope, rows.index, body);
    scope_loop_end(k, &rows, NULL);
}

static Scatter scatter_of(KernelEmit *k) {
    Node   *node = k->kernel->scatter;
    Scatter s    = {.k = k, .node = node, .values = node->inputs[0], .index = node->inputs[1]};
    s.parts      = parts_of(k->e, k->kernel);
    s.count      = part_count(k->kernel, &s.parts, &k->dims);
    s.n_index    = s.index->type.rank;
    s.n_rest     = node->type.rank - 1;
    s.rest       = node->type.dims + 1;
    s.lanes      = s.n_rest ? k->full_lanes : 1;
    s.rows       = dims_value(&k->dims, node->type.dims[0]);
    s.columns    = column_count(k->kernel, &k->dims);
    s.low        = irb_i64(k->root->b, 0);
    s.high = s.stride = s.columns;
    for (int i = 0; i < k->kernel->stores.len; i++)
        if (k->kernel->stores.data[i].node != node) BUG("%s: a scatter stores nothing else", k->kernel->name);
    return s;
}

static LLVMValueRef index_count(Scatter *s) {
    return dims_product(&s->k->dims, s->n_index, s->index->type.dims);
}

/* ---- sums in parts ------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef part_at(Scatter *s, LLVMBuilderRef b, LLVMValueRef part) {
    LLVMValueRef bytes = irb_mul(b, s->rows, irb_i64(b, s->parts.stride * elem_size(s->store->type.elem)));
    return irb_at(b, s->k->e->t_i8, kernel_shared_scratch(s->k), irb_mul(b, part, bytes));
}

/* Parts [begin, end), each cleared, then added to. They are the same for all stores. */
static void emit_parts(Scatter *s, LLVMValueRef begin, LLVMValueRef end) {
    KernelEmit *k = s->k;
    ScopedLoop  parts;
    s->store  = &k->kernel->stores.data[0];
    s->lanes  = s->parts.lanes;
    s->stride = irb_i64(k->root->b, s->parts.stride);
    scope_loop_begin(k, &parts, k->root, begin, end, irb_i64(k->root->b, 1), 0, NULL);
    LLVMBuilderRef b     = parts.scope->b;
    LLVMValueRef   all   = index_count(s);
    LLVMValueRef   bytes = irb_mul(b, s->rows, irb_i64(b, s->parts.stride * elem_size(s->store->type.elem)));
    s->to                = part_at(s, b, parts.index);
    LLVMBuildMemSet(b, s->to, LLVMConstNull(k->e->t_i8), bytes, 4);
    LLVMValueRef next = irb_add(b, parts.index, irb_i64(b, 1));
    LLVMValueRef low  = LLVMBuildUDiv(b, irb_mul(b, parts.index, all), s->count, ""),
                 high = LLVMBuildUDiv(b, irb_mul(b, next, all), s->count, "");
    for_rows(s, parts.scope, low, high, add_body);
    scope_loop_end(k, &parts, NULL);
}

static LLVMValueRef load_part(Scatter *s, LLVMBuilderRef b, LLVMValueRef part, LLVMValueRef from, LLVMValueRef mask) {
    ElemType     elem = s->node->type.elem;
    LLVMValueRef at   = irb_at(b, emit_mem_type(s->k->e, elem), part_at(s, b, part), from);
    return build_load_lanes(s->k, b, at, elem, s->k->lanes, mask);
}

/* The sums of all parts at a row's columns, to all stores; without a mask, what lies behind the last column is overwritten, too. */
static void join_vector(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column, LLVMValueRef mask) {
    KernelEmit    *k    = s->k;
    LLVMBuilderRef b    = scope->b;
    ElemType       elem = s->node->type.elem;
    LLVMValueRef   from = irb_add(b, irb_mul(b, row, irb_i64(b, s->parts.stride)), column);
    LLVMValueRef   sum = load_part(s, b, irb_i64(b, 0), from, mask), one = irb_i64(b, 1);
    ScopedLoop     parts;
    scope_loop_begin(k, &parts, scope, one, s->count, one, 1, &sum);
    LLVMValueRef more = load_part(s, parts.scope->b, parts.index, from, mask), operands[] = {parts.carried[0], more};
    sum = math_build(k->e, parts.scope->b, MATH_ADD, elem, operands);
    scope_loop_end(k, &parts, &sum);
    LLVMValueRef to   = irb_add(b, irb_mul(b, row, s->columns), column);
    LLVMTypeRef  type = emit_mem_type(k->e, elem);
    for (int i = 0; i < k->kernel->stores.len; i++)
        build_store_lanes(k, b, irb_at(b, type, operand_pointer(k, &k->kernel->stores.data[i].to), to), elem, sum,
                          mask);
}

static void join_body(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column) {
    join_vector(s, scope, row, column, s->is_last ? s->k->mask : NULL);
}

/* Rows [begin, end). Where a row ends in part of a vector, whole ones are stored over the start of the next row, which comes after it;
 * but for the last row, behind which is somebody else's. */
void scatter_emit_join(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    Scatter        s = scatter_of(k);
    LLVMBuilderRef b = k->root->b;
    s.store          = &k->kernel->stores.data[0];
    if (dims_constant(s.n_rest, s.rest) == s.parts.stride) { /* rows lie together: as one */
        s.lanes   = k->full_lanes;
        s.low     = irb_mul(b, begin, s.columns);
        s.high    = irb_mul(b, end, s.columns);
        s.is_last = true;
        for_columns(&s, k->root, irb_i64(b, 0), join_body);
        return;
    }
    LLVMValueRef last = irb_max(b, irb_sub(b, end, irb_i64(b, 1)), begin);
    s.lanes           = s.parts.lanes;
    for_rows(&s, k->root, begin, last, join_body);
    s.is_last = true;
    for_rows(&s, k->root, last, end, join_body);
}

/* ---- the task ------------------------------------------------------------------------------------------------------------------- */

/* Sums in dest itself, of columns [low, high). */
static void emit_whole(Scatter *s, Scope *scope) {
    KernelEmit *k = s->k;
    s->whole      = true;
    for (int i = 0; i < k->kernel->stores.len; i++) {
        s->store = &k->kernel->stores.data[i];
        s->to    = operand_pointer(k, &s->store->to);
        for_rows(s, scope, irb_i64(scope->b, 0), s->rows, clear_body);
        for_rows(s, scope, irb_i64(scope->b, 0), index_count(s), add_body);
    }
}

void scatter_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    Scatter        s = scatter_of(k), parts = s;
    LLVMBuilderRef b = k->root->b;
    if (!s.parts.may) {
        s.low  = irb_mul(b, begin, irb_i64(b, SCATTER_COLUMNS));
        s.high = irb_min(b, s.columns, irb_mul(b, end, irb_i64(b, SCATTER_COLUMNS)));
        emit_whole(&s, k->root);
        return;
    }
    int64_t      count;
    LLVMValueRef cut = several(b, s.count), zero = irb_i64(b, 0), one = irb_i64(b, 1);
    bool         known = irb_const(s.count, &count);
    if (!known || count == 1) { /* not cut: a loop of one turn, or none */
        ScopedLoop once;
        scope_loop_begin(k, &once, k->root, zero, LLVMBuildSelect(b, cut, zero, one, ""), one, 0, NULL);
        emit_whole(&s, once.scope);
        scope_loop_end(k, &once, NULL);
    }
    if (!known || count > 1) emit_parts(&parts, begin, LLVMBuildSelect(k->root->b, cut, end, begin, ""));
}
