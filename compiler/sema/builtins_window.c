/* Builtins that step along an axis: window, flip, spread. All are the op slide. */
#include "sema/builtin.h"

enum { MAX_STEP = 1 << 20 };

/* A compile-time integer of an optional argument, at least `least`. */
static bool arg_step(Elab *e, BuiltinCall *call, int index, int64_t least, int64_t otherwise, int64_t *value) {
    *value = otherwise;
    if (call->args[index].kind == VALUE_NONE) return true;
    if (const_int(call->args[index], value) && *value >= least && *value <= MAX_STEP) return true;
    arg_error(
        e, call, index,
        arena_printf(e->arena, "an integer from %lld to %d that is known when compiling", (long long)least, MAX_STEP));
    return false;
}

/* A dim of an optional argument, at least 0. */
static bool arg_amount(Elab *e, BuiltinCall *call, int index, const Dim **dim) {
    const Dim *zero = dim_const(e->dims, 0);
    *dim            = zero;
    if (call->args[index].kind == VALUE_NONE) return true;
    if (!arg_dim(e, call, index, dim)) return false;
    if (dim_provably_le(e->dims, zero, *dim, e->bounds.data)) return true;
    arg_error(e, call, index, "an amount of at least 0");
    return false;
}

/* (n + before + after - dilation * (size - 1) - 1) // stride + 1, the number of windows; NULL where there is none. */
static const Dim *positions(Elab *e, const Dim *n, const Dim *before, const Dim *after, int64_t reach, int64_t stride) {
    DimTable  *t    = e->dims;
    const Dim *sum  = dim_add(t, n, before);
    const Dim *room = sum ? dim_add(t, sum, after) : NULL;
    const Dim *free = room ? dim_sub(t, room, dim_const(t, reach)) : NULL;
    if (!free) return NULL;
    int64_t value;
    if (dim_is_const(free, &value) && value < 0) return NULL;
    return dim_add(t, dim_floordiv(t, free, dim_const(t, stride)), dim_const(t, 1));
}

/* window(x, axis, size, stride, dilation, before, after, value): [..., n, ...] -> [..., positions, size, ...], the elements at
 * p * stride + k * dilation - before; `value` where there is none. */
Value builtin_window(Elab *e, BuiltinCall *call) {
    Node      *x;
    int        axis;
    int64_t    size, stride, dilation;
    const Dim *before, *after;
    double     fill = 0;
    if (!arg_tensor(e, call, 0, &x) || !arg_axis(e, call, 1, x->type.rank, &axis)) return value_poison();
    if (!arg_step(e, call, 2, 1, 1, &size) || !arg_step(e, call, 3, 1, 1, &stride)) return value_poison();
    if (!arg_step(e, call, 4, 1, 1, &dilation)) return value_poison();
    if (!arg_amount(e, call, 5, &before) || !arg_amount(e, call, 6, &after)) return value_poison();
    if (call->args[7].kind != VALUE_NONE && !const_real(call->args[7], &fill))
        return arg_error(e, call, 7, "a number known when compiling");
    if (x->type.rank == MAX_RANK) {
        sema_error(e, call->call->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return value_poison();
    }
    const Dim *count = positions(e, x->type.dims[axis], before, after, dilation * (size - 1) + 1, stride);
    if (!count) {
        Diag *diag = sema_error(e, call->call->span, E0306, "a window of %lld elements does not fit an axis of %s",
                                (long long)(dilation * (size - 1) + 1), dim_print(e->arena, x->type.dims[axis]));
        diag_help(diag, "smaller windows, or more padding");
        return value_poison();
    }
    Type type = {.elem = x->type.elem, .rank = x->type.rank + 1};
    for (int i = 0; i < type.rank; i++)
        type.dims[i] = i == axis + 1 ? dim_const(e->dims, size) : x->type.dims[i - (i > axis)];
    Slide slide    = {.axis     = (int8_t)axis,
                      .by       = (int8_t)(axis + 1),
                      .step     = (int32_t)stride,
                      .dilation = (int32_t)dilation,
                      .divisor  = 1,
                      .before   = before,
                      .fill     = fill};
    Node *repeated = node_expand(e->graph, x, &type, 1, (int[]){axis + 1});
    Node *result   = node_slide(e->graph, repeated, &slide, count);
    return check_size(e, &result->type, call->call->span) ? value_tensor(result) : value_poison();
}

/* flip(x, axis): the elements in the opposite order. */
Value builtin_flip(Elab *e, BuiltinCall *call) {
    Node *x;
    int   axis;
    if (!arg_tensor(e, call, 0, &x) || !arg_axis(e, call, 1, x->type.rank, &axis)) return value_poison();
    const Dim *n     = x->type.dims[axis];
    Slide      slide = {
             .axis = (int8_t)axis, .by = -1, .step = -1, .divisor = 1, .before = dim_sub(e->dims, dim_const(e->dims, 1), n)};
    return value_tensor(node_slide(e->graph, x, &slide, n));
}

/* spread(x, axis, stride): stride - 1 zeros between neighbours: [..., n, ...] -> [..., (n - 1) * stride + 1, ...]. */
Value builtin_spread(Elab *e, BuiltinCall *call) {
    Node   *x;
    int     axis;
    int64_t stride;
    if (!arg_tensor(e, call, 0, &x) || !arg_axis(e, call, 1, x->type.rank, &axis)) return value_poison();
    if (!arg_step(e, call, 2, 1, 1, &stride)) return value_poison();
    DimTable  *t    = e->dims;
    const Dim *gaps = dim_mul(t, dim_sub(t, x->type.dims[axis], dim_const(t, 1)), dim_const(t, stride));
    const Dim *size = gaps ? dim_add(t, gaps, dim_const(t, 1)) : NULL;
    if (!size) return arg_error(e, call, 2, "a smaller number");
    Slide slide  = {.axis = (int8_t)axis, .by = -1, .step = 1, .divisor = (int32_t)stride, .before = dim_const(t, 0)};
    Node *result = node_slide(e->graph, x, &slide, size);
    return check_size(e, &result->type, call->call->span) ? value_tensor(result) : value_poison();
}
