/* Packing: copies of blocks of A and B in the order in which the tile reads them, with the load anchors applied. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum { K_AHEAD = 8 }; /* prefetch distance along a transposed A */

typedef struct Pack {
    const ContractPlan    *plan;
    LLVMBuilderRef         b;
    const ContractSpec    *spec;
    const ContractOperand *operand;
    LLVMTypeRef            elem;
    LLVMValueRef           p0, kk; /* k in [p0, p0 + kk) */
} Pack;

static LLVMValueRef c64(const Pack *p, int64_t value) {
    return irb_i64(p->b, value);
}

static LLVMValueRef element_address(const Pack *p, LLVMValueRef free, LLVMValueRef k) {
    LLVMBuilderRef b = p->b;
    LLVMValueRef   offset =
        irb_add(b, irb_mul(b, free, p->operand->stride_free.value), irb_mul(b, k, p->operand->stride_k.value));
    return irb_at(b, p->elem, p->operand->base, offset);
}

/* `lanes` elements from (free, k) on, along k or along the free axis (there elements must lie together). */
static LLVMValueRef load_lanes(const Pack *p, LLVMValueRef free, LLVMValueRef k, int lanes, bool along_k,
                               LLVMValueRef mask) {
    if (p->operand->load) return p->operand->load(p->operand->user, free, k, lanes, along_k, mask);
    LLVMTypeRef  type = irb_vector_type(p->elem, lanes);
    LLVMValueRef at   = element_address(p, free, k);
    return mask ? irb_masked_load(p->b, type, at, mask) : irb_load(p->b, type, at);
}

/* Whether `extent` is known to hold whole vectors only. */
static bool whole_vectors(Extent extent, int lanes) {
    return extent.constant >= 0 && extent.constant % lanes == 0;
}

/* ---- B ---- */

/* Rows of whole panels, all vectors at once. */
static void copy_full_panel(const Pack *p, const Panel *panel) {
    LLVMBuilderRef b    = p->b;
    Loop           loop = loop_begin(b, c64(p, 0), p->kk, c64(p, 1));
    LLVMValueRef   k    = irb_add(b, p->p0, loop.index);
    LLVMValueRef   row  = irb_at(b, p->elem, panel->at, irb_mul(b, loop.index, c64(p, p->plan->nr)));
    for (int v = 0; v < p->plan->nv; v++) {
        LLVMValueRef column = c64(p, (int64_t)v * p->plan->lanes);
        LLVMValueRef value  = load_lanes(p, irb_add(b, panel->j0, column), k, p->plan->lanes, false, NULL);
        irb_store(b, value, irb_at(b, p->elem, row, column));
    }
    loop_end(&loop, b);
}

/* Rows of any width: whole vectors one by one, then the part of one. */
static void copy_any_panel(const Pack *p, const Panel *panel) {
    LLVMBuilderRef b     = p->b;
    int            lanes = p->plan->lanes;
    LLVMValueRef   rest  = LLVMBuildURem(b, panel->cols, c64(p, lanes), "");
    LLVMValueRef   whole = irb_sub(b, panel->cols, rest), mask = irb_mask_below(b, rest, lanes);
    Loop           loop  = loop_begin(b, c64(p, 0), p->kk, c64(p, 1));
    LLVMValueRef   k     = irb_add(b, p->p0, loop.index);
    LLVMValueRef   row   = irb_at(b, p->elem, panel->at, irb_mul(b, loop.index, panel->width));
    Loop           inner = loop_begin(b, c64(p, 0), whole, c64(p, lanes));
    LLVMValueRef   value = load_lanes(p, irb_add(b, panel->j0, inner.index), k, lanes, false, NULL);
    irb_store(b, value, irb_at(b, p->elem, row, inner.index));
    loop_end(&inner, b);
    if (!whole_vectors(p->spec->n, lanes)) {
        Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, c64(p, 0), ""));
        value       = load_lanes(p, irb_add(b, panel->j0, whole), k, lanes, false, mask);
        irb_store(b, value, irb_at(b, p->elem, row, whole));
        branch_end(&part, b);
    }
    loop_end(&loop, b);
}

static void copy_panel(const Pack *p, const Panel *panel) {
    if (p->operand->load) {
        copy_any_panel(p, panel);
        return;
    }
    Branch full = branch_begin(p->b, LLVMBuildICmp(p->b, LLVMIntEQ, panel->cols, c64(p, p->plan->nr), ""));
    copy_full_panel(p, panel);
    branch_else(&full, p->b);
    copy_any_panel(p, panel);
    branch_end(&full, p->b);
}

/* One by one, for strides that no vector load follows. */
static void copy_elements(const Pack *p, const Panel *panel) {
    LLVMBuilderRef b    = p->b;
    Loop           loop = loop_begin(b, c64(p, 0), p->kk, c64(p, 1));
    LLVMValueRef   k    = irb_add(b, p->p0, loop.index);
    LLVMValueRef   row  = irb_at(b, p->elem, panel->at, irb_mul(b, loop.index, panel->width));
    Loop           real = loop_begin(b, c64(p, 0), panel->cols, c64(p, 1));
    irb_store(b, irb_load(b, p->elem, element_address(p, irb_add(b, panel->j0, real.index), k)),
              irb_at(b, p->elem, row, real.index));
    loop_end(&real, b);
    Loop pad = loop_begin(b, panel->cols, panel->width, c64(p, 1));
    irb_store(b, irb_zero(p->elem), irb_at(b, p->elem, row, pad.index));
    loop_end(&pad, b);
    loop_end(&loop, b);
}

static void call_transpose(const Pack *p, LLVMValueRef src, LLVMValueRef src_stride, LLVMValueRef dst,
                           LLVMValueRef dst_stride) {
    LLVMValueRef function = contract_transpose_function(p->plan, irb_module(p->b));
    LLVMValueRef args[]   = {src, src_stride, dst, dst_stride};
    LLVMBuildCall2(p->b, contract_transpose_type(irb_context(p->b)), function, args, 4, "");
}

/* `rows` rows along k from (j, k) on into a lanes x lanes block; rows from `rows` on become 0. */
static void gather_rows(const Pack *p, LLVMValueRef j, LLVMValueRef rows, LLVMValueRef k, LLVMValueRef mask,
                        LLVMValueRef block) {
    LLVMBuilderRef b     = p->b;
    int            lanes = p->plan->lanes;
    Loop           real  = loop_begin(b, c64(p, 0), rows, c64(p, 1));
    LLVMValueRef   value = load_lanes(p, irb_add(b, j, real.index), k, lanes, true, mask);
    irb_store(b, value, irb_at(b, p->elem, block, irb_mul(b, real.index, c64(p, lanes))));
    loop_end(&real, b);
    Loop pad = loop_begin(b, rows, c64(p, lanes), c64(p, 1));
    irb_store(b, irb_zero(irb_vector_type(p->elem, lanes)),
              irb_at(b, p->elem, block, irb_mul(b, pad.index, c64(p, lanes))));
    loop_end(&pad, b);
}

/* Whether loads of whole vectors from `lanes` rows, j and on, that have n_k elements left stay within the operand: as far as they pass the
 * last row's end, later rows lie there. */
static LLVMValueRef has_rows_behind(const Pack *p, LLVMValueRef j, LLVMValueRef n_k) {
    LLVMBuilderRef b     = p->b;
    LLVMValueRef   later = irb_sub(b, p->spec->n.value, irb_add(b, j, c64(p, p->plan->lanes)));
    LLVMValueRef   room  = irb_mul(b, irb_max(b, later, c64(p, 0)), p->operand->stride_free.value);
    return LLVMBuildICmp(b, LLVMIntSGE, irb_add(b, room, n_k), c64(p, p->plan->lanes), "");
}

/* B whose k lie together: block by block through a transposition. A block that passes the last k writes rows that are
 * packed after it, or slack. */
static void transpose_panel(const Pack *p, const Panel *panel, LLVMValueRef block) {
    LLVMBuilderRef b       = p->b;
    int            lanes   = p->plan->lanes;
    Loop           columns = loop_begin(b, c64(p, 0), panel->cols, c64(p, lanes));
    LLVMValueRef   j       = irb_add(b, panel->j0, columns.index);
    LLVMValueRef   rows    = irb_min(b, irb_sub(b, panel->cols, columns.index), c64(p, lanes));
    Loop           ks      = loop_begin(b, c64(p, 0), p->kk, c64(p, lanes));
    LLVMValueRef   k       = irb_add(b, p->p0, ks.index);
    LLVMValueRef   n_k     = irb_sub(b, p->kk, ks.index);
    LLVMValueRef   to      = irb_add(b, irb_mul(b, ks.index, panel->width), columns.index);
    LLVMValueRef   dst     = irb_at(b, p->elem, panel->at, to);
    LLVMValueRef   whole_k = LLVMBuildICmp(b, LLVMIntSGE, n_k, c64(p, lanes), "");
    if (p->operand->load) {
        Branch whole = branch_begin(b, whole_k);
        gather_rows(p, j, rows, k, NULL, block);
        if (!whole_vectors(p->spec->k, lanes)) {
            branch_else(&whole, b);
            gather_rows(p, j, rows, k, irb_mask_below(b, n_k, lanes), block);
        }
        branch_end(&whole, b);
        call_transpose(p, block, c64(p, lanes), dst, panel->width);
    } else {
        LLVMValueRef whole_rows = LLVMBuildICmp(b, LLVMIntEQ, rows, c64(p, lanes), "");
        LLVMValueRef in_memory  = LLVMBuildOr(b, whole_k, has_rows_behind(p, j, n_k), "");
        Branch       whole      = branch_begin(b, LLVMBuildAnd(b, in_memory, whole_rows, ""));
        call_transpose(p, element_address(p, j, k), p->operand->stride_free.value, dst, panel->width);
        branch_else(&whole, b);
        gather_rows(p, j, rows, k, irb_mask_below(b, n_k, lanes), block);
        call_transpose(p, block, c64(p, lanes), dst, panel->width);
        branch_end(&whole, b);
    }
    loop_end(&ks, b);
    loop_end(&columns, b);
}

static void pack_panel(const Pack *p, const Panel *panel, LLVMValueRef scrap) {
    switch (p->plan->b_packing) {
    case B_COPY:
    case B_ANCHOR: copy_panel(p, panel); break;
    case B_TRANSPOSE: transpose_panel(p, panel, scrap); break;
    case B_FEW: contract_pack_few(p->plan, p->b, p->spec, panel); break;
    case B_ELEMENTS: copy_elements(p, panel); break;
    }
}

/* A k of several levels, run by run: those before outer level `level` have come to `offset` elements and `runs` runs. */
static void pack_runs(const Pack *p, const Panel *panel, LLVMValueRef scrap, int level, LLVMValueRef offset,
                      LLVMValueRef runs) {
    LLVMBuilderRef         b = p->b;
    const ContractOperand *B = p->operand;
    if (level == B->n_outer) {
        ContractOperand run  = *B;
        Panel           rows = *panel;
        Pack            part = *p;
        part.operand         = &run;
        part.kk              = c64(p, B->k_run);
        run.base             = irb_at(b, p->elem, B->base, offset);
        rows.at              = irb_at(b, p->elem, panel->at, irb_mul(b, irb_mul(b, runs, part.kk), panel->width));
        pack_panel(&part, &rows, scrap);
        return;
    }
    LLVMValueRef extent = c64(p, B->outer[level].extent);
    Loop         loop   = loop_begin(b, c64(p, 0), extent, c64(p, 1));
    LLVMValueRef at     = irb_add(b, offset, irb_mul(b, loop.index, c64(p, B->outer[level].stride)));
    pack_runs(p, panel, scrap, level + 1, at, irb_add(b, irb_mul(b, runs, extent), loop.index));
    loop_end(&loop, b);
}

/* ---- an axis in two levels ---- */

/* Indices [first, end) in stretches that lie in one run each: `loop` starts one at its index, ending before `stop`, whose first index
 * is `within` its run, which starts `offset` elements from the operand's base. */
typedef struct Stretches {
    LLVMBasicBlockRef body, after;
    LLVMValueRef      index, stop, within, offset;
} Stretches;

static Stretches stretches_begin(const Pack *p, LLVMValueRef first, LLVMValueRef end) {
    LLVMBuilderRef       b       = p->b;
    const ContractSplit *split   = &p->operand->split;
    LLVMContextRef       context = irb_context(b);
    LLVMBasicBlockRef    from    = LLVMGetInsertBlock(b);
    Stretches            s;
    s.body  = LLVMAppendBasicBlockInContext(context, irb_function(b), "stretch");
    s.after = LLVMAppendBasicBlockInContext(context, irb_function(b), "stretched");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, first, end, ""), s.body, s.after);
    LLVMPositionBuilderAtEnd(b, s.body);
    s.index          = LLVMBuildPhi(b, LLVMTypeOf(first), "");
    LLVMValueRef run = LLVMBuildUDiv(b, s.index, split->run, "");
    s.within         = irb_sub(b, s.index, irb_mul(b, run, split->run));
    s.offset         = irb_mul(b, run, split->outer);
    s.stop           = irb_min(b, irb_add(b, s.index, irb_sub(b, split->run, s.within)), end);
    LLVMAddIncoming(s.index, &first, &from, 1);
    return s;
}

static void stretches_end(Stretches *s, LLVMBuilderRef b, LLVMValueRef end) {
    LLVMBasicBlockRef from = LLVMGetInsertBlock(b);
    LLVMAddIncoming(s->index, &s->stop, &from, 1);
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, s->stop, end, ""), s->body, s->after);
    LLVMPositionBuilderAtEnd(b, s->after);
}

/* The operand as one stretch sees it. */
static ContractOperand of_stretch(const Pack *p, const Stretches *s) {
    ContractOperand operand = *p->operand;
    operand.base            = irb_at(p->b, p->elem, operand.base, s->offset);
    operand.split           = (ContractSplit){NULL, NULL};
    return operand;
}

static void pack_split_panel(const Pack *p, const Panel *panel, LLVMValueRef scrap) {
    LLVMBuilderRef  b       = p->b;
    LLVMValueRef    end     = irb_add(b, p->p0, p->kk);
    Stretches       s       = stretches_begin(p, p->p0, end);
    ContractOperand operand = of_stretch(p, &s);
    Pack            part    = *p;
    Panel           rows    = *panel;
    part.operand            = &operand;
    part.p0                 = s.within;
    part.kk                 = irb_sub(b, s.stop, s.index);
    rows.at                 = irb_at(b, p->elem, panel->at, irb_mul(b, irb_sub(b, s.index, p->p0), panel->width));
    pack_panel(&part, &rows, scrap);
    stretches_end(&s, b, end);
}

/* The panel of one group: `panel` counts those of the block, in which the groups' panels of the same columns follow each other. */
static Panel panel_of(const Pack *p, const PackB *block, LLVMValueRef panel, LLVMValueRef group) {
    LLVMBuilderRef b     = p->b;
    const int64_t  elems = (int64_t)p->plan->nr * p->plan->kc;
    LLVMValueRef   first = irb_add(b, block->n0, irb_mul(b, panel, c64(p, p->plan->nr)));
    LLVMValueRef   place = irb_add(b, irb_mul(b, panel, c64(p, p->plan->groups)), group);
    Panel          result;
    result.j0    = irb_add(b, first, irb_mul(b, group, p->spec->n.value));
    result.cols  = irb_min(b, irb_sub(b, block->n1, first), c64(p, p->plan->nr));
    result.width = irb_round_up(b, result.cols, p->plan->lanes);
    result.at    = irb_at(b, p->elem, block->buffer, irb_mul(b, place, c64(p, elems)));
    return result;
}

void contract_pack_b(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const PackB *block) {
    Pack         pack        = {plan, b, spec, &spec->b, spec->elem, block->p0, block->kk};
    int64_t      panel_elems = (int64_t)plan->nr * plan->kc * plan->groups;
    int64_t      after       = (plan->nc + plan->nr - 1) / plan->nr * panel_elems + (int64_t)plan->lanes * plan->nr;
    LLVMValueRef scrap       = block->scrap; /* one lanes x lanes block */
    if (!scrap) scrap = irb_at(b, spec->elem, block->buffer, irb_i64(b, after));
    Loop  panels = loop_begin(b, block->first, block->last, irb_i64(b, 1));
    Loop  groups = loop_begin(b, irb_i64(b, 0), irb_i64(b, plan->groups), irb_i64(b, 1));
    Panel panel  = panel_of(&pack, block, panels.index, groups.index);
    if (spec->b.n_outer)
        pack_runs(&pack, &panel, scrap, 0, irb_i64(b, 0), irb_i64(b, 0));
    else if (spec->b.split.run)
        pack_split_panel(&pack, &panel, scrap);
    else
        pack_panel(&pack, &panel, scrap);
    loop_end(&groups, b);
    loop_end(&panels, b);
}

/* ---- A ---- */

static LLVMValueRef row_panel_address(const Pack *p, const PackA *block, LLVMValueRef panel, LLVMValueRef k) {
    LLVMBuilderRef b     = p->b;
    int64_t        lanes = p->plan->row_lanes;
    LLVMValueRef offset  = irb_add(b, irb_mul(b, panel, c64(p, a_panel_stride(p->plan))), irb_mul(b, k, c64(p, lanes)));
    return irb_at(b, p->elem, block->buffer, offset);
}

/* The rows of one panel, those past the last row as 0. */
static void pack_row_panel(const Pack *p, const PackA *block, LLVMValueRef panel, LLVMValueRef k) {
    LLVMBuilderRef b     = p->b;
    int            lanes = p->plan->row_lanes;
    LLVMValueRef   row   = irb_add(b, block->m0, irb_mul(b, panel, c64(p, p->plan->mr)));
    LLVMValueRef   left = irb_sub(b, block->row_end, row), at = irb_add(b, p->p0, k);
    LLVMValueRef   dst = row_panel_address(p, block, panel, k);
    if (p->plan->mr == lanes && whole_vectors(p->spec->m, lanes)) {
        irb_store(b, load_lanes(p, row, at, lanes, false, NULL), dst);
        return;
    }
    Branch whole = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGE, left, c64(p, lanes), ""));
    irb_store(b, load_lanes(p, row, at, lanes, false, NULL), dst);
    branch_else(&whole, b);
    irb_store(b, load_lanes(p, row, at, lanes, false, irb_mask_below(b, left, lanes)), dst);
    branch_end(&whole, b);
}

/* [panel][k][row_lanes]: for each k the rows of all panels, so that whole cache lines of A are used at once. */
static void pack_rows_together(const Pack *p, const PackA *block) {
    LLVMBuilderRef b      = p->b;
    LLVMValueRef   panels = irb_ceil_div(b, irb_sub(b, block->m1, block->m0), c64(p, p->plan->mr));
    Loop           ks     = loop_begin(b, c64(p, 0), p->kk, c64(p, 1));
    Loop           loop   = loop_begin(b, c64(p, 0), panels, c64(p, 1));
    pack_row_panel(p, block, loop.index, ks.index);
    loop_end(&loop, b);
    loop_end(&ks, b);
}

/* The same for a full stretch of plain memory, unrolled over its panels. Each k may be a page of its own, which no hardware
 * prefetcher follows. */
static void pack_full_stretch(const Pack *p, const PackA *block) {
    LLVMBuilderRef b  = p->b;
    int            mr = p->plan->mr;
    Loop           ks = loop_begin(b, c64(p, 0), p->kk, c64(p, 1));
    LLVMValueRef   k  = irb_add(b, p->p0, ks.index);
    for (int64_t i = 0; i < p->plan->ma; i += 64 / p->plan->elem_bytes)
        irb_prefetch(b, element_address(p, irb_add(b, block->m0, c64(p, i)), irb_add(b, k, c64(p, K_AHEAD))), TO_READ);
    for (int i = 0; i < (int)p->plan->ma / mr; i++) {
        LLVMValueRef value = load_lanes(p, irb_add(b, block->m0, c64(p, (int64_t)i * mr)), k, mr, false, NULL);
        irb_store(b, value, row_panel_address(p, block, c64(p, i), ks.index));
    }
    loop_end(&ks, b);
}

static void pack_rows(const Pack *p, const PackA *block) {
    if (p->operand->load) {
        pack_rows_together(p, block);
        return;
    }
    LLVMValueRef rows = irb_sub(p->b, block->m1, block->m0);
    Branch       full = branch_begin(p->b, LLVMBuildICmp(p->b, LLVMIntEQ, rows, c64(p, p->plan->ma), ""));
    pack_full_stretch(p, block);
    branch_else(&full, p->b);
    pack_rows_together(p, block);
    branch_end(&full, p->b);
}

/* [row][k], rows a_row_stride apart: A as it would lie in memory, with the anchor applied. */
static void pack_row_by_row(const Pack *p, const PackA *block) {
    LLVMBuilderRef b      = p->b;
    int            lanes  = p->plan->lanes;
    Loop           rows   = loop_begin(b, block->m0, block->m1, c64(p, 1));
    LLVMValueRef   offset = irb_mul(b, irb_sub(b, rows.index, block->m0), c64(p, a_row_stride(p->plan)));
    LLVMValueRef   dst    = irb_at(b, p->elem, block->buffer, offset);
    LLVMValueRef   rest   = LLVMBuildURem(b, p->kk, c64(p, lanes), "");
    LLVMValueRef   whole  = irb_sub(b, p->kk, rest);
    Loop           loop   = loop_begin(b, c64(p, 0), whole, c64(p, lanes));
    LLVMValueRef   k      = irb_add(b, p->p0, loop.index);
    irb_store(b, load_lanes(p, rows.index, k, lanes, true, NULL), irb_at(b, p->elem, dst, loop.index));
    loop_end(&loop, b);
    if (!whole_vectors(p->spec->k, lanes)) {
        Branch       part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, c64(p, 0), ""));
        LLVMValueRef value =
            load_lanes(p, rows.index, irb_add(b, p->p0, whole), lanes, true, irb_mask_below(b, rest, lanes));
        irb_store(b, value, irb_at(b, p->elem, dst, whole));
        branch_end(&part, b);
    }
    loop_end(&rows, b);
}

static void pack_a_part(const Pack *p, const PackA *block) {
    if (p->plan->a_packing == A_PACK_ROWS)
        pack_rows(p, block);
    else
        pack_row_by_row(p, block);
}

/* Stretches of k where rows are packed together, else of rows. */
static void pack_split_a(const Pack *p, const PackA *block) {
    LLVMBuilderRef  b        = p->b;
    bool            together = p->plan->a_packing == A_PACK_ROWS;
    LLVMValueRef    first = together ? p->p0 : block->m0, end = together ? irb_add(b, p->p0, p->kk) : block->m1;
    Stretches       s       = stretches_begin(p, first, end);
    ContractOperand operand = of_stretch(p, &s);
    LLVMValueRef    length = irb_sub(b, s.stop, s.index), done = irb_sub(b, s.index, first);
    Pack            part = *p;
    PackA           rows = *block;
    part.operand         = &operand;
    if (together) {
        part.p0 = s.within;
        part.kk = length;
    } else {
        rows.m0 = s.within;
        rows.m1 = irb_add(b, s.within, length);
    }
    int64_t step = together ? p->plan->row_lanes : a_row_stride(p->plan);
    rows.buffer  = irb_at(b, p->elem, block->buffer, irb_mul(b, done, c64(p, step)));
    pack_a_part(&part, &rows);
    stretches_end(&s, b, end);
}

void contract_pack_a(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const PackA *block) {
    Pack pack = {plan, b, spec, &spec->a, spec->elem, block->p0, block->kk};
    if (spec->a.split.run)
        pack_split_a(&pack, block);
    else
        pack_a_part(&pack, block);
}
