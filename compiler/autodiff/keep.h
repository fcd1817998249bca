/* Inside autodiff/: what the forward steps of a loop keep for the backward ones, and what is computed again.
 *
 * Always kept: carries, contractions, reductions, results of inner loops, what was rounded. Of elementwise work there is a choice for the
 * whole body, the one that keeps less memory alive (the cheaper backward step where they tie):
 *   inputs   keep what it is computed from, compute it again;
 *   results  keep what was costly to compute, as far as gradients read it: the gates of a cell, instead of the sums in front of them. */
#ifndef NNC_AUTODIFF_KEEP_H
#define NNC_AUTODIFF_KEEP_H

#include "base/map.h"
#include "ir/scan.h"

typedef struct Keep {
    Arena      *arena;
    Graph      *graph;
    const Node *node; /* the SCAN */
    const Scan *fore; /* its body */
    bool        results;
} Keep;

/* CUSTOM and STOP_GRAD: outside of gradients they are their first input. */
bool keep_is_alias(const Node *node);

/* The nodes that end the part of the forward body under `root`: LOCALs, what is kept, and aliases; without those of `known`. */
NodeVec keep_frontier(const Keep *k, Node *root, const Map *known);

/* Sets `results` for the forward nodes that gradients read. */
void keep_choose(Keep *k, const NodeVec *needed);

/* The input that a slice or a captured LOCAL stands for; NULL for other LOCALs. */
Node *keep_slice_input(const Keep *k, const Node *local);
Node *keep_capture_input(const Keep *k, const Node *local);

#endif
