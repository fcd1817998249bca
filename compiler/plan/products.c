/* What is known of a contraction from its node: which side the lanes run along, whether that side is the same at all steps of a loop,
 * and whether its columns fall into groups. */
#include "ir/scan.h"
#include "plan/fuse.h"

enum { GROUPS_MOST = 8 };

static int right_axis(const Node *dot) { /* the first of its type */
    return dot->inputs[0]->type.rank - dot->attr.dot.n_contract;
}

static bool count_below(const Type *type, int first, int count, int64_t limit) {
    int64_t product = 1, value;
    for (int i = 0; i < count; i++) {
        if (!dim_is_const(type->dims[first + i], &value)) return false;
        product *= value;
        if (product >= limit) return false;
    }
    return true;
}

static bool has_windows(const Node *node) {
    while (op_info[node->op].class == MOVEMENT && node->n_inputs == 1 && node->op != OP_SLIDE) node = node->inputs[0];
    return node->op == OP_SLIDE;
}

/* Lanes run along the right free dims; with hardly any of those the product is computed transposed, and with few of them where lanes can
 * run along one left free dim instead. Windows are rows only. */
bool product_is_swapped(const Node *dot) {
    enum { HARDLY_ANY = 4, FEW = 5, MANY = 16 };
    int         n_batch = dot->attr.dot.n_batch, right = right_axis(dot), n_left = right - n_batch;
    int         n_right = dot->type.rank - right;
    const Type *type    = &dot->type;
    if (has_windows(dot->inputs[0])) return false;
    if (count_below(type, right, n_right, HARDLY_ANY)) return !count_below(type, n_batch, n_left, HARDLY_ANY);
    return !n_batch && n_left == 1 && n_right == 1 && count_below(type, right, n_right, FEW) &&
           !count_below(type, 0, n_left, MANY);
}

/* Whether all that `root` is made of stays the same while the loop runs. */
static bool is_captured(const Scan *scan, const Node *root) {
    while (op_info[root->op].class == MOVEMENT && root->n_inputs == 1) root = root->inputs[0];
    for (int i = 0; root->op == OP_LOCAL && i < scan->captures.len; i++)
        if (scan->captures.data[i] == root) return true;
    return false;
}

bool product_is_packed(const Fuse *f, const Node *dot) {
    if (!f->scan || !f->scan->carries.len || dot->attr.dot.n_batch) return false;
    return is_captured(f->scan, dot->inputs[!product_is_swapped(dot)]);
}

int product_group_axis(const Node *dot) {
    return right_axis(dot);
}

/* Groups cost nothing where the columns are packed beforehand anyway. */
int product_groups(const Fuse *f, const Node *dot) {
    int64_t count;
    int     axis = right_axis(dot);
    if (!elem_is_float(dot->type.elem) || elem_is_narrow(dot->type.elem) || product_is_swapped(dot)) return 0;
    if (!product_is_packed(f, dot) || has_windows(dot->inputs[0]) || dot->type.rank < axis + 2) return 0;
    if (!dim_is_const(dot->type.dims[axis], &count) || count < 2 || count > GROUPS_MOST) return 0;
    return (int)count;
}

/* Not in a loop's body; of a plain product all rows are one axis, of which there may be few. */
bool product_sums_rows(const Fuse *f, const Node *dot, int count) {
    enum { ROWS_LEAST = 2 };
    int rows = right_axis(dot) - dot->attr.dot.n_batch;
    return !f->scan && !dot->attr.dot.n_batch && count == rows && rows >= ROWS_LEAST && dot->type.rank > rows &&
           elem_is_float(dot->type.elem) && !elem_is_narrow(dot->type.elem) && !product_is_swapped(dot);
}
