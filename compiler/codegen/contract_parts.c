/* Sums over images in parts, where the product has few tiles for its many images: the gradient of a kernel of few channels. A part is a
 * stretch of the images, cut by shape only; it has its own sums in scratch that all workers share, and these are added up in the parts'
 * order when all are done ("join"), so that the bits do not depend on who summed what. A worker then reads the images that it made itself.
 *
 * Unit numbers: part by part, the units of the product within each. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    PARTS_MOST     = 8,
    PART_POSITIONS = 512, /* of the images, in a part */
    PART_TILES =
        256, /* ... of 4 x 4 positions where products are of transforms: sums are transformed back for each part */
    SUMS_MOST       = 1 << 16, /* of all parts */
    ELEMENTS_PER_IO = 8,       /* elements read for each sum that a part writes and the join reads */
};

static int64_t chunks_likely(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    if (plan->winograd) return plan->shape.k_likely / w->positions;
    return (plan->shape.k_likely / w->positions + w->images - 1) / w->images * w->bands;
}

int contract_parts(const ContractPlan *plan) {
    const ContractShape  *s = &plan->shape;
    const ContractWindow *w = s->window;
    if (!w || !w->image_in_k || s->k_likely <= 0 || s->m <= 0 || s->n <= 0) return 1;
    int64_t sums = s->m * s->n, each = w->image_stride / w->positions + s->n;
    int64_t least = plan->winograd ? PART_TILES * 16 : PART_POSITIONS;
    int     parts = PARTS_MOST;
    while (parts > 1 && (parts * least > s->k_likely || parts > chunks_likely(plan) || parts * sums > SUMS_MOST ||
                         ELEMENTS_PER_IO * parts * sums > s->k_likely * each))
        parts /= 2;
    return parts;
}

/* Chunks of images, at least one. */
static LLVMValueRef chunk_count(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef k) {
    const ContractWindow *w = plan->shape.window;
    LLVMValueRef count = plan->winograd ? LLVMBuildUDiv(b, k, irb_i64(b, w->positions), "") : window_chunks(plan, b, k);
    return irb_max(b, count, irb_i64(b, 1));
}

LLVMValueRef contract_part_count(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef k) {
    if (plan->parts == 1) return irb_i64(b, 1);
    return irb_min(b, irb_i64(b, plan->parts), chunk_count(plan, b, k));
}

/* ---- sums in scratch ---------------------------------------------------------------------------------------------------------- */

/* Elements of a row of a part's sums: whole vectors. */
static LLVMValueRef row_elems(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef n) {
    return irb_round_up(b, n, plan->lanes);
}

LLVMValueRef contract_partial_bytes(const ContractPlan *plan, LLVMBuilderRef b, Extent m, Extent n, Extent k) {
    if (plan->parts == 1) return irb_i64(b, 0);
    LLVMValueRef sums = irb_mul(b, m.value, row_elems(plan, b, n.value));
    LLVMValueRef all  = irb_mul(b, sums, contract_part_count(plan, b, k.value));
    return irb_round_up(b, irb_mul(b, all, irb_i64(b, plan->elem_bytes)), 64);
}

static LLVMValueRef sums_at(const ContractEmit *e, LLVMValueRef part, LLVMValueRef m, LLVMValueRef n) {
    LLVMBuilderRef b   = e->b;
    LLVMValueRef   row = irb_add(b, irb_mul(b, part, e->m), m);
    return irb_at(b, e->elem, e->spec->partials, irb_add(b, irb_mul(b, row, row_elems(e->plan, b, e->n)), n));
}

typedef struct PartStore {
    const ContractEmit *e; /* with the product's own anchors */
    LLVMValueRef        part;
} PartStore;

/* The store anchor of a part. Lanes behind the last column have room. */
static void store_part(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes, LLVMValueRef mask) {
    const PartStore *s = user;
    (void)lanes, (void)mask;
    irb_store(s->e->b, value, sums_at(s->e, s->part, m, n));
}

/* ---- the loop over parts ------------------------------------------------------------------------------------------------------- */

static LLVMValueRef part_begin(const ContractEmit *e, LLVMValueRef part, LLVMValueRef chunks) {
    LLVMValueRef count = contract_part_count(e->plan, e->b, e->k);
    return LLVMBuildUDiv(e->b, irb_mul(e->b, part, chunks), count, "");
}

void contract_emit_parts(ContractEmit *e, ContractPartBody *body, void *user) {
    if (e->plan->parts == 1) {
        body(e, user);
        return;
    }
    LLVMBuilderRef b      = e->b;
    ContractEmit   whole  = *e;
    LLVMValueRef   chunks = chunk_count(e->plan, b, e->k);
    LLVMValueRef   units  = irb_mul(b, e->cut.col_blocks, e->cut.row_blocks);
    Loop           parts = loop_begin(b, LLVMBuildUDiv(b, e->begin, units, ""), irb_ceil_div(b, e->end, units), e->one);
    LLVMValueRef   first = irb_mul(b, parts.index, units);
    ContractSpec   spec  = *e->spec;
    PartStore      store = {&whole, parts.index};
    spec.store           = store_part;
    spec.store_user      = &store;
    spec.store_rows      = NULL;
    e->spec              = &spec;
    e->chunk0            = part_begin(e, parts.index, chunks);
    e->chunk1            = part_begin(e, irb_add(b, parts.index, e->one), chunks);
    contract_set_units(e, irb_max(b, irb_sub(b, whole.begin, first), e->zero),
                       irb_min(b, irb_sub(b, whole.end, first), units));
    body(e, user);
    loop_end(&parts, b);
    *e = whole;
}

/* ---- the join ------------------------------------------------------------------------------------------------------------------ */

bool contract_joins(const ContractPlan *plan) {
    return plan->parts > 1;
}

static void join_vector(const ContractEmit *e, LLVMValueRef m, LLVMValueRef n, LLVMValueRef mask) {
    LLVMBuilderRef b     = e->b;
    LLVMValueRef   first = irb_load(b, e->vec, sums_at(e, e->zero, m, n));
    Loop           parts = loop_begin(b, e->one, contract_part_count(e->plan, b, e->k), e->one);
    LLVMValueRef   sum   = loop_carry(&parts, b, first);
    loop_next(&parts, 0, LLVMBuildFAdd(b, sum, irb_load(b, e->vec, sums_at(e, parts.index, m, n)), ""));
    loop_end(&parts, b);
    e->spec->store(e->spec->store_user, m, n, parts.result[0], e->plan->lanes, mask);
}

void contract_join(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, LLVMValueRef begin,
                   LLVMValueRef end) {
    ContractEmit e    = {.plan = plan, .spec = spec, .b = b, .elem = spec->elem, .zero = irb_i64(b, 0)};
    e.one             = irb_i64(b, 1);
    e.m               = spec->m.value;
    e.n               = spec->n.value;
    e.k               = spec->k.value;
    e.vec             = irb_vector_type(spec->elem, plan->lanes);
    int64_t      n    = spec->n.constant;
    LLVMValueRef rest = LLVMBuildURem(b, e.n, irb_i64(b, plan->lanes), ""), whole = irb_sub(b, e.n, rest);
    Loop         rows = loop_begin(b, begin, end, e.one);
    if (n >= plan->lanes) {
        Loop columns = loop_begin(b, e.zero, whole, irb_i64(b, plan->lanes));
        join_vector(&e, rows.index, columns.index, NULL);
        loop_end(&columns, b);
    }
    if (n % plan->lanes) join_vector(&e, rows.index, whole, irb_mask_below(b, rest, plan->lanes));
    loop_end(&rows, b);
}
