/* The loop template: how its work is cut into units, and what scratch it needs. All by shape only. */
#include "codegen/loop.h"

/* All partial sums of a column are cleared, written, and read again by another thread: long rows have fewer. */
enum {
    MAX_PARTIAL_UNITS = 64,
    MIN_PARTIAL_UNITS = 8,
    PARTIAL_ELEMENTS  = 1 << 16 /* of one reduction, in all units */
};

enum { UNIT_ELEMENTS = 8192, EVEN_UNITS = 4, FLAT_MULTIPLE = 256, NEST_ROW = 128, WINDOWS_ROW = 1024 };

static bool is_partial(const Reduction *reduction) {
    return reduction->to == LEVEL_COLUMN || reduction->to == LEVEL_TOTAL;
}

bool loop_has_finish(const Kernel *kernel) {
    for (int i = 0; i < kernel->reductions.len; i++)
        if (is_partial(&kernel->reductions.data[i])) return true;
    return false;
}

static bool splits_rows(const Kernel *kernel) {
    for (int i = 0; i < kernel->reductions.len; i++)
        if (kernel->reductions.data[i].to != LEVEL_TOTAL || kernel->reductions.data[i].from != LEVEL_POINT) return true;
    for (int i = 0; i < kernel->stores.len; i++)
        if (kernel->stores.data[i].level == LEVEL_ROW || kernel->stores.data[i].level == LEVEL_COLUMN) return true;
    return kernel->kept.len > 0;
}

/* Where nothing depends on what is a row, the last dim longer than 1 is moved to the inner dims, so that lanes run along it. */
const Kernel *loop_normal(Emit *e, const Kernel *kernel) {
    if (kernel->template != TEMPLATE_LOOP || splits_rows(kernel) || kernel->flat) return kernel;
    const Dim *dims[MAX_RANK];
    int        rank = 0, split;
    for (int i = 0; i < kernel->n_rows; i++) dims[rank++] = kernel->rows[i];
    for (int i = 0; i < kernel->n_inner; i++) dims[rank++] = kernel->inner[i];
    for (split = rank - 1; split > 0 && dims_constant(1, &dims[split]) == 1;) split--;
    if (split < 0 || split == kernel->n_rows) return kernel;
    Kernel *copy  = ARENA_NEW(e->arena, Kernel);
    *copy         = *kernel;
    copy->n_rows  = split;
    copy->n_inner = rank - split;
    for (int i = 0; i < rank; i++) *(i < split ? &copy->rows[i] : &copy->inner[i - split]) = dims[i];
    return copy;
}

/* Of short rows: the extent of the rows' last dim, which then is a loop of its own; else 1. */
int64_t loop_nest(const Kernel *kernel) {
    if (kernel->flat || kernel->n_rows < 2) return 1;
    int64_t row  = dims_constant(kernel->n_inner, kernel->inner),
            last = dims_constant(1, &kernel->rows[kernel->n_rows - 1]);
    int64_t most = kernel->window > 1 ? WINDOWS_ROW : NEST_ROW;
    if (kernel->window > 1 && row > 0 && kernel->reductions.len) row /= kernel->window;
    return row > 0 && row <= most && last > 1 && last * row <= UNIT_ELEMENTS * (most / NEST_ROW) ? last : 1;
}

/* So many units that two and four threads get as much each: one, or a multiple of four. */
static LLVMValueRef even_units(LLVMBuilderRef b, LLVMValueRef units) {
    LLVMValueRef several = LLVMBuildICmp(b, LLVMIntSGT, units, irb_i64(b, 1), "");
    return LLVMBuildSelect(b, several, irb_round_up(b, units, EVEN_UNITS), irb_i64(b, 1), "");
}

static LLVMValueRef most_partial_units(LLVMBuilderRef b, LLVMValueRef row_elements) {
    LLVMValueRef fit = LLVMBuildUDiv(b, irb_i64(b, PARTIAL_ELEMENTS), irb_max(b, row_elements, irb_i64(b, 1)), "");
    return irb_max(b, irb_min(b, fit, irb_i64(b, MAX_PARTIAL_UNITS)), irb_i64(b, MIN_PARTIAL_UNITS));
}

static LLVMValueRef rows_per_unit(const Kernel *kernel, LLVMBuilderRef b, LLVMValueRef rows,
                                  LLVMValueRef row_elements) {
    LLVMValueRef one   = irb_i64(b, 1);
    LLVMValueRef some  = LLVMBuildUDiv(b, irb_i64(b, UNIT_ELEMENTS), irb_max(b, row_elements, one), "");
    LLVMValueRef units = irb_ceil_div(b, rows, irb_max(b, some, one));
    if (loop_has_finish(kernel)) units = irb_min(b, units, most_partial_units(b, row_elements));
    some = irb_ceil_div(b, rows, even_units(b, units));
    return irb_round_up(b, irb_max(b, some, one), loop_nest(kernel));
}

static int accumulator_bytes(const Reduction *reduction) {
    return elem_size(math_register_elem(reduction->node->type.elem));
}

static LLVMValueRef partial_bytes(const LoopSpace *space, LLVMBuilderRef b, const Reduction *reduction) {
    LLVMValueRef each = irb_i64(b, accumulator_bytes(reduction));
    if (reduction->to == LEVEL_COLUMN) each = irb_mul(b, each, space->row_elements);
    return irb_round_up(b, irb_mul(b, each, space->units), 64);
}

LoopSpace loop_space(const Kernel *kernel, DimEnv *dims) {
    LLVMBuilderRef b = dims->b;
    LoopSpace      s = {.rows         = dims_product(dims, kernel->n_rows, kernel->rows),
                        .row_elements = dims_product(dims, kernel->n_inner, kernel->inner)};
    if (kernel->reductions.len > MAX_CARRIED) BUG("%s has %d reductions", kernel->name, kernel->reductions.len);
    if (kernel->flat && kernel->n_inner) {
        LLVMValueRef all   = irb_max(b, irb_mul(b, s.rows, s.row_elements), irb_i64(b, 1));
        LLVMValueRef units = even_units(b, irb_ceil_div(b, all, irb_i64(b, UNIT_ELEMENTS)));
        s.flat_block       = irb_round_up(b, irb_ceil_div(b, all, units), FLAT_MULTIPLE);
        s.units            = irb_ceil_div(b, all, s.flat_block);
    } else if (kernel->n_rows) {
        s.rows_per_unit = rows_per_unit(kernel, b, s.rows, s.row_elements);
        s.units         = irb_ceil_div(b, s.rows, s.rows_per_unit);
    } else {
        s.units = irb_i64(b, 1);
    }
    s.shared_bytes = irb_i64(b, 0);
    for (int i = 0; i < kernel->reductions.len; i++) {
        s.offsets[i] = s.shared_bytes;
        if (is_partial(&kernel->reductions.data[i]))
            s.shared_bytes = irb_add(b, s.shared_bytes, partial_bytes(&s, b, &kernel->reductions.data[i]));
    }
    s.kept_bytes = irb_round_up(b, irb_mul(b, s.row_elements, irb_i64(b, 8)), 64);
    return s;
}

KernelSize loop_size(Emit *e, const Kernel *kernel, DimEnv *dims) {
    (void)e;
    LoopSpace space = loop_space(kernel, dims);
    return (KernelSize){space.units, space.shared_bytes,
                        irb_mul(dims->b, space.kept_bytes, irb_i64(dims->b, kernel->kept.len))};
}
