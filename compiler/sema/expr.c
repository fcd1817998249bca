/* Evaluation of expressions. */
#include "sema/elab.h"

#include <string.h>

#include "sema/scan.h"

static Value eval(Elab *e, Env *env, const Expr *expr);

/* Every expression passes here: the bounds on depth and on work. */
Value eval_expr(Elab *e, Env *env, const Expr *expr) {
    if (e->exhausted) return value_poison();
    if (e->depth >= MAX_EVAL_DEPTH || ++e->steps > MAX_EVAL_STEPS || graph_node_count(e->graph) > MAX_NODES) {
        e->exhausted = true;
        if (e->depth >= MAX_EVAL_DEPTH)
            sema_error(e, expr->span, E0506, "expressions are nested too deeply");
        else
            sema_error(e, expr->span, E0507, "the model is too large to elaborate (bounds: %d nodes, %d steps)",
                       MAX_NODES, MAX_EVAL_STEPS);
        return value_poison();
    }
    e->depth++;
    Value value = eval(e, env, expr);
    e->depth--;
    return value;
}

static Value binding_value(Elab *e, const Binding *binding) {
    return binding->kind == BIND_SLOT || binding->kind == BIND_STATE ? value_tensor(slot_current(e, binding->slot))
                                                                     : binding->value;
}

static Value eval_name(Elab *e, Env *env, const Expr *expr) {
    const Binding *binding = env_find(env, expr->u.name.text);
    Value          value;
    if (binding) return binding_value(e, binding);
    Env *outer = env;
    while (outer->parent) outer = outer->parent;
    if (!scope_lookup(e, outer->scope, expr->u.name.text, &value))
        return scope_unknown(e, env, expr->u.name.text, expr->span, "name");
    tell_alias(e, env, expr, value);
    return value;
}

/* x.softmax() of other languages is softmax(x) here. */
static void no_field(Elab *e, Env *env, Value of, Name field) {
    Diag *diag = sema_error(e, field.span, E0107, "%s has no field '%s'", value_describe(e->arena, of), field.text);
    Value named;
    while (env->parent) env = env->parent;
    if (of.kind != VALUE_TENSOR) return;
    if (scope_lookup(e, env->scope, field.text, &named))
        diag_help(diag, "'%s' is called with the tensor: %s(x), or x |> %s", field.text, field.text, field.text);
    else
        diag_help(diag, "a tensor has no fields or methods: what takes one is called with it, f(x) or x |> f");
}

static Value eval_field(Elab *e, Env *env, const Expr *expr) {
    const Expr *base  = expr->u.field.base;
    Name        field = expr->u.field.field;
    Value       value;
    if (base->kind == EXPR_NAME && !env_find(env, base->u.name.text)) {
        const char *joined = intern(e->c->names, arena_printf(e->arena, "%s.%s", base->u.name.text, field.text));
        if (builtin_lookup(e, joined, &value)) return value;
    }
    Value of = eval_expr(e, env, base);
    if (of.kind == VALUE_LAYER) return layer_field(e, of.layer, field);
    if (of.kind == VALUE_POISON) return of;
    if (of.kind != VALUE_MODULE) {
        no_field(e, env, of, field);
        return value_poison();
    }
    if (scope_lookup_member(e, of.module, field.text, &value)) return value;
    return scope_unknown(e, env_new(e, NULL, of.module), field.text, field.span, "member");
}

/* ---- calls and pipes ---------------------------------------------------------------------------------------------------------------- */

static Call eval_call_args(Elab *e, Env *env, const Expr *expr, int reserve) {
    const ArgVec *args = &expr->u.call.args;
    Call          call = {.span   = expr->span,
                          .callee = expr->u.call.callee->span,
                          .args   = ARENA_ARRAY(e->arena, Argument, args->len + reserve + 1)};
    call.n             = reserve;
    for (int i = 0; i < args->len; i++) {
        Argument *arg = &call.args[call.n++];
        arg->name     = args->data[i].name;
        arg->value    = eval_expr(e, env, args->data[i].value);
        arg->span     = args->data[i].value->span;
    }
    return call;
}

static Value eval_call(Elab *e, Env *env, const Expr *expr) {
    Value callee = eval_callee(e, env, expr->u.call.callee);
    Call  call   = eval_call_args(e, env, expr, 0);
    return apply_value(e, callee, &call);
}

/* x |> sum(axis = 1): a builtin in a stage takes the value as its first argument. */
static Value pipe_into_builtin(Elab *e, Env *env, const Expr *stage, Value builtin, Value value, Span span) {
    Call call    = eval_call_args(e, env, stage, 1);
    call.args[0] = (Argument){.value = value, .span = span};
    return apply_value(e, builtin, &call);
}

static Value eval_pipe(Elab *e, Env *env, const Expr *expr) {
    const Expr *stage = expr->u.pipe.stage;
    Span        from  = expr->u.pipe.value->span;
    Value       value = eval_expr(e, env, expr->u.pipe.value);
    if (value.kind == VALUE_POISON) return value;
    if (stage->kind == EXPR_CALL) {
        Value callee = eval_callee(e, env, stage->u.call.callee);
        if (callee.kind == VALUE_BUILTIN && !builtin_constructs(callee.builtin))
            return pipe_into_builtin(e, env, stage, callee, value, from);
        Call  call  = eval_call_args(e, env, stage, 0);
        Value built = apply_value(e, callee, &call);
        return built.kind == VALUE_POISON ? built : apply_to(e, built, value, expr->u.pipe.value, from, stage->span);
    }
    Value callee = eval_callee(e, env, stage);
    return callee.kind == VALUE_POISON ? callee : apply_to(e, callee, value, expr->u.pipe.value, from, stage->span);
}

static Value as_layer(Elab *e, Value value, Span span) {
    if (value.kind != VALUE_FN || !value.fn->decl || value.fn->decl->kind != DECL_LAYER) return value;
    Call empty = {.span = span, .callee = span};
    return construct(e, value.fn, &empty);
}

static Value eval_as(Elab *e, Env *env, const Expr *expr) {
    const Expr *inner = expr->u.as.value;
    Value       value;
    if (inner->kind == EXPR_CALL) { /* dense(10)(x) as head names the layer that is applied */
        Value callee = eval_expr(e, env, inner->u.call.callee);
        Call  call   = eval_call_args(e, env, inner, 0);
        if (callee.kind == VALUE_LAYER) layer_name(e, callee.layer, expr->u.as.name);
        value = apply_value(e, callee, &call);
        if (callee.kind == VALUE_LAYER) return value;
    } else
        value = eval_expr(e, env, inner);
    value = as_layer(e, value, inner->span);
    if (value.kind == VALUE_LAYER)
        layer_name_inside(e, value.layer, expr->u.as.name);
    else if (value.kind != VALUE_POISON) {
        Diag *diag = sema_error(e, expr->span, E0502, "'as' names a layer, not %s", value_describe(e->arena, value));
        diag_help(diag, "name a value with 'let %s = ...'", expr->u.as.name.text);
        return value_poison();
    }
    return value;
}

/* ---- subscripts -------------------------------------------------------------------------------------------------------------------------- */

static bool bound_error(Elab *e, Span span, const Dim *dim, const Dim *size) {
    bool  known = dim_is_const(dim, NULL) && dim_is_const(size, NULL);
    Diag *diag =
        sema_error(e, span, E0308, "%s %s %s 0 .. %s", known ? "the subscript" : "cannot show that",
                   dim_print(e->arena, dim), known ? "is not within" : "lies within", dim_print(e->arena, size));
    if (!known && dim_is_const(dim, NULL))
        diag_help(diag, "%s may be less in some data", dim_print(e->arena, size));
    else if (!known)
        diag_help(diag, "give the dim a bound where it is declared, as in 'dim time <= 1024'");
    return false;
}

/* A bound from the end where it is a negative number. */
static const Dim *subscript_bound(Elab *e, Env *env, const Expr *expr, const Dim *size) {
    int64_t    number;
    const Dim *dim = eval_dim(e, env, expr, "a subscript");
    if (!dim || !dim_is_const(dim, &number) || number >= 0) return dim;
    const Dim *from_end = dim_add(e->dims, size, dim);
    if (!from_end) bound_error(e, expr->span, dim, size);
    return from_end;
}

static bool provable(Elab *e, const Dim *a, const Dim *b) {
    return a == b || dim_provably_le(e->dims, a, b, e->bounds.data);
}

typedef struct Slicing {
    const Dim *offsets[MAX_RANK];
    Type       sliced;
    int        kept_rank;
    const Dim *kept[MAX_RANK];
} Slicing;

static bool slice_axis(Elab *e, Env *env, const Subscript *s, const Dim *size, int axis, Slicing *slicing) {
    const Dim *zero = dim_const(e->dims, 0), *one = dim_const(e->dims, 1), *low = zero, *high = size;
    if (s && s->low) low = subscript_bound(e, env, s->low, size);
    if (!low) return false;
    if (s && !s->is_slice)
        high = dim_add(e->dims, low, one);
    else if (s && s->high)
        high = subscript_bound(e, env, s->high, size);
    Span span = s ? s->span : (Span){0};
    if (!high && s && !s->is_slice) return bound_error(e, span, low, size);
    if (!high) return false;
    if (!provable(e, zero, low)) return bound_error(e, span, low, size);
    if (!provable(e, low, high)) return bound_error(e, span, low, high);
    if (!provable(e, high, size)) return bound_error(e, span, s && !s->is_slice ? low : high, size);
    slicing->offsets[axis]     = low;
    slicing->sliced.dims[axis] = dim_sub(e->dims, high, low);
    if (!slicing->sliced.dims[axis]) return bound_error(e, span, low, size);
    if (!s || s->is_slice) slicing->kept[slicing->kept_rank++] = slicing->sliced.dims[axis];
    return true;
}

static Value index_list(Elab *e, Env *env, const Expr *expr, const List *list) {
    const SubscriptVec *subscripts = &expr->u.index.subscripts;
    const Subscript    *s          = &subscripts->data[0];
    int64_t             index;
    if (subscripts->len != 1 || s->is_slice) {
        sema_error(e, expr->span, E0502, "a list takes one index");
        return value_poison();
    }
    if (!eval_count(e, env, s->low, "a list's index", &index)) return value_poison();
    if (index < 0) index += list->len;
    if (index >= 0 && index < list->len) return list->items[index];
    sema_error(e, s->span, E0308, "index outside the list, which has %d items", list->len);
    return value_poison();
}

static Value eval_index(Elab *e, Env *env, const Expr *expr) {
    const SubscriptVec *subscripts = &expr->u.index.subscripts;
    Value               base       = eval_expr(e, env, expr->u.index.base);
    if (base.kind == VALUE_POISON) return base;
    if (base.kind == VALUE_LIST || base.kind == VALUE_TUPLE) return index_list(e, env, expr, base.list);
    if (base.kind != VALUE_TENSOR) {
        sema_error(e, expr->u.index.base->span, E0502, "%s has no elements to index", value_describe(e->arena, base));
        return value_poison();
    }
    const Type *type = &base.node->type;
    if (subscripts->len > type->rank) {
        sema_error(e, expr->span, E0304, "%d subscripts for %s", subscripts->len, type_print(e->arena, type));
        return value_poison();
    }
    Slicing slicing = {.sliced = *type};
    for (int i = 0; i < type->rank; i++)
        if (!slice_axis(e, env, i < subscripts->len ? &subscripts->data[i] : NULL, type->dims[i], i, &slicing))
            return value_poison();
    sema_place(e, expr->span);
    Node *node = base.node;
    if (!type_same_shape(&slicing.sliced, type)) node = node_slice(e->graph, node, slicing.offsets, &slicing.sliced);
    return value_tensor(node_reshape(e->graph, node, slicing.kept_rank, slicing.kept));
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------------------ */

bool eval_condition(Elab *e, Env *env, const Expr *expr, const char *what, bool *result, Node **run_time) {
    Value  value = eval_expr(e, env, expr);
    double folded;
    *run_time = NULL;
    if (value.kind == VALUE_POISON) return false;
    if (value.kind == VALUE_BOOL) {
        *result = value.boolean;
        return true;
    }
    if (value.kind == VALUE_SCALAR && value.node->type.elem == ELEM_BOOL) {
        *run_time = value.node;
        if (e->frame && e->frame->kind == FRAME_SCHEDULE) return true; /* nothing needs to be baked in */
        *run_time = NULL;
        if (fold_scalar(e, value.node, &folded)) {
            *result = folded != 0;
            return true;
        }
    }
    Diag *diag = sema_error(e, expr->span, E0501, "%s must be known when compiling, but this is %s", what,
                            value_describe(e->arena, value));
    if (value.kind == VALUE_TENSOR || value.kind == VALUE_SCALAR)
        diag_help(diag, "to choose between values at run time write select(condition, a, b)");
    return false;
}

bool eval_count(Elab *e, Env *env, const Expr *expr, const char *what, int64_t *result) {
    Value value = eval_expr(e, env, expr);
    if (value.kind == VALUE_POISON) return false;
    if (const_int(value, result)) return true;
    sema_error(e, expr->span, E0503, "%s must be an integer known when compiling, not %s", what,
               value_describe(e->arena, value));
    return false;
}

static Value select_scalars(Elab *e, Node *condition, Value a, Value b, Span span) {
    if (a.kind == VALUE_POISON || b.kind == VALUE_POISON) return value_poison();
    Node *x = convert(e, a, ELEM_F64, span, "the value"), *y = convert(e, b, ELEM_F64, span, "the value");
    return x && y ? value_scalar(node_select(e->graph, condition, x, y)) : value_poison();
}

static Value eval_if(Elab *e, Env *env, const Expr *expr) {
    bool  taken;
    Node *run_time;
    if (!eval_condition(e, env, expr->u.if_.condition, "the condition of 'if'", &taken, &run_time))
        return value_poison();
    if (!run_time) return eval_expr(e, env, taken ? expr->u.if_.then_value : expr->u.if_.else_value);
    Value a = eval_expr(e, env, expr->u.if_.then_value), b = eval_expr(e, env, expr->u.if_.else_value);
    sema_place(e, expr->span);
    return select_scalars(e, run_time, a, b, expr->span);
}

static Value eval_list(Elab *e, Env *env, const Expr *expr) {
    const ExprVec *items = &expr->u.list.items;
    VEC(Value) values    = {0};
    for (int i = 0; i < items->len; i++) {
        Value value = eval_expr(e, env, items->data[i]);
        if (value.kind == VALUE_POISON) return value;
        if (items->data[i]->kind == EXPR_PACK && value.kind == VALUE_LIST)
            for (int k = 0; k < value.list->len; k++) vec_push(e->arena, &values, value.list->items[k]);
        else
            vec_push(e->arena, &values, value);
    }
    Value list = value_list(e->arena, expr->kind == EXPR_LIST ? VALUE_LIST : VALUE_TUPLE, values.len, values.data);
    if (list.list->depth <= MAX_LIST_DEPTH) return list;
    sema_error(e, expr->span, E0506, "lists are nested more than %d deep", MAX_LIST_DEPTH);
    return value_poison();
}

static Value eval_repeat(Elab *e, Env *env, const Expr *expr) {
    int64_t count;
    if (!eval_count(e, env, expr->u.repeat.count, "the count of 'repeat'", &count)) return value_poison();
    if (count < 0 || count > MAX_UNROLL) {
        sema_error(e, expr->u.repeat.count->span, E0507, "'repeat' takes a count of 0 to %d", MAX_UNROLL);
        return value_poison();
    }
    Value *items = ARENA_ARRAY(e->arena, Value, count + 1);
    for (int64_t i = 0; i < count; i++) {
        items[i] = as_layer(e, eval_expr(e, env, expr->u.repeat.layer), expr->u.repeat.layer->span);
        if (items[i].kind == VALUE_POISON) return items[i];
        if (value_is_callable(items[i])) continue;
        sema_error(e, expr->u.repeat.layer->span, E0206, "'repeat' needs a layer, not %s",
                   value_describe(e->arena, items[i]));
        return value_poison();
    }
    return chain_new(e, (int)count, items, expr->span);
}

static Value eval_lambda(Elab *e, Env *env, const Expr *expr) {
    Env *outer = env;
    while (outer->parent) outer = outer->parent;
    Function *fn = ARENA_NEW(e->arena, Function);
    *fn          = (Function){.lambda = expr, .scope = outer->scope, .env = env, .span = expr->span};
    return value_fn(fn);
}

static Value eval_binary(Elab *e, Env *env, const Expr *expr) {
    BinaryOp op    = expr->u.binary.op;
    Span     at    = expr->u.binary.op_span.file ? expr->u.binary.op_span : expr->span;
    Value    left  = eval_expr(e, env, expr->u.binary.left);
    bool     known = left.kind == VALUE_BOOL && (op == BIN_AND || op == BIN_OR);
    if (known && left.boolean == (op == BIN_OR)) return left;
    Value right = eval_expr(e, env, expr->u.binary.right);
    return op_binary(e, op, left, right, at, expr->u.binary.left->span, expr->u.binary.right->span);
}

static Value eval_int(Elab *e, const Expr *expr) {
    if (expr->u.integer.value <= INT64_MAX) return value_dim(dim_const(e->dims, (int64_t)expr->u.integer.value));
    sema_error(e, expr->span, E0504, "an integer overflows 64 bits");
    return value_poison();
}

static Value eval(Elab *e, Env *env, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_ERROR: return value_poison();
    case EXPR_INT: return eval_int(e, expr);
    case EXPR_REAL: return value_real(expr->u.real.value);
    case EXPR_STRING: return value_string(expr->u.string.text);
    case EXPR_BOOL: return value_bool(expr->u.boolean.value);
    case EXPR_NAME:
    case EXPR_PACK: return eval_name(e, env, expr);
    case EXPR_FIELD: return eval_field(e, env, expr);
    case EXPR_CALL: return eval_call(e, env, expr);
    case EXPR_INDEX: return eval_index(e, env, expr);
    case EXPR_UNARY: return op_unary(e, expr->u.unary.op, eval_expr(e, env, expr->u.unary.operand), expr->span);
    case EXPR_BINARY: return eval_binary(e, env, expr);
    case EXPR_PIPE: return eval_pipe(e, env, expr);
    case EXPR_IF: return eval_if(e, env, expr);
    case EXPR_LAMBDA: return eval_lambda(e, env, expr);
    case EXPR_LIST:
    case EXPR_TUPLE: return eval_list(e, env, expr);
    case EXPR_REPEAT: return eval_repeat(e, env, expr);
    case EXPR_SCAN: return eval_scan(e, env, expr);
    case EXPR_AS: return eval_as(e, env, expr);
    }
    return value_poison();
}
