/* Rewrite rules. A rule looks at a node whose inputs are already rewritten and returns a simpler equivalent, or NULL. Its algebra
 * stands above it. Rules keep values up to rounding, NaN and infinities included: 0 * x is not 0.
 *
 * rules.c lists the rules of each op; the engine (rewrite.c) applies them until none fires. */
#ifndef NNC_OPT_REWRITE_H
#define NNC_OPT_REWRITE_H

#include "ir/graph.h"

typedef Node *RewriteRule(Graph *graph, Node *node);

/* NULL-terminated list of the rules of an op, in the order in which they are tried; NULL when it has none. */
RewriteRule *const *rules_of(Op op);
/* Rules that are a gain only where the node is the one user of its first input, which otherwise would be computed in two forms. */
RewriteRule *const *single_use_rules_of(Op op);

/* fold.c: an elementwise op on constants. */
RewriteRule fold_constants;

/* simplify_arithmetic.c */
RewriteRule add_zero, add_negated, add_pads, sub_zero, sub_negated, neg_of, neg_of_quotient, mul_one, mul_zero,
    mul_negated, mul_constants, mul_of_quotient, div_constant, div_expanded, div_negated, pow_constant, commute;

/* simplify_factor.c */
RewriteRule add_common_factor;

/* simplify_choice.c */
RewriteRule select_known, select_not, select_bool, extreme_same, extreme_infinite, compare_same, compare_casts,
    compare_bool, logic_known, not_of, cast_of_cast, cast_to_own;

/* simplify_expand.c */
RewriteRule sink_expand, expand_twice, permute_of_expand, reshape_of_expand, slice_of_expand, sum_of_expand,
    max_of_expand, dot_of_expand;

/* simplify_movement.c */
RewriteRule constant_moves, reshape_twice, reshape_inserts, reshape_to_own, permute_twice, permute_of_dot, slice_twice,
    slice_of_pad, slice_of_concat, pad_twice, pad_of_zero, concat_of_concat;

/* simplify_reduce.c */
RewriteRule reduce_size_one, reduce_twice, reduce_of_permute, reduce_of_reshape, sum_of_zero, sum_of_neg,
    sum_of_product, sum_of_combination, dot_of_permute, dot_size_one, dot_is_product;

/* simplify_window.c */
RewriteRule sum_of_slid_dot, slide_of_sum, slide_of_masked, slide_of_slide, slide_of_reshape;

/* The value of a constant, seen through EXPAND. */
bool constant_value(const Node *node, double *value);
bool is_constant(const Node *node, double value);
/* A constant, rounded to the type's elements, in its shape. */
Node *rounded_fill(Graph *graph, const Type *type, double value);
/* Whether a dim is the constant 1. */
bool is_one(const Dim *dim);

#endif
