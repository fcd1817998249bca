/* Operators. `+ - * / **` and comparisons need equal shapes or a scalar on one side; the dotted forms are one-sided:
 * trailing dims align (an axis of size 1 repeats) and the result has the shape of one operand. Numbers known when compiling
 * fold in f64, dims as polynomials; run-time scalars stay rank-0 nodes of f64 or i64 until they meet a tensor. */
#include "sema/operators.h"

#include <string.h>

static const OperatorRow rows[BINARY_OP_COUNT] = {
    [BIN_OR]      = {"or", BIN_OR, false, PLAIN, OP_OR, false},
    [BIN_AND]     = {"and", BIN_AND, false, PLAIN, OP_AND, false},
    [BIN_EQ]      = {"==", BIN_EQ, false, COMPARISON, OP_EQ, false},
    [BIN_NE]      = {"!=", BIN_NE, false, COMPARISON, OP_NE, false},
    [BIN_LT]      = {"<", BIN_LT, false, COMPARISON, OP_LT, false},
    [BIN_LE]      = {"<=", BIN_LE, false, COMPARISON, OP_LE, false},
    [BIN_GT]      = {">", BIN_GT, false, COMPARISON, OP_LT, true},
    [BIN_GE]      = {">=", BIN_GE, false, COMPARISON, OP_LE, true},
    [BIN_DOT_EQ]  = {".==", BIN_EQ, true, COMPARISON, OP_EQ, false},
    [BIN_DOT_NE]  = {".!=", BIN_NE, true, COMPARISON, OP_NE, false},
    [BIN_DOT_LT]  = {".<", BIN_LT, true, COMPARISON, OP_LT, false},
    [BIN_DOT_LE]  = {".<=", BIN_LE, true, COMPARISON, OP_LE, false},
    [BIN_DOT_GT]  = {".>", BIN_GT, true, COMPARISON, OP_LT, true},
    [BIN_DOT_GE]  = {".>=", BIN_GE, true, COMPARISON, OP_LE, true},
    [BIN_ADD]     = {"+", BIN_ADD, false, PLAIN, OP_ADD, false},
    [BIN_SUB]     = {"-", BIN_SUB, false, PLAIN, OP_SUB, false},
    [BIN_DOT_ADD] = {".+", BIN_ADD, true, PLAIN, OP_ADD, false},
    [BIN_DOT_SUB] = {".-", BIN_SUB, true, PLAIN, OP_SUB, false},
    [BIN_MUL]     = {"*", BIN_MUL, false, PLAIN, OP_MUL, false},
    [BIN_DIV]     = {"/", BIN_DIV, false, PLAIN, OP_DIV, false},
    [BIN_IDIV]    = {"//", BIN_IDIV, false, PLAIN, OP_IDIV, false},
    [BIN_MOD]     = {"%", BIN_MOD, false, PLAIN, OP_MOD, false},
    [BIN_DOT_MUL] = {".*", BIN_MUL, true, PLAIN, OP_MUL, false},
    [BIN_DOT_DIV] = {"./", BIN_DIV, true, PLAIN, OP_DIV, false},
    [BIN_MATMUL]  = {"@", BIN_MATMUL, false, PLAIN, OP_DOT, false},
    [BIN_POW]     = {"**", BIN_POW, false, PLAIN, OP_POW, false},
    [BIN_DOT_POW] = {".**", BIN_POW, true, PLAIN, OP_POW, false},
};

/* ---- nodes -------------------------------------------------------------------------------------------------------------------- */

static Node *integer_power(Elab *e, Node *x, int exponent) {
    Node *result = x;
    for (int i = 1; i < exponent; i++) result = node_binary(e->graph, OP_MUL, result, x);
    return result;
}

/* x to a constant: products and roots are exact where POW is not, and cheaper. */
static Node *constant_power(Elab *e, Node *x, double exponent) {
    Type type = x->type;
    if (exponent == 1) return x;
    if (exponent == 2 || exponent == 3 || exponent == 4) return integer_power(e, x, (int)exponent);
    if (exponent == 0) return node_fill(e->graph, &type, 1.0);
    if (exponent == 0.5) return node_unary(e->graph, OP_SQRT, x);
    if (exponent == -0.5) return node_unary(e->graph, OP_RSQRT, x);
    if (exponent == -1) return node_binary(e->graph, OP_DIV, node_fill(e->graph, &type, 1.0), x);
    return node_binary(e->graph, OP_POW, x, node_fill(e->graph, &type, exponent));
}

static Node *build(Elab *e, const OperatorRow *row, Node *a, Node *b) {
    if (row->plain == BIN_IDIV && elem_is_float(a->type.elem))
        return node_unary(e->graph, OP_FLOOR, node_binary(e->graph, OP_DIV, a, b));
    return row->swap ? node_binary(e->graph, row->op, b, a) : node_binary(e->graph, row->op, a, b);
}

/* Two numbers, at least one of which is known only at run time; no tensor. */
static Value scalar_operator(Elab *e, const Operands *o) {
    Node *a = scalar_node(e, o->a), *b = scalar_node(e, o->b);
    if (a->type.elem == ELEM_BOOL || b->type.elem == ELEM_BOOL) {
        sema_error(e, o->at, E0401, "'%s' needs numbers, not truth values", o->row->text);
        return value_poison();
    }
    double exponent;
    bool   integers = elem_is_integer(a->type.elem) && elem_is_integer(b->type.elem);
    if (!integers || o->row->plain == BIN_DIV || o->row->plain == BIN_POW) {
        a = node_cast(e->graph, ELEM_F64, a);
        if (o->row->plain == BIN_POW && const_real(o->b, &exponent))
            return value_scalar(constant_power(e, a, exponent));
        b = node_cast(e->graph, ELEM_F64, b);
    }
    return value_scalar(build(e, o->row, a, b));
}

/* Can `small` repeat to `big`'s shape: trailing dims equal or 1? */
static bool aligns(const Type *small, const Type *big) {
    int skip = big->rank - small->rank;
    for (int i = 0; i < small->rank; i++) {
        int64_t size;
        bool    one = dim_is_const(small->dims[i], &size) && size == 1;
        if (small->dims[i] != big->dims[skip + i] && !one) return false;
    }
    return skip >= 0;
}

static bool shape_error(Elab *e, const Operands *o, const Node *a, const Node *b) {
    const char *sa = shape_print(e->arena, &a->type), *sb = shape_print(e->arena, &b->type);
    Diag       *diag = sema_error(e, o->at, E0301, "shapes differ in '%s': %s and %s", o->row->text, sa, sb);
    if (a->type.rank == b->type.rank) {
        for (int i = 0; i < a->type.rank; i++) {
            if (a->type.dims[i] == b->type.dims[i]) continue;
            diag_label(diag, o->left, "axis %d is %s", i, dim_print(e->arena, a->type.dims[i]));
            diag_label(diag, o->right, "axis %d is %s", i, dim_print(e->arena, b->type.dims[i]));
            suggest_assert(e, diag, a->type.dims[i], b->type.dims[i]);
            break;
        }
    } else {
        diag_label(diag, o->left, "rank %d", a->type.rank);
        diag_label(diag, o->right, "rank %d", b->type.rank);
    }
    bool can_repeat = aligns(&b->type, &a->type) || aligns(&a->type, &b->type);
    if (!o->row->dotted && can_repeat && o->row->plain >= BIN_EQ)
        diag_help(diag, "to repeat the smaller operand along the other's axes write '.%s'", o->row->text);
    return false;
}

static Node *repeat_to(Elab *e, Node *x, const Type *big) {
    int        skip = big->rank - x->type.rank, n_new = 0, n_kept = 0;
    int        new_axes[MAX_RANK];
    const Dim *kept[MAX_RANK];
    for (int i = 0; i < big->rank; i++) {
        if (i >= skip && x->type.dims[i - skip] == big->dims[i])
            kept[n_kept++] = big->dims[i];
        else
            new_axes[n_new++] = i;
    }
    Type type = *big;
    type.elem = x->type.elem;
    return node_expand(e->graph, node_reshape(e->graph, x, n_kept, kept), &type, n_new, new_axes);
}

/* Gives both nodes one shape. */
static bool match_shapes(Elab *e, const Operands *o, Node **a, Node **b) {
    Type ta = (*a)->type, tb = (*b)->type;
    if (type_same_shape(&ta, &tb)) return true;
    if (ta.rank == 0)
        *a = expand_to(e, *a, &tb);
    else if (tb.rank == 0)
        *b = expand_to(e, *b, &ta);
    else if (o->row->dotted && aligns(&tb, &ta))
        *b = repeat_to(e, *b, &ta);
    else if (o->row->dotted && aligns(&ta, &tb))
        *a = repeat_to(e, *a, &tb);
    else
        return shape_error(e, o, *a, *b);
    return true;
}

static Value elem_error(Elab *e, const Operands *o) {
    Diag *diag = sema_error(e, o->at, E0401, "'%s' does not mix %s and %s", o->row->text,
                            value_describe(e->arena, o->a), value_describe(e->arena, o->b));
    diag_help(diag, "convert one side, as in cast(x, real)");
    return value_poison();
}

static Value bool_arithmetic_error(Elab *e, const Operands *o) {
    Diag *diag = sema_error(e, o->at, E0401, "'%s' needs numbers, not truth values (bool)", o->row->text);
    diag_help(diag, "cast(x, real) gives 0 and 1; count(x) counts; and, or, not combine");
    return value_poison();
}

static bool is_bool_tensor(Value value) {
    return (value.kind == VALUE_TENSOR || value.kind == VALUE_SCALAR) && value.node->type.elem == ELEM_BOOL;
}

static bool operand_is_number(Elab *e, const Operands *o, Value value, Span at) {
    if (value_is_numeric(value)) return true;
    Diag *diag = sema_error(e, at, E0502, "'%s' needs numbers, not %s", o->row->text, value_describe(e->arena, value));
    diag_label(diag, o->at, "the operator");
    if (value.kind == VALUE_LAYER) diag_help(diag, "call it first: '|> layer(...)' or layer(...)(x)");
    return false;
}

static bool is_sum(const Operands *o) {
    return o->row->plain == BIN_ADD || o->row->plain == BIN_SUB;
}

/* Adds the terms of `value` to a list; false when there is no room. */
static bool append_terms(LossTerms *list, const Value *value) {
    LossTerms        one  = {1, {value->node}, {value->weight}};
    const LossTerms *more = value->terms ? value->terms : &one;
    if (list->len + more->len > (int)(sizeof list->values / sizeof *list->values)) return false;
    for (int i = 0; i < more->len; i++) {
        list->values[list->len]    = more->values[i];
        list->weights[list->len++] = more->weights[i];
    }
    return true;
}

/* a + b and a - b of terms that weigh differently. */
static const LossTerms *added_terms(Elab *e, const Operands *o, ElemType elem) {
    LossTerms *list = ARENA_NEW(e->arena, LossTerms);
    if (!append_terms(list, &o->a)) return NULL;
    int first = list->len;
    if (!append_terms(list, &o->b)) return NULL;
    for (int i = 0; i < list->len; i++) {
        list->values[i] = node_cast(e->graph, elem, list->values[i]);
        if (i >= first && o->row->plain == BIN_SUB) list->values[i] = node_unary(e->graph, OP_NEG, list->values[i]);
    }
    return list;
}

/* A sum of terms times or divided by the scalar `other`: each term is. A number added to it goes to the first. */
static const LossTerms *scaled_terms(Elab *e, const Operands *o, const LossTerms *terms, Node *other, bool on_left) {
    LossTerms *list = ARENA_NEW(e->arena, LossTerms);
    bool       sum  = is_sum(o);
    if (!on_left && (o->row->plain == BIN_DIV || o->row->plain == BIN_SUB)) return NULL;
    *list = *terms;
    for (int i = 0; i < (sum ? 1 : list->len); i++) {
        Node *term      = node_cast(e->graph, other->type.elem, list->values[i]);
        list->values[i] = on_left ? build(e, o->row, term, other) : build(e, o->row, other, term);
    }
    return list;
}

/* Terms that are added keep their weights; scaling keeps them. `a` and `b` are the operands in one element type. */
static void combine_weights(Elab *e, const Operands *o, Node *a, Node *b, Value *result) {
    bool tensors = o->a.kind == VALUE_TENSOR && o->b.kind == VALUE_TENSOR;
    bool linear  = is_sum(o) || o->row->plain == BIN_MUL || o->row->plain == BIN_DIV;
    if (is_sum(o) && tensors) {
        if (o->a.weight == o->b.weight && !o->a.terms && !o->b.terms)
            result->weight = o->a.weight;
        else
            result->terms = added_terms(e, o, a->type.elem);
    } else if (o->a.terms || o->b.terms) {
        if (linear && !(o->a.terms && o->b.terms))
            result->terms =
                scaled_terms(e, o, o->a.terms ? o->a.terms : o->b.terms, o->a.terms ? b : a, o->a.terms != NULL);
    } else {
        result->weight = o->a.weight ? o->a.weight : o->b.weight;
    }
}

static Value tensor_operator(Elab *e, const Operands *o) {
    ElemType elem;
    bool     equality = o->row->plain == BIN_EQ || o->row->plain == BIN_NE;
    if ((is_bool_tensor(o->a) || is_bool_tensor(o->b)) && !equality) return bool_arithmetic_error(e, o);
    if (!promote_computed(e, o->a, o->b, &elem)) return elem_error(e, o);
    if ((o->row->plain == BIN_DIV || o->row->plain == BIN_POW) && elem_is_integer(elem)) {
        int64_t exponent;
        bool    product = o->row->plain == BIN_POW && const_int(o->b, &exponent) && exponent >= 0 && exponent <= 4;
        if (o->row->plain == BIN_POW && !product) return elem_error(e, o);
        if (!product) elem = e->real;
    }
    Node *a = o->a.kind == VALUE_TENSOR ? node_cast(e->graph, elem, o->a.node)
                                        : convert(e, o->a, elem, o->left, "the left operand");
    if (!a) return value_poison();
    double exponent;
    if (o->row->plain == BIN_POW && const_real(o->b, &exponent)) return value_tensor(constant_power(e, a, exponent));
    Node *b = o->b.kind == VALUE_TENSOR ? node_cast(e->graph, elem, o->b.node)
                                        : convert(e, o->b, elem, o->right, "the right operand");
    if (!b || !match_shapes(e, o, &a, &b)) return value_poison();
    Value result = value_tensor(build(e, o->row, a, b));
    if (!result.node->type.rank && o->row->shape == PLAIN) combine_weights(e, o, a, b, &result);
    return result;
}

/* ---- matmul: (..., m, k) @ (..., k, n), leading axes equal; vectors on either side ------------------------------------------------ */

static Value matmul(Elab *e, const Operands *o) {
    if (o->a.kind != VALUE_TENSOR || o->b.kind != VALUE_TENSOR) {
        sema_error(e, o->at, E0502, "'@' multiplies tensors, not %s and %s", value_describe(e->arena, o->a),
                   value_describe(e->arena, o->b));
        return value_poison();
    }
    ElemType elem;
    if (!promote_computed(e, o->a, o->b, &elem) || !elem_is_float(elem)) return elem_error(e, o);
    Node       *a = node_cast(e->graph, elem, o->a.node), *b = node_cast(e->graph, elem, o->b.node);
    const Type *ta = &a->type, *tb = &b->type;
    int         n_batch = tb->rank > 2 ? tb->rank - 2 : 0;
    bool        fits    = ta->rank >= 1 && tb->rank >= 1 && (n_batch == 0 || ta->rank == tb->rank);
    int         ka = ta->rank - 1, kb = tb->rank >= 2 ? tb->rank - 2 : 0;
    for (int i = 0; fits && i < n_batch; i++) fits = ta->dims[i] == tb->dims[i];
    if (!fits || ta->dims[ka] != tb->dims[kb]) {
        Diag *diag = sema_error(e, o->at, E0301, "shapes do not fit '@': %s and %s", shape_print(e->arena, ta),
                                shape_print(e->arena, tb));
        if (fits) {
            diag_label(diag, o->left, "the last axis is %s", dim_print(e->arena, ta->dims[ka]));
            diag_label(diag, o->right, "axis %d is %s", kb, dim_print(e->arena, tb->dims[kb]));
        }
        diag_help(diag, "'@' contracts the left's last axis with the right's last but one; einsum names the axes");
        return value_poison();
    }
    DotAxes axes;
    memset(&axes, 0, sizeof axes);
    axes.n_batch = (int8_t)n_batch;
    for (int i = 0; i < n_batch; i++) axes.left_batch[i] = axes.right_batch[i] = (int8_t)i;
    axes.n_contract       = 1;
    axes.left_contract[0] = (int8_t)ka, axes.right_contract[0] = (int8_t)kb;
    Node *result = node_dot(e->graph, a, b, &axes);
    return check_size(e, &result->type, o->at) ? value_tensor(result) : value_poison();
}

/* ---- truth values ------------------------------------------------------------------------------------------------------------------ */

static Value logical(Elab *e, const Operands *o) {
    if (o->a.kind == VALUE_BOOL && o->b.kind == VALUE_BOOL)
        return value_bool(o->row->plain == BIN_AND ? o->a.boolean && o->b.boolean : o->a.boolean || o->b.boolean);
    for (int side = 0; side < 2; side++) {
        Value value = side ? o->b : o->a;
        if (value.kind == VALUE_BOOL || is_bool_tensor(value)) continue;
        Diag *diag = sema_error(e, side ? o->right : o->left, E0502, "'%s' needs truth values, not %s", o->row->text,
                                value_describe(e->arena, value));
        if (value_is_numeric(value)) diag_help(diag, "compare it with something");
        return value_poison();
    }
    if (o->a.kind == VALUE_BOOL || o->b.kind == VALUE_BOOL) {
        bool  known = o->a.kind == VALUE_BOOL ? o->a.boolean : o->b.boolean;
        Value other = o->a.kind == VALUE_BOOL ? o->b : o->a;
        if (known == (o->row->plain == BIN_AND)) return other;
        if (other.kind == VALUE_SCALAR) return value_bool(known);
        return value_tensor(node_fill(e->graph, &other.node->type, known));
    }
    Node *a = o->a.node, *b = o->b.node;
    if (!match_shapes(e, o, &a, &b)) return value_poison();
    Node *node = node_binary(e->graph, o->row->op, a, b);
    return o->a.kind == VALUE_SCALAR && o->b.kind == VALUE_SCALAR ? value_scalar(node) : value_tensor(node);
}

bool same_value(Value a, Value b) {
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case VALUE_NONE: return true;
    case VALUE_BOOL: return a.boolean == b.boolean;
    case VALUE_STRING: return a.string == b.string;
    case VALUE_ELEM: return a.elem == b.elem;
    case VALUE_DIM: return a.dim == b.dim;
    case VALUE_REAL: return a.real == b.real;
    case VALUE_BUILTIN: return a.builtin == b.builtin;
    case VALUE_FN: return a.fn == b.fn || (a.fn->decl && a.fn->decl == b.fn->decl && !a.fn->bound && !b.fn->bound);
    case VALUE_LAYER: return a.layer == b.layer;
    case VALUE_LIST:
    case VALUE_TUPLE:
        if (a.list->len != b.list->len) return false;
        for (int i = 0; i < a.list->len; i++)
            if (!same_value(a.list->items[i], b.list->items[i])) return false;
        return true;
    default: return false;
    }
}

/* == and != of names, strings, lists and truth values. */
static bool compares_identity(const Operands *o) {
    if (o->row->plain != BIN_EQ && o->row->plain != BIN_NE) return false;
    return !value_is_numeric(o->a) || !value_is_numeric(o->b);
}

Value list_beside_tensor(Elab *e, Value value, Value other, Span span) {
    if (value.kind != VALUE_LIST || other.kind != VALUE_TENSOR || !list_is_numeric(value.list)) return value;
    ElemType elem    = computed_elem(e, other.node->type.elem);
    Node    *literal = tensor_literal(e, value, elem, span);
    return literal ? value_tensor(literal) : value_poison();
}

Value op_binary(Elab *e, BinaryOp op, Value a, Value b, Span at, Span left, Span right) {
    sema_place(e, at);
    a          = list_beside_tensor(e, a, b, left);
    b          = list_beside_tensor(e, b, a, right);
    Operands o = {&rows[op], a, b, at, left, right};
    if (a.kind == VALUE_POISON || b.kind == VALUE_POISON) return value_poison();
    sema_place(e, at);
    if (op == BIN_AND || op == BIN_OR) return logical(e, &o);
    if (compares_identity(&o)) return value_bool(same_value(a, b) == (o.row->plain == BIN_EQ));
    if (!operand_is_number(e, &o, a, left) || !operand_is_number(e, &o, b, right)) return value_poison();
    if (op == BIN_MATMUL) return matmul(e, &o);
    if (a.kind == VALUE_TENSOR || b.kind == VALUE_TENSOR) return tensor_operator(e, &o);
    double x, y;
    bool   dims = a.kind == VALUE_DIM && b.kind == VALUE_DIM;
    if (dims && o.row->shape == COMPARISON) return operator_compares_dims(e, &o);
    if (dims && o.row->plain != BIN_DIV) return operator_on_dims(e, &o);
    if (const_real(a, &x) && const_real(b, &y)) return operator_on_numbers(e, &o, x, y);
    return scalar_operator(e, &o);
}

Value op_unary(Elab *e, UnaryOp op, Value a, Span at) {
    if (a.kind == VALUE_POISON) return a;
    sema_place(e, at);
    if (op == UNARY_NOT) {
        if (a.kind == VALUE_BOOL) return value_bool(!a.boolean);
        if (is_bool_tensor(a)) {
            Node *node = node_unary(e->graph, OP_NOT, a.node);
            return a.kind == VALUE_SCALAR ? value_scalar(node) : value_tensor(node);
        }
        sema_error(e, at, E0502, "'not' needs a truth value, not %s", value_describe(e->arena, a));
        return value_poison();
    }
    if (!value_is_numeric(a) || is_bool_tensor(a)) {
        sema_error(e, at, E0502, "'-' needs a number, not %s", value_describe(e->arena, a));
        return value_poison();
    }
    if (a.kind == VALUE_REAL) return value_real(-a.real);
    if (a.kind == VALUE_DIM) {
        const Dim *negative = dim_sub(e->dims, dim_const(e->dims, 0), a.dim);
        return negative ? value_dim(negative) : operator_overflow(e, at);
    }
    Value result = a;
    result.node  = node_unary(e->graph, OP_NEG, computed(e, a.node));
    return result;
}
