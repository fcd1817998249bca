/* Builtins that make tensors, index them by data, or build layers: full, iota, one_hot, gather, scatter_add, random, chain. */
#include "sema/builtin.h"
#include "sema/scan.h"

Value builtin_full(Elab *e, BuiltinCall *call) {
    Value value = call->args[1];
    Type  type;
    bool  typed = value.kind == VALUE_TENSOR;
    if (!arg_shape(e, call, 0, typed ? value.node->type.elem : e->real, &type)) return value_poison();
    if (value.kind == VALUE_BOOL)
        type.elem = ELEM_BOOL;
    else if (!value_is_numeric(value) || (typed && value.node->type.rank))
        return arg_error(e, call, 1, "a number");
    Node *node = convert(e, value, type.elem, call->spans[1], "the value");
    return node ? value_tensor(expand_to(e, node, &type)) : value_poison();
}

/* iota(n): 0 .. n-1 as i32[n]; iota(shape, axis): counts along an axis. */
Value builtin_iota(Elab *e, BuiltinCall *call) {
    Type type;
    int  axis = 0;
    if (!arg_shape(e, call, 0, ELEM_I32, &type)) return value_poison();
    if (!type.rank) return arg_error(e, call, 0, "a dim or a list of dims");
    if (call->args[1].kind != VALUE_NONE && !arg_axis(e, call, 1, type.rank, &axis)) return value_poison();
    return value_tensor(node_iota(e->graph, &type, axis));
}

static bool arg_index(Elab *e, BuiltinCall *call, int index, Node **node) {
    Value value = call->args[index];
    bool  count = value.kind == VALUE_SCALAR; /* the position in a loop */
    if ((count || value.kind == VALUE_TENSOR) && elem_is_integer(value.node->type.elem)) {
        *node = value.node;
        return true;
    }
    arg_error(e, call, index, "a tensor of integers");
    return false;
}

/* (..., n) of real: 1 where the last axis counts to index, 0 elsewhere. */
Value builtin_one_hot(Elab *e, BuiltinCall *call) {
    Node      *index;
    const Dim *n;
    if (!arg_index(e, call, 0, &index) || !arg_dim(e, call, 1, &n)) return value_poison();
    Type type = index->type;
    int  axis = type.rank;
    if (axis == MAX_RANK) {
        sema_error(e, call->call->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return value_poison();
    }
    type.dims[type.rank++] = n;
    if (!check_size(e, &type, call->call->span)) return value_poison();
    Node *counts = node_iota(e->graph, &type, axis), *wanted = node_expand(e->graph, index, &type, 1, &axis);
    return value_tensor(node_cast(e->graph, e->real, node_binary(e->graph, OP_EQ, counts, wanted)));
}

Value builtin_gather(Elab *e, BuiltinCall *call) {
    Node *x, *index;
    if (!arg_tensor(e, call, 0, &x) || !arg_index(e, call, 1, &index)) return value_poison();
    if (!x->type.rank) return arg_error(e, call, 0, "a tensor with axes");
    if (x->type.rank - 1 + index->type.rank > MAX_RANK) {
        sema_error(e, call->call->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return value_poison();
    }
    return value_tensor(node_gather(e->graph, x, index));
}

Value builtin_scatter_add(Elab *e, BuiltinCall *call) {
    Node      *values, *index;
    const Dim *rows;
    if (!arg_tensor(e, call, 0, &values) || !arg_index(e, call, 1, &index) || !arg_dim(e, call, 2, &rows))
        return value_poison();
    bool fits = values->type.rank >= index->type.rank;
    for (int i = 0; fits && i < index->type.rank; i++) fits = values->type.dims[i] == index->type.dims[i];
    if (!fits) {
        sema_error(e, call->call->span, E0301, "the values %s of 'scatter_add' do not begin with the index' shape %s",
                   shape_print(e->arena, &values->type), shape_print(e->arena, &index->type));
        return value_poison();
    }
    if (!elem_is_float(values->type.elem)) return arg_error(e, call, 0, "a tensor of real numbers");
    return value_tensor(node_scatter_add(e->graph, computed(e, values), index, rows));
}

/* ---- random numbers ---------------------------------------------------------------------------------------------------------------------- */

/* offset + scale * draw */
static Value scaled(Elab *e, BuiltinCall *call, Node *draw, Value offset, Value scale) {
    Span   at = call->call->span;
    double number;
    Value  value = value_tensor(draw);
    if (!const_real(scale, &number) || number != 1.0) value = op_binary(e, BIN_MUL, value, scale, at, at, at);
    if (!const_real(offset, &number) || number != 0.0) value = op_binary(e, BIN_ADD, value, offset, at, at, at);
    return value;
}

static bool numbers(Elab *e, BuiltinCall *call) {
    for (int i = 1; i < 3; i++)
        if (call->args[i].kind != VALUE_NONE && !value_is_numeric(call->args[i])) {
            arg_error(e, call, i, "a number");
            return false;
        }
    return true;
}

Value builtin_uniform(Elab *e, BuiltinCall *call) {
    Type type;
    if (!arg_shape(e, call, 0, e->real, &type) || !numbers(e, call)) return value_poison();
    Span  at    = call->call->span;
    Value low   = call->args[1].kind == VALUE_NONE ? value_real(0) : call->args[1];
    Value high  = call->args[2].kind == VALUE_NONE ? value_real(1) : call->args[2];
    Value width = op_binary(e, BIN_SUB, high, low, at, at, at);
    Node *draw  = scan_random(e, OP_UNIFORM, &type, draw_key(e, at), at);
    return draw ? scaled(e, call, draw, low, width) : value_poison();
}

Value builtin_normal(Elab *e, BuiltinCall *call) {
    Type type;
    if (!arg_shape(e, call, 0, e->real, &type) || !numbers(e, call)) return value_poison();
    Value mean = call->args[1].kind == VALUE_NONE ? value_real(0) : call->args[1];
    Value std  = call->args[2].kind == VALUE_NONE ? value_real(1) : call->args[2];
    Span  at   = call->call->span;
    Node *draw = scan_random(e, OP_NORMAL, &type, draw_key(e, at), at);
    return draw ? scaled(e, call, draw, mean, std) : value_poison();
}

/* ---- layers ---------------------------------------------------------------------------------------------------------------------------------- */

Value builtin_chain(Elab *e, BuiltinCall *call) {
    Value *items = ARENA_ARRAY(e->arena, Value, call->n_extra + 1);
    for (int i = 0; i < call->n_extra; i++) {
        Value item = call->extra[i].value;
        if (!value_is_callable(item)) {
            Diag *diag = sema_error(e, call->extra[i].span, E0206, "'chain' takes layers and fns, not %s",
                                    value_describe(e->arena, item));
            if (item.kind == VALUE_LIST) diag_help(diag, "write them one after the other, without '[' and ']'");
            return value_poison();
        }
        if (item.kind == VALUE_FN && item.fn->decl && item.fn->decl->kind == DECL_LAYER) {
            Call empty = {.span = call->extra[i].span, .callee = call->extra[i].span};
            item       = construct(e, item.fn, &empty);
        }
        items[i] = item;
    }
    return chain_new(e, call->n_extra, items, call->call->span);
}
