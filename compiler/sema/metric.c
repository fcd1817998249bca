/* Metrics. A declared one has state that its statements update once a batch and that its `return` reads once at the
 * end: its body is evaluated twice, first for the updates, then, with := without effect and every state read from its
 * slot, for the value: a number, or a tensor of them such as a confusion matrix. A loss after `metric` is averaged over
 * samples. */
#include "sema/elab.h"

static bool name_free(Elab *e, const char *name, Span span) {
    Span other = {0};
    for (int i = 0; i < e->metrics.len; i++)
        if (e->metrics.data[i].name == name) other = e->metrics.data[i].span;
    for (int i = 0; i < e->metric_values.len; i++)
        if (e->metric_values.data[i].name == name) other = e->metric_values.data[i].span;
    if (!other.file) return true;
    Diag *diag = sema_error(e, span, E0102, "two metrics are called '%s'", name);
    diag_label(diag, other, "the first one");
    diag_help(diag, "write 'metric name = ...'");
    return false;
}

static Node *real_scalar(Elab *e, Value value, Span span, const char *what) {
    if (value.kind == VALUE_POISON) return NULL;
    if (value.kind == VALUE_TENSOR && !value.node->type.rank) return node_cast(e->graph, e->real, value.node);
    if (value.kind != VALUE_TENSOR && value_is_numeric(value))
        return node_cast(e->graph, e->real, scalar_node(e, value));
    Diag *diag = sema_error(e, span, E0603, "%s is a single number, not %s", what, value_describe(e->arena, value));
    if (value.kind == VALUE_STRING)
        diag_help(diag, "name it without quotes and say what it compares: metric %s(logits, y)", value.string);
    return NULL;
}

/* A declared metric's value: numbers of any shape, in the type that it computed. */
static Node *metric_value(Elab *e, Value value, Span span) {
    if (value.kind != VALUE_TENSOR) return real_scalar(e, value, span, "a metric's value");
    if (value.node->type.elem != ELEM_BOOL) return computed(e, value.node);
    Diag *diag = sema_error(e, span, E0401, "a metric's value is a number, not %s", value_describe(e->arena, value));
    diag_help(diag, "cast(..., real) makes 1 of true and 0 of false");
    return NULL;
}

/* The final line and early_stop go by the first metric that is a single number. */
static void propose_headline(Elab *e, const char *name, const Node *value) {
    if (!e->headline && !value->type.rank) e->headline = name;
}

static void declared_metric(Elab *e, const Function *fn, Call *call, const char *name) {
    const char *prefix = intern(e->c->names, arena_printf(e->arena, "metric/%s", name));
    Frame       frame  = {.kind = FRAME_METRIC, .decl = fn->decl, .slot_prefix = prefix, .call = call->span};
    int         errors = diags_error_count(e->diags);
    apply_with_hypers(e, fn, call, &frame);
    if (diags_error_count(e->diags) > errors) return;
    int    n     = e->current.len;
    Node **saved = ARENA_ARRAY(e->arena, Node *, n + 1);
    for (int i = 0; i < n; i++) {
        saved[i]           = e->current.data[i];
        e->current.data[i] = NULL;
    }
    frame =
        (Frame){.kind = FRAME_METRIC, .decl = fn->decl, .slot_prefix = prefix, .call = call->span, .read_only = true};
    Value value = apply_with_hypers(e, fn, call, &frame);
    for (int i = 0; i < n; i++) e->current.data[i] = saved[i];
    Node *node = metric_value(e, value, call->span);
    if (!node) return;
    propose_headline(e, name, node);
    const ProgInput *input = reach_input(e, node, false);
    if (input) {
        Diag *diag = sema_error(e, call->span, E0607,
                                "the value of metric '%s' depends on '%s', which is gone when it is computed", name,
                                input->name);
        diag_help(diag, "gather what 'return' needs in a state, with :=");
        return;
    }
    NamedValue result = {name, value_tensor(node), call->span};
    vec_push(e->arena, &e->metric_values, result);
}

static void averaged_metric(Elab *e, Value value, const char *name, Span span) {
    Node *node = real_scalar(e, value, span, "a metric");
    if (!node) return;
    propose_headline(e, name, node);
    Value kept       = value_tensor(node);
    kept.weight      = value.weight;
    kept.terms       = value.terms;
    NamedLoss metric = {name, true, kept, span};
    vec_push(e->arena, &e->metrics, metric);
}

void metric_statement(Elab *e, Env *env, const Stmt *stmt) {
    const Expr *expr   = stmt->u.bind.value;
    const Name *name   = &stmt->u.bind.name;
    const char *as     = name->text;
    Value       callee = value_poison();
    if (expr->kind == EXPR_CALL) {
        callee = eval_expr(e, env, expr->u.call.callee);
        if (callee.kind == VALUE_POISON) return;
        if (!as && callee.kind == VALUE_FN && callee.fn->decl) as = callee.fn->decl->name.text;
        if (!as && callee.kind == VALUE_BUILTIN) as = builtin_name(callee.builtin);
    }
    if (!as) as = expr->kind == EXPR_NAME ? expr->u.name.text : "metric";
    if (!name_free(e, as, expr->span)) return;
    bool declared = callee.kind == VALUE_FN && callee.fn->decl && callee.fn->decl->kind == DECL_METRIC;
    if (!declared) {
        averaged_metric(e, eval_expr(e, env, expr), as, expr->span);
        return;
    }
    const ArgVec *args = &expr->u.call.args;
    Call          call = {.span   = expr->span,
                          .callee = expr->u.call.callee->span,
                          .n      = args->len,
                          .args   = ARENA_ARRAY(e->arena, Argument, args->len + 1)};
    for (int i = 0; i < args->len; i++) {
        call.args[i] =
            (Argument){args->data[i].name, eval_expr(e, env, args->data[i].value), args->data[i].value->span};
        if (call.args[i].value.kind == VALUE_POISON) return;
    }
    declared_metric(e, callee.fn, &call, as);
}
