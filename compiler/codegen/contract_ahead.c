/* What a tile fetches while it is summed, a line a step of k, as what follows would else wait for memory in an order that no hardware
 * prefetcher follows: the lines that its epilogue will read (some of each of its rows, far apart), and, where a B from far away is read in
 * place, its share of the next panel's rows. All of them at once would fill the queue in which the tile's own loads wait. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    CACHE_LINE = 64, /* bytes */
    LINES_MOST = TILE_SUMS_MOST * CONTRACT_AHEAD,
    ROWS_MOST  = 16 /* of the next panel that a tile fetches */
};

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

static bool reads_far_panels(const ContractEmit *e) {
    return e->spec->b.far && !known(e->b_stays, false) && e->plan->a_packing != A_WINDOW;
}

bool contract_looks_ahead(const ContractEmit *e) {
    return e->spec->ahead || reads_far_panels(e);
}

/* Of a whole tile; returns how many lines. */
static int epilogue_lines(const ContractEmit *e, const TilePlace *at, LLVMValueRef *lines) {
    LLVMBuilderRef b    = e->b;
    int            line = CACHE_LINE / e->plan->elem_bytes, n = 0;
    for (int r = 0; r < e->plan->mr && e->spec->ahead; r++)
        for (int column = 0; column < e->plan->nr; column += line)
            n += e->spec->ahead(e->spec->store_user, irb_add(b, at->i0, c64(e, r)), irb_add(b, at->j0, c64(e, column)),
                                lines + n);
    return n;
}

/* The tile's share of the block of K's rows of the panel behind its own, all tiles of the chunk together fetching all of them; writes their
 * lines to the table from `first` on and returns how many. */
static LLVMValueRef panel_lines(const ContractEmit *e, const TilePlace *at, LLVMValueRef table, int first) {
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMTypeRef         ptr  = LLVMPointerTypeInContext(irb_context(b), 0);
    int                 line = CACHE_LINE / plan->elem_bytes, n = plan->nr / line;
    LLVMValueRef        mr    = c64(e, plan->mr);
    LLVMValueRef        tiles = irb_ceil_div(b, irb_sub(b, e->r1, e->r0), mr);
    LLVMValueRef        tile  = LLVMBuildUDiv(b, irb_sub(b, at->i0, e->r0), mr, "");
    LLVMValueRef        count = irb_min(b, irb_ceil_div(b, e->kk, tiles), c64(e, ROWS_MOST));
    LLVMValueRef        next  = irb_add(b, at->panel, e->one);
    LLVMValueRef        has   = LLVMBuildAnd(b, e->b_stays, LLVMBuildICmp(b, LLVMIntSLT, next, e->full_panels, ""), "");
    count                     = LLVMBuildSelect(b, has, count, e->zero, "");
    Loop         rows         = loop_begin(b, e->zero, count, e->one);
    LLVMValueRef row          = irb_min(b, irb_add(b, irb_mul(b, tile, count), rows.index), irb_sub(b, e->kk, e->one));
    LLVMValueRef offset       = irb_mul(b, irb_add(b, e->p0, row), e->spec->b.stride_k.value);
    offset                    = irb_add(b, offset, irb_add(b, at->j0, c64(e, plan->nr)));
    for (int l = 0; l < n; l++) {
        LLVMValueRef from = irb_at(b, e->elem, e->spec->b.base, irb_add(b, offset, c64(e, (int64_t)l * line)));
        LLVMValueRef to   = irb_add(b, irb_mul(b, rows.index, c64(e, n)), c64(e, first + l));
        LLVMBuildStore(b, from, irb_at(b, ptr, table, to));
    }
    loop_end(&rows, b);
    return irb_mul(b, count, c64(e, n));
}

void contract_look_ahead(const ContractEmit *e, const TilePlace *at, LLVMValueRef whole, TileArgs *args) {
    LLVMBuilderRef b     = e->b;
    LLVMTypeRef    ptr   = LLVMPointerTypeInContext(irb_context(b), 0);
    LLVMValueRef   last  = LLVMBuildAnd(b, e->last, whole, ""), lines[LINES_MOST];
    Branch         ask   = branch_begin(b, last);
    int            n     = epilogue_lines(e, at, lines);
    int            more  = reads_far_panels(e) ? ROWS_MOST * e->plan->nr * e->plan->elem_bytes / CACHE_LINE : 0;
    LLVMValueRef   table = irb_variable(b, LLVMArrayType2(ptr, (uint64_t)(n + more)));
    for (int l = 0; l < n; l++) LLVMBuildStore(b, lines[l], irb_at(b, ptr, table, c64(e, l)));
    branch_end(&ask, b);
    LLVMValueRef count = LLVMBuildSelect(b, last, c64(e, n), e->zero, "");
    args->ahead        = irb_at(b, ptr, table, LLVMBuildSelect(b, last, e->zero, c64(e, n), ""));
    args->n_ahead      = more ? irb_add(b, count, panel_lines(e, at, table, n)) : count;
}
