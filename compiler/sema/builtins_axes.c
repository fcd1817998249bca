/* Pattern builtins that contract, rearrange and repeat: einsum, rearrange, expand. */
#include "sema/builtin.h"
#include "sema/pattern.h"

#include <string.h>

typedef struct Operand { /* a node whose axes have names */
    Node       *node;
    const char *names[MAX_RANK];
} Operand;

static int find_axis(const Operand *operand, const char *name) {
    for (int i = 0; i < operand->node->type.rank; i++)
        if (operand->names[i] == name) return i;
    return -1;
}

static bool output_has(const AxisPattern *pattern, const char *name) {
    for (int i = 0; i < pattern->output.rank; i++)
        if (pattern->output.axes[i].names[0] == name) return true;
    return false;
}

/* Is the axis still wanted after the operands before `from` are contracted? */
static bool needed(const AxisPattern *pattern, int from, const char *name) {
    for (int i = from; i < pattern->n_inputs; i++)
        for (int k = 0; k < pattern->inputs[i].rank; k++)
            if (pattern->inputs[i].axes[k].names[0] == name) return true;
    return output_has(pattern, name);
}

static Operand sum_out(Elab *e, const AxisPattern *pattern, Operand operand, const Operand *other, int next) {
    int     axes[MAX_RANK], n = 0, kept = 0;
    Operand result;
    for (int i = 0; i < operand.node->type.rank; i++) {
        bool stays = needed(pattern, next, operand.names[i]) || (other && find_axis(other, operand.names[i]) >= 0);
        if (stays)
            result.names[kept++] = operand.names[i];
        else
            axes[n++] = i;
    }
    result.node = node_reduce(e->graph, OP_SUM, operand.node, n, axes);
    return result;
}

static bool contract(Elab *e, const AxisPattern *pattern, Operand *a, Operand b, int next) {
    Operand left = sum_out(e, pattern, *a, &b, next), right = sum_out(e, pattern, b, &left, next), result;
    DotAxes axes;
    int     rank = 0;
    memset(&axes, 0, sizeof axes);
    for (int i = 0; i < left.node->type.rank; i++) {
        int in_right = find_axis(&right, left.names[i]);
        if (in_right < 0) continue;
        if (needed(pattern, next, left.names[i])) {
            axes.left_batch[axes.n_batch]    = (int8_t)i;
            axes.right_batch[axes.n_batch++] = (int8_t)in_right;
            result.names[rank++]             = left.names[i];
        } else {
            axes.left_contract[axes.n_contract]    = (int8_t)i;
            axes.right_contract[axes.n_contract++] = (int8_t)in_right;
        }
    }
    const Operand *sides[2] = {&left, &right};
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < sides[s]->node->type.rank; i++) {
            if (find_axis(sides[1 - s], sides[s]->names[i]) >= 0) continue;
            if (rank == MAX_RANK) {
                sema_error(e, pattern->span, E0307, "a tensor has at most %d axes", MAX_RANK);
                return false;
            }
            result.names[rank++] = sides[s]->names[i];
        }
    result.node = node_dot(e->graph, left.node, right.node, &axes);
    *a          = result;
    return true;
}

static bool plain_axes(Elab *e, const AxisPattern *pattern) {
    for (int i = 0; i <= pattern->n_inputs; i++) {
        const AxisList *list = i < pattern->n_inputs ? &pattern->inputs[i] : &pattern->output;
        for (int k = 0; k < list->rank; k++)
            if (list->axes[k].bracketed || list->axes[k].count != 1) {
                sema_error(e, pattern->span, E0303, "einsum's pattern \"%s\" has only names: rearrange for groups",
                           pattern->text);
                return false;
            }
    }
    return true;
}

static Value order_output(Elab *e, const AxisPattern *pattern, const Operand *operand) {
    int order[MAX_RANK];
    for (int i = 0; i < pattern->output.rank; i++) {
        order[i] = find_axis(operand, pattern->output.axes[i].names[0]);
        if (order[i] < 0) {
            sema_error(e, pattern->span, E0303, "bad pattern \"%s\": axis '%s' of the result is in no operand",
                       pattern->text, pattern->output.axes[i].names[0]);
            return value_poison();
        }
    }
    Node *result = node_permute(e->graph, operand->node, order);
    return check_size(e, &result->type, pattern->span) ? value_tensor(result) : value_poison();
}

/* Operands in args[0] and extra, the pattern last. One element type, as operators have. */
static bool einsum_operands(Elab *e, BuiltinCall *call, Node **nodes, Span *spans, int *n, ElemType *elem) {
    Argument *pattern = call->n_extra ? &call->extra[call->n_extra - 1] : NULL;
    if (!pattern || pattern->value.kind != VALUE_STRING || call->n_extra > MAX_OPERANDS) {
        sema_error(e, call->call->span, E0206,
                   "einsum takes tensors and then a pattern, as einsum(a, b, \"i j, j k -> i k\")");
        return false;
    }
    Value widest = call->args[0];
    *n           = call->n_extra;
    for (int i = 0; i < *n; i++) {
        Value value = i ? call->extra[i - 1].value : call->args[0];
        spans[i]    = i ? call->extra[i - 1].span : call->spans[0];
        if (value.kind != VALUE_TENSOR || !elem_is_float(value.node->type.elem)) {
            if (value.kind != VALUE_POISON)
                sema_error(e, spans[i], E0206, "einsum needs tensors of real numbers, not %s",
                           value_describe(e->arena, value));
            return false;
        }
        promote_computed(e, widest, value, elem);
        if (*elem == value.node->type.elem) widest = value;
        nodes[i] = value.node;
    }
    for (int i = 0; i < *n; i++) nodes[i] = node_cast(e->graph, *elem, nodes[i]);
    return true;
}

Value builtin_einsum(Elab *e, BuiltinCall *call) {
    Node       *nodes[MAX_OPERANDS];
    Span        spans[MAX_OPERANDS];
    const Type *types[MAX_OPERANDS];
    int         n;
    ElemType    elem = e->real;
    AxisPattern pattern;
    AxisSizes   sizes = {0};
    if (!einsum_operands(e, call, nodes, spans, &n, &elem)) return value_poison();
    const Argument *text = &call->extra[call->n_extra - 1];
    for (int i = 0; i < n; i++) types[i] = &nodes[i]->type;
    if (!pattern_parse(e, text->value.string, text->span, n, types, &pattern) || !plain_axes(e, &pattern))
        return value_poison();
    Operand result = {0};
    for (int i = 0; i < n; i++) {
        if (!sizes_bind(e, &sizes, &pattern, &pattern.inputs[i], types[i], spans[i])) return value_poison();
        Operand operand = {.node = nodes[i]};
        for (int k = 0; k < types[i]->rank; k++) operand.names[k] = pattern.inputs[i].axes[k].names[0];
        if (i == 0)
            result = n == 1 ? sum_out(e, &pattern, operand, NULL, 1) : operand;
        else if (!contract(e, &pattern, &result, operand, i + 1))
            return value_poison();
    }
    return order_output(e, &pattern, &result);
}

/* ---- rearrange and expand ------------------------------------------------------------------------------------------------------------ */

static bool named_sizes(Elab *e, BuiltinCall *call, AxisSizes *sizes) {
    for (int i = 0; i < call->n_extra; i++) {
        const Argument *arg = &call->extra[i];
        int64_t         number;
        const Dim      *dim = arg->value.kind == VALUE_DIM     ? arg->value.dim
                              : const_int(arg->value, &number) ? dim_const(e->dims, number)
                                                               : NULL;
        if (!dim) {
            if (arg->value.kind != VALUE_POISON)
                sema_error(e, arg->span, E0206, "the size of '%s' is %s, but a dim is needed", arg->name.text,
                           value_describe(e->arena, arg->value));
            return false;
        }
        sizes_add(sizes, arg->name.text, dim, arg->span);
    }
    return true;
}

static bool parse_one(Elab *e, BuiltinCall *call, Node *x, AxisPattern *pattern, AxisSizes *sizes) {
    const Type *type = &x->type;
    if (call->args[1].kind != VALUE_STRING) {
        arg_error(e, call, 1, "a pattern string");
        return false;
    }
    if (!named_sizes(e, call, sizes) || !pattern_parse(e, call->args[1].string, call->spans[1], 1, &type, pattern))
        return false;
    return sizes_bind(e, sizes, pattern, &pattern->inputs[0], type, call->spans[0]);
}

/* The names of a list one after the other, groups opened; -1 when there are too many. */
static int flat_names(const AxisList *list, const char **names) {
    int n = 0;
    for (int i = 0; i < list->rank; i++)
        for (int k = 0; k < list->axes[i].count; k++) {
            if (n == MAX_RANK) return -1;
            names[n++] = list->axes[i].names[k];
        }
    return n;
}

static int index_of(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (names[i] == name) return i;
    return -1;
}

/* x with its groups opened: one axis a name. */
static bool open_groups(Elab *e, const AxisPattern *pattern, const AxisSizes *sizes, Node **x, const char **names,
                        int *n) {
    const Dim *dims[MAX_RANK];
    *n = flat_names(&pattern->inputs[0], names);
    if (*n < 0) {
        sema_error(e, pattern->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return false;
    }
    for (int i = 0; i < *n; i++) dims[i] = sizes_find(sizes, names[i]);
    *x = node_reshape(e->graph, *x, *n, dims);
    return true;
}

/* The result's dims, groups multiplied together. */
static bool close_groups(Elab *e, const AxisPattern *pattern, const AxisSizes *sizes, Node **x) {
    const Dim *dims[MAX_RANK];
    for (int i = 0; i < pattern->output.rank; i++) {
        dims[i] = dim_const(e->dims, 1);
        for (int k = 0; k < pattern->output.axes[i].count && dims[i]; k++)
            dims[i] = dim_mul(e->dims, dims[i], sizes_find(sizes, pattern->output.axes[i].names[k]));
        if (!dims[i]) {
            sema_error(e, pattern->span, E0504, "an integer overflows 64 bits");
            return false;
        }
    }
    *x = node_reshape(e->graph, *x, pattern->output.rank, dims);
    return true;
}

Value builtin_rearrange(Elab *e, BuiltinCall *call) {
    Node       *x;
    AxisPattern pattern;
    AxisSizes   sizes = {0};
    const char *from[MAX_RANK], *to[MAX_RANK];
    int         n, order[MAX_RANK];
    if (!arg_tensor(e, call, 0, &x) || !parse_one(e, call, x, &pattern, &sizes)) return value_poison();
    if (!open_groups(e, &pattern, &sizes, &x, from, &n)) return value_poison();
    int  n_to = flat_names(&pattern.output, to);
    bool same = n_to == n;
    for (int i = 0; i < n && same; i++) {
        order[i] = index_of(from, n, to[i]);
        same     = order[i] >= 0;
    }
    if (!same) {
        sema_error(e, pattern.span, E0303, "bad pattern \"%s\": both sides of a rearrangement have the same names",
                   pattern.text);
        return value_poison();
    }
    x = node_permute(e->graph, x, order);
    return close_groups(e, &pattern, &sizes, &x) ? value_tensor(x) : value_poison();
}

Value builtin_expand(Elab *e, BuiltinCall *call) {
    Node       *x;
    AxisPattern pattern;
    AxisSizes   sizes = {0};
    const char *from[MAX_RANK], *to[MAX_RANK];
    int         n, n_new = 0, n_old = 0, new_axes[MAX_RANK], order[MAX_RANK];
    if (!arg_tensor(e, call, 0, &x) || !parse_one(e, call, x, &pattern, &sizes)) return value_poison();
    if (!open_groups(e, &pattern, &sizes, &x, from, &n)) return value_poison();
    Type type = {.elem = x->type.elem};
    int  n_to = flat_names(&pattern.output, to);
    for (int i = 0; i < n_to; i++) {
        int old                = index_of(from, n, to[i]);
        type.dims[type.rank++] = sizes_find(&sizes, to[i]);
        if (!type.dims[i]) {
            diag_help(sema_error(e, pattern.span, E0303, "bad pattern \"%s\": the size of '%s' is not known",
                                 pattern.text, to[i]),
                      "give it: expand(x, ..., %s = n)", to[i]);
            return value_poison();
        }
        if (old < 0)
            new_axes[n_new++] = i;
        else
            order[n_old++] = old;
    }
    if (n_to < 0 || n_old != n) {
        sema_error(e, pattern.span, E0303, "bad pattern \"%s\": the result lacks an axis of the operand", pattern.text);
        return value_poison();
    }
    if (!check_size(e, &type, call->call->span)) return value_poison();
    x = node_expand(e->graph, node_permute(e->graph, x, order), &type, n_new, new_axes);
    return close_groups(e, &pattern, &sizes, &x) ? value_tensor(x) : value_poison();
}
