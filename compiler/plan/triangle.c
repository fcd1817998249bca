/* Products of which half does not matter: with a causal mask, scores whose key comes after their query.
 *
 * A contraction whose result is not looked at there, or whose operand is 0 there (halves.h), can leave out all k that meet nothing else, tile
 * by tile. */
#include "plan/halves.h"

static bool listed(const int8_t *axes, int count, int axis) {
    for (int i = 0; i < count; i++)
        if (axes[i] == axis) return true;
    return false;
}

ProductAxis product_axis_of_operand(const Node *dot, bool right, int axis) {
    const DotAxes *axes  = &dot->attr.dot;
    const int8_t  *batch = right ? axes->right_batch : axes->left_batch,
                 *deep   = right ? axes->right_contract : axes->left_contract;
    const Type *type     = &dot->inputs[right]->type;
    if (listed(batch, axes->n_batch, axis)) return PRODUCT_NONE;
    bool is_deep = listed(deep, axes->n_contract, axis);
    for (int i = 0; i < type->rank; i++) {
        if (i == axis || dim_is_one(type->dims[i]) || listed(batch, axes->n_batch, i)) continue;
        if (listed(deep, axes->n_contract, i) == is_deep) return PRODUCT_NONE;
    }
    return is_deep ? PRODUCT_DEPTH : right ? PRODUCT_RIGHT : PRODUCT_LEFT;
}

ProductAxis product_axis_of_result(const Node *dot, int axis) {
    int n_left = dot->inputs[0]->type.rank - dot->attr.dot.n_batch - dot->attr.dot.n_contract;
    int first = dot->attr.dot.n_batch, middle = first + n_left;
    if (axis < first) return PRODUCT_NONE;
    bool right = axis >= middle;
    for (int i = right ? middle : first; i < (right ? dot->type.rank : middle); i++)
        if (i != axis && !dim_is_one(dot->type.dims[i])) return PRODUCT_NONE;
    return right ? PRODUCT_RIGHT : PRODUCT_LEFT;
}

/* A start must be there when the kernel runs. */
static bool is_ready(const Fuse *f, const Cluster *cluster, const Node *start) {
    if (!start || !node_computes(start) || !f->facts[start->id].stored) return true;
    return cluster_precedes(f->facts[start->id].home, cluster);
}

static bool set_triangle(Fuse *f, const Cluster *cluster, Kernel *kernel, const Half *half, ProductAxis low,
                         ProductAxis high) {
    if (low == PRODUCT_NONE || high == PRODUCT_NONE || low == high) return false;
    if (!is_ready(f, cluster, half->low_start) || !is_ready(f, cluster, half->high_start)) return false;
    kernel->triangle = (Triangle){low, high, half->low_start, half->high_start};
    return true;
}

void kernel_find_triangle(Fuse *f, const Cluster *cluster, Kernel *kernel) {
    Node *dot = kernel->dot;
    Half  half;
    if (!f->has_masks || !elem_is_float(dot->type.elem)) return;
    for (int right = 0; right < 2; right++)
        if (half_outside(dot->inputs[right], 0, &half) &&
            set_triangle(f, cluster, kernel, &half, product_axis_of_operand(dot, right, half.low),
                         product_axis_of_operand(dot, right, half.high)))
            return;
    Halves h = halves_new(f);
    if (half_unseen(&h, dot, &half))
        set_triangle(f, cluster, kernel, &half, product_axis_of_result(dot, half.low),
                     product_axis_of_result(dot, half.high));
}
