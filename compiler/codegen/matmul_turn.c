/* Products of few rows by a transposed operand, as gradients of small batches by weights are: X W^T, where the elements of W that are summed over lie
 * together. Its blocks would be transposed to become the product's columns. Instead the transposed product W X^T is summed, for which only X is:
 * tiles of as many rows as lanes by one vector, which are turned in the registers before they are stored, row by row of X W^T. */
#include "codegen/product.h"
#include "plan/plan.h"

enum {
    DEPTH_MOST = 256, /* of one block of k */
    LANES      = 8    /* sums of a tile, at least: fewer do not keep the multiply-adders busy */
};

/* Known when compiling, or what this code is for; -1: neither. */
static int64_t extent_of(const Emit *e, const Side *side, const AxisList *list) {
    int64_t all = 1, extent;
    for (int i = 0; i < list->count; i++) {
        const Dim *dim   = side->node->type.dims[list->axes[i]];
        bool       known = dim_is_const(dim, &extent) || (e->sizes && dim_eval(dim, e->sizes, &extent));
        if (!known || extent < 1 || extent > INT32_MAX || __builtin_mul_overflow(all, extent, &all)) return -1;
    }
    return all;
}

static bool lies_along_k(const Side *side) {
    int64_t step, other;
    return side->plain && !side->split && !side->n_outer && dim_is_const(side->stride_k, &step) && step == 1 &&
           !(dim_is_const(side->stride_free, &other) && other == 1);
}

static bool is_candidate(const Kernel *kernel) {
    return kernel->template == TEMPLATE_CONTRACT && !kernel->swap && !kernel->groups && !kernel->moved &&
           !kernel->packed && !kernel->reductions.len && !kernel->triangle.low && !kernel->triangle.high &&
           !kernel->tail && elem_is_float(kernel->dot->type.elem) && !elem_is_narrow(kernel->dot->type.elem);
}

/* Blocks to be transposed, in memory and in registers, whose loads and stores are spared: they count half. */
static bool spares_blocks(int64_t m, int64_t n, int64_t k) {
    return m * k + m * n / 2 < n * k;
}

const Kernel *matmul_turned(Emit *e, const FnPlan *plan, const Kernel *kernel) {
    if (!is_candidate(kernel)) return kernel;
    int     lanes = target_lanes(e->target, elem_size(kernel->dot->type.elem));
    Product p     = product_of(e, plan, kernel, false);
    int64_t m = extent_of(e, &p.a, &p.a.free), n = extent_of(e, &p.b, &p.b.free), k = extent_of(e, &p.a, &p.a.contract);
    if (lanes < LANES || p.windowed || p.lanes || p.a.batch.count || !lies_along_k(&p.a) || !lies_along_k(&p.b))
        return kernel;
    if (m < 1 || n < 1 || k < lanes || k > DEPTH_MOST || m % lanes || n % lanes || !spares_blocks(m, n, k))
        return kernel;
    Kernel *turned = ARENA_NEW(e->arena, Kernel);
    *turned        = *kernel;
    turned->swap   = true;
    turned->turned = (int)m;
    return turned;
}
