/* Loops. A SCAN node runs a body once a step; PICKs are its results. The body is a piece of the same graph, closed over LOCALs: what
 * it takes from outside are the SCAN's inputs,
 *
 *     the carries' first values, what is sliced along its first axis (one piece a step), what is captured whole,
 *
 * each of which the body knows as a LOCAL. So passes that look at inputs alone see a node like others, and those that
 * care look at the body.
 *
 * A body is made open, with nodes of the outside used freely, and closed by scan_node(): what does not depend on the step becomes an
 * input, and contractions of slices alone move out of the loop, where they are one large contraction over all steps. */
#ifndef NNC_IR_SCAN_H
#define NNC_IR_SCAN_H

#include "ir/graph.h"

struct Scan {
    const Dim *length;  /* steps; may be 0 */
    bool       reverse; /* from the last position to the first */
    Node      *index;   /* LOCAL, i64: the position, 0 .. length - 1 */
    NodeVec    carries; /* LOCALs: their values before the step */
    NodeVec    slices;  /* LOCALs: element `index` of the input's first axis */
    NodeVec    captures;
    NodeVec    next;  /* the carries' values after the step */
    NodeVec    emits; /* stacked by position. Grows while gradients are made: they read what the steps computed */
};

Scan *scan_new(Graph *graph, const Dim *length, bool reverse);
/* Adds a carry (its next value is the LOCAL itself until it is set), a slice or an emit. `inputs` are those of the SCAN to be. */
Node *scan_carry(Graph *graph, Scan *scan, const Type *type);
Node *scan_slice(Graph *graph, Scan *scan, const Type *whole); /* the LOCAL for slices of a tensor of type `whole` */
int   scan_emit(Graph *graph, Scan *scan, Node *value);        /* the result's index; that of an equal emit */

/* Closes the body and makes the SCAN. `inits` and `wholes`: inputs for the carries and slices. */
Node *scan_node(Graph *graph, Scan *scan, const NodeVec *inits, const NodeVec *wholes);
Node *scan_pick(Graph *graph, Node *node, int result); /* carries first, then emits */
int   scan_result_count(const Scan *scan);
Type  scan_result_type(const Scan *scan, int result);
Type  scan_stack_type(const Dim *length, const Type *step); /* of all steps' values: one axis more, in front */

/* The roots of a body for walks: next values, emits, and its LOCALs. */
int   scan_root_count(const Scan *scan);
Node *scan_root(const Scan *scan, int i);

/* scan_stack.c: the values of `node`, which depends on slices and captures alone, at all positions: a leading axis of
 * scan->length. `stacks`: node -> its stack, filled with the slices' wholes. NULL where an op cannot be stacked. */
typedef struct Stacking {
    Graph      *graph;
    const Scan *scan;
    struct Map *stacks; /* Node * -> stack, or the node itself where it is the same at all steps */
} Stacking;
Node *scan_stacked(Stacking *s, Node *node);
bool  scan_can_stack(const Node *node);

#endif
