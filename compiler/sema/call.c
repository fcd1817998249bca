/* Calls: binding of arguments, constructors against application, bodies of fns.
 *
 * A callable with two lists takes its hyper-parameters first. A layer always constructs; a fn with two lists applies when
 * it is given a tensor (its hyper-parameters then come by name in the same list) and constructs otherwise. Defaults are
 * evaluated in the callable's own scope: those that mention dims of the signature after the tensors have bound them. */
#include "sema/elab.h"

#include "sema/assertion.h"

bool call_enter(Elab *e, Span span) {
    if (e->exhausted) return false;
    if (++e->call_depth <= MAX_CALL_DEPTH) return true;
    e->call_depth--;
    e->exhausted = true;
    Diag *diag   = sema_error(e, span, E0506, "calls are nested more than %d deep", MAX_CALL_DEPTH);
    diag_help(diag, "a fn or layer that calls itself needs an 'if' that ends it");
    return false;
}

void frame_push(Elab *e, Frame *frame) {
    frame->parent = e->frame;
    if (!frame->path) frame->path = e->frame ? e->frame->path : "";
    if (!frame->taken) frame->taken = e->frame ? e->frame->taken : e->taken;
    if (!frame->origin && e->frame) frame->origin = e->frame->origin;
    e->frame = frame;
}

void frame_pop(Elab *e, Frame *frame) {
    e->frame = frame->parent;
}

const char *describe_decl(Elab *e, const Decl *decl) {
    return arena_printf(e->arena, "%s '%s'", decl_word(decl->kind), decl->name.text);
}

/* ---- argument lists ----------------------------------------------------------------------------------------------------------- */

static int find_param(const ParamDeclVec *params, const char *name) {
    for (int i = 0; i < params->len; i++)
        if (params->data[i].name.text == name) return i;
    return -1;
}

static void unknown_argument(Elab *e, const char *what, const ParamDeclVec *params, const Name *name) {
    const char **names = ARENA_ARRAY(e->arena, const char *, params->len + 1);
    for (int i = 0; i < params->len; i++) names[i] = params->data[i].name.text;
    Diag       *diag = sema_error(e, name->span, E0203, "%s has no parameter '%s'", what, name->text);
    const char *near = nearest_name(name->text, names, params->len);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
        return;
    }
    const char *list = "";
    for (int i = 0; i < params->len; i++) list = arena_printf(e->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    if (params->len) diag_note(diag, "it has: %s", list);
}

bool bind_arguments(Elab *e, const char *what, const ParamDeclVec *params, const Call *call, int first, Value *values,
                    Span *spans) {
    bool fine  = true;
    int  place = first;
    for (int i = 0; i < params->len; i++) {
        values[i] = value_none();
        spans[i]  = call->span;
    }
    for (int i = 0; i < call->n; i++) {
        const Argument *arg   = &call->args[i];
        int             index = arg->name.text ? find_param(params, arg->name.text) : place++;
        if (index < 0) {
            unknown_argument(e, what, params, &arg->name);
            fine = false;
        } else if (index >= params->len) {
            sema_error(e, arg->span, E0202, "%s takes %d argument%s here", what, params->len,
                       params->len == 1 ? "" : "s");
            return false;
        } else if (values[index].kind != VALUE_NONE) {
            Diag *diag = sema_error(e, arg->span, E0205, "parameter '%s' of %s is given twice",
                                    params->data[index].name.text, what);
            diag_label(diag, spans[index], "first given here");
            fine = false;
        } else {
            values[index] = arg->value;
            spans[index]  = arg->span;
        }
    }
    return fine;
}

bool require_arguments(Elab *e, const char *what, const ParamDeclVec *params, const Value *values, Span call) {
    const char *missing = NULL;
    int         count   = 0;
    for (int i = 0; i < params->len; i++) {
        if (values[i].kind != VALUE_NONE || params->data[i].default_value) continue;
        missing =
            arena_printf(e->arena, "%s%s'%s'", missing ? missing : "", missing ? ", " : "", params->data[i].name.text);
        count++;
    }
    if (!missing) return true;
    Diag *diag =
        sema_error(e, call, E0204, "%s needs %s %s", what, count > 1 ? "arguments for" : "an argument for", missing);
    const char *all = "";
    for (int i = 0; i < params->len; i++)
        all = arena_printf(e->arena, "%s%s%s", all, i ? ", " : "", params->data[i].name.text);
    if (params->len > 1) diag_note(diag, "it takes: %s", all);
    return false;
}

/* ---- hyper-parameters ------------------------------------------------------------------------------------------------------------ */

Value construct(Elab *e, const Function *fn, Call *call) {
    if (!has_tensor_list(e, fn->decl)) return value_poison();
    const ParamDeclVec *params = &fn->decl->u.callable.hyper;
    const char         *what   = describe_decl(e, fn->decl);
    Value              *values = ARENA_ARRAY(e->arena, Value, params->len + 1);
    Span               *spans  = ARENA_ARRAY(e->arena, Span, params->len + 1);
    for (int i = 0; i < call->n && fn->decl->kind == DECL_LAYER; i++) {
        int index = call->args[i].name.text ? find_param(params, call->args[i].name.text) : i;
        if (call->args[i].value.kind != VALUE_TENSOR ||
            (index >= 0 && index < params->len && params->data[index].type == NULL))
            continue;
        Diag *diag =
            sema_error(e, call->args[i].span, E0206, "%s takes its hyper-parameters first, not a tensor", what);
        diag_help(diag, "write x |> %s(...) or %s(...)(x)", fn->decl->name.text, fn->decl->name.text);
        return value_poison();
    }
    if (!bind_arguments(e, what, params, call, 0, values, spans) ||
        !require_arguments(e, what, params, values, call->span))
        return value_poison();
    for (int i = 0; i < params->len; i++)
        if (values[i].kind == VALUE_POISON) return value_poison();
    Function *bound    = ARENA_NEW(e->arena, Function);
    *bound             = *fn;
    bound->bound       = true;
    bound->hyper       = values;
    bound->hyper_spans = spans;
    bound->span        = call->span;
    return fn->decl->kind == DECL_LAYER ? value_layer(layer_new(e, bound, call->span)) : value_fn(bound);
}

static bool is_signature_dim(void *context, const char *name, Span span) {
    const Callable *callable = context;
    (void)span;
    if (find_param(&callable->hyper, name) >= 0) return false;
    for (int i = 0; i < callable->params.len; i++) {
        const TypeExpr *type = callable->params.data[i].type;
        for (int k = 0; type && k < type->shape.len; k++)
            if (expr_mentions(type->shape.data[k], name)) return true;
        if (callable->params.data[i].name.text == name) return true;
    }
    return false;
}

/* Does the default of hyper-parameter `index` wait for the dims, directly or through an earlier one? */
static bool is_late(const Callable *callable, int index) {
    const Expr *value = callable->hyper.data[index].default_value;
    if (!value) return false;
    if (walk_expr(value, is_signature_dim, (void *)(uintptr_t)callable)) return true;
    for (int i = 0; i < index; i++)
        if (expr_mentions(value, callable->hyper.data[i].name.text) && is_late(callable, i)) return true;
    return false;
}

static void bind_hyper(Elab *e, const Function *fn, Env *env, int index, Value value, Span span) {
    const ParamDecl *param = &fn->decl->u.callable.hyper.data[index];
    const char      *what  = arena_printf(e->arena, "'%s' of %s", param->name.text, describe_decl(e, fn->decl));
    if (!unify(e, env, param->type, &value, span, what, true)) value = value_poison();
    env_bind(e, env, param->name.text, span, value);
}

Env *bind_hypers(Elab *e, const Function *fn) {
    const Callable *callable = &fn->decl->u.callable;
    Env            *env      = env_new(e, NULL, fn->scope);
    for (int i = 0; i < callable->hyper.len; i++) {
        const ParamDecl *param = &callable->hyper.data[i];
        Value            given = fn->bound && fn->hyper ? fn->hyper[i] : value_none();
        if (given.kind != VALUE_NONE)
            bind_hyper(e, fn, env, i, given, fn->hyper_spans[i]);
        else if (!param->default_value) {
            Diag *diag = sema_error(e, fn->span, E0204, "%s needs an argument for '%s'", describe_decl(e, fn->decl),
                                    param->name.text);
            if (fn->decl->kind == DECL_MODEL)
                diag_help(diag, "compile with -D %s=..., or give it a default here", param->name.text);
            else
                diag_help(diag, "give it by its place or by its name: %s(%s = ...)", fn->decl->name.text,
                          param->name.text);
            env_bind(e, env, param->name.text, param->span, value_poison());
        } else if (!is_late(callable, i))
            bind_hyper(e, fn, env, i, eval_expr(e, env, param->default_value), param->default_value->span);
    }
    return env;
}

void bind_late_hypers(Elab *e, const Function *fn, Env *env) {
    const Callable *callable = &fn->decl->u.callable;
    for (int i = 0; i < callable->hyper.len; i++) {
        const ParamDecl *param = &callable->hyper.data[i];
        Value            given = fn->bound && fn->hyper ? fn->hyper[i] : value_none();
        if (given.kind != VALUE_NONE || !param->default_value || !is_late(callable, i)) continue;
        bind_hyper(e, fn, env, i, eval_expr(e, env, param->default_value), param->default_value->span);
    }
}

/* ---- application ------------------------------------------------------------------------------------------------------------------------ */

static FrameKind frame_kind(const Decl *decl) {
    switch (decl->kind) {
    case DECL_SCHEDULE: return FRAME_SCHEDULE;
    case DECL_OPTIMIZER: return FRAME_OPTIMIZER;
    case DECL_METRIC: return FRAME_METRIC;
    case DECL_INITIALISER: return FRAME_INIT;
    default: return FRAME_FN;
    }
}

Value no_result(Elab *e, const Function *fn, Span span) {
    const StmtVec *stmts = &fn->decl->u.callable.body->stmts;
    if (stmts->len && stmts->data[stmts->len - 1]->kind == STMT_EXPR) return value_poison(); /* told there: not used */
    Diag *diag = sema_error(e, span, E0209, "%s returns no value", describe_decl(e, fn->decl));
    diag_label(diag, fn->decl->name.span, "declared here");
    return value_poison();
}

static Value run_body(Elab *e, const Function *fn, Env *env, const Value *values, Span span) {
    const Callable *callable = &fn->decl->u.callable;
    Flow            flow     = exec_block(e, env, callable->body);
    if (e->exhausted) return value_poison();
    if (!flow.returned) return fn->decl->kind == DECL_OPTIMIZER ? value_none() : no_result(e, fn, span);
    Value value = check_returns(e, fn, env, flow.value, flow.span);
    return callable->grad_body ? custom_gradient(e, fn, env, value, values) : value;
}

Value apply_function(Elab *e, const Function *fn, Call *call, Frame *frame) {
    const Callable *callable = &fn->decl->u.callable;
    Frame           plain    = {.kind = frame_kind(fn->decl), .decl = fn->decl, .call = call->span};
    Value          *values   = ARENA_ARRAY(e->arena, Value, callable->params.len + 1);
    Span           *spans    = ARENA_ARRAY(e->arena, Span, callable->params.len + 1);
    if (!bind_arguments(e, describe_decl(e, fn->decl), &callable->params, call, 0, values, spans))
        return value_poison();
    if (!call_enter(e, call->span)) return value_poison();
    Function used = *fn;
    if (!fn->bound) used.span = call->span; /* where hyper-parameters could have been given */
    Env  *env    = bind_hypers(e, &used);
    Value result = value_poison();
    if (bind_tensors(e, fn, env, values, spans, call->span)) {
        frame_push(e, frame ? frame : &plain);
        bind_late_hypers(e, fn, env);
        result = run_body(e, fn, env, values, call->span);
        frame_pop(e, frame ? frame : &plain);
    }
    e->call_depth--;
    return result;
}

static Value apply_lambda(Elab *e, const Function *fn, Call *call) {
    const NameVec *params = &fn->lambda->u.lambda.params;
    Env           *env    = env_new(e, fn->env, fn->scope);
    for (int i = 0; i < call->n; i++)
        if (call->args[i].name.text || i >= params->len || call->n != params->len) {
            sema_error(e, call->args[i].span, E0202, "this fn takes %d argument%s, without names", params->len,
                       params->len == 1 ? "" : "s");
            return value_poison();
        }
    if (call->n < params->len) {
        sema_error(e, call->span, E0204, "this fn needs an argument for '%s'", params->data[call->n].text);
        return value_poison();
    }
    for (int i = 0; i < call->n; i++) env_bind(e, env, params->data[i].text, call->args[i].span, call->args[i].value);
    if (!call_enter(e, call->span)) return value_poison();
    Value value = eval_expr(e, env, fn->lambda->u.lambda.body);
    e->call_depth--;
    return value;
}

/* Is the list at place `index` a tensor written out, rather than a hyper-parameter? */
static bool written_tensor(const Callable *callable, int index, Value value) {
    if (value.kind != VALUE_LIST || !list_is_numeric(value.list)) return false;
    if (index >= callable->hyper.len) return true;
    const TypeExpr *type = callable->hyper.data[index].type;
    if (type) return param_kind(type->elem.text) == NULL;
    for (int i = 0; i < value.list->len; i++)
        if (value.list->items[i].kind == VALUE_REAL || value.list->items[i].kind == VALUE_LIST) return true;
    return false;
}

/* Is some argument for the tensor list: a tensor, or named as one of its parameters? */
static bool has_tensor(const Callable *callable, const Call *call) {
    for (int i = 0; i < call->n; i++) {
        const Argument *arg = &call->args[i];
        if (arg->name.text
                ? find_param(&callable->params, arg->name.text) >= 0 && find_param(&callable->hyper, arg->name.text) < 0
                : arg->value.kind == VALUE_TENSOR || written_tensor(callable, i, arg->value))
            return true;
    }
    return false;
}

/* One list holds both: what is named as a hyper-parameter goes to that list. */
Value apply_with_hypers(Elab *e, const Function *fn, Call *call, Frame *frame) {
    const Callable *callable = &fn->decl->u.callable;
    if (!callable->has_hyper || fn->bound) return apply_function(e, fn, call, frame);
    Call hyper = *call, tensors = *call;
    hyper.args   = ARENA_ARRAY(e->arena, Argument, call->n + 1);
    tensors.args = ARENA_ARRAY(e->arena, Argument, call->n + 1);
    hyper.n = tensors.n = 0;
    ParamDeclVec both   = {0};
    for (int i = 0; i < callable->hyper.len; i++) vec_push(e->arena, &both, callable->hyper.data[i]);
    for (int i = 0; i < callable->params.len; i++) vec_push(e->arena, &both, callable->params.data[i]);
    for (int i = 0; i < call->n; i++) {
        const Argument *arg   = &call->args[i];
        bool            named = arg->name.text && find_param(&callable->hyper, arg->name.text) >= 0;
        Call           *to    = named ? &hyper : &tensors;
        to->args[to->n++]     = *arg;
        if (!arg->name.text || find_param(&both, arg->name.text) >= 0) continue;
        unknown_argument(e, describe_decl(e, fn->decl), &both, &arg->name);
        return value_poison();
    }
    Value bound = construct(e, fn, &hyper);
    return bound.kind == VALUE_FN ? apply_function(e, bound.fn, &tensors, frame) : value_poison();
}

/* relu() where relu is meant. */
static Value called_with_nothing(Elab *e, const Function *fn, const Call *call) {
    const char *what = describe_decl(e, fn->decl);
    Diag       *diag = sema_error(e, call->span, E0204, "%s needs an argument for '%s'", what,
                                  fn->decl->u.callable.params.data[0].name.text);
    diag_help(diag, "the function itself, to apply or pass on, is '%s' without parentheses", fn->decl->name.text);
    return value_poison();
}

static Value apply_fn_value(Elab *e, const Function *fn, Call *call) {
    if (!fn->decl) return apply_lambda(e, fn, call);
    const Callable *callable = &fn->decl->u.callable;
    switch (fn->decl->kind) {
    case DECL_LAYER: return construct(e, fn, call);
    case DECL_FN:
        if (callable->has_hyper && !fn->bound)
            return has_tensor(callable, call) ? apply_with_hypers(e, fn, call, NULL) : construct(e, fn, call);
        if (call->n == 0 && callable->params.len > 0) return called_with_nothing(e, fn, call);
        return apply_function(e, fn, call, NULL);
    case DECL_SCHEDULE:
    case DECL_INITIALISER:
        if (callable->has_hyper && !fn->bound) return construct(e, fn, call);
        return e->test && fn->decl->kind == DECL_SCHEDULE ? test_apply(e, fn, call) : apply_function(e, fn, call, NULL);
    case DECL_OPTIMIZER:
        if (!fn->bound) return construct(e, fn, call);
        if (e->test) return test_apply(e, fn, call);
        break;
    case DECL_METRIC:
        if (callable->has_hyper && !fn->bound && !has_tensor(callable, call)) return construct(e, fn, call);
        if (e->test && !call->n) return construct(e, fn, call);
        if (e->test) return test_apply(e, fn, call);
        break;
    default: break;
    }
    Diag *diag = sema_error(e, call->span, E0201, "%s cannot be called here", describe_decl(e, fn->decl));
    if (fn->decl->kind == DECL_METRIC) diag_help(diag, "metrics stand in the model after the word 'metric'");
    if (fn->decl->kind == DECL_OPTIMIZER) diag_help(diag, "optimizers stand in 'train { optimizer = ... }'");
    return value_poison();
}

Value apply_value(Elab *e, Value callee, Call *call) {
    for (int i = 0; i < call->n; i++)
        if (call->args[i].value.kind == VALUE_POISON) return value_poison();
    sema_place(e, call->span);
    switch (callee.kind) {
    case VALUE_POISON: return callee;
    case VALUE_FN: return apply_fn_value(e, callee.fn, call);
    case VALUE_LAYER: return apply_layer(e, callee.layer, call);
    case VALUE_BUILTIN: return builtin_apply(e, callee.builtin, call);
    default: break;
    }
    Diag *diag = sema_error(e, call->callee, E0201, "%s cannot be called", value_describe(e->arena, callee));
    if (callee.kind == VALUE_STRING) diag_help(diag, "a name is written without quotes");
    if (callee.kind == VALUE_TENSOR) diag_help(diag, "a part of a tensor is taken with brackets: x[:, 0]");
    return value_poison();
}

Value apply_to(Elab *e, Value callee, Value argument, const Expr *written, Span value_span, Span stage_span) {
    bool spread = argument.kind == VALUE_TUPLE;
    int  n      = spread ? argument.list->len : 1;
    Call call   = {.span = stage_span, .callee = stage_span, .n = n, .args = ARENA_ARRAY(e->arena, Argument, n + 1)};
    bool items  = spread && written && written->kind == EXPR_TUPLE && written->u.list.items.len == n;
    for (int i = 0; i < n; i++)
        call.args[i] = (Argument){.value = spread ? argument.list->items[i] : argument,
                                  .span  = items ? written->u.list.items.data[i]->span : value_span};
    if (callee.kind == VALUE_FN && callee.fn->decl && callee.fn->decl->kind == DECL_LAYER) {
        Call empty = {.span = stage_span, .callee = stage_span};
        callee     = construct(e, callee.fn, &empty);
    }
    return apply_value(e, callee, &call);
}
