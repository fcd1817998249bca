/* Inside plan/: computing parts of a forward pass a second time instead of keeping their values for the backward pass. */
#ifndef NNC_PLAN_RECOMPUTE_H
#define NNC_PLAN_RECOMPUTE_H

#include "plan/plan.h"

enum {
    POSITION_FIXED = -2, /* of parameters and constants alone: the same whenever it is computed */
    POSITION_GIVEN = -1, /* of inputs and random numbers alone */
};

/* The forward pass of a planned function, cut where few values are handed on. A value of the forward pass is one that a result (a loss, not a gradient's norm)
 * is computed from. Segment i is what is computed after cut i - 1, up to cut i. */
typedef struct Segments {
    Compilation  *c;
    Graph        *graph;
    const FnPlan *plan;
    NodeVec       nodes;    /* of the function, inputs first */
    bool         *forward;  /* by node id */
    int          *position; /* of forward values, by id: the kernel by which it can be computed, or one of POSITION_ */
    int          *last_use; /* by buffer: the last kernel of the forward pass that reads it; -1: none */
    int           last;     /* kernel of the forward pass */
    IntVec        cuts;     /* kernels after which is cut, ascending */
} Segments;

/* segments.c: finds the cuts. Requires: a plan with lifetimes. */
Segments segments_of(Compilation *c, Graph *graph, const FnPlan *plan, const int64_t *sizes);
int      segment_at(const Segments *s, int position);
bool     segments_keep(const Segments *s, const Node *node); /* it is handed over a cut, in memory */

/* recompute.c: the function with the values of its first `count` segments computed again where the backward pass reads them; the values
 * handed over cuts stay in memory. `fn` itself is left as it is. */
Fn *fn_recomputing(const Segments *s, int count);

#endif
