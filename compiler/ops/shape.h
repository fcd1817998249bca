/* Shape rules: each completes and checks a node's type from its inputs and attributes. */
#ifndef NNC_OPS_SHAPE_H
#define NNC_OPS_SHAPE_H

#include "ir/graph.h"

/* `declared`: node->type was given (required by sources and some movements; only its element type counts for CAST). Writes
 * node->type. NULL, or what is wrong. */
typedef const char     *ShapeRule(Graph *graph, Node *node, bool declared);
extern ShapeRule *const op_shape[OP_COUNT];

#endif
