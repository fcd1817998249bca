/* Inside autodiff/: one reverse sweep, through a function's graph or through the body of a loop. */
#ifndef NNC_AUTODIFF_SWEEP_H
#define NNC_AUTODIFF_SWEEP_H

#include "autodiff/autodiff.h"
#include "base/map.h"

typedef struct Seed { /* a gradient that comes from above */
    Node *node, *g;
} Seed;
typedef VEC(Seed) SeedVec;

typedef struct Sweep {
    Compilation *c;
    Graph       *graph;
    Node        *loss;      /* for messages */
    Map         *wanted;    /* nodes that lead to something asked for: node -> node */
    Map         *cotangent; /* node -> sum of contributions so far */
    bool         failed;
} Sweep;

/* The cotangents of all nodes between the seeds and `targets` (a set of nodes). */
Map *sweep_back(Sweep *s, const SeedVec *seeds, const Map *targets);
void sweep_contribute(Sweep *s, Node *node, Node *g); /* nothing where `node` is not wanted or g is NULL */

/* scan.c: contributes to the inputs of a SCAN whose PICKs have had their turn. */
void sweep_scan(Sweep *s, Node *node);

#endif
