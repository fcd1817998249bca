/* Rewrite rules. A rule looks at a node whose inputs are already rewritten and returns a simpler equivalent, or NULL.
 * rules[op] lists an op's rules; the engine applies them until none fires. */
#ifndef NNC_OPT_REWRITE_H
#define NNC_OPT_REWRITE_H

#include "ir/graph.h"

typedef Node *RewriteRule(Graph *graph, Node *node);

/* NULL-terminated list of the rules of an op; NULL when it has none. */
RewriteRule *const *rules_of(Op op);

/* fold.c: an elementwise op on constants. */
RewriteRule fold_constants;

/* simplify_*.c */
extern RewriteRule *const rules_add[],
    *const rules_sub[], *const rules_mul[], *const rules_div[], *const rules_pow[], *const rules_neg[],
                                                                                        *const         rules_select[],
                                                                                            *const     rules_cast[],
                                                                                                *const rules_not[];
extern RewriteRule *const                                                                              rules_reshape[],
    *const rules_permute[], *const rules_expand[],
                                *const rules_slice[], *const rules_pad[], *const rules_sum[], *const rules_reduce_max[],
                                                                                                  *const rules_dot[];

/* The value of a constant, seen through EXPAND and CAST. */
bool constant_value(const Node *node, double *value);
bool is_constant(const Node *node, double value);

#endif
