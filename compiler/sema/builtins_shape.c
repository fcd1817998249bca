/* Builtins that move elements: reshape, transpose, unsqueeze, squeeze, unstack, stack, concat, pad; and questions about shapes. */
#include "sema/builtin.h"

static const Dim *elements(Elab *e, const Type *type) {
    const Dim *size = dim_const(e->dims, 1);
    for (int i = 0; i < type->rank && size; i++) size = dim_mul(e->dims, size, type->dims[i]);
    return size;
}

Value builtin_reshape(Elab *e, BuiltinCall *call) {
    Node *x;
    Type  type;
    if (!arg_tensor(e, call, 0, &x)) return value_poison();
    int open = -1; /* one -1 takes what is left */
    if (!arg_dims(e, call, 1, x->type.elem, &type)) return value_poison();
    const Dim *known = dim_const(e->dims, 1), *all = elements(e, &x->type);
    for (int i = 0; i < type.rank; i++) {
        if (type.dims[i] == dim_const(e->dims, -1) && open < 0)
            open = i;
        else if (known)
            known = dim_mul(e->dims, known, type.dims[i]);
    }
    if (open >= 0 && known && all && known != dim_const(e->dims, 0)) {
        type.dims[open] = dim_floordiv(e->dims, all, known);
        known           = type.dims[open] ? dim_mul(e->dims, known, type.dims[open]) : NULL;
    }
    if (!known || known != all) {
        sema_error(e, call->call->span, E0306, "cannot reshape %s to %s: the numbers of elements differ",
                   shape_print(e->arena, &x->type), shape_print(e->arena, &type));
        return value_poison();
    }
    if (!check_size(e, &type, call->spans[1])) return value_poison();
    return value_tensor(node_reshape(e->graph, x, type.rank, type.dims));
}

Value builtin_transpose(Elab *e, BuiltinCall *call) {
    Node *x;
    int   axes[MAX_RANK], n;
    if (!arg_tensor(e, call, 0, &x)) return value_poison();
    int rank = x->type.rank;
    if (call->args[1].kind == VALUE_NONE) { /* the last two */
        if (rank < 2) {
            sema_error(e, call->spans[0], E0304, "'transpose' needs at least two axes, not %s",
                       type_print(e->arena, &x->type));
            return value_poison();
        }
        for (int i = 0; i < rank; i++) axes[i] = i;
        axes[rank - 1] = rank - 2, axes[rank - 2] = rank - 1;
    } else if (!arg_axes(e, call, 1, rank, &n, axes))
        return value_poison();
    else if (n != rank) {
        sema_error(e, call->spans[1], E0304, "'transpose' needs all %d axes", rank);
        return value_poison();
    }
    return value_tensor(node_permute(e->graph, x, axes));
}

Value builtin_unsqueeze(Elab *e, BuiltinCall *call) {
    Node      *x;
    int        axis;
    const Dim *dims[MAX_RANK];
    if (!arg_tensor(e, call, 0, &x)) return value_poison();
    if (x->type.rank == MAX_RANK) {
        sema_error(e, call->call->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return value_poison();
    }
    if (!arg_axis(e, call, 1, x->type.rank + 1, &axis)) return value_poison();
    for (int i = 0; i <= x->type.rank; i++) dims[i] = i == axis ? dim_const(e->dims, 1) : x->type.dims[i - (i > axis)];
    return value_tensor(node_reshape(e->graph, x, x->type.rank + 1, dims));
}

Value builtin_squeeze(Elab *e, BuiltinCall *call) {
    Node      *x;
    int        axes[MAX_RANK], n = 0, rank = 0;
    const Dim *dims[MAX_RANK], *one = dim_const(e->dims, 1);
    if (!arg_tensor(e, call, 0, &x)) return value_poison();
    bool all = call->args[1].kind == VALUE_NONE;
    if (!all && !arg_axes(e, call, 1, x->type.rank, &n, axes)) return value_poison();
    for (int i = 0; i < x->type.rank; i++) {
        bool drop = all && x->type.dims[i] == one;
        for (int k = 0; k < n; k++) drop = drop || axes[k] == i;
        if (drop && x->type.dims[i] != one) {
            sema_error(e, call->call->span, E0306, "axis %d of %s is not of size 1", i,
                       shape_print(e->arena, &x->type));
            return value_poison();
        }
        if (!drop) dims[rank++] = x->type.dims[i];
    }
    return value_tensor(node_reshape(e->graph, x, rank, dims));
}

/* The slices along one axis, as a tuple. */
Value builtin_unstack(Elab *e, BuiltinCall *call) {
    Node   *x;
    int     axis = 0;
    int64_t count;
    if (!arg_tensor(e, call, 0, &x)) return value_poison();
    if (x->type.rank < 1 || (call->args[1].kind != VALUE_NONE && !arg_axis(e, call, 1, x->type.rank, &axis)))
        return x->type.rank ? value_poison() : arg_error(e, call, 0, "a tensor with axes");
    if (!dim_is_const(x->type.dims[axis], &count) || count > 256) {
        sema_error(e, call->call->span, E0305, "'unstack' needs an axis of a known size up to 256, not %s",
                   dim_print(e->arena, x->type.dims[axis]));
        return value_poison();
    }
    Value     *items = ARENA_ARRAY(e->arena, Value, count + 1);
    const Dim *offsets[MAX_RANK], *dims[MAX_RANK];
    Type       slice = x->type;
    slice.dims[axis] = dim_const(e->dims, 1);
    for (int i = 0; i < x->type.rank; i++) offsets[i] = dim_const(e->dims, 0);
    for (int i = 0, k = 0; i < x->type.rank; i++)
        if (i != axis) dims[k++] = x->type.dims[i];
    for (int64_t i = 0; i < count; i++) {
        offsets[axis] = dim_const(e->dims, i);
        Node *part    = count == 1 ? x : node_slice(e->graph, x, offsets, &slice);
        items[i]      = value_tensor(node_reshape(e->graph, part, x->type.rank - 1, dims));
    }
    return value_list(e->arena, VALUE_TUPLE, (int)count, items);
}

/* The parts as nodes of one element type. */
static bool arg_parts(Elab *e, BuiltinCall *call, Node ***nodes, int *n) {
    Value list = call->args[0];
    if ((list.kind != VALUE_LIST && list.kind != VALUE_TUPLE) || !list.list->len) {
        arg_error(e, call, 0, "a list of tensors");
        return false;
    }
    ElemType elem   = e->real;
    Value    widest = list.list->items[0];
    *n              = list.list->len;
    *nodes          = ARENA_ARRAY(e->arena, Node *, *n);
    for (int i = 0; i < *n; i++) {
        Value item = list.list->items[i];
        if (item.kind != VALUE_TENSOR || !promote(widest, item, &elem)) {
            arg_error(e, call, 0, "a list of tensors of one element type");
            return false;
        }
        if (item.node->type.elem == elem) widest = item;
        (*nodes)[i] = item.node;
    }
    for (int i = 0; i < *n; i++) (*nodes)[i] = node_cast(e->graph, elem, (*nodes)[i]);
    return true;
}

static bool parts_agree(Elab *e, BuiltinCall *call, Node **nodes, int n, int axis) {
    for (int i = 1; i < n; i++) {
        bool same = nodes[i]->type.rank == nodes[0]->type.rank;
        for (int k = 0; same && k < nodes[0]->type.rank; k++)
            same = k == axis || nodes[i]->type.dims[k] == nodes[0]->type.dims[k];
        if (same) continue;
        sema_error(e, call->spans[0], E0301, "shapes differ in '%s': %s and %s", call->builtin->name,
                   shape_print(e->arena, &nodes[0]->type), shape_print(e->arena, &nodes[i]->type));
        return false;
    }
    return true;
}

static Value joined(Elab *e, BuiltinCall *call, int n, Node **nodes, int axis) {
    Node *result = n == 1 ? nodes[0] : node_concat(e->graph, n, nodes, axis);
    return check_size(e, &result->type, call->call->span) ? value_tensor(result) : value_poison();
}

Value builtin_concat(Elab *e, BuiltinCall *call) {
    Node **nodes;
    int    n, axis = 0;
    if (!arg_parts(e, call, &nodes, &n)) return value_poison();
    if (!nodes[0]->type.rank) return arg_error(e, call, 0, "a list of tensors with axes");
    if (call->args[1].kind != VALUE_NONE && !arg_axis(e, call, 1, nodes[0]->type.rank, &axis)) return value_poison();
    if (!parts_agree(e, call, nodes, n, axis)) return value_poison();
    return joined(e, call, n, nodes, axis);
}

Value builtin_stack(Elab *e, BuiltinCall *call) {
    Node **nodes;
    int    n, axis = 0;
    if (!arg_parts(e, call, &nodes, &n) || !parts_agree(e, call, nodes, n, -1)) return value_poison();
    int rank = nodes[0]->type.rank;
    if (rank == MAX_RANK) {
        sema_error(e, call->call->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return value_poison();
    }
    if (call->args[1].kind != VALUE_NONE && !arg_axis(e, call, 1, rank + 1, &axis)) return value_poison();
    const Dim *dims[MAX_RANK];
    for (int i = 0; i <= rank; i++) dims[i] = i == axis ? dim_const(e->dims, 1) : nodes[0]->type.dims[i - (i > axis)];
    for (int i = 0; i < n; i++) nodes[i] = node_reshape(e->graph, nodes[i], rank + 1, dims);
    return joined(e, call, n, nodes, axis);
}

/* pad(x, before, after): one number for all axes, or a list; `value` fills (0). */
Value builtin_pad(Elab *e, BuiltinCall *call) {
    Node *x;
    Type  before, after;
    if (!arg_tensor(e, call, 0, &x) || !arg_dims(e, call, 1, x->type.elem, &before)) return value_poison();
    bool same = call->args[2].kind == VALUE_NONE;
    if (!same && !arg_dims(e, call, 2, x->type.elem, &after)) return value_poison();
    if (same) after = before;
    Type result = x->type;
    for (int i = 0; i < x->type.rank; i++) {
        bool fits = (call->args[1].kind != VALUE_LIST || before.rank == x->type.rank) &&
                    (after.rank == 1 || after.rank == x->type.rank);
        if (!fits) return arg_error(e, call, 1, "one number, or one for each axis");
        if (call->args[1].kind != VALUE_LIST) before.dims[i] = before.dims[0];
        if (after.rank == 1) after.dims[i] = after.dims[0];
        const Dim *zero     = dim_const(e->dims, 0);
        bool       positive = dim_provably_le(e->dims, zero, before.dims[i], e->bounds.data) &&
                        dim_provably_le(e->dims, zero, after.dims[i], e->bounds.data);
        if (!positive) return arg_error(e, call, 1, "amounts of at least 0");
        const Dim *sum = dim_add(e->dims, before.dims[i], after.dims[i]);
        result.dims[i] = sum ? dim_add(e->dims, result.dims[i], sum) : NULL;
        if (!result.dims[i]) return arg_error(e, call, 1, "smaller numbers");
    }
    if (!check_size(e, &result, call->call->span)) return value_poison();
    double fill = 0;
    if (call->args[3].kind != VALUE_NONE && !const_real(call->args[3], &fill))
        return arg_error(e, call, 3, "a number known when compiling");
    if (fill == 0) return value_tensor(node_pad(e->graph, x, before.dims, &result));
    x             = computed(e, x);
    result.elem   = x->type.elem;
    Node *shifted = node_binary(e->graph, OP_SUB, x, node_fill(e->graph, &x->type, fill));
    return value_tensor(node_binary(e->graph, OP_ADD, node_pad(e->graph, shifted, before.dims, &result),
                                    node_fill(e->graph, &result, fill)));
}

static const Type *shape_of(Value value) {
    static const Type scalar = {.elem = ELEM_F64};
    return value.kind == VALUE_TENSOR ? &value.node->type : &scalar;
}

Value builtin_shape(Elab *e, BuiltinCall *call) {
    if (!value_is_numeric(call->args[0])) return arg_error(e, call, 0, "a tensor");
    const Type *type = shape_of(call->args[0]);
    return value_shape(e->arena, type->rank, type->dims);
}

Value builtin_rank(Elab *e, BuiltinCall *call) {
    if (call->args[0].kind == VALUE_LIST) return value_dim(dim_const(e->dims, call->args[0].list->len));
    if (call->args[0].kind == VALUE_STRING) return value_dim(dim_const(e->dims, 0));
    if (!value_is_numeric(call->args[0])) return arg_error(e, call, 0, "a tensor");
    return value_dim(dim_const(e->dims, shape_of(call->args[0])->rank));
}

Value builtin_size(Elab *e, BuiltinCall *call) {
    Type type;
    if (call->args[0].kind == VALUE_LIST) {
        if (!arg_shape(e, call, 0, ELEM_I64, &type)) return value_poison();
    } else if (!value_is_numeric(call->args[0]))
        return arg_error(e, call, 0, "a tensor");
    else
        type = *shape_of(call->args[0]);
    const Dim *size = elements(e, &type);
    if (size) return value_dim(size);
    sema_error(e, call->call->span, E0504, "an integer overflows 64 bits");
    return value_poison();
}
