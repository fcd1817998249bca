/* Which tensors a contraction would wait for (contract_ahead.c): in a program whose state no cache holds from one step to the next, those
 * its epilogue reads (weights and moments in an update, a residual), and weights as its B. */
#include "codegen/matmul_ahead.h"

#include "plan/plan.h"

enum {
    TENSOR_BYTES = 256 << 10, /* of one tensor, from which on it is worth asking: less than a core's cache holds */
    STATE_BYTES =
        16 << 20 /* ... of a program whose parameters and optimizer state no cache holds from one step to the next */
};

static bool exceeds_caches(const Emit *e) {
    const int64_t *sizes = nominal_sizes(e->c, e->program);
    int64_t        bytes = 0;
    for (int i = 0; i < e->program->slots.len; i++) bytes += nominal_bytes(sizes, &e->program->slots.data[i].type);
    return bytes >= STATE_BYTES;
}

static bool is_of_dims(const Type *type, const Type *dims) {
    if (type->rank != dims->rank) return false;
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] != dims->dims[i]) return false;
    return true;
}

static void find_reads(KernelEmit *k, const Node *node, Map *seen, EpilogueReads *reads) {
    const Type *dims = &k->kernel->dot->type;
    if (node == k->kernel->dot || !is_of_dims(&node->type, dims) || map_has(seen, node)) return;
    map_set(seen, node, (void *)node);
    if (kernel_loads(k->plan, k->kernel, node)) {
        bool large = nominal_bytes(nominal_sizes(k->e->c, k->e->program), &node->type) >= TENSOR_BYTES;
        if (large && reads->count < CONTRACT_AHEAD) reads->nodes[reads->count++] = node;
        return;
    }
    if (op_info[node->op].class != ELEMENTWISE) return;
    for (int i = 0; i < node->n_inputs; i++) find_reads(k, node->inputs[i], seen, reads);
}

EpilogueReads epilogue_reads(KernelEmit *k) {
    EpilogueReads reads = {0};
    Map          *seen  = map_new(k->e->arena);
    if (k->kernel->swap || !exceeds_caches(k->e)) return reads;
    for (int i = 0; i < k->kernel->stores.len; i++)
        if (k->kernel->stores.data[i].level == LEVEL_POINT) find_reads(k, k->kernel->stores.data[i].node, seen, &reads);
    return reads;
}

bool operand_is_far(KernelEmit *k, const Side *side) {
    if (!side->plain || side->view.base->kind != LOC_SLOT || !exceeds_caches(k->e)) return false;
    return nominal_bytes(nominal_sizes(k->e->c, k->e->program), &side->node->type) >= TENSOR_BYTES;
}

int epilogue_addresses(KernelEmit *k, const EpilogueReads *reads, const Index *at, LLVMValueRef *addresses) {
    for (int i = 0; i < reads->count; i++) {
        LLVMValueRef base = operand_pointer(k, node_location(k->plan, reads->nodes[i]));
        addresses[i]      = memory_address(k, base, &reads->nodes[i]->type, at);
    }
    return reads->count;
}
