/* The contraction template: its plan from what is known of the product, its units and scratch. */
#include "codegen/loop.h"
#include "codegen/product.h"
#include "codegen/tail.h"
#include "codegen/tuning.h"
#include "plan/plan.h"

/* At nominal sizes; 0 where it is not known. */
static int64_t likely_extent(Emit *e, const Side *side, const AxisList *list) {
    const int64_t *sizes  = nominal_sizes(e->c, e->program);
    int64_t        extent = 1, size;
    for (int i = 0; i < list->count; i++) {
        if (!dim_eval(side->node->type.dims[list->axes[i]], sizes, &size)) return 0;
        if (size > 0 && __builtin_mul_overflow(extent, size, &extent)) return 0;
    }
    return extent;
}

/* One product, whose epilogue has no sums of its own. */
static bool may_sum_in_parts(const Kernel *kernel, const Product *p) {
    return !p->a.batch.count && !kernel->groups && !kernel->reductions.len;
}

static int64_t stride_constant(const Side *side, const Dim *stride) {
    int64_t value;
    return side->plain && dim_is_const(stride, &value) ? value : -1;
}

static const ContractPlan *plan_of(Emit *e, const Kernel *kernel, const Product *p) {
    ContractShape shape = {.is_double    = kernel->dot->type.elem == ELEM_F64,
                           .m            = side_extent_constant(&p->a, &p->a.free),
                           .n            = p->lanes ? p->lanes : side_extent_constant(&p->b, &p->columns),
                           .k            = side_extent_constant(&p->a, &p->a.contract),
                           .m_likely     = likely_extent(e, &p->a, &p->a.free),
                           .a_stride_m   = stride_constant(&p->a, p->a.stride_free),
                           .a_stride_k   = stride_constant(&p->a, p->a.stride_k),
                           .b_stride_k   = stride_constant(&p->b, p->b.stride_k),
                           .b_stride_n   = p->lanes ? 1 : stride_constant(&p->b, p->b.stride_free),
                           .a_vectors    = p->lanes > 0,
                           .a_has_load   = !p->a.plain,
                           .a_computed   = p->windowed && p->windows.computed,
                           .b_has_load   = !p->b.plain,
                           .b_has_levels = p->b.n_outer > 0,
                           .a_split      = p->a.split,
                           .b_split      = p->b.split,
                           .groups       = kernel->groups,
                           .is_small     = e->sizes != NULL,
                           .turned       = kernel->turned > 0,
                           .b_packed     = kernel->packed};
    if (kernel->turned) shape.n = kernel->turned;
    if (p->windowed) {
        ContractWindow *window = ARENA_NEW(e->arena, ContractWindow);
        *window                = p->geometry;
        shape.window           = window;
        shape.k_likely         = may_sum_in_parts(kernel, p) ? likely_extent(e, &p->a, &p->a.contract) : 0;
    }
    shape.blocking = tuning_choose(e->c->tuning, e->target, e->arena, &shape);
    return contract_plan(e->arena, e->target, &shape);
}

Extent product_columns(const ContractPlan *plan, DimEnv *env, const Product *p) {
    const ContractShape *shape = contract_shape(plan);
    if (shape->a_vectors || shape->turned) return (Extent){shape->n, irb_i64(env->b, shape->n)};
    return side_extent(env, &p->b, &p->columns);
}

LLVMValueRef product_count(const ContractPlan *plan, DimEnv *env, const Product *p) {
    const ContractShape *shape = contract_shape(plan);
    LLVMValueRef         count = side_extent(env, &p->a, &p->a.batch).value;
    return shape->a_vectors ? LLVMBuildUDiv(env->b, count, irb_i64(env->b, shape->n), "") : count;
}

/* Products whose columns lie in the same line of memory, of a few lines. */
int product_neighbours(const ContractPlan *plan, const Product *p) {
    enum { LINE = 64, LINES = 8 }; /* neighbouring lines come from memory faster than those of the positions in turn */
    const ContractShape *shape = contract_shape(plan);
    int64_t              bytes = shape->n * (shape->is_double ? 8 : 4);
    if (!p->a.batch.count || shape->a_vectors || !contract_sums_bytes(plan) || bytes <= 0 || LINE % bytes) return 1;
    return bytes < LINE ? (int)(LINES * LINE / bytes) : 1;
}

const ContractPlan *matmul_plan(Emit *e, const FnPlan *plan, const Kernel *kernel) {
    ElemType elem = kernel->dot->type.elem;
    if (elem != ELEM_F32 && elem != ELEM_F64) return NULL;
    Product             p       = product_of(e, plan, kernel, true);
    const ContractPlan *planned = plan_of(e, kernel, &p);
    if (!p.windowed || !p.windows.computed || contract_by_filtering(planned)) return planned;
    p = product_of(e, plan, kernel, false);
    return plan_of(e, kernel, &p);
}

LLVMValueRef product_units(const ContractPlan *plan, DimEnv *env, const Product *p) {
    return contract_units(plan, env->b, side_extent(env, &p->a, &p->a.free), product_columns(plan, env, p),
                          side_extent(env, &p->a, &p->a.contract));
}

/* For sizes: views do not matter. */
static Product product_without_views(Emit *e, const Kernel *kernel) {
    FnPlan none = {.located = map_new(e->arena)};
    return product_of(e, &none, kernel, false);
}

LoopSpace matmul_space(Emit *e, const Kernel *kernel, const ContractPlan *plan, DimEnv *dims) {
    LLVMBuilderRef b     = dims->b;
    LoopSpace      space = {.shared_bytes = irb_i64(b, 0)};
    if (!kernel->reductions.len) return space;
    Product p          = product_without_views(e, kernel);
    Extent  n          = product_columns(plan, dims, &p);
    space.row_elements = n.value;
    space.units =
        contract_row_blocks(plan, b, side_extent(dims, &p.a, &p.a.free), n, side_extent(dims, &p.a, &p.a.contract));
    for (int i = 0; i < kernel->reductions.len; i++) {
        int          size   = elem_size(math_register_elem(kernel->reductions.data[i].node->type.elem));
        LLVMValueRef nbytes = irb_mul(b, irb_mul(b, space.units, n.value), irb_i64(b, size));
        space.offsets[i]    = space.shared_bytes;
        space.shared_bytes  = irb_add(b, space.shared_bytes, irb_round_up(b, nbytes, 64));
    }
    return space;
}

KernelSize matmul_size(Emit *e, const Kernel *kernel, const ContractPlan *plan, DimEnv *dims) {
    if (!plan) return loop_size(e, kernel, dims);
    Product      p      = product_without_views(e, kernel);
    LLVMValueRef batch  = product_count(plan, dims, &p);
    LLVMValueRef units  = irb_mul(dims->b, batch, product_units(plan, dims, &p));
    LLVMValueRef shared = matmul_space(e, kernel, plan, dims).shared_bytes;
    if (contract_joins(plan)) {
        Extent m = side_extent(dims, &p.a, &p.a.free), n = product_columns(plan, dims, &p);
        shared = contract_partial_bytes(plan, dims->b, m, n, side_extent(dims, &p.a, &p.a.contract));
    }
    int64_t together = product_neighbours(plan, &p) - 1;
    int64_t scratch  = contract_scratch_bytes(plan) + (together > 0 ? (together + 1) * contract_sums_bytes(plan) : 0);
    if (tail_runs(e, kernel, plan)) scratch = tail_scratch_bytes(kernel, plan);
    return (KernelSize){units, shared, irb_round_up(dims->b, irb_i64(dims->b, scratch), 64)};
}

LLVMValueRef matmul_join_units(Emit *e, const Kernel *kernel, DimEnv *dims) {
    Product p = product_without_views(e, kernel);
    return side_extent(dims, &p.a, &p.a.free).value;
}

LLVMValueRef matmul_packed_bytes(Emit *e, const Kernel *kernel, const ContractPlan *plan, DimEnv *dims) {
    Product p = product_without_views(e, kernel);
    return contract_packed_bytes(plan, dims->b, side_extent(dims, &p.a, &p.a.free), product_columns(plan, dims, &p),
                                 side_extent(dims, &p.a, &p.a.contract));
}
