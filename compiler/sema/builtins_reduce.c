/* Reductions: over all axes, over `axis =` one or several, or by a pattern such as "b l -> b". max and min of two values
 * are elementwise. Sums of integers are i64: those of bytes would soon not fit their own type. */
#include "sema/builtin.h"
#include "sema/pattern.h"

#include <math.h>

/* Reduces the axes that the pattern's result lacks and orders the rest. */
Value reduce_pattern(Elab *e, BuiltinCall *call, Node *x, const char *text, Span span, Op op,
                     const Dim **reduced_size) {
    AxisPattern pattern;
    const Type *type  = &x->type;
    AxisSizes   sizes = {0};
    if (!pattern_parse(e, text, span, 1, &type, &pattern)) return value_poison();
    if (!sizes_bind(e, &sizes, &pattern, &pattern.inputs[0], type, call->spans[0])) return value_poison();
    int         axes[MAX_RANK], order[MAX_RANK], n_axes = 0, n_kept = 0;
    const char *kept[MAX_RANK];
    *reduced_size = dim_const(e->dims, 1);
    for (int i = 0; i < type->rank; i++) {
        const AxisGroup *group = &pattern.inputs[0].axes[i];
        bool             stays = false;
        if (group->bracketed) {
            sema_error(e, span, E0303, "a reduction's pattern has no (groups): rearrange first");
            return value_poison();
        }
        for (int k = 0; k < pattern.output.rank; k++)
            stays = stays || (group->count && pattern.output.axes[k].count &&
                              pattern.output.axes[k].names[0] == group->names[0]);
        if (stays)
            kept[n_kept++] = group->names[0];
        else {
            axes[n_axes++] = i;
            *reduced_size  = dim_mul(e->dims, *reduced_size, type->dims[i]);
            if (!*reduced_size) *reduced_size = dim_const(e->dims, 1);
        }
    }
    for (int k = 0; k < pattern.output.rank; k++) {
        int found = -1;
        for (int i = 0; i < n_kept; i++)
            if (pattern.output.axes[k].count == 1 && !pattern.output.axes[k].bracketed &&
                pattern.output.axes[k].names[0] == kept[i])
                found = i;
        if (found < 0) {
            sema_error(e, span, E0303, "bad pattern \"%s\": the result has an axis that the operand has not", text);
            return value_poison();
        }
        order[k] = found;
    }
    return value_tensor(node_permute(e->graph, node_reduce(e->graph, op, x, n_axes, axes), order));
}

/* The reduction that the call's `axis` asks for, and how many elements went into each result. */
static Value reduce(Elab *e, BuiltinCall *call, Node *x, Op op, const Dim **reduced) {
    Value axis = call->args[1];
    int   axes[MAX_RANK], n = x->type.rank;
    if (axis.kind == VALUE_STRING) return reduce_pattern(e, call, x, axis.string, call->spans[1], op, reduced);
    for (int i = 0; i < n; i++) axes[i] = i;
    if (axis.kind != VALUE_NONE && !arg_axes(e, call, 1, x->type.rank, &n, axes)) return value_poison();
    *reduced = dim_const(e->dims, 1);
    for (int i = 0; i < n; i++) {
        *reduced = dim_mul(e->dims, *reduced, x->type.dims[axes[i]]);
        if (!*reduced) {
            sema_error(e, call->call->span, E0504, "an integer overflows 64 bits");
            return value_poison();
        }
    }
    return value_tensor(node_reduce(e->graph, op, x, n, axes));
}

/* A rank-0 tensor is its own mean, and keeps its weight. */
static bool trivial(const BuiltinCall *call) {
    return call->args[0].kind == VALUE_TENSOR && !call->args[0].node->type.rank && call->args[1].kind == VALUE_NONE;
}

static Value fold_list(Elab *e, BuiltinCall *call, BinaryOp op, Value start) {
    const List *list = call->args[0].list;
    Value       sum  = start;
    for (int i = 0; i < list->len; i++)
        sum = op_binary(e, op, sum, list->items[i], call->call->span, call->spans[0], call->spans[0]);
    return sum;
}

static bool reducible(Elab *e, BuiltinCall *call, Node **x) {
    if (call->args[0].kind == VALUE_POISON || !arg_tensor(e, call, 0, x)) return false;
    *x = computed(e, *x);
    if ((*x)->type.elem != ELEM_BOOL) return true;
    diag_help(sema_error(e, call->spans[0], E0401, "'%s' needs numbers, not truth values (bool)", call->builtin->name),
              "count(x) counts them");
    return false;
}

Value builtin_sum(Elab *e, BuiltinCall *call) {
    Node      *x;
    const Dim *reduced;
    if (call->args[0].kind == VALUE_LIST) return fold_list(e, call, BIN_ADD, value_dim(dim_const(e->dims, 0)));
    if (trivial(call)) return call->args[0];
    if (!reducible(e, call, &x)) return value_poison();
    return reduce(e, call, elem_is_integer(x->type.elem) ? node_cast(e->graph, ELEM_I64, x) : x, OP_SUM, &reduced);
}

Value builtin_mean(Elab *e, BuiltinCall *call) {
    Node      *x;
    const Dim *reduced;
    if (trivial(call)) return call->args[0];
    if (!reducible(e, call, &x)) return value_poison();
    if (!elem_is_float(x->type.elem)) {
        diag_help(sema_error(e, call->spans[0], E0401, "'mean' needs real numbers, not %s",
                             value_describe(e->arena, call->args[0])),
                  "convert it with cast(x, real)");
        return value_poison();
    }
    Value sum = reduce(e, call, x, OP_SUM, &reduced);
    return op_binary(e, BIN_DIV, sum, value_dim(reduced), call->call->span, call->spans[0], call->spans[0]);
}

/* ---- max and min ------------------------------------------------------------------------------------------------------------------------ */

static Value pick_scalars(Elab *e, BuiltinCall *call, bool larger) {
    Value  a = call->args[0], b = call->args[1];
    double x, y;
    if (a.kind == VALUE_DIM && b.kind == VALUE_DIM) {
        if (a.dim == b.dim) return a;
        if (dim_provably_le(e->dims, a.dim, b.dim, e->bounds.data)) return larger ? b : a;
        if (dim_provably_le(e->dims, b.dim, a.dim, e->bounds.data)) return larger ? a : b;
    }
    if (const_real(a, &x) && const_real(b, &y)) return (x > y) == larger ? a : b;
    Node *p = scalar_node(e, a), *q = scalar_node(e, b);
    if (p->type.elem != q->type.elem) p = node_cast(e->graph, ELEM_F64, p), q = node_cast(e->graph, ELEM_F64, q);
    return value_scalar(node_binary(e->graph, larger ? OP_MAX : OP_MIN, p, q));
}

static Value pick(Elab *e, BuiltinCall *call, bool larger) {
    Value    a = call->args[0], b = call->args[1];
    ElemType elem;
    if (!value_is_numeric(a)) return arg_error(e, call, 0, "a number or a tensor");
    if (!value_is_numeric(b)) return arg_error(e, call, 1, "a number, a tensor, or a pattern");
    if (a.kind != VALUE_TENSOR && b.kind != VALUE_TENSOR) return pick_scalars(e, call, larger);
    if (!promote_computed(e, a, b, &elem)) {
        sema_error(e, call->call->span, E0401, "'%s' does not mix %s and %s", call->builtin->name,
                   value_describe(e->arena, a), value_describe(e->arena, b));
        return value_poison();
    }
    Node *x = convert(e, a, elem, call->spans[0], "the first argument"),
         *y = convert(e, b, elem, call->spans[1], "the second argument");
    if (!x || !y) return value_poison();
    Type tx = x->type, ty = y->type;
    if (!tx.rank)
        x = expand_to(e, x, &ty);
    else if (!ty.rank)
        y = expand_to(e, y, &tx);
    else if (!type_same_shape(&tx, &ty)) {
        sema_error(e, call->call->span, E0301, "shapes differ in '%s': %s and %s", call->builtin->name,
                   shape_print(e->arena, &tx), shape_print(e->arena, &ty));
        return value_poison();
    }
    return value_tensor(node_binary(e->graph, larger ? OP_MAX : OP_MIN, x, y));
}

/* max(x, axis = 1), max(x, "b c -> b"), max(x): a reduction; max(a, b) picks. */
static bool wants_reduction(const BuiltinCall *call) {
    if (call->args[1].kind == VALUE_NONE || call->args[1].kind == VALUE_STRING || call->args[1].kind == VALUE_LIST)
        return true;
    for (int i = 0; i < call->call->n; i++)
        if (call->call->args[i].name.text) return true;
    return false;
}

static bool reduces_something(Elab *e, BuiltinCall *call, const Dim *reduced) {
    if (reduced != dim_const(e->dims, 0)) return true;
    sema_error(e, call->call->span, E0307, "'%s' of no elements", call->builtin->name);
    return false;
}

static Value extreme(Elab *e, BuiltinCall *call, bool larger) {
    Node      *x;
    const Dim *reduced = NULL;
    if (!wants_reduction(call)) return pick(e, call, larger);
    if (trivial(call)) return call->args[0];
    if (!reducible(e, call, &x)) return value_poison();
    if (!larger) x = node_unary(e->graph, OP_NEG, x); /* min(x) = -max(-x) */
    Value result = reduce(e, call, x, OP_REDUCE_MAX, &reduced);
    if (result.kind == VALUE_POISON || !reduces_something(e, call, reduced)) return value_poison();
    return larger ? result : value_tensor(node_unary(e->graph, OP_NEG, result.node));
}

Value builtin_max(Elab *e, BuiltinCall *call) {
    return extreme(e, call, true);
}

Value builtin_min(Elab *e, BuiltinCall *call) {
    return extreme(e, call, false);
}

Value builtin_argmax(Elab *e, BuiltinCall *call) {
    Node *x;
    int   axis;
    if (!reducible(e, call, &x) || !arg_axis(e, call, 1, x->type.rank, &axis)) return value_poison();
    return value_tensor(node_reduce(e->graph, OP_ARGMAX, x, 1, &axis));
}

/* sum(v w) / sum(w), which weighs sum(w) when batches are averaged; 0 where all weights are 0. */
Value builtin_weighted_mean(Elab *e, BuiltinCall *call) {
    Node *v, *w;
    int   axes[MAX_RANK];
    if (!arg_tensor(e, call, 0, &v) || !arg_tensor(e, call, 1, &w)) return value_poison();
    v = convert(e, value_tensor(v), e->real, call->spans[0], "the value"),
    w = convert(e, value_tensor(w), e->real, call->spans[1], "the weight");
    if (!v || !w) return value_poison();
    if (!w->type.rank) w = expand_to(e, w, &v->type);
    if (!type_same_shape(&v->type, &w->type)) {
        sema_error(e, call->call->span, E0301, "shapes differ in 'weighted_mean': %s and %s",
                   shape_print(e->arena, &v->type), shape_print(e->arena, &w->type));
        return value_poison();
    }
    for (int i = 0; i < MAX_RANK; i++) axes[i] = i;
    Node *total = node_reduce(e->graph, OP_SUM, w, w->type.rank, axes);
    Node *sum   = node_reduce(e->graph, OP_SUM, node_binary(e->graph, OP_MUL, v, w), v->type.rank, axes);
    Node *zero = node_const(e->graph, e->real, 0.0), *one = node_const(e->graph, e->real, 1.0);
    Node *empty   = node_binary(e->graph, OP_EQ, total, zero);
    Value result  = value_tensor(node_binary(e->graph, OP_DIV, sum, node_select(e->graph, empty, one, total)));
    result.weight = total;
    return result;
}
