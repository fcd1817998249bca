/* Values that convolutions compute as they load them. A value that 3 x 3 convolutions and their kernels' gradients read through windows, and
 * elementwise work, need not be in memory where it is little work from one tensor of its shape that is: by minimal filtering each element is
 * loaded 2.25 times, and its pass would read and write memory that no cache holds by the time of the gradient. Batch norm's scale and
 * shift with a rectifier are such a value. */
#include "plan/plan.h"

enum {
    LOAD_COST  = 2,
    BUDGET     = 24,
    CHANNELS   = 16,        /* in whole vectors of any target */
    FILTERS    = 96,        /* those of more take several blocks of columns, and images are loaded for each */
    POSITIONS  = 4096,      /* of an image: codegen/window.c reads no larger ones in place */
    SIDE_LEAST = 4,         /* a tile of results */
    BYTES      = 256 << 10, /* smaller tensors stay in a core's cache */
    MOST_NODES = 32
};

/* ---- by whom it is read ------------------------------------------------------------------------------------------------------------ */

static bool is_multiple(const Dim *dim, int64_t by, int64_t least) {
    int64_t extent;
    return dim_is_const(dim, &extent) && extent >= least && extent % by == 0;
}

static bool is_window_of_three(const Node *node) {
    const Slide *slide = &node->attr.slide;
    return slide->step == 1 && slide->divisor == 1 && slide->dilation && slide->fill == 0 &&
           is_multiple(node->type.dims[slide->by], 3, 3) && !is_multiple(node->type.dims[slide->by], 6, 6) &&
           is_multiple(node->type.dims[slide->axis], 1, SIDE_LEAST);
}

/* Filters of a convolution, or of a kernel's gradient: what is free of the other operand. */
static bool has_whole_filters(const Node *dot) {
    const Type *type = &dot->type;
    int64_t     filters;
    return !dot->attr.dot.n_batch && type->rank > 0 && dim_is_const(type->dims[type->rank - 1], &filters) &&
           filters >= CHANNELS && filters % CHANNELS == 0 && filters <= FILTERS;
}

bool patches_compute(const Fuse *f, const Node *dot, const Node *leaf) {
    int64_t     height, width;
    int         slides = 0;
    const Type *type   = &leaf->type;
    if (f->scan || f->c->options.no_winograd || dot->op != OP_DOT || leaf == dot->inputs[1]) return false;
    if (type->elem != ELEM_F32 || dot->type.elem != ELEM_F32 || type->rank != 4 || !has_whole_filters(dot))
        return false;
    if (!dim_is_const(type->dims[1], &height) || !dim_is_const(type->dims[2], &width) || height * width > POSITIONS)
        return false;
    if (!is_multiple(type->dims[3], CHANNELS, CHANNELS) || nominal_bytes(f->sizes, type) < BYTES) return false;
    const Node *at = dot->inputs[0];
    for (; at->op == OP_SLIDE || at->op == OP_EXPAND; at = at->inputs[0]) {
        if (at->op != OP_SLIDE) continue;
        if (!is_window_of_three(at)) return false;
        slides++;
    }
    return at == leaf && slides == 2;
}

/* ---- what it is made of ------------------------------------------------------------------------------------------------------------ */

typedef struct Made { /* what is below the value, each counted once */
    const Fuse *f;
    const Node *self;
    bool        located; /* it is known what is in memory */
    const Node *nodes[MOST_NODES], *tensor;
    int         n, cost, tensors; /* of its shape; the last one */
} Made;

/* Where it is not known what is in memory: what is no elementwise work, and what channels have in common. */
static bool is_loaded(const Made *made, const Node *node) {
    if (node == made->self) return false;
    if (node->op == OP_INPUT || node->op == OP_READ) return true;
    if (made->located) return made->f->facts[node->id].stored;
    return node->op != OP_EXPAND && node->op != OP_CONST &&
           (op_info[node->op].class != ELEMENTWISE || node->type.rank < made->self->type.rank);
}

static void count(Made *made, const Node *node) {
    for (int i = 0; i < made->n; i++)
        if (made->nodes[i] == node) return;
    if (made->n == MOST_NODES || made->cost > BUDGET) {
        made->cost = BUDGET + 1;
        return;
    }
    made->nodes[made->n++] = node;
    if (is_loaded(made, node)) {
        bool tensor = node->type.rank == made->self->type.rank;
        made->tensors += tensor;
        if (tensor) made->tensor = node;
        made->cost += node->type.rank == 0 ? 0 : LOAD_COST;
        return;
    }
    bool plain = op_info[node->op].class == ELEMENTWISE || node->op == OP_EXPAND || node->op == OP_CONST;
    made->cost += plain ? op_cost(node->op) : BUDGET + 1;
    for (int i = 0; i < node->n_inputs; i++) count(made, node->inputs[i]);
}

static Made made_of(const Fuse *f, const Node *node, bool located) {
    Made made = {.f = f, .self = node, .located = located};
    count(&made, node);
    return made;
}

bool is_made_in_patches(const Fuse *f, const Node *node) {
    Made made = made_of(f, node, true);
    return made.cost <= BUDGET && made.tensors == 1;
}

/* ---- before it is known what is in memory ----------------------------------------------------------------------------------------------- */

/* Whether some contraction must have it in memory. */
static bool is_operand(const Fuse *f, const Node *node) {
    for (int i = 0; i < f->nodes.len; i++) {
        const Node *dot = f->nodes.data[i];
        for (int k = 0; dot->op == OP_DOT && k < dot->n_inputs; k++) {
            const Node *at = dot->inputs[k];
            while (op_info[at->op].class == MOVEMENT && at->n_inputs == 1) at = at->inputs[0];
            if (at == node && (k > 0 || !patches_compute(f, dot, node))) return true;
        }
    }
    return false;
}

const Node *likely_origin(const Fuse *f, const Node *node) {
    if (op_info[node->op].class != ELEMENTWISE || is_operand(f, node)) return node;
    Made made = made_of(f, node, false);
    return made.cost <= BUDGET && made.tensors == 1 ? made.tensor : node;
}
