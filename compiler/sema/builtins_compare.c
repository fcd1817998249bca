/* Builtins that tests live on, and that models may use too: tensors written out, all, any, approx, grad. */
#include "sema/builtin.h"

#include <math.h>

Value builtin_tensor(Elab *e, BuiltinCall *call) {
    Value    values = call->args[0], type = call->args[1];
    ElemType elem = ELEM_COUNT;
    if (type.kind == VALUE_ELEM)
        elem = type.elem;
    else if (type.kind != VALUE_NONE)
        return arg_error(e, call, 1, "an element type such as real or i32");
    if (values.kind != VALUE_LIST || !list_is_numeric(values.list))
        return arg_error(e, call, 0, "a list of numbers, or of such lists");
    bool  narrow = elem != ELEM_COUNT && elem_is_narrow(elem);
    Node *node   = tensor_literal(e, values, narrow ? e->real : elem, call->spans[0]);
    if (!node) return value_poison();
    return value_tensor(narrow ? node_cast(e->graph, elem, node) : node);
}

/* How many elements are `truth`, compared with 0. */
static Value none_is(Elab *e, BuiltinCall *call, bool truth) {
    Value value = call->args[0];
    if (value.kind == VALUE_BOOL) return value;
    bool fits = (value.kind == VALUE_TENSOR || value.kind == VALUE_SCALAR) && value.node->type.elem == ELEM_BOOL;
    if (!fits) return arg_error(e, call, 0, "a tensor of truth values (bool)");
    int axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) axes[i] = i;
    Node *counted = truth ? value.node : node_unary(e->graph, OP_NOT, value.node);
    Node *number  = node_cast(e->graph, ELEM_I64, counted);
    Node *sum     = node_reduce(e->graph, OP_SUM, number, number->type.rank, axes);
    Node *zero    = node_const(e->graph, ELEM_I64, 0);
    return value_tensor(truth ? node_binary(e->graph, OP_LT, zero, sum) : node_binary(e->graph, OP_EQ, sum, zero));
}

Value builtin_all(Elab *e, BuiltinCall *call) {
    return none_is(e, call, false);
}

Value builtin_any(Elab *e, BuiltinCall *call) {
    return none_is(e, call, true);
}

typedef struct Numbers { /* what the steps of approx share */
    Elab *e;
    Span  at;
} Numbers;

static Value apply_op(const Numbers *n, BinaryOp op, Value a, Value b) {
    return op_binary(n->e, op, a, b, n->at, n->at, n->at);
}

static Value call_op(const Numbers *n, const char *name, int n_args, const Value *values) {
    Value    callee;
    Argument args[2];
    for (int i = 0; i < n_args; i++) args[i] = (Argument){.value = values[i], .span = n->at};
    Call call = {.span = n->at, .callee = n->at, .n = n_args, .args = args};
    return builtin_lookup(n->e, name, &callee) ? apply_value(n->e, callee, &call) : value_poison();
}

/* A list beside a list is two tensors, and whole numbers are compared as real ones. */
static Value as_real(Elab *e, BuiltinCall *call, int index) {
    Value value = call->args[index];
    if (value.kind == VALUE_TENSOR && elem_is_integer(value.node->type.elem))
        return value_tensor(node_cast(e->graph, e->real, value.node));
    if (value.kind != VALUE_LIST || !list_is_numeric(value.list)) return value;
    Node *node = tensor_literal(e, value, e->real, call->spans[index]);
    return node ? value_tensor(node) : value_poison();
}

/* |a - b| <= tolerance max(1, |b|), for each element; equal infinities are near, NaN is near nothing. */
Value builtin_approx(Elab *e, BuiltinCall *call) {
    Numbers n         = {e, call->call->span};
    Value   tolerance = call->args[2].kind == VALUE_NONE ? value_real(APPROX_TOLERANCE) : call->args[2];
    Value   a = as_real(e, call, 0), b = as_real(e, call, 1);
    if (a.kind == VALUE_POISON || b.kind == VALUE_POISON) return value_poison();
    for (int i = 0; i < 3; i++)
        if (call->args[i].kind != VALUE_NONE && call->args[i].kind != VALUE_LIST && !value_is_numeric(call->args[i]))
            return arg_error(e, call, i, "a number or a tensor");
    Value difference = apply_op(&n, BIN_SUB, a, b);
    Value size = call_op(&n, "abs", 1, &difference), magnitude = call_op(&n, "abs", 1, &b);
    Value scale[2] = {magnitude, value_real(1.0)};
    Value allowed  = apply_op(&n, BIN_MUL, call_op(&n, "max", 2, scale), tolerance);
    Value near     = apply_op(&n, BIN_LE, size, allowed);
    return apply_op(&n, BIN_OR, near, apply_op(&n, BIN_EQ, a, b));
}

Value builtin_grad(Elab *e, BuiltinCall *call) {
    Value y = call->args[0], x = call->args[1];
    if (!is_float_tensor(y) || y.node->type.rank)
        return arg_error(e, call, 0, "a single real number computed from a tensor: sum(...), mean(...)");
    if (!is_float_tensor(x)) return arg_error(e, call, 1, "a tensor of real numbers");
    Node *inputs[2] = {computed(e, y.node), x.node};
    return value_tensor(graph_node(e->graph, OP_GRAD, NULL, 2, inputs, NULL));
}
