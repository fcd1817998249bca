/* The loop template: rows, passes, stores, and reductions that end in a row, a column or a total. */
#include "codegen/loop.h"
#include "codegen/triangle.h"

#include <string.h>

/* ---- set up ------------------------------------------------------------------------------------------------------------------ */

/* Accumulators side by side for each reduction over the row: as many as the row has vectors and a loop can carry. */
static int pick_parts(const Kernel *kernel, int64_t vectors) {
    int carried = 0, others = 0;
    for (int i = 0; i < kernel->reductions.len; i++) {
        const Reduction *reduction = &kernel->reductions.data[i];
        int              values    = reduction->node->op == OP_ARGMAX || reduction->node->op == OP_REDUCE_MAX ? 2 : 1;
        if (reduction->to == LEVEL_COLUMN) continue;
        *(reduction->from == LEVEL_POINT ? &carried : &others) += values;
    }
    if (!carried) return 1;
    int parts = LOOP_PARTS;
    while (parts > 1 && (parts > vectors || parts * carried + others > MAX_CARRIED - 2)) parts /= 2;
    return parts;
}

/* The narrowest vector that holds a row, up to the target's. */
static int pick_lanes(int full, int64_t last) {
    int lanes = full;
    while (last >= 0 && lanes / 2 >= last && lanes > 1) lanes /= 2;
    return lanes;
}

bool loop_computes(const void *kernel, const Node *node) {
    const KernelEmit *k = kernel;
    return !kernel_loads(k->plan, k->kernel, node);
}

NodeVec loop_nodes(const KernelEmit *k) {
    NodeVec order = {0};
    Map    *seen  = map_new(k->e->arena);
    for (int i = 0; i < k->kernel->stores.len; i++)
        graph_post_order_where(k->e->arena, k->kernel->stores.data[i].node, seen, loop_computes, k, &order);
    return order;
}

/* The stride of windows that the kernel scatters back over the rows' last dim. */
static int pick_period(const KernelEmit *k, int64_t nest) {
    NodeVec order = loop_nodes(k);
    for (int i = 0; i < order.len; i++) {
        const Node *node = order.data[i];
        if (node->op != OP_SLIDE || !loop_computes(k, node)) continue;
        int64_t divisor = node->attr.slide.divisor;
        if (divisor > 1 && divisor <= LOOP_PERIOD && nest % divisor == 0) return (int)divisor;
    }
    return 1;
}

/* Points of neighbouring rows that add up windows: what they share is loaded once. Of sums over rows each is loaded and stored once for all of a
 * turn's points, so that with large windows more of them pay. */
static int pick_beside(const LoopEmit *l) {
    enum { LARGE = 10, COUNTS = 5 };
    static const int of_points[COUNTS] = {4, 3, 2, 5, 7}, of_sums[COUNTS] = {4, 7, 3, 2, 5},
                     of_large_sums[COUNTS] = {7, 4, 3, 2, 5};
    const int *counts = !l->kernel->reductions.len ? of_points : l->kernel->window < LARGE ? of_sums : of_large_sums;
    if (l->nest < 2 || l->period > 1 || l->clip || l->kernel->window < 2 || l->kernel->window > WINDOW_STRAIGHT)
        return 1;
    for (int i = 0; i < COUNTS; i++)
        if (l->nest % counts[i] == 0) return counts[i];
    return 1;
}

static const Reduction *reduction_at(const LoopEmit *l, int i) {
    return &l->kernel->reductions.data[i];
}

/* Few enough, of rows short enough. */
static bool columns_fit(const LoopEmit *l) {
    int columns = 0, others = 0;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        if (reduction_at(l, i)->to == LEVEL_COLUMN) columns += l->vectors;
        if (reduction_at(l, i)->to == LEVEL_TOTAL) others += l->parts;
    }
    return l->straight && l->n_inner == 1 && columns && columns <= LOOP_COLUMNS && columns + others <= MAX_CARRIED - 2;
}

LoopEmit loop_new(KernelEmit *k) {
    const Kernel *kernel = k->kernel;
    LoopEmit      l      = {.k = k, .kernel = kernel, .last = -1, .parts = 1};
    l.space   = k->contract ? matmul_space(k->e, kernel, k->contract, &k->dims) : loop_space(kernel, &k->dims);
    l.n_inner = kernel->n_inner;
    if (kernel->clip.rows) l.clip = irb_max(k->root->b, clip_end(k), irb_i64(k->root->b, 0));
    while (l.n_inner > 1 && dims_constant(1, &kernel->inner[l.n_inner - 1]) == 1) l.n_inner--;
    if (l.n_inner) l.last = dims_constant(1, &kernel->inner[l.n_inner - 1]);
    l.lanes         = l.n_inner ? pick_lanes(k->full_lanes, l.last) : 1;
    int64_t vectors = l.last < 0 ? INT64_MAX : (l.last + l.lanes - 1) / l.lanes;
    l.straight      = vectors <= LOOP_STRAIGHT && !kernel->flat && !l.clip && !k->columns[1];
    l.nest          = loop_nest(kernel);
    l.period        = l.nest > 1 && l.straight ? pick_period(k, l.nest) : 1;
    l.beside        = pick_beside(&l);
    l.straight      = l.straight && (l.beside == 1 || vectors == 1);
    if (l.beside > 1) {
        l.besides        = ARENA_NEW(k->e->arena, Beside);
        l.besides->count = l.beside;
        k->beside        = l.besides;
    }
    l.parts                = pick_parts(kernel, vectors);
    l.vectors              = l.straight ? (int)vectors : 0;
    l.columns_in_registers = columns_fit(&l);
    l.sets                 = sets_pick(&l);
    l.acc                  = ARENA_ARRAY(k->e->arena, Accumulator, kernel->reductions.len * LOOP_STRAIGHT + 1);
    l.partials             = ARENA_ARRAY(k->e->arena, LLVMValueRef, kernel->reductions.len + 1);
    for (int i = 0; i < MAX_RANK; i++) l.index[i] = index_constant(k, 0);
    if (!loop_has_finish(kernel)) return l;
    LLVMValueRef scratch = kernel_shared_scratch(k);
    for (int i = 0; i < kernel->reductions.len; i++)
        l.partials[i] = irb_at(k->root->b, k->e->t_i8, scratch, l.space.offsets[i]);
    return l;
}

static void start_accumulators(LoopEmit *l, Level to, int pass) {
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = reduction_at(l, i);
        if (reduction->to != to || (pass >= 0 && reduction->pass != pass)) continue;
        int  lanes   = reduction->from == LEVEL_POINT || l->across ? l->lanes : 1;
        bool watched = reduction->from == LEVEL_POINT && to == LEVEL_ROW && !l->across;
        for (int p = 0; p < LOOP_STRAIGHT; p++)
            l->acc[i * LOOP_STRAIGHT + p] =
                (watched ? reduce_start_watched : reduce_start)(l->k, reduction->node, lanes);
    }
}

/* The parts of one reduction together, in a fixed order. */
static LLVMValueRef finish_accumulators(LoopEmit *l, LLVMBuilderRef b, int i) {
    const Node  *node = reduction_at(l, i)->node;
    Accumulator *acc  = &l->acc[i * LOOP_STRAIGHT];
    if (reduction_at(l, i)->from == LEVEL_POINT)
        for (int step = 1; step < l->parts; step *= 2)
            for (int p = 0; p + step < l->parts; p += 2 * step)
                acc[p] = reduce_merge(l->k, b, node, acc[p], acc[p + step]);
    return reduce_finish(l->k, b, node, acc[0]);
}

/* ---- the body at one point ---------------------------------------------------------------------------------------------------- */

LLVMValueRef loop_partial_at(LoopEmit *l, LLVMBuilderRef b, int i, LLVMValueRef unit) {
    const Reduction *reduction = reduction_at(l, i);
    LLVMTypeRef      type      = emit_reg_type(l->k->e, reduction->node->type.elem);
    LLVMValueRef     at        = reduction->to == LEVEL_COLUMN ? irb_mul(b, unit, l->space.row_elements) : unit;
    return irb_at(b, type, l->partials[i], at);
}

static void add_to_column(LoopEmit *l, int i, int count, const LLVMValueRef *values) {
    KernelEmit    *k    = l->k;
    LLVMBuilderRef b    = k->now->b;
    const Node    *node = reduction_at(l, i)->node;
    ElemType       elem = math_register_elem(node->type.elem);
    Index          at   = index_row_major(k, l->kernel->n_inner, l->kernel->inner, l->index + l->kernel->n_rows);
    LLVMValueRef   to   = irb_at(b, emit_reg_type(k->e, elem), l->partials[i], at.v);
    LLVMValueRef   sum  = build_load_lanes(k, b, to, elem, k->lanes, k->mask);
    for (int v = 0; v < count; v++) {
        LLVMValueRef operands[] = {sum, values[v]};
        sum                     = math_build(k->e, b, MATH_ADD, elem, operands);
    }
    build_store_lanes(k, b, to, elem, sum, k->mask);
}

/* ARGMAX's index along the axis it runs over. */
static LLVMValueRef place_of(LoopEmit *l, const Node *node) {
    return node->op == OP_ARGMAX ? index_vector(l->k, l->index[node->attr.axes.axes[0]]) : NULL;
}

static void reduce_point(LoopEmit *l, int part) {
    KernelEmit *k = l->k;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = reduction_at(l, i);
        if (reduction->from != LEVEL_POINT || reduction->pass != l->pass) continue;
        LLVMValueRef v      = value_lanes(k, value_at(k, reduction->node->inputs[0], l->index));
        bool         column = reduction->to == LEVEL_COLUMN;
        if (column && !l->columns_in_registers) {
            add_to_column(l, i, 1, &v);
            continue;
        }
        Accumulator *acc = &l->acc[i * LOOP_STRAIGHT + (column ? l->set * l->vectors + l->vector : part)];
        *acc             = reduce_step(k, k->now->b, reduction->node, *acc, v, place_of(l, reduction->node), k->mask);
    }
}

static void keep_point(LoopEmit *l) {
    KernelEmit *k = l->k;
    for (int i = 0; k->kept_rows && i < l->kernel->kept.len; i++) {
        const Kept *kept = &l->kernel->kept.data[i];
        if (kept->pass != l->pass) continue;
        Type row = {.elem = kept->node->type.elem, .rank = l->kernel->n_inner};
        memcpy(row.dims, l->kernel->inner, sizeof *row.dims * (size_t)row.rank);
        LLVMValueRef v = value_lanes(k, value_at(k, kept->node, l->index));
        memory_store(k, k->kept_rows[i], &row, l->index + l->kernel->n_rows, v, row.elem, k->now);
    }
}

/* All are evaluated before the first is stored. */
static void store_beside(LoopEmit *l) {
    KernelEmit *k    = l->k;
    int         axis = l->kernel->n_rows - 1;
    Value      *values[BESIDE_MOST];
    for (int i = 0; i < l->beside; i++) {
        l->index[axis] = l->besides->index[i];
        values[i]      = kernel_store_values(k, LEVEL_POINT, l->pass, l->index);
    }
    for (int i = 0; i < l->beside; i++) {
        l->index[axis] = l->besides->index[i];
        kernel_put_values(k, values[i], l->index);
    }
}

/* The points' parts of sums over rows, which are loaded and stored once; of all indices of the axis before the last, where that is no loop. All are
 * evaluated before the first is stored. */
static void reduce_beside(LoopEmit *l) {
    KernelEmit *k = l->k;
    int axis = l->kernel->n_rows - 1, across = l->kernel->n_rows + l->n_inner - 2, most = l->together ? l->together : 1;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        LLVMValueRef values[LOOP_TOGETHER][BESIDE_MOST];
        for (int t = 0; t < most; t++) {
            if (l->together) l->index[across] = index_constant(k, t);
            for (int p = 0; p < l->beside; p++) {
                l->index[axis] = l->besides->index[p];
                values[t][p]   = value_lanes(k, value_at(k, reduction_at(l, i)->node->inputs[0], l->index));
            }
        }
        for (int t = 0; t < most; t++) {
            if (l->together) l->index[across] = index_constant(k, t);
            add_to_column(l, i, l->beside, values[t]);
        }
    }
}

static void task_point(LoopEmit *l, int part) {
    if (l->beside > 1) {
        (l->kernel->reductions.len ? reduce_beside : store_beside)(l);
        return;
    }
    reduce_point(l, part);
    keep_point(l);
    loop_store_point(l);
}

/* ---- a row ------------------------------------------------------------------------------------------------------------------------ */

static void finish_row_pass(LoopEmit *l, Scope *row) {
    KernelEmit *k = l->k;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = reduction_at(l, i);
        if (reduction->pass != l->pass) continue;
        Accumulator *acc = &l->acc[i * LOOP_STRAIGHT];
        if (reduction->to == LEVEL_ROW) {
            LLVMValueRef lanes = acc->where ? acc->where : acc->value; /* where they run over rows, each has its own */
            LLVMValueRef v     = l->across ? lanes : finish_accumulators(l, row->b, i);
            memo_set(k, reduction->node, l->index, value_new(k, v, row));
        }
        if (reduction->from == LEVEL_ROW) {
            LLVMValueRef v = value_lanes(k, value_at(k, reduction->node->inputs[0], l->index));
            *acc           = reduce_step(k, row->b, reduction->node, *acc, v, NULL, k->mask);
        }
    }
    kernel_stores(k, LEVEL_ROW, l->pass, l->index);
}

void loop_row_pass(LoopEmit *l, Scope *row, int pass) {
    l->pass = l->k->pass = pass;
    start_accumulators(l, LEVEL_ROW, pass);
    loop_inner(l, row, 0);
    finish_row_pass(l, row);
}

void loop_row(LoopEmit *l, Scope *row) {
    for (int pass = 0; pass < l->kernel->n_passes; pass++) {
        l->k->ahead = ahead_elements(l, pass, 1);
        loop_row_pass(l, row, pass);
    }
    l->k->ahead = 0;
}

/* ---- units ------------------------------------------------------------------------------------------------------------------------- */

static void clear_columns(LoopEmit *l, Scope *scope, LLVMValueRef *whole) {
    LLVMBuilderRef b = scope->b;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = reduction_at(l, i);
        whole[i]                   = l->partials[i];
        if (reduction->to != LEVEL_COLUMN) continue;
        l->partials[i] = loop_partial_at(l, b, i, l->unit);
        LLVMValueRef bytes =
            irb_mul(b, l->space.row_elements, irb_i64(b, elem_size(math_register_elem(reduction->node->type.elem))));
        LLVMBuildMemSet(b, l->partials[i], LLVMConstInt(l->k->e->t_i8, 0, false), bytes, 4);
    }
}

static void store_columns(LoopEmit *l, Scope *scope) {
    KernelEmit    *k = l->k;
    LLVMBuilderRef b = scope->b;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        if (reduction_at(l, i)->to != LEVEL_COLUMN) continue;
        sets_merge(l, scope, i);
        ElemType elem = math_register_elem(reduction_at(l, i)->node->type.elem);
        for (int v = 0; v < l->vectors; v++) {
            int64_t      first = (int64_t)v * l->lanes, left = l->last - first;
            LLVMValueRef mask = left < l->lanes ? irb_mask_below(b, irb_i64(b, left), l->lanes) : NULL;
            LLVMValueRef to   = irb_at(b, emit_reg_type(k->e, elem), l->partials[i], irb_i64(b, first));
            build_store_lanes(k, b, to, elem, l->acc[i * LOOP_STRAIGHT + v].value, mask);
        }
    }
}

static void store_totals(LoopEmit *l, Scope *scope) {
    for (int i = 0; i < l->kernel->reductions.len; i++)
        if (reduction_at(l, i)->to == LEVEL_TOTAL)
            irb_store(scope->b, finish_accumulators(l, scope->b, i), loop_partial_at(l, scope->b, i, l->unit));
}

static void emit_unit(LoopEmit *l, Scope *scope) {
    LLVMValueRef whole[MAX_CARRIED];
    clear_columns(l, scope, whole);
    start_accumulators(l, LEVEL_TOTAL, -1);
    if (l->columns_in_registers) start_accumulators(l, LEVEL_COLUMN, -1);
    if (l->kernel->n_rows) {
        LLVMValueRef low  = irb_mul(scope->b, l->unit, l->space.rows_per_unit);
        LLVMValueRef high = irb_min(scope->b, l->space.rows, irb_add(scope->b, low, l->space.rows_per_unit));
        (l->across ? across_rows : loop_rows)(l, scope, low, high);
    } else {
        loop_row(l, scope);
    }
    store_totals(l, scope);
    if (l->columns_in_registers) (l->across ? across_store_columns : store_columns)(l, scope);
    memcpy(l->partials, whole, sizeof *whole * (size_t)l->kernel->reductions.len);
}

static void emit_flat(LoopEmit *l, LLVMValueRef begin, LLVMValueRef end) {
    LLVMBuilderRef b     = l->k->root->b;
    LLVMValueRef   block = l->space.flat_block, all = irb_mul(b, l->space.rows, l->space.row_elements);
    l->lanes = l->k->full_lanes;
    loop_vectors(l, l->k->root, l->kernel->n_rows + l->kernel->n_inner - 1, irb_mul(b, begin, block),
                 irb_min(b, all, irb_mul(b, end, block)));
}

static void open_kept_rows(LoopEmit *l) {
    KernelEmit *k = l->k;
    if (!l->kernel->kept.len || l->straight) return;
    LLVMValueRef scratch = kernel_worker_scratch(k);
    k->kept_rows         = ARENA_ARRAY(k->e->arena, LLVMValueRef, l->kernel->kept.len);
    for (int i = 0; i < l->kernel->kept.len; i++)
        k->kept_rows[i] =
            irb_at(k->root->b, k->e->t_i8, scratch, irb_mul(k->root->b, l->space.kept_bytes, irb_i64(k->root->b, i)));
}

static LoopEmit open_task(KernelEmit *k) {
    LoopEmit l = loop_new(k);
    l.point    = task_point;
    l.unit     = irb_i64(k->root->b, 0);
    if (across_fits(&l)) across_begin(&l);
    open_kept_rows(&l);
    return l;
}

void loop_emit_rows(KernelEmit *k, LLVMValueRef low, LLVMValueRef high) {
    LoopEmit l = open_task(k);
    (l.across ? across_rows : loop_rows)(&l, k->root, low, high);
}

void loop_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    LoopEmit       l = open_task(k);
    LLVMBuilderRef b = k->root->b;
    if (k->kernel->flat && k->kernel->n_inner) {
        emit_flat(&l, begin, end);
    } else if (!k->kernel->n_rows) {
        emit_unit(&l, k->root);
    } else if (!loop_has_finish(k->kernel)) {
        LLVMValueRef high = irb_min(b, l.space.rows, irb_mul(b, end, l.space.rows_per_unit));
        (l.across ? across_rows : loop_rows)(&l, k->root, irb_mul(b, begin, l.space.rows_per_unit), high);
    } else {
        ScopedLoop units;
        scope_loop_begin(k, &units, k->root, begin, end, irb_i64(b, 1), 0, NULL);
        l.unit = units.index;
        emit_unit(&l, units.scope);
        scope_loop_end(k, &units, NULL);
    }
}
