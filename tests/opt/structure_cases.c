/* For each rule of rewriting a small graph, and the ops that are to remain of it. */
#include <math.h>

#include "opt/structure.h"

#define AXES(...)                                                                                                      \
    (const int[]) {                                                                                                    \
        __VA_ARGS__                                                                                                    \
    }

/* ---- short spellings ---------------------------------------------------------------------------------------------------- */

static Node *slot(Build *b, Type type) {
    return scratch_slot(b->s, &type);
}
static Node *x(Build *b) {
    return slot(b, b->mat);
}
static Node *one(Build *b, Op op, Node *a) {
    return node_unary(b->g, op, a);
}
static Node *two(Build *b, Op op, Node *a, Node *c) {
    return node_binary(b->g, op, a, c);
}
static Node *fill(Build *b, const Node *like, double value) {
    return node_fill(b->g, &like->type, value);
}
static Node *with(Build *b, Op op, double value) {
    Node *a = x(b);
    return two(b, op, a, fill(b, a, value));
}
static Node *sum(Build *b, Node *a, int count, const int *axes) {
    return node_reduce(b->g, OP_SUM, a, count, axes);
}
static Node *transpose(Build *b, Node *a) {
    return node_permute(b->g, a, AXES(1, 0));
}
/* [m] to [n, m] */
static Node *rows(Build *b, Node *row) {
    return node_expand(b->g, row, &b->mat, 1, AXES(0));
}
static Node *matmul(Build *b, Node *a, Node *c) {
    DotAxes axes = {0, 1, {0}, {0}, {1}, {0}};
    return node_dot(b->g, a, c, &axes);
}
static Node *cast(Build *b, ElemType elem, Node *a) {
    return node_cast(b->g, elem, a);
}
static Node *positive(Build *b, Node *a) {
    return two(b, OP_LT, fill(b, a, 0), a);
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------------------- */

#define CASE(name) static Node *case_##name(Build *b)

CASE(add_zero) {
    return with(b, OP_ADD, 0);
}
CASE(add_negated) {
    return two(b, OP_ADD, one(b, OP_NEG, x(b)), x(b));
}
CASE(sub_from_zero) {
    Node *a = x(b);
    return two(b, OP_SUB, fill(b, a, 0), a);
}
CASE(sub_negated) {
    return two(b, OP_SUB, x(b), one(b, OP_NEG, x(b)));
}
CASE(negated_sub) {
    return two(b, OP_SUB, one(b, OP_NEG, x(b)), one(b, OP_NEG, x(b)));
}
CASE(neg_neg) {
    return one(b, OP_NEG, one(b, OP_NEG, x(b)));
}
CASE(neg_sub) {
    return one(b, OP_NEG, two(b, OP_SUB, x(b), x(b)));
}
CASE(neg_mul) {
    return one(b, OP_NEG, with(b, OP_MUL, 3));
}
CASE(mul_one) {
    return with(b, OP_MUL, 1);
}
CASE(mul_minus_one) {
    return with(b, OP_MUL, -1);
}
CASE(mul_zero) {
    return with(b, OP_MUL, 0);
}
CASE(mul_negs) {
    return two(b, OP_MUL, one(b, OP_NEG, x(b)), one(b, OP_NEG, x(b)));
}
CASE(mul_constants) {
    Node *a = with(b, OP_MUL, 3);
    return two(b, OP_MUL, fill(b, a, 7), a);
}
CASE(mul_quotient) {
    Node *a = x(b);
    return two(b, OP_MUL, two(b, OP_DIV, fill(b, a, 3), a), fill(b, a, 7));
}
CASE(div_four) {
    return with(b, OP_DIV, 4);
}
CASE(div_three) {
    return with(b, OP_DIV, 3);
}
CASE(div_three_scalar) {
    Node *a = slot(b, b->cell);
    return two(b, OP_DIV, a, fill(b, a, 3));
}
CASE(div_expanded) {
    Node *a = x(b);
    return two(b, OP_DIV, a, rows(b, slot(b, b->row)));
}
CASE(pow_half) {
    return with(b, OP_POW, 0.5);
}
CASE(pow_minus_half) {
    return with(b, OP_POW, -0.5);
}
CASE(pow_two) {
    return with(b, OP_POW, 2);
}
CASE(pow_three) {
    return with(b, OP_POW, 3);
}
CASE(pow_other) {
    return with(b, OP_POW, 1.7);
}
CASE(commuted) {
    Node *a = x(b), *c = x(b);
    return two(b, OP_MUL, two(b, OP_ADD, a, c), two(b, OP_ADD, c, a));
}
CASE(pads_are_concat) {
    Node      *a = x(b), *c = slot(b, b->wide);
    const Dim *size = dim_add(b->s->dims, b->m, b->four), *zero = dim_const(b->s->dims, 0);
    Type       whole = scratch_type(ELEM_F64, 2, DIMS(b->n, size));
    Node      *pad_c = node_pad(b->g, c, DIMS(zero, b->m), &whole);
    return two(b, OP_ADD, pad_c, node_pad(b->g, a, DIMS(zero, zero), &whole));
}

/* ---- constants ----------------------------------------------------------------------------------------------------------------- */

CASE(fold) {
    Node *a = x(b), *c = fill(b, a, 2);
    return two(b, OP_ADD, a, one(b, OP_EXP, two(b, OP_MUL, c, c)));
}
CASE(fold_wraps_not) {
    Node *big = node_const(b->g, ELEM_I32, 2147483647);
    return two(b, OP_ADD, big, node_const(b->g, ELEM_I32, 1));
}

/* ---- choices --------------------------------------------------------------------------------------------------------------------- */

CASE(select_true) {
    Node *a = x(b);
    return node_select(b->g, two(b, OP_LT, fill(b, a, 0), fill(b, a, 1)), a, x(b));
}
CASE(select_not) {
    Node *a = x(b);
    return node_select(b->g, one(b, OP_NOT, positive(b, a)), fill(b, a, 0), a);
}
CASE(select_bool) {
    Node *c = positive(b, x(b));
    return node_select(b->g, c, fill(b, c, 1), fill(b, c, 0));
}
CASE(max_same) {
    Node *a = x(b);
    return two(b, OP_MAX, a, a);
}
CASE(max_infinite) {
    return with(b, OP_MAX, -INFINITY);
}
CASE(min_kept) {
    return with(b, OP_MIN, -INFINITY);
}
CASE(not_equal) {
    return one(b, OP_NOT, two(b, OP_EQ, x(b), x(b)));
}
CASE(not_less) {
    return one(b, OP_NOT, two(b, OP_LT, x(b), x(b)));
}
CASE(and_true) {
    Node *c = positive(b, x(b));
    return two(b, OP_AND, fill(b, c, 1), c);
}
CASE(or_true) {
    Node *c = positive(b, x(b));
    return two(b, OP_OR, c, fill(b, c, 1));
}
CASE(cast_there_and_back) {
    Type type = scratch_type(ELEM_F32, 1, DIMS(b->n));
    return cast(b, ELEM_F32, cast(b, ELEM_F64, slot(b, type)));
}
CASE(cast_back_and_there) {
    return cast(b, ELEM_F64, cast(b, ELEM_F32, x(b)));
}
CASE(cast_over_integer) {
    Type type = scratch_type(ELEM_U8, 1, DIMS(b->n));
    return cast(b, ELEM_F64, cast(b, ELEM_I64, slot(b, type)));
}
CASE(compare_casts) {
    Type type = scratch_type(ELEM_I32, 1, DIMS(b->n));
    return two(b, OP_EQ, cast(b, ELEM_F64, slot(b, type)), cast(b, ELEM_F64, slot(b, type)));
}
CASE(compare_bool) {
    Node *c = cast(b, ELEM_F64, positive(b, x(b)));
    return two(b, OP_LT, fill(b, c, 0), c);
}
CASE(compare_bool_not) {
    Node *c = cast(b, ELEM_F64, positive(b, x(b)));
    return two(b, OP_LE, c, fill(b, c, 0.5));
}
CASE(compare_same) {
    Type  type = scratch_type(ELEM_I32, 1, DIMS(b->n));
    Node *a    = slot(b, type);
    return two(b, OP_LE, a, a);
}
CASE(compare_same_float) {
    Node *a = x(b);
    return two(b, OP_EQ, a, a);
}

/* ---- expansions --------------------------------------------------------------------------------------------------------------------- */

CASE(expands_sink) {
    return one(b, OP_EXP, two(b, OP_ADD, rows(b, slot(b, b->row)), rows(b, slot(b, b->row))));
}
CASE(expands_sink_partly) {
    Node *scalar = node_expand_scalar(b->g, slot(b, b->cell), &b->mat);
    return two(b, OP_MUL, rows(b, slot(b, b->row)), scalar);
}
CASE(expands_differ) {
    Type  column = scratch_type(ELEM_F64, 1, DIMS(b->n));
    Node *other  = node_expand(b->g, slot(b, column), &b->mat, 1, AXES(1));
    return two(b, OP_MUL, rows(b, slot(b, b->row)), other);
}
CASE(expand_twice) {
    return rows(b, node_expand_scalar(b->g, slot(b, b->cell), &b->row));
}
CASE(permute_of_expand) {
    return transpose(b, rows(b, slot(b, b->row)));
}
CASE(slice_of_expand) {
    Type       part = scratch_type(ELEM_F64, 2, DIMS(b->one, b->m));
    const Dim *zero = dim_const(b->s->dims, 0);
    return node_slice(b->g, rows(b, slot(b, b->row)), DIMS(zero, zero), &part);
}
CASE(sum_of_expand) {
    return sum(b, rows(b, slot(b, b->row)), 1, AXES(0));
}
CASE(sum_beside_expand) {
    return sum(b, rows(b, slot(b, b->row)), 1, AXES(1));
}
CASE(dot_of_expand_contracted) {
    Type column = scratch_type(ELEM_F64, 1, DIMS(b->n));
    return matmul(b, node_expand(b->g, slot(b, column), &b->mat, 1, AXES(1)),
                  slot(b, scratch_type(ELEM_F64, 2, DIMS(b->m, b->four))));
}
CASE(dot_of_expand_free) {
    return matmul(b, rows(b, slot(b, b->row)), slot(b, scratch_type(ELEM_F64, 2, DIMS(b->m, b->four))));
}

/* ---- movement ------------------------------------------------------------------------------------------------------------------------ */

CASE(reshape_twice) {
    const Dim *all = dim_mul(b->s->dims, b->n, b->m);
    return node_reshape(b->g, node_reshape(b->g, x(b), 1, DIMS(all)), 2, DIMS(b->n, b->m));
}
CASE(reshape_inserts) {
    Node *a = node_reshape(b->g, x(b), 3, DIMS(b->n, b->one, b->m));
    return node_reshape(b->g, one(b, OP_EXP, a), 2, DIMS(b->n, b->m));
}
CASE(permute_twice) {
    return transpose(b, transpose(b, x(b)));
}
CASE(slice_of_concat) {
    Node *a = x(b), *c = slot(b, b->wide), *both = node_concat(b->g, 2, (Node *[]){a, c}, 1);
    return node_slice(b->g, both, DIMS(dim_const(b->s->dims, 0), b->m), &b->wide);
}
CASE(slice_of_pad) {
    Node *a    = x(b);
    Type  more = scratch_type(ELEM_F64, 2, DIMS(b->n, dim_add(b->s->dims, b->m, b->four)));
    Node *pad  = node_pad(b->g, a, DIMS(dim_const(b->s->dims, 0), b->one), &more);
    return node_slice(b->g, pad, DIMS(dim_const(b->s->dims, 0), b->one), &b->mat);
}
CASE(concat_of_concat) {
    Node *inner = node_concat(b->g, 2, (Node *[]){x(b), slot(b, b->wide)}, 1);
    return node_concat(b->g, 2, (Node *[]){inner, x(b)}, 1);
}

/* ---- reductions and contractions --------------------------------------------------------------------------------------------------------- */

CASE(sum_twice) {
    return sum(b, sum(b, x(b), 1, AXES(1)), 1, AXES(0));
}
CASE(sum_size_one) {
    return sum(b, slot(b, scratch_type(ELEM_F64, 2, DIMS(b->n, b->one))), 1, AXES(1));
}
CASE(sum_of_permute) {
    return sum(b, transpose(b, x(b)), 1, AXES(0));
}
CASE(sum_of_neg) {
    return sum(b, one(b, OP_NEG, x(b)), 1, AXES(0));
}
CASE(sum_of_scaled) {
    return sum(b, with(b, OP_MUL, 3), 1, AXES(0));
}
CASE(sum_of_row_scaled) {
    return sum(b, two(b, OP_MUL, x(b), rows(b, slot(b, b->row))), 1, AXES(0));
}
CASE(sum_of_column_scaled) {
    return sum(b, two(b, OP_MUL, x(b), rows(b, slot(b, b->row))), 1, AXES(1));
}
CASE(sum_of_shared) { /* the product is needed anyway */
    Node *a = with(b, OP_MUL, 3);
    return two(b, OP_ADD, a, rows(b, sum(b, a, 1, AXES(0))));
}
CASE(dot_of_permute) {
    return matmul(b, transpose(b, x(b)), slot(b, b->wide));
}
CASE(permute_of_dot) {
    return transpose(b, matmul(b, x(b), slot(b, scratch_type(ELEM_F64, 2, DIMS(b->m, b->four)))));
}
CASE(dot_size_one) {
    Node *column = slot(b, scratch_type(ELEM_F64, 2, DIMS(b->n, b->one)));
    return matmul(b, column, slot(b, scratch_type(ELEM_F64, 2, DIMS(b->one, b->m))));
}

/* ---- common factors ------------------------------------------------------------------------------------------------------ */

/* A product, newer than all of `read`. */
static Node *dot(Build *b) {
    DotAxes axes = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    Type    tall = scratch_type(ELEM_F64, 2, DIMS(b->four, b->m));
    return node_dot(b->g, slot(b, b->wide), slot(b, tall), &axes);
}
CASE(factor_newest) { /* g exp(h) + g h */
    Node *h = x(b), *g = dot(b);
    return two(b, OP_ADD, two(b, OP_MUL, g, one(b, OP_EXP, h)), two(b, OP_MUL, h, g));
}
CASE(factor_all_common) { /* g tanh(h) exp(h) + g h exp(h): of the two products with exp(h) one is left */
    Node *h = x(b), *g = dot(b), *e = one(b, OP_EXP, h);
    Node *left = two(b, OP_MUL, two(b, OP_MUL, g, one(b, OP_TANH, h)), e);
    return two(b, OP_ADD, left, two(b, OP_MUL, g, two(b, OP_MUL, h, e)));
}
CASE(factor_older) { /* h g + h k */
    Node *h = x(b);
    return two(b, OP_ADD, two(b, OP_MUL, h, dot(b)), two(b, OP_MUL, h, dot(b)));
}
CASE(factor_same_in_rows) { /* g c + g h, c a row: left to sums over rows */
    Node *h = x(b), *g = dot(b);
    return two(b, OP_ADD, two(b, OP_MUL, g, rows(b, slot(b, b->row))), two(b, OP_MUL, g, h));
}

const Case structure_cases[] = {
#define ROW(name, ops) {#name, ops, case_##name}
    ROW(add_zero, "read"),
    ROW(add_negated, "read read sub"),
    ROW(sub_from_zero, "neg read"),
    ROW(sub_negated, "add read read"),
    ROW(negated_sub, "read read sub"),
    ROW(neg_neg, "read"),
    ROW(neg_sub, "read read sub"),
    ROW(neg_mul, "const expand mul read"),
    ROW(mul_one, "read"),
    ROW(mul_minus_one, "neg read"),
    ROW(mul_zero, "const expand mul read"),
    ROW(mul_negs, "mul read read"),
    ROW(mul_constants, "const expand mul read"),
    ROW(mul_quotient, "const div expand read"),
    ROW(div_four, "const expand mul read"),
    ROW(div_three, "const expand mul read"),
    ROW(div_three_scalar, "const div read"),
    ROW(div_expanded, "const div expand expand mul read read"),
    ROW(pow_half, "read sqrt"),
    ROW(pow_minus_half, "read rsqrt"),
    ROW(pow_two, "mul read"),
    ROW(pow_three, "mul mul read"),
    ROW(pow_other, "const expand pow read"),
    ROW(commuted, "add mul read read"),
    ROW(factor_newest, "add dot_general exp mul read read read"),
    ROW(factor_all_common, "add dot_general exp mul mul read read read tanh"),
    ROW(factor_older, "add dot_general dot_general mul mul read read read read read"),
    ROW(factor_same_in_rows, "add dot_general expand mul mul read read read read"),
    ROW(pads_are_concat, "concat read read"),
    ROW(fold, "add const expand read"),
    ROW(fold_wraps_not, "add const const"),
    ROW(select_true, "read"),
    ROW(select_not, "const expand lt read select"),
    ROW(select_bool, "const expand lt read"),
    ROW(max_same, "read"),
    ROW(max_infinite, "read"),
    ROW(min_kept, "const expand min read"),
    ROW(not_equal, "ne read read"),
    ROW(not_less, "lt not read read"),
    ROW(and_true, "const expand lt read"),
    ROW(or_true, "const expand"),
    ROW(cast_there_and_back, "read"),
    ROW(cast_back_and_there, "cast cast read"),
    ROW(cast_over_integer, "cast read"),
    ROW(compare_casts, "eq read read"),
    ROW(compare_bool, "const expand lt read"),
    ROW(compare_bool_not, "const expand lt not read"),
    ROW(compare_same, "const expand"),
    ROW(compare_same_float, "eq read"),
    ROW(expands_sink, "add exp expand read read"),
    ROW(expands_sink_partly, "expand expand mul read read"),
    ROW(expands_differ, "expand expand mul read read"),
    ROW(expand_twice, "expand read"),
    ROW(permute_of_expand, "expand read"),
    ROW(slice_of_expand, "expand read"),
    ROW(sum_of_expand, "cast dim expand mul read"),
    ROW(sum_beside_expand, "expand read sum"),
    ROW(dot_of_expand_contracted, "expand expand mul read read sum"),
    ROW(dot_of_expand_free, "dot_general expand read read"),
    ROW(reshape_twice, "read"),
    ROW(reshape_inserts, "exp read"),
    ROW(permute_twice, "read"),
    ROW(slice_of_concat, "read"),
    ROW(slice_of_pad, "read"),
    ROW(concat_of_concat, "concat read read read"),
    ROW(sum_twice, "read sum"),
    ROW(sum_size_one, "read reshape"),
    ROW(sum_of_permute, "read sum"),
    ROW(sum_of_neg, "neg read sum"),
    ROW(sum_of_scaled, "const expand mul read sum"),
    ROW(sum_of_row_scaled, "mul read read sum"),
    ROW(sum_of_column_scaled, "expand mul read read sum"),
    ROW(sum_of_shared, "add const expand expand mul read sum"),
    ROW(dot_of_permute, "dot_general read read"),
    ROW(permute_of_dot, "dot_general read read"),
    ROW(dot_size_one, "expand expand mul read read reshape reshape"),
#undef ROW
};
const int structure_case_count = sizeof structure_cases / sizeof *structure_cases;
