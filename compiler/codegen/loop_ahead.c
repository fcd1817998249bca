/* The loop template: rows that are asked for ahead. Of a row that takes several passes only the first reads memory, and the processor itself
 * looks no further than the end of a page, so that memory would idle in the passes that follow. In the second, each load asks for the same
 * place of a later row, for the second cache: the first would lose rows of the pass at hand to it. */
#include "codegen/loop.h"

enum {
    ELEMENTS_LEAST = 256, /* of a row: below, its end is no large part of it or all of it is straight-line code */
    ELEMENTS_MOST  = 2048,
    ASKING_PASS    = 1,
    STREAMS_LEAST  = 2, /* of one alone the processor's own prefetches keep memory busy */
    ROWS_AHEAD     = 3,
};

bool ahead_plain_rows(const LoopEmit *l) {
    const Kernel *kernel = l->kernel;
    int64_t       row    = dims_constant(kernel->n_inner, kernel->inner);
    bool          plain  = kernel->n_passes > 1 && !l->straight && l->nest == 1 && kernel->n_rows && !kernel->flat;
    return plain && row >= ELEMENTS_LEAST && row <= ELEMENTS_MOST;
}

/* The tensors of the rows' and the inner dims that are read. */
static int streams(const LoopEmit *l) {
    NodeVec nodes = loop_nodes(l->k);
    int     n     = 0;
    for (int i = 0; i < nodes.len; i++)
        if (!loop_computes(l->k, nodes.data[i]) && nodes.data[i]->type.rank == l->kernel->n_rows + l->kernel->n_inner)
            n++;
    return n;
}

int64_t ahead_elements(const LoopEmit *l, int pass, int rows) {
    if (!l->k->streams || pass != ASKING_PASS || !ahead_plain_rows(l)) return 0;
    if (rows == 1 && streams(l) < STREAMS_LEAST) return 0;
    return (rows > 1 ? rows : ROWS_AHEAD) * dims_constant(l->kernel->n_inner, l->kernel->inner);
}
