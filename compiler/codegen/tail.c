/* A product's tail: the loop that runs over each chunk of the product's images when these are stored (plan/tails.c), as a function that the
 * product's task calls. Its operands are the product's, with its own behind them. What the product passes to its tail alone has room for a chunk
 * in the worker's scratch: both address it from where the first image would lie. */
#include "codegen/tail.h"

#include "codegen/loop.h"

/* The product's rows, or the loop's, of an image. */
static int64_t image_rows(const Kernel *kernel) {
    return dims_constant(kernel->n_rows - 1, kernel->rows + 1);
}

static int64_t first_extent(const Kernel *kernel) {
    return dims_constant(1, kernel->rows + 1);
}

static bool passes_something(const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++)
        if (kernel->stores.data[i].passed) return true;
    return false;
}

/* Where a chunk is stored by blocks of columns, the tail runs over these: slower, so only to spare memory. */
bool tail_runs(Emit *e, const Kernel *kernel, const ContractPlan *plan) {
    if (!kernel->tail || !plan || contract_chunk_rows(plan) <= 0) return false;
    const ContractWindow *window = contract_shape(plan)->window;
    const Kernel         *loop   = loop_normal(e, kernel->tail);
    if (window->positions != image_rows(kernel) || image_rows(loop) <= 0) return false;
    if (!contract_stores_whole_rows(plan) && !(kernel->tail_columns && passes_something(kernel))) return false;
    bool whole_bands = kernel->tail_band > 0 && window->band % kernel->tail_band == 0 && loop->n_rows > 2;
    return window->bands == 1 || whole_bands;
}

static int64_t row_bytes(const Kernel *kernel, const Store *store) {
    return dims_constant(store->type.rank - 1, store->type.dims + 1) / image_rows(kernel) * elem_size(store->type.elem);
}

static int64_t whole_lines(int64_t bytes) {
    enum { LINE = 64 };
    return (bytes + LINE - 1) / LINE * LINE;
}

static int64_t place_bytes(const Kernel *kernel, const Store *store, const ContractPlan *plan) {
    return store->passed ? whole_lines(contract_chunk_rows(plan) * row_bytes(kernel, store)) : 0;
}

int64_t tail_scratch_bytes(const Kernel *kernel, const ContractPlan *plan) {
    int64_t bytes = whole_lines(contract_scratch_bytes(plan));
    for (int i = 0; i < kernel->stores.len; i++) bytes += place_bytes(kernel, &kernel->stores.data[i], plan);
    return bytes;
}

/* From here on what is passed is addressed by the product's rows from 0 on, of which those from `first` on are in scratch. */
static void set_places(KernelEmit *k, const Kernel *product, LLVMBuilderRef b, LLVMValueRef scratch,
                       LLVMValueRef first) {
    int64_t offset = 0;
    k->passed      = ARENA_NEW(k->e->arena, Passed);
    k->passed->at  = ARENA_ARRAY(k->e->arena, LLVMValueRef, k->operands.len + 1);
    for (int i = 0; i < product->stores.len; i++) {
        const Store *store = &product->stores.data[i];
        if (!store->passed) continue;
        LLVMValueRef from = irb_sub(b, irb_i64(b, offset), irb_mul(b, first, irb_i64(b, row_bytes(product, store))));
        LLVMValueRef at   = LLVMBuildGEP2(b, k->e->t_i8, scratch, &from, 1, "");
        k->passed->at[operand_index(&k->operands, &store->to)] = at;
        offset += place_bytes(product, store, k->contract);
    }
}

/* The loop's first row that is not made of the product's rows below `end`: of whole images, or of bands of one. */
static LLVMValueRef row_after(const KernelEmit *k, const Kernel *product, LLVMValueRef end) {
    LLVMBuilderRef b   = k->root->b;
    int64_t        all = image_rows(product), own = image_rows(k->kernel), rows = first_extent(product);
    LLVMValueRef   image = LLVMBuildUDiv(b, end, irb_i64(b, all), "");
    LLVMValueRef   row   = irb_mul(b, image, irb_i64(b, own));
    if (contract_shape(k->contract)->window->bands == 1) return row;
    LLVMValueRef rest = LLVMBuildUDiv(b, LLVMBuildURem(b, end, irb_i64(b, all), ""), irb_i64(b, all / rows), "");
    LLVMValueRef some = LLVMBuildUDiv(b, rest, irb_i64(b, product->tail_band), "");
    some              = irb_min(b, some, irb_i64(b, first_extent(k->kernel)));
    return irb_add(b, row, irb_mul(b, some, irb_i64(b, own / first_extent(k->kernel))));
}

/* void tail(context, places, first of the product's rows, end, first column, end) */
LLVMValueRef tail_emit(KernelEmit product) {
    Emit       *e        = product.e;
    KernelEmit  k        = product;
    LLVMTypeRef params[] = {e->t_ptr, e->t_ptr, e->t_i64, e->t_i64, e->t_i64, e->t_i64};
    k.kernel             = loop_normal(e, product.kernel->tail);
    kernel_open(&k, params, sizeof params / sizeof *params);
    LLVMValueRef begin = LLVMGetParam(k.fn, 2), end = LLVMGetParam(k.fn, 3);
    LLVMValueRef low = row_after(&k, product.kernel, begin), high = row_after(&k, product.kernel, end);
    set_places(&k, product.kernel, k.root->b, LLVMGetParam(k.fn, 1), begin);
    for (unsigned i = 0; i < 2 && !contract_stores_whole_rows(k.contract); i++)
        k.columns[i] = LLVMGetParam(k.fn, 4 + i);
    k.contract = NULL;
    loop_emit_rows(&k, low, high);
    return kernel_close(&k);
}

/* ---- anchors of the product's chunks ---------------------------------------------------------------------------------------------------- */

static LLVMValueRef places_of(const KernelEmit *k, LLVMBuilderRef b, LLVMValueRef scratch) {
    return irb_at(b, k->e->t_i8, scratch, irb_i64(b, whole_lines(contract_scratch_bytes(k->contract))));
}

static void begin_chunk(void *user, LLVMBuilderRef b, const ContractTile *chunk) {
    const Tail *tail = user;
    KernelEmit *k    = tail->k;
    set_places(k, k->kernel, b, places_of(k, b, tail->scratch), chunk->m);
}

static void end_chunk(void *user, LLVMBuilderRef b, const ContractTile *chunk) {
    const Tail  *tail   = user;
    KernelEmit  *k      = tail->k;
    LLVMValueRef args[] = {k->context, places_of(k, b, tail->scratch),   chunk->m, irb_add(b, chunk->m, chunk->rows),
                           chunk->n,   irb_add(b, chunk->n, chunk->cols)};
    LLVMBuildCall2(b, LLVMGlobalGetValueType(k->tail), k->tail, args, sizeof args / sizeof *args, "");
    k->passed = NULL;
}

void tail_anchors(Tail *tail, ContractSpec *spec) {
    spec->chunk_begin = begin_chunk;
    spec->chunk_end   = end_chunk;
    spec->chunk_user  = tail;
}
