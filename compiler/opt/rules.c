/* Which rules an op has. */
#include "opt/rewrite.h"

#define RULES(...)                                                                                                     \
    (RewriteRule *const[]) {                                                                                           \
        __VA_ARGS__, NULL                                                                                              \
    }

static RewriteRule *const *const rules[OP_COUNT] = {
    [OP_ADD]     = RULES(add_zero, add_negated, add_pads, add_common_factor, sink_expand, commute),
    [OP_SUB]     = RULES(sub_zero, sub_negated, sink_expand),
    [OP_NEG]     = RULES(neg_of, sink_expand),
    [OP_MUL]     = RULES(mul_one, mul_zero, mul_negated, mul_constants, sink_expand, commute),
    [OP_DIV]     = RULES(div_constant, div_negated, sink_expand, div_expanded),
    [OP_POW]     = RULES(pow_constant, sink_expand),
    [OP_MIN]     = RULES(extreme_same, extreme_infinite, sink_expand, commute),
    [OP_MAX]     = RULES(extreme_same, extreme_infinite, sink_expand, commute),
    [OP_LT]      = RULES(compare_same, compare_casts, compare_bool, sink_expand),
    [OP_LE]      = RULES(compare_same, compare_casts, compare_bool, sink_expand),
    [OP_EQ]      = RULES(compare_same, compare_casts, compare_bool, sink_expand, commute),
    [OP_NE]      = RULES(compare_same, compare_casts, compare_bool, sink_expand, commute),
    [OP_AND]     = RULES(logic_known, sink_expand, commute),
    [OP_OR]      = RULES(logic_known, sink_expand, commute),
    [OP_NOT]     = RULES(not_of, sink_expand),
    [OP_SELECT]  = RULES(select_known, select_not, select_bool, sink_expand),
    [OP_CAST]    = RULES(cast_to_own, cast_of_cast, sink_expand),
    [OP_RESHAPE] = RULES(constant_moves, reshape_to_own, reshape_twice, reshape_of_expand, reshape_inserts),
    [OP_PERMUTE] = RULES(constant_moves, permute_twice, permute_of_expand),
    [OP_EXPAND]  = RULES(expand_twice),
    [OP_SLICE]   = RULES(constant_moves, slice_twice, slice_of_pad, slice_of_concat, slice_of_expand),
    [OP_PAD]     = RULES(pad_of_zero, pad_twice),
    [OP_SLIDE]   = RULES(slide_of_sum, slide_of_masked, slide_of_slide, slide_of_reshape),
    [OP_CONCAT]  = RULES(concat_of_concat),
    [OP_SUM] = RULES(sum_of_zero, reduce_size_one, sum_of_expand, reduce_of_permute, reduce_of_reshape, sum_of_slid_dot,
                     sum_of_combination),
    [OP_REDUCE_MAX] = RULES(reduce_size_one, max_of_expand, reduce_of_permute, reduce_of_reshape),
    [OP_DOT]        = RULES(dot_of_permute, dot_of_expand, dot_size_one, dot_is_product),
};

static RewriteRule *const elementwise[] = {sink_expand, NULL};

RewriteRule *const *rules_of(Op op) {
    if (rules[op]) return rules[op];
    return op_info[op].class == ELEMENTWISE ? elementwise : NULL;
}

static RewriteRule *const *const single_use_rules[OP_COUNT] = {
    [OP_NEG] = RULES(neg_of_quotient),     [OP_MUL] = RULES(mul_of_quotient),
    [OP_PERMUTE] = RULES(permute_of_dot),  [OP_SUM] = RULES(reduce_twice, sum_of_neg, sum_of_product),
    [OP_REDUCE_MAX] = RULES(reduce_twice),
};

RewriteRule *const *single_use_rules_of(Op op) {
    return single_use_rules[op];
}
