/* What a kernel costs: its arithmetic and traffic. */
#include "ir/scan.h"
#include "plan/fuse.h"

static const Dim *type_count(DimTable *dims, const Type *type) {
    const Dim *count = dim_const(dims, 1);
    for (int i = 0; count && i < type->rank; i++) count = dim_mul(dims, count, type->dims[i]);
    return count ? count : dim_const(dims, 0);
}

static const Dim *dim_plus(DimTable *dims, const Dim *a, const Dim *b, int64_t times) {
    const Dim *product = dim_mul(dims, b, dim_const(dims, times));
    const Dim *sum     = product ? dim_add(dims, a, product) : NULL;
    return sum ? sum : a;
}

typedef struct Count {
    Fuse      *f;
    Kernel    *kernel;
    DimTable  *dims;
    Map       *seen;
    const Dim *flops, *bytes, *lookups;
} Count;

static void count_dot(Count *count, const Node *dot) {
    const Dim *work = type_count(count->dims, &dot->type);
    for (int i = 0; i < dot->attr.dot.n_contract; i++) {
        const Dim *more = dim_mul(count->dims, work, dot->inputs[0]->type.dims[dot->attr.dot.left_contract[i]]);
        if (more) work = more;
    }
    count->flops = dim_plus(count->dims, count->flops, work, count->kernel->triangle.low ? 1 : 2);
}

static void count_steps(Count *count, const Node *node) {
    const FnPlan *body = count->kernel->body;
    for (int i = 0; i < body->kernels.len; i++) {
        const Dim *flops   = dim_mul(count->dims, body->kernels.data[i]->flops, node->attr.scan->length);
        const Dim *bytes   = dim_mul(count->dims, body->kernels.data[i]->bytes, node->attr.scan->length);
        const Dim *lookups = dim_mul(count->dims, body->kernels.data[i]->lookups, node->attr.scan->length);
        if (lookups) count->lookups = dim_plus(count->dims, count->lookups, lookups, 1);
        if (flops) count->flops = dim_plus(count->dims, count->flops, flops, 1);
        if (bytes) count->bytes = dim_plus(count->dims, count->bytes, bytes, 1);
    }
}

/* Of what is loaded by a dynamic slice the kernel reads the slice. */
static bool is_counted_inside(const void *scope, const Node *node) {
    return kernel_computes(scope, node) && node->op != OP_DYNAMIC_SLICE;
}

static bool is_of_memory(const KernelScope *scope, const Node *node) {
    while (kernel_computes(scope, node) && op_info[node->op].class == MOVEMENT) node = node->inputs[0];
    return op_info[node->op].class != SOURCE || !kernel_computes(scope, node);
}

/* A node's element count in flops, or its bytes when it is loaded. */
static void count_node(Count *count, const Node *node) {
    KernelScope scope = {count->f->plan, count->kernel};
    if (!is_counted_inside(&scope, node)) {
        if (!is_of_memory(&scope, node)) return;
        count->bytes =
            dim_plus(count->dims, count->bytes, type_count(count->dims, &node->type), elem_size(node->type.elem));
        return;
    }
    if (op_info[node->op].class == ELEMENTWISE)
        count->flops = dim_plus(count->dims, count->flops, type_count(count->dims, &node->type), 1);
    if (op_info[node->op].class == REDUCTION)
        count->flops = dim_plus(count->dims, count->flops, type_count(count->dims, &node->inputs[0]->type), 1);
    if (node->op == OP_GATHER || node->op == OP_SCATTER_ADD)
        count->lookups = dim_plus(count->dims, count->lookups, type_count(count->dims, &node->inputs[1]->type), 1);
    if (node->op == OP_DOT) count_dot(count, node);
    if (node->op == OP_SCAN) count_steps(count, node);
}

/* Each node once. */
static void count_value(Count *count, Node *root) {
    NodeVec order = {0};
    graph_post_order_where(count->f->c->arena, root, count->seen, is_counted_inside,
                           &(KernelScope){count->f->plan, count->kernel}, &order);
    for (int i = 0; i < order.len; i++) count_node(count, order.data[i]);
}

void kernel_cost(Fuse *f, Kernel *kernel) {
    DimTable *dims = graph_dims(f->graph);
    Count count = {f, kernel, dims, map_new(f->c->arena), dim_const(dims, 0), dim_const(dims, 0), dim_const(dims, 0)};
    for (int i = 0; i < kernel->stores.len; i++) {
        const Store *store = &kernel->stores.data[i];
        count_value(&count, store->node);
        count.bytes = dim_plus(dims, count.bytes, type_count(dims, &store->type), elem_size(store->type.elem));
    }
    kernel->flops   = count.flops;
    kernel->bytes   = count.bytes;
    kernel->lookups = count.lookups;
}
