/* A product's tail: the loop that runs over each chunk of the product's images when these are stored (plan/tails.c), as a function that the
 * product's task calls. Its operands are the product's, with its own behind them. What the product passes to its tail alone has room for a chunk
 * in the worker's scratch: both address it from where the first image would lie. */
#include "codegen/tail.h"

#include "codegen/loop.h"

static int64_t image_positions(const Kernel *kernel) {
    return dims_constant(kernel->n_rows - 1, kernel->rows + 1);
}

bool tail_runs(const Kernel *kernel, const ContractPlan *plan) {
    return kernel->tail && plan && contract_chunk_images(plan) > 0 &&
           contract_shape(plan)->window->positions == image_positions(kernel);
}

static int64_t image_bytes(const Store *store) {
    return dims_constant(store->type.rank - 1, store->type.dims + 1) * elem_size(store->type.elem);
}

static int64_t whole_lines(int64_t bytes) {
    enum { LINE = 64 };
    return (bytes + LINE - 1) / LINE * LINE;
}

static int64_t place_bytes(const Store *store, const ContractPlan *plan) {
    return store->passed ? whole_lines(contract_chunk_images(plan) * image_bytes(store)) : 0;
}

int64_t tail_scratch_bytes(const Kernel *kernel, const ContractPlan *plan) {
    int64_t bytes = whole_lines(contract_scratch_bytes(plan));
    for (int i = 0; i < kernel->stores.len; i++) bytes += place_bytes(&kernel->stores.data[i], plan);
    return bytes;
}

/* From here on what is passed is addressed by images from 0 on, of which those from `image` on are in scratch. */
static void set_places(KernelEmit *k, const Kernel *product, LLVMBuilderRef b, LLVMValueRef scratch,
                       LLVMValueRef image) {
    int64_t offset = 0;
    k->passed      = ARENA_NEW(k->e->arena, Passed);
    k->passed->at  = ARENA_ARRAY(k->e->arena, LLVMValueRef, k->operands.len + 1);
    for (int i = 0; i < product->stores.len; i++) {
        const Store *store = &product->stores.data[i];
        if (!store->passed) continue;
        LLVMValueRef from = irb_sub(b, irb_i64(b, offset), irb_mul(b, image, irb_i64(b, image_bytes(store))));
        LLVMValueRef at   = LLVMBuildGEP2(b, k->e->t_i8, scratch, &from, 1, "");
        k->passed->at[operand_index(&k->operands, &store->to)] = at;
        offset += place_bytes(store, k->contract);
    }
}

/* void tail(context, first image, end, places) */
LLVMValueRef tail_emit(KernelEmit product) {
    Emit       *e        = product.e;
    KernelEmit  k        = product;
    LLVMTypeRef params[] = {e->t_ptr, e->t_i64, e->t_i64, e->t_ptr};
    k.kernel             = loop_normal(e, product.kernel->tail);
    kernel_open(&k, params, 4);
    LLVMBuilderRef b     = k.root->b;
    LLVMValueRef   begin = LLVMGetParam(k.fn, 1), end = LLVMGetParam(k.fn, 2);
    LLVMValueRef   rows = irb_i64(b, dims_constant(k.kernel->n_rows - 1, k.kernel->rows + 1));
    set_places(&k, product.kernel, b, LLVMGetParam(k.fn, 3), begin);
    k.contract = NULL;
    loop_emit_rows(&k, irb_mul(b, begin, rows), irb_mul(b, end, rows));
    return kernel_close(&k);
}

/* ---- anchors of the product's chunks ---------------------------------------------------------------------------------------------------- */

static LLVMValueRef places_of(const KernelEmit *k, LLVMBuilderRef b, LLVMValueRef scratch) {
    return irb_at(b, k->e->t_i8, scratch, irb_i64(b, whole_lines(contract_scratch_bytes(k->contract))));
}

static void begin_chunk(void *user, LLVMBuilderRef b, LLVMValueRef image) {
    const Tail *tail = user;
    KernelEmit *k    = tail->k;
    set_places(k, k->kernel, b, places_of(k, b, tail->scratch), image);
}

static void end_chunk(void *user, LLVMBuilderRef b, LLVMValueRef image, LLVMValueRef n_images) {
    const Tail  *tail   = user;
    KernelEmit  *k      = tail->k;
    LLVMValueRef args[] = {k->context, image, irb_add(b, image, n_images), places_of(k, b, tail->scratch)};
    LLVMBuildCall2(b, LLVMGlobalGetValueType(k->tail), k->tail, args, 4, "");
    k->passed = NULL;
}

void tail_anchors(Tail *tail, ContractSpec *spec) {
    spec->chunk_begin = begin_chunk;
    spec->chunk_end   = end_chunk;
    spec->chunk_user  = tail;
}
