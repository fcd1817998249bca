/* Reverse-mode differentiation of the graph. */
#ifndef NNC_AUTODIFF_AUTODIFF_H
#define NNC_AUTODIFF_AUTODIFF_H

#include "compilation.h"
#include "ir/program.h"

/* Requires: a verified program whose functions may contain GRAD and CUSTOM nodes. Provides: the same program without
 * them (and without COTANGENT and STOP_GRAD). An op without a gradient between a loss and a parameter is error E06xx
 * at that op's span. Returns false after errors. */
bool graph_add_gradients(Compilation *c, Program *program);

/* What a gradient rule is given: the node, the gradient of its value, and a place for each input's contribution
 * (NULL: none). Rules build nodes with the graph's builders. The formula stands above each rule. */
typedef void               GradientRule(Graph *graph, Node *node, Node *g, Node **input_gradients);
extern GradientRule *const op_gradient[OP_COUNT];

/* Marks in that table: no gradient can be had; the gradient is zero everywhere; a custom gradient (OP_CUSTOM). */
GradientRule grad_none, grad_zero, grad_custom, grad_scan;

#endif
