/* Elementwise builtins, on tensors and on scalars; numbers known when compiling fold in f64. */
#include "sema/builtin.h"

#include <math.h>

static double fold_unary(Op op, double x) {
    switch (op) {
    case OP_EXP: return exp(x);
    case OP_EXPM1: return expm1(x);
    case OP_LOG: return log(x);
    case OP_LOG1P: return log1p(x);
    case OP_SIN: return sin(x);
    case OP_COS: return cos(x);
    case OP_TANH: return tanh(x);
    case OP_SQRT: return sqrt(x);
    case OP_RSQRT: return 1.0 / sqrt(x);
    case OP_ABS: return fabs(x);
    case OP_SIGN: return (x > 0) - (x < 0);
    case OP_FLOOR: return floor(x);
    case OP_CEIL: return ceil(x);
    case OP_ROUND: return nearbyint(x);
    case OP_ERF: return erf(x);
    case OP_ERFC: return erfc(x);
    default: BUG("no folding for '%s'", op_info[op].name);
    }
}

static bool keeps_integers(Op op) {
    return op == OP_ABS || op == OP_SIGN || op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND;
}

Value builtin_unary(Elab *e, BuiltinCall *call) {
    Op     op    = call->builtin->op;
    Value  value = call->args[0];
    double number;
    if (value.kind == VALUE_LIST && list_is_numeric(value.list)) {
        Node *literal = tensor_literal(e, value, e->real, call->spans[0]);
        if (!literal) return value_poison();
        value = value_tensor(literal);
    }
    if (!value_is_numeric(value)) return arg_error(e, call, 0, "a number or a tensor");
    if (const_real(value, &number)) {
        double result = fold_unary(op, number);
        if (!isnan(result))
            return value.kind == VALUE_DIM && keeps_integers(op) ? value_dim(dim_const(e->dims, (int64_t)result))
                                                                 : value_real(result);
        sema_error(e, call->spans[0], E0504, "%s(%g) is not a number", call->builtin->name, number);
        return value_poison();
    }
    if (value.kind == VALUE_TENSOR) {
        ElemType elem = value.node->type.elem;
        if (!elem_is_float(elem) && !(op == OP_ABS && elem_is_integer(elem)) &&
            !(op == OP_SIGN && elem_is_integer(elem))) {
            diag_help(sema_error(e, call->spans[0], E0401, "'%s' needs real numbers, not %s", call->builtin->name,
                                 value_describe(e->arena, value)),
                      "convert it with cast(x, real)");
            return value_poison();
        }
        return value_tensor(node_unary(e->graph, op, computed(e, value.node)));
    }
    Node *node = scalar_node(e, value);
    if (node->type.elem == ELEM_BOOL) return arg_error(e, call, 0, "a number or a tensor");
    if (keeps_integers(op) && elem_is_integer(node->type.elem) && op != OP_ABS && op != OP_SIGN) return value;
    if (!keeps_integers(op)) node = node_cast(e->graph, ELEM_F64, node);
    return value_scalar(node_unary(e->graph, op, node));
}

Value builtin_cast(Elab *e, BuiltinCall *call) {
    Value  value = call->args[0];
    double number;
    if (call->args[1].kind != VALUE_ELEM) return arg_error(e, call, 1, "an element type such as real or i32");
    ElemType elem = call->args[1].elem;
    if (value.kind == VALUE_TENSOR) return value_tensor(node_cast(e->graph, elem, value.node));
    if (value.kind == VALUE_BOOL) return value_tensor(node_const(e->graph, elem, value.boolean));
    if (const_real(value, &number)) {
        if (elem_is_integer(elem)) number = trunc(number);
        return value_tensor(node_const(e->graph, elem, elem == ELEM_BOOL ? number != 0 : number));
    }
    if (!value_is_numeric(value)) return arg_error(e, call, 0, "a number or a tensor");
    return value_tensor(node_cast(e->graph, elem, scalar_node(e, value)));
}

static bool shape_mismatch(Elab *e, BuiltinCall *call, const Node *a, const Node *b) {
    sema_error(e, call->call->span, E0301, "shapes differ in '%s': %s and %s", call->builtin->name,
               shape_print(e->arena, &a->type), shape_print(e->arena, &b->type));
    return false;
}

/* Gives both one shape; rank 0 expands. */
static bool level(Elab *e, BuiltinCall *call, Node **a, Node **b) {
    Type ta = (*a)->type, tb = (*b)->type;
    if (!ta.rank)
        *a = expand_to(e, *a, &tb);
    else if (!tb.rank)
        *b = expand_to(e, *b, &ta);
    else if (!type_same_shape(&ta, &tb))
        return shape_mismatch(e, call, *a, *b);
    return true;
}

Value builtin_select(Elab *e, BuiltinCall *call) {
    Value condition = call->args[0], a = call->args[1], b = call->args[2];
    bool  tensors = a.kind == VALUE_TENSOR || b.kind == VALUE_TENSOR;
    if (condition.kind == VALUE_BOOL) return condition.boolean ? a : b;
    bool truth =
        (condition.kind == VALUE_TENSOR || condition.kind == VALUE_SCALAR) && condition.node->type.elem == ELEM_BOOL;
    if (!truth) return arg_error(e, call, 0, "a truth value (bool)");
    for (int i = 1; i < 3; i++)
        if (!value_is_numeric(call->args[i])) return arg_error(e, call, i, "a number or a tensor");
    ElemType elem = condition.kind == VALUE_TENSOR ? e->real : ELEM_F64;
    if (tensors && !promote_computed(e, a, b, &elem)) {
        sema_error(e, call->call->span, E0401, "'select' does not mix %s and %s", value_describe(e->arena, a),
                   value_describe(e->arena, b));
        return value_poison();
    }
    Node *x = convert(e, a, elem, call->spans[1], "the second argument"),
         *y = convert(e, b, elem, call->spans[2], "the third argument");
    if (!x || !y || !level(e, call, &x, &y)) return value_poison();
    Node *c = condition.node;
    if (!level(e, call, &c, &x)) return value_poison();
    y            = expand_to(e, y, &c->type);
    Node *result = node_select(e->graph, c, x, y);
    return tensors || condition.kind == VALUE_TENSOR ? value_tensor(result) : value_scalar(result);
}

Value builtin_stop_grad(Elab *e, BuiltinCall *call) {
    if (!is_float_tensor(call->args[0]))
        return value_is_numeric(call->args[0]) ? call->args[0] : arg_error(e, call, 0, "a tensor");
    return value_tensor(node_unary(e->graph, OP_STOP_GRAD, call->args[0].node));
}

Value builtin_count(Elab *e, BuiltinCall *call) {
    Value value = call->args[0];
    if (value.kind != VALUE_TENSOR || value.node->type.elem != ELEM_BOOL)
        return arg_error(e, call, 0, "a tensor of truth values (bool)");
    int axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) axes[i] = i;
    Node *ones = node_cast(e->graph, ELEM_I64, value.node);
    return value_tensor(node_reduce(e->graph, OP_SUM, ones, ones->type.rank, axes));
}

Value builtin_epoch(Elab *e, BuiltinCall *call) {
    Value n    = call->args[0];
    Type  type = {.elem = ELEM_I64};
    if (!value_is_numeric(n) || n.kind == VALUE_TENSOR) return arg_error(e, call, 0, "a number of epochs");
    Value steps = value_scalar(node_ref(e->graph, OP_RUNTIME, RUNTIME_EPOCH_STEPS, &type));
    return op_binary(e, BIN_MUL, n, steps, call->call->span, call->spans[0], call->call->span);
}
