/* The tensors of a call: bound to the signature, and what the body returns checked against it; a gradient given by the fn itself. */
#include "sema/elab.h"

static bool bind_tensor(Elab *e, const Function *fn, Env *env, int index, Value *value, Span span, bool final) {
    const ParamDecl *param = &fn->decl->u.callable.params.data[index];
    const char      *what  = arena_printf(e->arena, "'%s' of %s", param->name.text, describe_decl(e, fn->decl));
    bool             fine  = unify(e, env, param->type, value, span, what, final);
    if (!fine) *value = value_poison();
    return fine;
}

/* Are two arguments of different kinds each in the other's place? False after a report. */
static bool in_order(Elab *e, const Function *fn, const Value *values, const Span *spans) {
    const ParamDecl *params = fn->decl->u.callable.params.data;
    int              n      = fn->decl->u.callable.params.len;
    for (int i = 0; i + 1 < n; i++) {
        if (elem_suits(e, &params[i], values[i]) || elem_suits(e, &params[i + 1], values[i + 1])) continue;
        if (!elem_suits(e, &params[i], values[i + 1]) || !elem_suits(e, &params[i + 1], values[i])) continue;
        Diag *diag =
            sema_error(e, spans[i], E0401, "two arguments of %s have changed places", describe_decl(e, fn->decl));
        diag_primary(diag, "%s for '%s'", value_describe(e->arena, values[i]), params[i].name.text);
        diag_label(diag, spans[i + 1], "%s for '%s'", value_describe(e->arena, values[i + 1]), params[i + 1].name.text);
        diag_help(diag, "'%s' comes before '%s'", params[i].name.text, params[i + 1].name.text);
        return false;
    }
    return true;
}

/* False after a report that names another callable, which takes the arguments as they are. */
static bool well_chosen(Elab *e, const Function *fn, const Value *values, const Span *spans) {
    const ParamDeclVec *params = &fn->decl->u.callable.params;
    for (int i = 0; i < params->len; i++) {
        if (elem_suits(e, &params->data[i], values[i])) continue;
        const Decl *other = alternative_callable(e, fn, values);
        if (!other) return true;
        Diag *diag = sema_error(e, spans[i], E0401, "'%s' of %s is %s, but %s is needed", params->data[i].name.text,
                                describe_decl(e, fn->decl), value_describe(e->arena, values[i]),
                                elem_name(type_elem(e, params->data[i].type)));
        diag_help(diag, "did you mean '%s'? It takes %s as it is", other->name.text,
                  arena_printf(e->arena, "%s[...]", elem_name(values[i].node->type.elem)));
        return false;
    }
    return true;
}

bool bind_tensors(Elab *e, const Function *fn, Env *env, Value *values, const Span *spans, Span call) {
    const ParamDeclVec *params = &fn->decl->u.callable.params;
    bool                fine   = require_arguments(e, describe_decl(e, fn->decl), params, values, call) &&
                in_order(e, fn, values, spans) && well_chosen(e, fn, values, spans);
    for (int i = 0; i < params->len && fine; i++)
        if (values[i].kind != VALUE_NONE) fine = bind_tensor(e, fn, env, i, &values[i], spans[i], false);
    for (int i = 0; i < params->len && fine; i++) {
        const ParamDecl *param = &params->data[i];
        bool             given = values[i].kind != VALUE_NONE;
        if (!given) values[i] = eval_expr(e, env, param->default_value);
        if (!given || (param->type && param->type->has_shape && values[i].kind != VALUE_TENSOR))
            fine = bind_tensor(e, fn, env, i, &values[i], given ? spans[i] : param->default_value->span, true);
        env_bind(e, env, param->name.text, spans[i], values[i]);
    }
    return fine;
}

Value check_returns(Elab *e, const Function *fn, Env *env, Value value, Span span) {
    const TypeVec *types = &fn->decl->u.callable.returns;
    const char    *what  = arena_printf(e->arena, "the result of %s", describe_decl(e, fn->decl));
    if (value.kind == VALUE_POISON || !types->len) return value;
    if (types->len == 1) return unify(e, env, types->data[0], &value, span, what, true) ? value : value_poison();
    if (value.kind != VALUE_TUPLE || value.list->len != types->len) {
        sema_error(e, span, E0209, "%s is %s, but %d values are declared", what, value_describe(e->arena, value),
                   types->len);
        return value_poison();
    }
    Value *items = ARENA_ARRAY(e->arena, Value, types->len);
    for (int i = 0; i < types->len; i++) {
        items[i] = value.list->items[i];
        if (!unify(e, env, types->data[i], &items[i], span, what, true)) return value_poison();
    }
    return value_list(e->arena, VALUE_TUPLE, types->len, items);
}

/* ---- a gradient of its own ----------------------------------------------------------------------------------------------------------- */

/* CUSTOM(y, cotangent, x1, gx1, ...): the value is y, and gx with the cotangent replaced is the gradient. */
Value custom_gradient(Elab *e, const Function *fn, Env *env, Value y, const Value *args) {
    const Callable *callable = &fn->decl->u.callable;
    const NameVec  *names    = &callable->grad_params;
    int             n        = callable->params.len;
    if (y.kind != VALUE_TENSOR || names->len != n + 1) {
        if (y.kind != VALUE_POISON)
            sema_error(e, callable->grad_body->span, E0609,
                       "a gradient takes the %d argument%s and one cotangent, of one tensor", n, n == 1 ? "" : "s");
        return value_poison();
    }
    Env *inner = env_new(e, env, fn->scope);
    for (int i = 0; i < n; i++) env_bind(e, inner, names->data[i].text, names->data[i].span, args[i]);
    Type incoming   = y.node->type;
    incoming.elem   = computed_elem(e, incoming.elem);
    Node *cotangent = node_ref(e->graph, OP_COTANGENT, e->cotangents++, &incoming);
    env_bind(e, inner, names->data[n].text, names->data[n].span, value_tensor(cotangent));
    Flow flow = exec_block(e, inner, callable->grad_body);
    if (flow.value.kind == VALUE_POISON) return value_poison();
    bool several = flow.value.kind == VALUE_TUPLE;
    if (several ? flow.value.list->len != n : n != 1) {
        sema_error(e, callable->grad_body->span, E0609, "a gradient returns one value for each of the %d arguments", n);
        return value_poison();
    }
    Node **inputs   = ARENA_ARRAY(e->arena, Node *, 2 * n + 2);
    int    count    = 0;
    inputs[count++] = y.node, inputs[count++] = cotangent;
    for (int i = 0; i < n; i++) {
        if (args[i].kind != VALUE_TENSOR || !elem_is_float(args[i].node->type.elem)) continue;
        Value g    = several ? flow.value.list->items[i] : flow.value;
        Node *node = convert(e, g, computed_elem(e, args[i].node->type.elem), flow.span, "the gradient");
        if (!node) return value_poison();
        node = expand_to(e, node, &args[i].node->type);
        if (!type_same_shape(&node->type, &args[i].node->type)) {
            sema_error(e, flow.span, E0609, "the gradient for '%s' is %s, but the argument is %s", names->data[i].text,
                       type_print(e->arena, &node->type), type_print(e->arena, &args[i].node->type));
            return value_poison();
        }
        inputs[count++] = args[i].node, inputs[count++] = node;
    }
    return value_tensor(graph_node(e->graph, OP_CUSTOM, NULL, count, inputs, NULL));
}
