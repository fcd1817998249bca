/* The table of builtins, and the binding of their arguments. Everything that is not here is written in .nnet. */
#include "sema/builtin.h"

#include <math.h>
#include <string.h>

static const Builtin builtins[] = {
    {"exp", "x", builtin_unary, OP_EXP},
    {"expm1", "x", builtin_unary, OP_EXPM1},
    {"log", "x", builtin_unary, OP_LOG},
    {"log1p", "x", builtin_unary, OP_LOG1P},
    {"sin", "x", builtin_unary, OP_SIN},
    {"cos", "x", builtin_unary, OP_COS},
    {"tanh", "x", builtin_unary, OP_TANH},
    {"sqrt", "x", builtin_unary, OP_SQRT},
    {"rsqrt", "x", builtin_unary, OP_RSQRT},
    {"abs", "x", builtin_unary, OP_ABS},
    {"sign", "x", builtin_unary, OP_SIGN},
    {"floor", "x", builtin_unary, OP_FLOOR},
    {"ceil", "x", builtin_unary, OP_CEIL},
    {"round", "x", builtin_unary, OP_ROUND},
    {"erf", "x", builtin_unary, OP_ERF},
    {"erfc", "x", builtin_unary, OP_ERFC},
    {"cast", "x type", builtin_cast, OP_CAST},
    {"select", "condition a b", builtin_select, OP_SELECT},
    {"stop_grad", "x", builtin_stop_grad, OP_STOP_GRAD},
    {"count", "x", builtin_count, OP_SUM},
    {"epoch", "n", builtin_epoch, OP_RUNTIME},
    {"sum", "x axis?", builtin_sum, OP_SUM},
    {"mean", "x axis?", builtin_mean, OP_SUM},
    {"max", "x axis?", builtin_max, OP_REDUCE_MAX},
    {"min", "x axis?", builtin_min, OP_REDUCE_MAX},
    {"argmax", "x axis", builtin_argmax, OP_ARGMAX},
    {"weighted_mean", "v w", builtin_weighted_mean, OP_SUM},
    {"einsum", "x *", builtin_einsum, OP_DOT},
    {"rearrange", "x pattern **", builtin_rearrange, OP_PERMUTE},
    {"expand", "x pattern **", builtin_expand, OP_EXPAND},
    {"reshape", "x shape", builtin_reshape, OP_RESHAPE},
    {"transpose", "x axes?", builtin_transpose, OP_PERMUTE},
    {"unsqueeze", "x axis", builtin_unsqueeze, OP_RESHAPE},
    {"squeeze", "x axis?", builtin_squeeze, OP_RESHAPE},
    {"unstack", "x axis?", builtin_unstack, OP_SLICE},
    {"stack", "parts axis?", builtin_stack, OP_CONCAT},
    {"concat", "parts axis?", builtin_concat, OP_CONCAT},
    {"pad", "x before after? value?", builtin_pad, OP_PAD},
    {"window", "x axis size stride? dilation? before? after? value?", builtin_window, OP_SLIDE},
    {"flip", "x axis", builtin_flip, OP_SLIDE},
    {"spread", "x axis stride", builtin_spread, OP_SLIDE},
    {"shape", "x", builtin_shape, OP_DIM},
    {"rank", "x", builtin_rank, OP_DIM},
    {"size", "x", builtin_size, OP_DIM},
    {"full", "shape value", builtin_full, OP_CONST},
    {"iota", "n axis?", builtin_iota, OP_IOTA},
    {"one_hot", "index n", builtin_one_hot, OP_EQ},
    {"gather", "x index", builtin_gather, OP_GATHER},
    {"scatter_add", "values index n", builtin_scatter_add, OP_SCATTER_ADD},
    {"random.uniform", "shape low? high?", builtin_uniform, OP_UNIFORM},
    {"random.normal", "shape mean? std?", builtin_normal, OP_NORMAL},
    {"chain", "*", builtin_chain, OP_CONST},
    {"tensor", "values type?", builtin_tensor, OP_CONST},
    {"all", "x", builtin_all, OP_AND},
    {"any", "x", builtin_any, OP_OR},
    {"approx", "a b tolerance?", builtin_approx, OP_LE},
    {"grad", "y x", builtin_grad, OP_GRAD},
};
enum { N_BUILTINS = sizeof builtins / sizeof *builtins };

bool builtin_constructs(const Builtin *builtin) {
    return builtin->apply == builtin_chain;
}

const char *builtin_name(const Builtin *builtin) {
    return builtin->name;
}

int builtin_table_len(void) {
    return N_BUILTINS;
}

const char *builtin_name_at(int index) {
    return builtins[index].name;
}

static bool constant_lookup(Elab *e, const char *name, Value *value) {
    ElemType elem = !strcmp(name, "real") ? e->real : elem_parse(name);
    if (elem != ELEM_COUNT)
        *value = value_elem(elem);
    else if (!strcmp(name, "pi"))
        *value = value_real(3.14159265358979323846);
    else if (!strcmp(name, "inf"))
        *value = value_real(INFINITY);
    else if (!strcmp(name, "training"))
        *value = value_bool(e->training);
    else
        return false;
    return true;
}

bool builtin_lookup(Elab *e, const char *name, Value *value) {
    for (int i = 0; i < N_BUILTINS; i++)
        if (!strcmp(builtins[i].name, name)) {
            *value = (Value){.kind = VALUE_BUILTIN, .builtin = &builtins[i]};
            return true;
        }
    return constant_lookup(e, name, value);
}

/* ---- arguments --------------------------------------------------------------------------------------------------------------------- */

typedef struct Params {
    int  count;
    char names[MAX_BUILTIN_ARGS][24];
    bool optional[MAX_BUILTIN_ARGS];
    bool rest, named_rest;
} Params;

static Params read_params(const char *text) {
    Params params = {0};
    while (*text) {
        size_t length = strcspn(text, " ");
        if (!strncmp(text, "**", 2))
            params.named_rest = true;
        else if (*text == '*')
            params.rest = true;
        else {
            bool optional = text[length - 1] == '?';
            memcpy(params.names[params.count], text, length - optional);
            params.optional[params.count++] = optional;
        }
        text += length;
        while (*text == ' ') text++;
    }
    return params;
}

static int find_named(const Params *params, const char *name) {
    for (int i = 0; i < params->count; i++)
        if (!strcmp(params->names[i], name)) return i;
    return -1;
}

static void unknown_named(Elab *e, const Builtin *builtin, const Params *params, const Name *name) {
    const char *names[MAX_BUILTIN_ARGS];
    for (int i = 0; i < params->count; i++) names[i] = params->names[i];
    Diag       *diag = sema_error(e, name->span, E0203, "fn '%s' has no parameter '%s'", builtin->name, name->text);
    const char *near = nearest_name(name->text, names, params->count);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
        return;
    }
    const char *list = "";
    for (int i = 0; i < params->count; i++) list = arena_printf(e->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    if (params->count) diag_note(diag, "it has: %s", list);
}

static bool bind_one(Elab *e, BuiltinCall *bound, const Params *params, const Argument *arg, int *place) {
    int index = arg->name.text ? find_named(params, arg->name.text) : *place;
    if (!arg->name.text && index < params->count) ++*place;
    if (index < 0 || index >= params->count) {
        if (arg->name.text ? params->named_rest : params->rest) {
            bound->extra[bound->n_extra++] = *arg;
            return true;
        }
        if (arg->name.text)
            unknown_named(e, bound->builtin, params, &arg->name);
        else
            sema_error(e, arg->span, E0202, "fn '%s' takes %d argument%s", bound->builtin->name, params->count,
                       params->count == 1 ? "" : "s");
        return false;
    }
    if (bound->args[index].kind != VALUE_NONE) {
        sema_error(e, arg->span, E0205, "parameter '%s' of fn '%s' is given twice", params->names[index],
                   bound->builtin->name);
        return false;
    }
    bound->args[index]  = arg->value;
    bound->spans[index] = arg->span;
    return true;
}

/* Are all arguments but x given, by name? */
static bool waits_for_x(const Params *params, const BuiltinCall *bound) {
    if (strcmp(params->names[0], "x") || bound->args[0].kind != VALUE_NONE || !bound->call->n) return false;
    for (int i = 0; i < bound->call->n; i++)
        if (!bound->call->args[i].name.text) return false;
    for (int i = 1; i < params->count; i++)
        if (bound->args[i].kind == VALUE_NONE && !params->optional[i]) return false;
    return true;
}

typedef struct WaitingBuiltin { /* a builtin with all arguments but x */
    Builtin        base;
    const Builtin *of;
    const Call    *given;
} WaitingBuiltin;

/* What the call gives, then what was given before. */
static Value apply_waiting(Elab *e, BuiltinCall *bound) {
    const WaitingBuiltin *waiting = (const WaitingBuiltin *)bound->builtin;
    const Call           *given   = waiting->given;
    Call                  both    = *bound->call;
    both.n                        = bound->call->n + given->n;
    both.args                     = ARENA_ARRAY(e->arena, Argument, both.n + 1);
    for (int i = 0; i < both.n; i++)
        both.args[i] = i < bound->call->n ? bound->call->args[i] : given->args[i - bound->call->n];
    return builtin_apply(e, waiting->of, &both);
}

static Value fn_of_x(Elab *e, const Builtin *builtin, const Call *call) {
    WaitingBuiltin *waiting = ARENA_NEW(e->arena, WaitingBuiltin);
    Call           *given   = ARENA_NEW(e->arena, Call);
    *given                  = *call;
    *waiting                = (WaitingBuiltin){{builtin->name, "* **", apply_waiting, builtin->op}, builtin, given};
    return (Value){.kind = VALUE_BUILTIN, .builtin = &waiting->base};
}

Value builtin_apply(Elab *e, const Builtin *builtin, Call *call) {
    Params      params = read_params(builtin->params);
    BuiltinCall bound  = {.builtin = builtin, .call = call, .extra = ARENA_ARRAY(e->arena, Argument, call->n + 1)};
    int         place  = 0;
    for (int i = 0; i < MAX_BUILTIN_ARGS; i++) {
        bound.args[i]  = value_none();
        bound.spans[i] = call->span;
    }
    for (int i = 0; i < call->n; i++)
        if (!bind_one(e, &bound, &params, &call->args[i], &place)) return value_poison();
    if (waits_for_x(&params, &bound)) return fn_of_x(e, builtin, call);
    for (int i = 0; i < params.count; i++)
        if (bound.args[i].kind == VALUE_NONE && !params.optional[i]) {
            sema_error(e, call->span, E0204, "fn '%s' needs an argument for '%s'", builtin->name, params.names[i]);
            return value_poison();
        }
    sema_place(e, call->span);
    return builtin->apply(e, &bound);
}

/* ---- shared by the builtins -------------------------------------------------------------------------------------------------------- */

Value arg_error(Elab *e, BuiltinCall *call, int index, const char *needed) {
    Params params = read_params(call->builtin->params);
    if (call->args[index].kind != VALUE_POISON)
        sema_error(e, call->spans[index], E0206, "'%s' of fn '%s' is %s, but %s is needed", params.names[index],
                   call->builtin->name, value_describe(e->arena, call->args[index]), needed);
    return value_poison();
}

bool is_float_tensor(Value value) {
    return value.kind == VALUE_TENSOR && elem_is_float(value.node->type.elem);
}

bool arg_tensor(Elab *e, BuiltinCall *call, int index, Node **node) {
    Value value = call->args[index];
    if (value.kind == VALUE_TENSOR)
        *node = value.node;
    else if (value_is_numeric(value))
        *node = convert(e, value, e->real, call->spans[index], "the argument");
    else if (value.kind == VALUE_LIST && list_is_numeric(value.list))
        *node = tensor_literal(e, value, e->real, call->spans[index]);
    else {
        arg_error(e, call, index, "a tensor");
        return false;
    }
    return *node != NULL;
}

static bool check_axis(Elab *e, Value value, Span span, int rank, int *axis) {
    int64_t number;
    if (!const_int(value, &number)) {
        if (value.kind != VALUE_POISON)
            sema_error(e, span, E0503, "an axis must be an integer known when compiling, not %s",
                       value_describe(e->arena, value));
        return false;
    }
    if (number < -rank || number >= rank) {
        sema_error(e, span, E0304, "axis %lld of a tensor with %d axes", (long long)number, rank);
        return false;
    }
    *axis = (int)(number < 0 ? number + rank : number);
    return true;
}

bool arg_axis(Elab *e, BuiltinCall *call, int index, int rank, int *axis) {
    return check_axis(e, call->args[index], call->spans[index], rank, axis);
}

bool arg_axes(Elab *e, BuiltinCall *call, int index, int rank, int *n, int *axes) {
    Value value = call->args[index];
    *n          = 1;
    if (value.kind != VALUE_LIST && value.kind != VALUE_TUPLE) return arg_axis(e, call, index, rank, &axes[0]);
    *n = value.list->len;
    if (*n > rank) {
        sema_error(e, call->spans[index], E0304, "%d axes of a tensor with %d", *n, rank);
        return false;
    }
    for (int i = 0; i < *n; i++) {
        if (!check_axis(e, value.list->items[i], call->spans[index], rank, &axes[i])) return false;
        for (int k = 0; k < i; k++)
            if (axes[k] == axes[i]) {
                sema_error(e, call->spans[index], E0304, "axis %d occurs twice", axes[i]);
                return false;
            }
    }
    return true;
}

bool arg_dim(Elab *e, BuiltinCall *call, int index, const Dim **dim) {
    int64_t number;
    Value   value = call->args[index];
    if (value.kind == VALUE_DIM)
        *dim = value.dim;
    else if (const_int(value, &number))
        *dim = dim_const(e->dims, number);
    else {
        arg_error(e, call, index, "a dim");
        return false;
    }
    return true;
}

static bool shape_push(Elab *e, BuiltinCall *call, int index, Value item, Type *type) {
    int64_t number;
    if (item.kind == VALUE_LIST) {
        for (int i = 0; i < item.list->len; i++)
            if (item.list->items[i].kind == VALUE_LIST || !shape_push(e, call, index, item.list->items[i], type))
                return false;
        return true;
    }
    if (item.kind != VALUE_DIM && const_int(item, &number)) item = value_dim(dim_const(e->dims, number));
    if (item.kind != VALUE_DIM) {
        arg_error(e, call, index, "a list of dims");
        return false;
    }
    if (type->rank == MAX_RANK) {
        sema_error(e, call->spans[index], E0307, "a tensor has at most %d axes", MAX_RANK);
        return false;
    }
    type->dims[type->rank++] = item.dim;
    return true;
}

bool arg_dims(Elab *e, BuiltinCall *call, int index, ElemType elem, Type *type) {
    Value value = call->args[index];
    *type       = (Type){.elem = elem};
    if (value.kind == VALUE_POISON) return false;
    if (value.kind == VALUE_TUPLE) value.kind = VALUE_LIST;
    if (value.kind != VALUE_LIST) return shape_push(e, call, index, value, type);
    for (int i = 0; i < value.list->len; i++)
        if (!shape_push(e, call, index, value.list->items[i], type)) return false;
    return true;
}

bool arg_shape(Elab *e, BuiltinCall *call, int index, ElemType elem, Type *type) {
    return arg_dims(e, call, index, elem, type) && check_size(e, type, call->spans[index]);
}
