/* Assertions in tests, and calls of what otherwise stands only in `train` or after `metric`. */
#include "sema/assertion.h"

#include <string.h>

#include "sema/builtin.h"

/* ---- assert -------------------------------------------------------------------------------------------------------- */

typedef struct Sides { /* what an assertion compares */
    Value left, right, tolerance;
} Sides;

static int add_result(Elab *e, const char *name, Node *node) {
    fn_result(e, e->test->fn, name, node, NULL);
    return e->test->fn->results.len - 1;
}

/* The result that holds a side; -1 and a text for what is no number. */
static int add_side(Elab *e, const char *name, Value value, const char **text) {
    if (value.kind == VALUE_NONE) return -1;
    Node *node = value_is_numeric(value) || value.kind == VALUE_BOOL ? scalar_node(e, value) : NULL;
    if (node) return add_result(e, name, node);
    *text = value_describe(e->arena, value);
    return -1;
}

static Node *truth(Elab *e, Value held, Span span) {
    if (held.kind == VALUE_POISON) return NULL;
    if (held.kind == VALUE_BOOL) return node_const(e->graph, ELEM_BOOL, held.boolean);
    if ((held.kind == VALUE_TENSOR || held.kind == VALUE_SCALAR) && held.node->type.elem == ELEM_BOOL) return held.node;
    Diag *diag = sema_error(e, span, E0502, "an assertion is true or false, not %s", value_describe(e->arena, held));
    if (value_is_numeric(held)) diag_help(diag, "compare it: a == b, a < b, approx(a, b)");
    return NULL;
}

static void record(Elab *e, Value held, const Sides *sides, Span span, const char *message) {
    Node       *node      = truth(e, held, span);
    const char *unused    = NULL;
    Assertion   assertion = {.span = span, .message = message};
    if (!node) return;
    assertion.held      = add_result(e, "held", node);
    assertion.left      = add_side(e, "left", sides->left, &assertion.left_text);
    assertion.right     = add_side(e, "right", sides->right, &assertion.right_text);
    assertion.tolerance = add_side(e, "tolerance", sides->tolerance, &unused);
    vec_push(e->arena, &e->test->asserts, assertion);
}

static bool is_comparison(const Expr *expr) {
    return expr->kind == EXPR_BINARY && ((expr->u.binary.op >= BIN_EQ && expr->u.binary.op <= BIN_GE) ||
                                         (expr->u.binary.op >= BIN_DOT_EQ && expr->u.binary.op <= BIN_DOT_GE));
}

static Value compare(Elab *e, Env *env, const Expr *expr, Sides *sides) {
    const Expr *left = expr->u.binary.left, *right = expr->u.binary.right;
    sides->left  = eval_expr(e, env, left);
    sides->right = list_beside_tensor(e, eval_expr(e, env, right), sides->left, right->span);
    sides->left  = list_beside_tensor(e, sides->left, sides->right, left->span);
    return op_binary(e, expr->u.binary.op, sides->left, sides->right, expr->u.binary.op_span, left->span, right->span);
}

static Value as_tensor(Elab *e, Value value, Span span) {
    if (value.kind != VALUE_LIST || !list_is_numeric(value.list)) return value;
    Node *node = tensor_literal(e, value, e->real, span);
    return node ? value_tensor(node) : value_poison();
}

static Value call_approx(Elab *e, Env *env, const Expr *expr, Value callee, Sides *sides) {
    const ArgVec *args = &expr->u.call.args;
    Call          call = {.span   = expr->span,
                          .callee = expr->u.call.callee->span,
                          .n      = args->len,
                          .args   = ARENA_ARRAY(e->arena, Argument, args->len + 1)};
    for (int i = 0; i < args->len; i++)
        call.args[i] =
            (Argument){args->data[i].name, eval_expr(e, env, args->data[i].value), args->data[i].value->span};
    bool placed = call.n >= 2 && !call.args[0].name.text && !call.args[1].name.text;
    for (int i = 0; i < 2 && placed; i++) call.args[i].value = as_tensor(e, call.args[i].value, call.args[i].span);
    Value held = apply_value(e, callee, &call);
    if (placed && held.kind != VALUE_POISON) {
        sides->left      = call.args[0].value;
        sides->right     = call.args[1].value;
        sides->tolerance = call.n > 2 ? call.args[2].value : value_real(APPROX_TOLERANCE);
    }
    return held;
}

static Value callee_of(Elab *e, Env *env, const Expr *expr) {
    if (expr->kind != EXPR_CALL || expr->u.call.callee->kind != EXPR_NAME) return value_none();
    return eval_expr(e, env, expr->u.call.callee);
}

static void assert_expr(Elab *e, Env *env, const Expr *expr, const char *message) {
    Sides sides = {value_none(), value_none(), value_none()};
    if (expr->kind == EXPR_BINARY && expr->u.binary.op == BIN_AND) {
        assert_expr(e, env, expr->u.binary.left, message);
        assert_expr(e, env, expr->u.binary.right, message);
        return;
    }
    if (is_comparison(expr)) {
        record(e, compare(e, env, expr, &sides), &sides, expr->span, message);
        return;
    }
    Value       callee  = callee_of(e, env, expr);
    bool        builtin = callee.kind == VALUE_BUILTIN;
    const char *name    = builtin ? builtin_name(callee.builtin) : "";
    if (!strcmp(name, "all") && expr->u.call.args.len == 1)
        assert_expr(e, env, expr->u.call.args.data[0].value, message);
    else if (!strcmp(name, "approx"))
        record(e, call_approx(e, env, expr, callee, &sides), &sides, expr->span, message);
    else
        record(e, eval_expr(e, env, expr), &sides, expr->span, message);
}

void test_assert(Elab *e, Env *env, const Stmt *stmt) {
    Value message = stmt->u.assert_.message ? eval_expr(e, env, stmt->u.assert_.message) : value_none();
    assert_expr(e, env, stmt->u.assert_.condition, message.kind == VALUE_STRING ? message.string : NULL);
}

bool test_sets_mode(Elab *e, Env *env, const Stmt *stmt) {
    const Expr *value = stmt->u.bind.value;
    if (e->frame->kind != FRAME_TEST || strcmp(stmt->u.bind.name.text, "training")) return false;
    Value mode = eval_expr(e, env, value);
    if (mode.kind == VALUE_BOOL)
        e->training = mode.boolean;
    else if (mode.kind != VALUE_POISON)
        sema_error(e, value->span, E0502, "'training' is true or false, not %s", value_describe(e->arena, mode));
    return true;
}

/* ---- optimizers, metrics and schedules called ------------------------------------------------------------------------ */

/* What one construction keeps is its own: `key` tells them apart. */
static const char *state_prefix(Elab *e, const Decl *decl, const void *key) {
    Map      *kept   = e->test->kept;
    uintptr_t number = (uintptr_t)map_get(kept, key);
    if (!number) {
        number = ++e->test->n_kept;
        map_set(kept, key, (void *)number);
    }
    return intern(e->c->names, arena_printf(e->arena, "%s_%d", decl->name.text, (int)number));
}

/* Numbers known when compiling become what the trainer passes: counts of run time. */
static void counts_at_run_time(Elab *e, Call *call, int from) {
    for (int i = 0; i < call->n; i++) {
        int64_t count;
        if ((i < from && !call->args[i].name.text) || !const_int(call->args[i].value, &count)) continue;
        call->args[i].value = value_scalar(node_const(e->graph, ELEM_I64, (double)count));
    }
}

/* p, as the body leaves it. */
static Value optimizer_step(Elab *e, const Function *fn, Call *call) {
    const Callable *callable = &fn->decl->u.callable;
    Value          *values   = ARENA_ARRAY(e->arena, Value, callable->params.len + 1);
    Span           *spans    = ARENA_ARRAY(e->arena, Span, callable->params.len + 1);
    Frame           frame    = {.kind        = FRAME_OPTIMIZER,
                                .decl        = fn->decl,
                                .slot_prefix = state_prefix(e, fn->decl, fn),
                                .param       = -1,
                                .call        = call->span};
    const char     *what     = arena_printf(e->arena, "optimizer '%s'", fn->decl->name.text);
    Value           result   = value_poison();
    counts_at_run_time(e, call, 2);
    if (!bind_arguments(e, what, &callable->params, call, 0, values, spans) || !call_enter(e, call->span))
        return value_poison();
    Env *env = bind_hypers(e, fn);
    frame_push(e, &frame);
    if (bind_tensors(e, fn, env, values, spans, call->span) && callable->params.len) {
        const char *p          = callable->params.data[0].name.text;
        env_find(env, p)->kind = BIND_VAR;
        bind_late_hypers(e, fn, env);
        exec_block(e, env, callable->body);
        result = env_find(env, p)->value;
    }
    frame_pop(e, &frame);
    e->call_depth--;
    return result;
}

static Value measure(Elab *e, const Function *fn, Call *call) {
    const void *key    = fn->bound ? (const void *)fn : arena_alloc(e->arena, 1); /* a call by itself: anew */
    const char *prefix = state_prefix(e, fn->decl, key);
    Frame       frame  = {.kind = FRAME_METRIC, .decl = fn->decl, .slot_prefix = prefix, .call = call->span};
    return apply_with_hypers(e, fn, call, &frame);
}

Value test_apply(Elab *e, const Function *fn, Call *call) {
    switch (fn->decl->kind) {
    case DECL_OPTIMIZER: return optimizer_step(e, fn, call);
    case DECL_METRIC: return measure(e, fn, call);
    default: counts_at_run_time(e, call, 0); return apply_function(e, fn, call, NULL);
    }
}
