/* Which tensors a contraction would wait for (contract_ahead.c): in a program whose state no cache holds from one step to the next, those
 * its epilogue reads (weights and moments in an update, a residual), and weights as its B; by minimal filtering in any program what its epilogue
 * reads and writes. */
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

static bool is_large(KernelEmit *k, const Type *type) {
    return nominal_bytes(nominal_sizes(k->e->c, k->e->program), type) >= TENSOR_BYTES;
}

static void find_reads(KernelEmit *k, const Node *node, Map *seen, EpilogueMemory *memory) {
    const Type *dims = &k->kernel->dot->type;
    if (node == k->kernel->dot || !is_of_dims(&node->type, dims) || map_has(seen, node)) return;
    map_set(seen, node, (void *)node);
    if (kernel_loads(k->plan, k->kernel, node)) {
        if (is_large(k, &node->type) && memory->n_reads < CONTRACT_AHEAD) memory->reads[memory->n_reads++] = node;
        return;
    }
    if (op_info[node->op].class != ELEMENTWISE) return;
    for (int i = 0; i < node->n_inputs; i++) find_reads(k, node->inputs[i], seen, memory);
}

/* Tiles of an image touch some lines of each of some rows: activations come from the last cache so, too. */
EpilogueMemory epilogue_memory(KernelEmit *k) {
    EpilogueMemory memory = {0};
    Map           *seen   = map_new(k->e->arena);
    bool           images = contract_is_filtered(k->contract);
    if (k->kernel->swap || (!images && !exceeds_caches(k->e))) return memory;
    for (int i = 0; i < k->kernel->stores.len; i++) {
        const Store *store = &k->kernel->stores.data[i];
        if (store->level != LEVEL_POINT) continue;
        find_reads(k, store->node, seen, &memory);
        if (is_large(k, &store->type) && memory.n_writes < CONTRACT_AHEAD) memory.writes[memory.n_writes++] = store;
    }
    for (int i = 0; i < k->kernel->reductions.len; i++)
        find_reads(k, k->kernel->reductions.data[i].node->inputs[0], seen, &memory);
    return memory;
}

bool operand_is_far(KernelEmit *k, const Side *side) {
    if (!side->plain || side->view.base->kind != LOC_SLOT || !exceeds_caches(k->e)) return false;
    return nominal_bytes(nominal_sizes(k->e->c, k->e->program), &side->node->type) >= TENSOR_BYTES;
}

int epilogue_reads(KernelEmit *k, const EpilogueMemory *memory, const Index *at, LLVMValueRef *addresses) {
    for (int i = 0; i < memory->n_reads; i++) {
        LLVMValueRef base = operand_pointer(k, node_location(k->plan, memory->reads[i]));
        addresses[i]      = memory_address(k, base, &memory->reads[i]->type, at);
    }
    return memory->n_reads;
}

int epilogue_writes(KernelEmit *k, const EpilogueMemory *memory, const Index *at, LLVMValueRef *addresses) {
    for (int i = 0; i < memory->n_writes; i++) {
        LLVMValueRef base = operand_pointer(k, &memory->writes[i]->to);
        addresses[i]      = memory_address(k, base, &memory->writes[i]->type, at);
    }
    return memory->n_writes;
}
