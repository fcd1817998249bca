/* Execution of statements. `if` is decided when compiling and only the branch taken is elaborated; in a schedule a run-time
 * `if` whose branch returns becomes a select between that value and what the rest returns. */
#include "sema/elab.h"

#include <string.h>

#include "sema/assertion.h"
#include "sema/scan.h"

/* ---- binding -------------------------------------------------------------------------------------------------------------------- */

Value as_named_layer(Elab *e, const Name *name, Value value) {
    if (value.kind == VALUE_FN && value.fn->decl && value.fn->decl->kind == DECL_LAYER) {
        Call empty = {.span = name->span, .callee = name->span};
        value      = construct(e, value.fn, &empty);
    }
    if (value.kind == VALUE_LAYER) layer_name(e, value.layer, *name);
    return value;
}

void bind_pattern(Elab *e, Env *env, const Pattern *pattern, Value value) {
    if (pattern->name.text) {
        if (strcmp(pattern->name.text, "_"))
            env_bind(e, env, pattern->name.text, pattern->name.span, as_named_layer(e, &pattern->name, value));
        return;
    }
    bool list = value.kind == VALUE_TUPLE || value.kind == VALUE_LIST;
    if (value.kind != VALUE_POISON && (!list || value.list->len != pattern->items.len)) {
        Diag *diag =
            sema_error(e, pattern->span, E0209, "%d names for %s", pattern->items.len, value_describe(e->arena, value));
        if (list) diag_primary(diag, "%d values", value.list->len);
        list = false;
    }
    for (int i = 0; i < pattern->items.len; i++)
        bind_pattern(e, env, &pattern->items.data[i], list ? value.list->items[i] : value_poison());
}

static bool has_value(Elab *e, Value value, const Expr *expr) {
    if (value.kind != VALUE_NONE) return true;
    sema_error(e, expr->span, E0209, "this has no value");
    return false;
}

/* ---- assert ----------------------------------------------------------------------------------------------------------------------- */

static const char *assert_message(Elab *e, Env *env, const Stmt *stmt) {
    if (!stmt->u.assert_.message) return NULL;
    Value value = eval_expr(e, env, stmt->u.assert_.message);
    return value.kind == VALUE_STRING ? value.string : NULL;
}

/* Equality of dims that only data decides: kept for run time. */
static void keep_check(Elab *e, Env *env, const Stmt *stmt, const Dim *left, const Dim *right) {
    for (int i = 0; i < e->program->checks.len; i++) {
        const DimCheck *check = &e->program->checks.data[i];
        if (check->left == left && check->right == right) return;
    }
    const char *message = assert_message(e, env, stmt);
    if (!message)
        message = arena_printf(e->arena, "%s: %s must equal %s", sema_where(e, stmt->span), dim_print(e->arena, left),
                               dim_print(e->arena, right));
    DimCheck check = {left, right, stmt->span, message};
    vec_push(e->arena, &e->program->checks, check);
}

/* Of an optimizer's or a schedule's hyper-parameters only the values in the model are looked at: they stay settable. */
static bool eval_assertion(Elab *e, Env *env, const Expr *condition, bool *holds) {
    Node *run_time;
    if (e->frame->kind != FRAME_OPTIMIZER && e->frame->kind != FRAME_SCHEDULE)
        return eval_condition(e, env, condition, "an assertion", holds, &run_time) && !run_time;
    Value  value = eval_expr(e, env, condition);
    double known;
    if (value.kind == VALUE_BOOL) return *holds = value.boolean, true;
    if (value.kind != VALUE_SCALAR || !peek_scalar(e, value.node, &known)) return false;
    *holds = known != 0;
    return true;
}

void exec_assert(Elab *e, Env *env, const Stmt *stmt) {
    if (e->frame->kind == FRAME_TEST) {
        test_assert(e, env, stmt);
        return;
    }
    const Expr *condition = stmt->u.assert_.condition;
    if (condition->kind == EXPR_BINARY && condition->u.binary.op == BIN_EQ) {
        Value left = eval_expr(e, env, condition->u.binary.left), right = eval_expr(e, env, condition->u.binary.right);
        if (left.kind == VALUE_DIM && right.kind == VALUE_DIM) {
            const Dim *difference = dim_sub(e->dims, left.dim, right.dim);
            if (difference && !dim_is_const(difference, NULL)) {
                keep_check(e, env, stmt, left.dim, right.dim);
                return;
            }
        }
    }
    bool holds;
    if (!eval_assertion(e, env, condition, &holds) || holds) return;
    const char  *message = assert_message(e, env, stmt);
    const Frame *frame   = e->frame;
    bool         inside  = frame && frame->kind != FRAME_MODEL && frame->call.file;
    Diag        *diag    = sema_error(e, inside ? frame->call : condition->span, E0505, "%s",
                            message ? message : "an assertion does not hold");
    if (inside) diag_label(diag, condition->span, "this does not hold");
}

/* ---- control ------------------------------------------------------------------------------------------------------------------------- */

Flow exec_block(Elab *e, Env *env, const Block *block) {
    Flow none = {0};
    return block ? exec_stmts(e, env_new(e, env, env->scope), &block->stmts, 0) : none;
}

static Flow merge(Elab *e, Node *condition, Flow a, Flow b, Span span) {
    Flow result = {.returned = true, .span = span};
    if (a.value.kind == VALUE_POISON || b.value.kind == VALUE_POISON) return result;
    sema_place(e, span);
    Node *x = convert(e, a.value, ELEM_F64, a.span, "the value returned"),
         *y = convert(e, b.value, ELEM_F64, b.span, "the value returned");
    if (x && y) result.value = value_scalar(node_select(e->graph, condition, x, y));
    return result;
}

/* A run-time `if` at statement `at`: both ways are evaluated to their returns. */
static Flow exec_run_time_if(Elab *e, Env *env, const StmtVec *stmts, int at, Node *condition) {
    const Stmt *stmt = stmts->data[at];
    Flow        a    = exec_block(e, env, stmt->u.if_.then_block);
    Flow        b    = exec_block(e, env, stmt->u.if_.else_block);
    if (!a.returned && !b.returned) {
        Diag *diag = sema_error(e, stmt->u.if_.condition->span, E0501, "a branch on a run-time value must return");
        diag_help(diag, "end the branch with 'return', or choose values with select(condition, a, b)");
        return (Flow){.returned = true};
    }
    if (!a.returned)
        a = exec_stmts(e, env, stmts, at + 1);
    else if (!b.returned)
        b = exec_stmts(e, env, stmts, at + 1);
    if (!a.returned || !b.returned) return (Flow){0};
    return merge(e, condition, a, b, stmt->span);
}

static Flow exec_for(Elab *e, Env *env, const Stmt *stmt) {
    int64_t low = 0, high = 0;
    Value   list = value_poison();
    Flow    none = {0};
    if (stmt->u.for_.high) {
        if (!eval_count(e, env, stmt->u.for_.low, "the start of 'for'", &low)) return none;
        if (!eval_count(e, env, stmt->u.for_.high, "the end of 'for'", &high)) return none;
    } else {
        list = eval_expr(e, env, stmt->u.for_.low);
        if (list.kind == VALUE_POISON) return none;
        if (list.kind != VALUE_LIST && list.kind != VALUE_TUPLE) {
            sema_error(e, stmt->u.for_.low->span, E0502, "'for' runs over a range a..b or a list, not %s",
                       value_describe(e->arena, list));
            return none;
        }
        high = list.list->len;
    }
    if (high > low && (uint64_t)high - (uint64_t)low > MAX_UNROLL) {
        sema_error(e, stmt->u.for_.low->span, E0507, "'for' is unrolled: at most %d rounds", MAX_UNROLL);
        return none;
    }
    for (int64_t i = low; i < high && !e->exhausted; i++) {
        Env  *inner = env_new(e, env, env->scope);
        Value item  = list.kind == VALUE_POISON ? value_dim(dim_const(e->dims, i)) : list.list->items[i];
        env_bind(e, inner, stmt->u.for_.name.text, stmt->u.for_.name.span, item);
        Flow flow = exec_block(e, inner, stmt->u.for_.body);
        if (flow.returned) return flow;
    }
    return none;
}

static Flow exec_return(Elab *e, Env *env, const Stmt *stmt) {
    Flow flow = {.returned = true, .span = stmt->span};
    if (!stmt->u.expr.value) {
        sema_error(e, stmt->span, E0209, "'return' needs a value");
        return flow;
    }
    flow.span  = stmt->u.expr.value->span;
    flow.value = eval_expr(e, env, stmt->u.expr.value);
    return flow;
}

static void exec_expr(Elab *e, Env *env, const Stmt *stmt) {
    Value value = eval_expr(e, env, stmt->u.expr.value);
    if (value.kind == VALUE_POISON || value.kind == VALUE_NONE) return;
    Diag *diag    = sema_error(e, stmt->span, E0207, "this value is not used: %s", value_describe(e->arena, value));
    bool  returns = e->frame->kind == FRAME_LAYER || e->frame->kind == FRAME_FN;
    diag_help(diag, returns ? "write 'return' before it if it is the result; else name it with 'let', or delete it"
                            : "name it with 'let', or delete it");
}

static void exec_var(Elab *e, Env *env, const Stmt *stmt) {
    Value    value   = eval_expr(e, env, stmt->u.bind.value);
    Binding *binding = env_bind(e, env, stmt->u.bind.name.text, stmt->u.bind.name.span, value);
    binding->kind    = BIND_VAR;
}

static void exec_fit(Elab *e, Env *env, const Stmt *stmt) {
    if (e->frame->kind != FRAME_LAYER)
        sema_error(e, stmt->span, E0608, "'fit' belongs in a layer");
    else if (e->mode == MODE_FIT)
        exec_block(e, env, stmt->u.fit.body);
}

void misplaced(Elab *e, const Stmt *stmt, const char *where) {
    sema_error(e, stmt->span, E0608, "this statement belongs in %s", where);
}

/* Statements without control flow. */
static void exec_plain(Elab *e, Env *env, const Stmt *stmt) {
    Value value;
    switch (stmt->kind) {
    case STMT_LET:
        value = eval_expr(e, env, stmt->u.let.value);
        if (has_value(e, value, stmt->u.let.value))
            bind_pattern(e, env, &stmt->u.let.target, value);
        else
            bind_pattern(e, env, &stmt->u.let.target, value_poison());
        break;
    case STMT_VAR: exec_var(e, env, stmt); break;
    case STMT_ASSIGN: exec_assign(e, env, stmt); break;
    case STMT_EXPR: exec_expr(e, env, stmt); break;
    case STMT_ASSERT: exec_assert(e, env, stmt); break;
    case STMT_PARAM:
    case STMT_STATE: exec_store(e, env, stmt); break;
    case STMT_FIT: exec_fit(e, env, stmt); break;
    case STMT_EMIT: exec_emit(e, env, stmt); break;
    case STMT_SETTING:
    case STMT_MINIMIZE:
    case STMT_GROUP:
    case STMT_FREEZE: misplaced(e, stmt, "'train { }'"); break;
    default: exec_model_stmt(e, env, stmt); break;
    }
}

Flow exec_stmts(Elab *e, Env *env, const StmtVec *stmts, int from) {
    Flow none = {0};
    if (e->exhausted || e->depth >= MAX_EVAL_DEPTH) return none;
    e->depth++;
    Flow flow = none;
    for (int i = from; i < stmts->len && !flow.returned && !e->exhausted; i++) {
        const Stmt *stmt = stmts->data[i];
        bool        taken;
        Node       *run_time;
        if (stmt->kind == STMT_RETURN)
            flow = exec_return(e, env, stmt);
        else if (stmt->kind == STMT_FOR)
            flow = exec_for(e, env, stmt);
        else if (stmt->kind == STMT_ERROR)
            flow = (Flow){.returned = true};
        else if (stmt->kind != STMT_IF)
            exec_plain(e, env, stmt);
        else if (!eval_condition(e, env, stmt->u.if_.condition, "the condition of 'if'", &taken, &run_time))
            flow = (Flow){.returned = e->frame && e->frame->kind != FRAME_MODEL};
        else if (run_time) {
            flow = exec_run_time_if(e, env, stmts, i, run_time);
            break;
        } else
            flow = exec_block(e, env, taken ? stmt->u.if_.then_block : stmt->u.if_.else_block);
    }
    e->depth--;
    return flow;
}
