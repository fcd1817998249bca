/* The loop template where it only sums over rows of few vectors: one sum a vector would wait for its last addition, row by row. So each is
 * kept as several, of every second or fourth row, which are added up after the rows. */
#include "codegen/loop.h"

enum { UNDER_WAY = 8, SETS_MOST = 4 };

int sets_pick(const LoopEmit *l) {
    int columns = 0, sets = 1;
    if (!l->columns_in_registers || l->nest > 1) return 1;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        if (l->kernel->reductions.data[i].to != LEVEL_COLUMN) return 1;
        columns += l->vectors;
    }
    for (int i = 0; i < l->kernel->stores.len; i++)
        if (l->kernel->stores.data[i].level != LEVEL_COLUMN) return 1;
    while (sets < SETS_MOST && 2 * sets * columns <= UNDER_WAY) sets *= 2;
    return sets;
}

/* Rows [low, high), so many a turn. */
static void rows_in_turns(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high, int turn) {
    Carry      carry = loop_carry_set(l, -1);
    ScopedLoop loop;
    loop_carry_begin(l, &loop, &carry, parent, low, high, turn);
    for (l->set = 0; l->set < turn; l->set++) {
        LLVMValueRef row = irb_add(loop.scope->b, loop.index, irb_i64(loop.scope->b, l->set));
        loop_row_index(l, l->kernel->n_rows, row, loop.scope);
        loop_row(l, loop.scope);
    }
    l->set = 0;
    loop_carry_end(l, &loop, &carry);
}

void sets_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high) {
    LLVMBuilderRef b     = parent->b;
    LLVMValueRef   whole = LLVMBuildAnd(b, irb_sub(b, high, low), irb_i64(b, -(int64_t)l->sets), "");
    LLVMValueRef   end   = irb_add(b, low, whole);
    rows_in_turns(l, parent, low, end, l->sets);
    rows_in_turns(l, parent, end, high, 1);
}

/* Of one reduction, into the first set. */
void sets_merge(LoopEmit *l, Scope *scope, int reduction) {
    const Node  *node = l->kernel->reductions.data[reduction].node;
    Accumulator *acc  = &l->acc[reduction * LOOP_STRAIGHT];
    for (int step = 1; step < l->sets; step *= 2)
        for (int set = 0; set < l->sets; set += 2 * step)
            for (int v = 0; v < l->vectors; v++)
                acc[set * l->vectors + v] =
                    reduce_merge(l->k, scope->b, node, acc[set * l->vectors + v], acc[(set + step) * l->vectors + v]);
}
