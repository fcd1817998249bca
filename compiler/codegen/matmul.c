/* The contraction template: a DOT through contract.h. Operands are strided views of memory where their axes allow, else load anchors;
 * batch axes are an outer loop; stores are evaluated on the register tile. `swap` computes the transposed product, its rows being
 * the right operand's free axes. Contractions of integers are loops. */
#include "codegen/loop.h"
#include "codegen/matmul_ahead.h"
#include "codegen/matmul_batch.h"
#include "codegen/matmul_columns.h"
#include "codegen/product.h"
#include "codegen/tail.h"
#include "codegen/triangle.h"

#include <string.h>

/* ---- anchors -------------------------------------------------------------------------------------------------------------------- */

typedef struct Anchor {
    KernelEmit    *k;
    const Side    *side; /* of a load */
    const Product *product;
    LLVMBuilderRef b;      /* the contraction's */
    Scope         *outer;  /* the batch loop's body, or the entry */
    ColumnSums    *sums;   /* NULL: none are kept */
    EpilogueMemory memory; /* asked for ahead */
    Index          batch[MAX_RANK];
} Anchor;

typedef struct Saved {
    Scope       *now, *mask_scope;
    LLVMValueRef mask;
    int          lanes;
} Saved;

/* A scope at the contraction's own position. */
static Scope *anchor_open(Anchor *a, int lanes, LLVMValueRef mask, Saved *saved) {
    KernelEmit *k = a->k;
    *saved        = (Saved){k->now, k->mask_scope, k->mask, k->lanes};
    Scope *scope  = ARENA_NEW(k->e->arena, Scope);
    *scope        = (Scope){.parent = a->outer, .depth = a->outer->depth + 1, .b = a->b};
    k->now        = scope;
    k->lanes      = lanes;
    k->mask       = mask;
    k->mask_scope = mask ? scope : NULL;
    debug_mark(k, a->b);
    return scope;
}

static void anchor_close(Anchor *a, const Saved *saved) {
    a->k->now        = saved->now;
    a->k->mask       = saved->mask;
    a->k->mask_scope = saved->mask_scope;
    a->k->lanes      = saved->lanes;
}

static Index lanes_from(LLVMValueRef first, Scope *scope, int lanes, int64_t multiple) {
    return lanes > 1 ? index_linear(first, scope, multiple) : index_uniform(first, scope);
}

/* The components of a flattened index over the axes of `list`. */
void product_split_axes(KernelEmit *k, const Side *side, const AxisList *list, Index flat, Index *parts) {
    int64_t   extent = side_extent_constant(side, list);
    IndexRun *run    = ARENA_NEW(k->e->arena, IndexRun);
    *run             = (IndexRun){.whole = flat, .count = list->count};
    for (int i = list->count - 1; i > 0; i--) {
        Index quotient;
        run->dims[i] = side->node->type.dims[list->axes[i]];
        index_split(k, flat, run->dims[i], extent, &quotient, &parts[i]);
        flat = quotient;
    }
    if (list->count) parts[0] = flat;
    for (int i = 0; i < list->count; i++) {
        run->parts[i] = parts[i];
        parts[i].run  = run;
    }
}

/* Panels start at whole vectors of their group, and a group's columns behind those of the groups before it. */
static int64_t column_multiple(const Product *p, int lanes) {
    bool whole = p->columns.count == p->b.free.count || side_extent_constant(&p->b, &p->columns) % lanes == 0;
    return whole ? lanes : 1;
}

static LLVMValueRef load_anchor(void *user, LLVMValueRef free, LLVMValueRef depth, int lanes, bool along_k,
                                LLVMValueRef mask) {
    Anchor     *a = user;
    KernelEmit *k = a->k;
    Saved       saved;
    Scope      *scope = anchor_open(a, lanes, mask, &saved);
    const Side *side  = a->side;
    Index       parts[MAX_RANK], at[MAX_RANK];
    int64_t     multiple = side == &a->product->b ? column_multiple(a->product, lanes) : 1;
    product_split_axes(k, side, &side->free, lanes_from(free, scope, along_k ? 1 : lanes, multiple), parts);
    for (int i = 0; i < side->free.count; i++) at[side->free.axes[i]] = parts[i];
    bool  runs  = lanes > 1 && along_k; /* blocks of k start at multiples of the lanes */
    Index first = runs ? index_linear(depth, scope, lanes) : index_uniform(depth, scope);
    product_split_axes(k, side, &side->contract, first, parts);
    for (int i = 0; i < side->contract.count; i++) at[side->contract.axes[i]] = parts[i];
    for (int i = 0; i < side->batch.count; i++) at[side->batch.axes[i]] = a->batch[i];
    LLVMValueRef v = value_lanes(k, value_at(k, side->node, at));
    if (mask) v = LLVMBuildSelect(a->b, mask, v, LLVMConstNull(LLVMTypeOf(v)), "");
    anchor_close(a, &saved);
    return v;
}

/* The index of element (row m, column n), without the group's axis where columns are in groups. */
static void element_index(KernelEmit *k, const Anchor *a, Index m, Index n, Index *at) {
    const Side *row = &a->product->a, *column = &a->product->b;
    Index       rows[MAX_RANK], columns[MAX_RANK];
    product_split_axes(k, row, &row->free, m, rows);
    product_split_axes(k, column, &a->product->columns, n, columns);
    const Index *left = k->kernel->swap ? columns : rows, *right = k->kernel->swap ? rows : columns;
    int          n_left  = k->kernel->swap ? a->product->columns.count : row->free.count;
    int          n_batch = row->batch.count, rank = n_batch + row->free.count + a->product->columns.count;
    for (int i = 0; i < rank; i++)
        at[i] = i < n_batch ? a->batch[i] : i < n_batch + n_left ? left[i - n_batch] : right[i - n_batch - n_left];
    if (a->product->lanes) at[0] = index_add(k, a->batch[0], n);
}

/* The dot's value is bound at its index or, where movement ops are part of the kernel, at that of what they make of it: its points'. */
static void bind_value(KernelEmit *k, Index *at, LLVMValueRef value, Scope *scope) {
    Node *node = k->kernel->dot, *moved = k->kernel->moved;
    if (moved) {
        Node *permute = moved->op == OP_PERMUTE ? moved : moved->inputs[0];
        Index order[MAX_RANK];
        for (int i = 0; i < permute->type.rank; i++) order[i] = at[permute->attr.axes.axes[i]];
        if (moved == permute)
            memcpy(at, order, sizeof *at * (size_t)permute->type.rank);
        else
            index_reshape(k, &permute->type, order, &moved->type, at);
        node = moved;
    }
    memo_set(k, node, at, value_new(k, value, scope));
}

/* The contraction's value is bound, then the kernel's stores are evaluated there. */
static void store_anchor(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes, LLVMValueRef mask) {
    Anchor     *a = user;
    KernelEmit *k = a->k;
    Saved       saved;
    if (!a->product->b.free.count && lanes > 1 && !a->product->lanes) { /* one column: only the first lane exists */
        value = LLVMBuildExtractElement(a->b, value, irb_i64(a->b, 0), "");
        lanes = 1;
        mask  = NULL;
    }
    Scope *scope = anchor_open(a, lanes, mask, &saved);
    Index  at[MAX_RANK];
    element_index(k, a, index_uniform(m, scope), lanes_from(n, scope, lanes, lanes), at);
    bind_value(k, at, value, scope);
    if (a->sums) column_sums_add(a->sums, at);
    kernel_stores(k, LEVEL_POINT, -1, at);
    anchor_close(a, &saved);
}

/* In one scope, so that what is the same along rows is loaded once. */
static void store_tile_anchor(void *user, int count, const LLVMValueRef *rows, LLVMValueRef n,
                              const LLVMValueRef *values, int lanes) {
    Anchor     *a = user;
    KernelEmit *k = a->k;
    Saved       saved;
    Scope      *scope  = anchor_open(a, lanes, NULL, &saved);
    Index       column = lanes_from(n, scope, lanes, lanes), at[MAX_RANK];
    for (int i = 0; i < count; i++) {
        element_index(k, a, index_uniform(rows[i], scope), column, at);
        bind_value(k, at, values[i], scope);
        if (a->sums) column_sums_add(a->sums, at);
        kernel_stores(k, LEVEL_POINT, -1, at);
    }
    anchor_close(a, &saved);
}

static int ahead_of(Anchor *a, LLVMValueRef m, LLVMValueRef n, bool writes, LLVMValueRef *lines) {
    Saved  saved;
    Scope *scope = anchor_open(a, 1, NULL, &saved);
    Index  at[MAX_RANK];
    element_index(a->k, a, index_uniform(m, scope), index_uniform(n, scope), at);
    int count = (writes ? epilogue_writes : epilogue_reads)(a->k, &a->memory, at, lines);
    anchor_close(a, &saved);
    return count;
}

static int ahead_anchor(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef *lines) {
    return ahead_of(user, m, n, false, lines);
}

static int ahead_writes_anchor(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef *lines) {
    return ahead_of(user, m, n, true, lines);
}

static void store_column_anchor(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes) {
    Anchor     *a = user;
    KernelEmit *k = a->k;
    Saved       saved;
    Index       at[MAX_RANK];
    Scope      *scope = anchor_open(a, lanes, NULL, &saved);
    element_index(k, a, lanes_from(m, scope, lanes, 1), index_uniform(n, scope), at);
    bind_value(k, at, value, scope);
    kernel_stores(k, LEVEL_POINT, -1, at);
    anchor_close(a, &saved);
}

/* The values of all groups are bound, each at its index; then stores of points, group by group, and of what is made of all groups. All are
 * evaluated before the first is stored. */
static void store_groups_anchor(void *user, LLVMValueRef m, LLVMValueRef n, const LLVMValueRef *values, int lanes,
                                LLVMValueRef mask) {
    Anchor     *a = user;
    KernelEmit *k = a->k;
    Saved       saved;
    Scope      *scope = anchor_open(a, lanes, mask, &saved);
    Index       all[MAX_RANK], at[CONTRACT_GROUPS][MAX_RANK];
    Value      *stores[CONTRACT_GROUPS];
    int         axis = a->product->a.batch.count + a->product->a.free.count, rank = k->kernel->dot->type.rank;
    element_index(k, a, index_uniform(m, scope), lanes_from(n, scope, lanes, lanes), all);
    for (int g = 0; g < k->kernel->groups; g++) {
        for (int i = 0; i < rank; i++) at[g][i] = i < axis ? all[i] : i > axis ? all[i - 1] : index_constant(k, g);
        memo_set(k, k->kernel->dot, at[g], value_new(k, values[g], scope));
    }
    for (int g = 0; g < k->kernel->groups; g++) stores[g] = kernel_store_values(k, LEVEL_POINT, -1, at[g]);
    Value *joined = kernel_store_values(k, LEVEL_GROUP, -1, all);
    for (int g = 0; g < k->kernel->groups; g++) kernel_put_values(k, stores[g], at[g]);
    kernel_put_values(k, joined, all);
    anchor_close(a, &saved);
}

/* Of a transposed product with few rows: its columns are rows of few columns in memory. */
static void store_rows_anchor(void *user, LLVMValueRef n, const LLVMValueRef *values, int lanes, LLVMValueRef mask) {
    Anchor     *a       = user;
    KernelEmit *k       = a->k;
    int         columns = (int)side_extent_constant(&a->product->a, &a->product->a.free);
    Across      across  = {.columns = columns, .mask = mask};
    Index       at[ACROSS_COLUMNS][MAX_RANK];
    Value      *stores[ACROSS_COLUMNS], of_store[ACROSS_COLUMNS];
    Saved       saved;
    Scope      *scope = anchor_open(a, lanes, mask, &saved);
    if (mask) across.rows_left = irb_sub(a->b, side_extent(&k->dims, &a->product->b, &a->product->columns).value, n);
    k->across = &across;
    for (int c = 0; c < columns; c++) {
        element_index(k, a, index_uniform(irb_i64(a->b, c), scope), lanes_from(n, scope, lanes, lanes), at[c]);
        memo_set(k, k->kernel->dot, at[c], value_new(k, values[c], scope));
    }
    for (int c = 0; c < columns; c++) stores[c] = kernel_store_values(k, LEVEL_POINT, -1, at[c]);
    for (int i = 0; i < k->kernel->stores.len; i++) {
        for (int c = 0; c < columns; c++) of_store[c] = stores[c][i];
        if (of_store[0]) across_store(k, &k->kernel->stores.data[i], at[0][0], of_store);
    }
    k->across = NULL;
    anchor_close(a, &saved);
}

static bool stores_rows(const KernelEmit *k, const Product *p) {
    int64_t rows = side_extent_constant(&p->a, &p->a.free);
    bool    few  = rows > 1 && rows <= ACROSS_COLUMNS && rows <= contract_tile_rows(k->e->target);
    return k->kernel->swap && few && !p->a.batch.count && p->a.free.count == 1 && p->columns.count == 1 &&
           !k->kernel->groups && !k->kernel->reductions.len;
}

/* ---- the task --------------------------------------------------------------------------------------------------------------------- */

static Extent stride_extent(KernelEmit *k, const Side *side, const Dim *stride) {
    if (!side->plain) return (Extent){0, irb_i64(k->root->b, 0)};
    int64_t constant;
    return (Extent){dim_is_const(stride, &constant) ? constant : -1, dims_value(&k->dims, stride)};
}

static ContractOperand operand_of(KernelEmit *k, Anchor *anchor, const Side *side) {
    ContractOperand operand = {.stride_free = stride_extent(k, side, side->stride_free),
                               .stride_k    = stride_extent(k, side, side->stride_k),
                               .n_outer     = side->n_outer,
                               .k_run       = side->k_run};
    memcpy(operand.outer, side->outer, sizeof operand.outer);
    if (!side->plain) {
        operand.base = LLVMConstNull(k->e->t_ptr);
        operand.load = load_anchor;
        operand.user = anchor;
        return operand;
    }
    if (side->split)
        operand.split = (ContractSplit){dims_value(&k->dims, side->split_run), dims_value(&k->dims, side->split_outer)};
    Index offset = view_offset(k, &side->view);
    for (int i = 0; i < side->batch.count; i++)
        offset = index_add(k, offset, index_scale(k, anchor->batch[i], side->view.strides[side->batch.axes[i]]));
    operand.base =
        irb_at(offset.scope->b, emit_mem_type(k->e, side->view.elem), operand_pointer(k, side->view.base), offset.v);
    return operand;
}

static bool is_computed(const KernelEmit *k) {
    return k->contract && contract_shape(k->contract)->a_computed;
}

/* A seen through windows: in place, copied by windows_fill, or computed patch by patch. */
static ContractOperand windowed_operand(KernelEmit *k, const Product *p, const Anchor *anchor, WindowFill *fill) {
    LLVMValueRef    zero    = irb_i64(k->root->b, 0);
    ContractOperand operand = {.stride_free = {-1, zero}, .stride_k = {-1, zero}, .fill = windows_fill, .user = fill};
    *fill                   = (WindowFill){.k          = k,
                                           .windows    = &p->windows,
                                           .geometry   = &p->geometry,
                                           .b          = anchor->b,
                                           .outer      = anchor->outer,
                                           .batch_axes = p->a.batch};
    memcpy(fill->batch, anchor->batch, sizeof fill->batch);
    if (p->windows.computed) operand.patch = windows_patch;
    operand.base = p->geometry.copied || p->windows.computed
                       ? LLVMConstNull(k->e->t_ptr)
                       : windows_base(k, &p->windows, &p->geometry, &p->a.batch, anchor->batch);
    return operand;
}

/* Blocks of the contraction's own after `outer`, which stays open until they are done. */
typedef struct Blocks {
    Scope            *outer;
    LLVMBasicBlockRef first;
    LLVMBuilderRef    b;
} Blocks;

static Blocks blocks_begin(KernelEmit *k, Scope *outer) {
    Blocks blocks = {outer, LLVMAppendBasicBlockInContext(k->e->context, k->fn, "product"),
                     LLVMCreateBuilderInContext(k->e->context)};
    LLVMPositionBuilderAtEnd(blocks.b, blocks.first);
    return blocks;
}

static void blocks_end(Blocks *blocks) {
    LLVMBuildBr(blocks->outer->b, blocks->first);
    LLVMPositionBuilderAtEnd(blocks->outer->b, LLVMGetInsertBlock(blocks->b));
    LLVMDisposeBuilder(blocks->b);
}

static ContractSpec spec_of(KernelEmit *k, const Product *p) {
    return (ContractSpec){.elem = emit_reg_type(k->e, k->kernel->dot->type.elem),
                          .m    = side_extent(&k->dims, &p->a, &p->a.free),
                          .n    = product_columns(k->contract, &k->dims, p),
                          .k    = side_extent(&k->dims, &p->a, &p->a.contract)};
}

static LLVMValueRef packed_pointer(KernelEmit *k) {
    return build_member(k->root->b, k->e->t_ptr, k->context, 8 * CONTEXT_PACKED);
}

static LLVMValueRef is_odd_turn(KernelEmit *k) {
    LLVMValueRef turn = build_member(k->root->b, k->e->t_i64, k->context, 8 * CONTEXT_TURN);
    return LLVMBuildTrunc(k->root->b, turn, k->e->t_i1, "");
}

/* Sums over rows are kept in the epilogue. */
static void sum_columns(KernelEmit *k, Anchor *anchor, ContractSpec *spec, ColumnSums *sums) {
    LoopSpace    space   = matmul_space(k->e, k->kernel, k->contract, &k->dims);
    LLVMValueRef scratch = kernel_shared_scratch(k);
    *sums                = (ColumnSums){.k = k, .b = anchor->b, .columns = space.row_elements};
    for (int i = 0; i < k->kernel->reductions.len; i++)
        sums->partials[i] = irb_at(k->root->b, k->e->t_i8, scratch, space.offsets[i]);
    anchor->sums        = sums;
    spec->columns_clear = column_sums_clear;
    spec->columns_begin = column_sums_begin;
    spec->columns_end   = column_sums_end;
    spec->columns_user  = sums;
}

void matmul_emit_product(KernelEmit *k, const Product *p, Scope *outer, const Index *batch, const Units *units) {
    Blocks blocks = blocks_begin(k, outer);
    Anchor common = {.k = k, .product = p, .b = blocks.b, .outer = outer};
    memcpy(common.batch, batch, sizeof common.batch);
    Anchor a = common, right = common;
    a.side = &p->a, right.side = &p->b;
    WindowFill   fill;
    ContractSpec spec = spec_of(k, p);
    spec.a            = p->windowed ? windowed_operand(k, p, &common, &fill) : operand_of(k, &a, &p->a);
    spec.b            = operand_of(k, &right, &p->b);
    if (p->lanes) spec.b.stride_free = (Extent){1, irb_i64(k->root->b, 1)};
    spec.store              = store_anchor;
    spec.store_column       = store_column_anchor;
    spec.store_rows_of_tile = store_tile_anchor;
    spec.store_groups       = store_groups_anchor;
    spec.store_rows         = stores_rows(k, p) ? store_rows_anchor : NULL;
    common.memory           = epilogue_memory(k);
    spec.b.far              = operand_is_far(k, &p->b);
    bool filtered           = contract_is_filtered(k->contract);
    if (filtered ? common.memory.n_reads + common.memory.n_writes > 0 : common.memory.n_reads > 0 && !p->windowed)
        spec.ahead = ahead_anchor, spec.ahead_writes = ahead_writes_anchor;
    spec.store_user = &common;
    if (contract_packs_whole(k->contract)) {
        spec.b.packed  = packed_pointer(k);
        spec.backwards = is_odd_turn(k);
    }
    ColumnSums sums;
    if (k->kernel->reductions.len) sum_columns(k, &common, &spec, &sums);
    TriangleRange range;
    if (!p->windowed) {
        triangle_range(k, &spec, &range);
        triangle_clip(k, &spec);
    }
    spec.chunk    = units->chunk;
    spec.sums     = units->sums;
    spec.prepared = p->a.batch.count && contract_prepares(k->contract);
    if (contract_joins(k->contract)) spec.partials = kernel_shared_scratch(k);
    Tail tail = {k, units->scratch};
    if (k->tail) tail_anchors(&tail, &spec);
    if (units->scratch)
        contract_emit(k->contract, blocks.b, &spec, units->begin, units->end, units->scratch);
    else
        contract_join(k->contract, blocks.b, &spec, units->begin, units->end);
    blocks_end(&blocks);
}

void matmul_emit_join(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    Product p = product_of(k->e, k->plan, k->kernel, is_computed(k));
    Index   none[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) none[i] = index_constant(k, 0);
    matmul_emit_product(k, &p, k->root, none, &(Units){.begin = begin, .end = end});
}

void matmul_emit_prepare(KernelEmit *k) {
    Product      p      = product_of(k->e, k->plan, k->kernel, is_computed(k));
    Blocks       blocks = blocks_begin(k, k->root);
    Anchor       right  = {.k = k, .product = &p, .side = &p.b, .b = blocks.b, .outer = k->root};
    ContractSpec spec   = spec_of(k, &p);
    for (int i = 0; i < MAX_RANK; i++) right.batch[i] = index_constant(k, 0);
    spec.b = operand_of(k, &right, &p.b);
    contract_pack_whole(k->contract, blocks.b, &spec, packed_pointer(k));
    blocks_end(&blocks);
}

/* Before the products of all elements of a batch. */
void matmul_prepare_batch(KernelEmit *k, const Product *p, LLVMValueRef scratch) {
    if (!contract_prepares(k->contract)) return;
    Blocks       blocks = blocks_begin(k, k->root);
    ContractSpec spec   = spec_of(k, p);
    contract_emit_prepare(k->contract, blocks.b, &spec, scratch);
    blocks_end(&blocks);
}

void matmul_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    if (!k->contract) {
        loop_emit_task(k, begin, end);
        return;
    }
    Product p     = product_of(k->e, k->plan, k->kernel, is_computed(k));
    Units   units = {.begin = begin, .end = end, .scratch = kernel_worker_scratch(k)};
    Index   none[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) none[i] = index_constant(k, 0);
    if (p.a.batch.count)
        matmul_emit_batch(k, &p, &units);
    else
        matmul_emit_product(k, &p, k->root, none, &units);
}
