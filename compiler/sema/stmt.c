/* Execution of statements. `if` is decided when compiling and only the branch taken is elaborated; in a schedule a run-time
 * `if` whose branch returns becomes a select between that value and what the rest returns. */
#include "sema/elab.h"

#include <string.h>

static void exec_model_stmt(Elab *e, Env *env, const Stmt *stmt);

/* ---- binding -------------------------------------------------------------------------------------------------------------------- */

static Value as_named_layer(Elab *e, const Name *name, Value value) {
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

void exec_assert(Elab *e, Env *env, const Stmt *stmt) {
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
    bool  holds;
    Node *run_time;
    if (!eval_condition(e, env, condition, "an assertion", &holds, &run_time) || holds) return;
    if (run_time) return;
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

/* A model's branches declare inputs, layers and losses in the model's own scope. */
static Flow exec_branch(Elab *e, Env *env, const Block *block) {
    return exec_block(e, env, block);
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
    Diag *diag = sema_error(e, stmt->span, E0207, "this value is not used: %s", value_describe(e->arena, value));
    diag_help(diag, "name it with 'let', or delete it");
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

static void misplaced(Elab *e, const Stmt *stmt, const char *where) {
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
    case STMT_EMIT: misplaced(e, stmt, "'scan'"); break;
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
            flow = exec_branch(e, env, taken ? stmt->u.if_.then_block : stmt->u.if_.else_block);
    }
    e->depth--;
    return flow;
}

/* ---- model level ------------------------------------------------------------------------------------------------------------------------ */

static void exec_part(Elab *e, Env *env, const Stmt *stmt) {
    const Name *name  = &stmt->u.bind.name;
    Value       value = as_named_layer(e, name, eval_expr(e, env, stmt->u.bind.value));
    if (value.kind != VALUE_POISON && value.kind != VALUE_LAYER) {
        sema_error(e, stmt->u.bind.value->span, E0502, "'part' names a layer, not %s", value_describe(e->arena, value));
        value = value_poison();
    }
    env_bind(e, env, name->text, name->span, value);
}

/* The name that an unnamed loss, metric or output has by its expression. */
static const char *implied_name(const Expr *expr) {
    if (expr->kind == EXPR_NAME) return expr->u.name.text;
    if (expr->kind == EXPR_CALL && expr->u.call.callee->kind == EXPR_NAME) return expr->u.call.callee->u.name.text;
    if (expr->kind == EXPR_CALL && expr->u.call.callee->kind == EXPR_FIELD)
        return expr->u.call.callee->u.field.field.text;
    return NULL;
}

/* A loss inside a layer is called by the layer's path; names that are taken get _1, _2. */
static const char *loss_name(Elab *e, const Stmt *stmt, bool *named) {
    const Name *name    = &stmt->u.bind.name;
    const char *implied = implied_name(stmt->u.bind.value), *base = name->text ? name->text
                                                                    : implied  ? implied
                                                                               : "loss";
    if (e->frame->kind == FRAME_LAYER && e->frame->path[0])
        base = arena_printf(e->arena, "%s/%s", e->frame->path, base);
    *named            = name->text != NULL;
    const char *free_ = base;
    for (int i = 0, suffix = 1; i < e->losses.len; i++) {
        if (strcmp(e->losses.data[i].name, free_)) continue;
        if (*named && e->frame->kind == FRAME_MODEL && e->losses.data[i].named) {
            Diag *diag = sema_error(e, name->span, E0102, "two losses are called '%s'", base);
            diag_label(diag, e->losses.data[i].span, "the first one");
            break;
        }
        free_ = arena_printf(e->arena, "%s_%d", base, suffix++);
        i     = -1;
    }
    return intern(e->c->names, free_);
}

static void exec_loss(Elab *e, Env *env, const Stmt *stmt) {
    const Expr *expr  = stmt->u.bind.value;
    const Name *name  = &stmt->u.bind.name;
    Value       value = value_poison();
    if (e->mode != MODE_PREDICT && e->mode != MODE_FIT) {
        value = eval_expr(e, env, expr);
        if (value_is_numeric(value) && value.kind != VALUE_TENSOR)
            value = value_tensor(convert(e, value, e->real, expr->span, "the loss"));
        bool scalar = value.kind == VALUE_TENSOR && !value.node->type.rank && elem_is_float(value.node->type.elem);
        if (value.kind != VALUE_POISON && !scalar) {
            Diag *diag = sema_error(e, expr->span, E0603, "a loss is a single real number, not %s",
                                    value_describe(e->arena, value));
            if (value.kind == VALUE_TENSOR && value.node->type.rank) diag_help(diag, "average it: mean(...)");
            value = value_poison();
        }
        NamedLoss loss = {.value = value, .span = expr->span};
        loss.name      = loss_name(e, stmt, &loss.named);
        if (value.kind != VALUE_POISON) vec_push(e->arena, &e->losses, loss);
    }
    if (value.kind == VALUE_POISON && e->mode <= MODE_EVAL && !diags_error_count(e->diags))
        BUG("a loss is erroneous without a report");
    if (name->text) env_bind(e, env, name->text, name->span, value);
}

static void exec_output(Elab *e, Env *env, const Stmt *stmt) {
    const Name *name  = &stmt->u.bind.name;
    const Expr *expr  = stmt->u.bind.value;
    Value       value = value_poison();
    if (expr)
        value = eval_expr(e, env, expr);
    else {
        Expr named        = {.kind = EXPR_NAME, .span = name->span};
        named.u.name.text = name->text;
        value             = eval_expr(e, env, &named);
    }
    Span        span    = expr ? expr->span : name->span;
    const char *implied = name->text ? name->text : implied_name(expr);
    if (value_is_numeric(value) && value.kind != VALUE_TENSOR)
        value = value_tensor(convert(e, value, e->real, span, "the output"));
    if (value.kind != VALUE_POISON && value.kind != VALUE_TENSOR) {
        sema_error(e, span, E0502, "an output is a tensor, not %s", value_describe(e->arena, value));
        value = value_poison();
    }
    NamedValue output = {implied ? implied : "output", value, span};
    for (int i = 0; i < e->outputs.len; i++)
        if (e->outputs.data[i].name == output.name) {
            Diag *diag = sema_error(e, span, E0102, "two outputs are called '%s'", output.name);
            diag_label(diag, e->outputs.data[i].span, "the first one");
            diag_help(diag, "write 'output name = value'");
        }
    vec_push(e->arena, &e->outputs, output);
    if (name->text && expr) env_bind(e, env, name->text, name->span, value);
}

static void exec_input(Elab *e, Env *env, const Stmt *stmt) {
    const Name *name = &stmt->u.input.name;
    Type        type;
    Value       value = value_poison();
    if (stmt->u.input.source)
        sema_error(e, stmt->u.input.source->span, E0601, "'from' needs a later version of nnc");
    else if (eval_type(e, env, stmt->u.input.type, &type)) {
        int index = 0;
        while (index < e->program->inputs.len && e->program->inputs.data[index].name != name->text) index++;
        if (index == e->program->inputs.len) {
            ProgInput input = {
                .name = name->text, .type = type, .is_target = stmt->kind == STMT_TARGET, .span = name->span};
            vec_push(e->arena, &e->program->inputs, input);
        } else if (e->program->inputs.data[index].span.begin != name->span.begin) {
            Diag *diag = sema_error(e, name->span, E0102, "'%s' is declared twice", name->text);
            diag_label(diag, e->program->inputs.data[index].span, "first declared here");
        }
        sema_place(e, name->span);
        value = value_tensor(node_ref(e->graph, OP_INPUT, index, &type));
    }
    env_bind(e, env, name->text, name->span, value);
}

typedef struct Search {
    Env *env;
} Search;

static bool not_local(void *context, const char *name, Span span) {
    (void)span;
    return !env_find(((Search *)context)->env, name);
}

/* What the model asserts this dim to be, in terms of the dims declared before it: with `dim a, b` and `assert a == b`, b is a. */
static const Expr *asserted_value(Elab *e, Env *env, const char *name) {
    const StmtVec *stmts  = &e->model->u.callable.body->stmts;
    Search         search = {env};
    for (int i = 0; i < stmts->len; i++) {
        if (stmts->data[i]->kind != STMT_ASSERT) continue;
        const Expr *condition = stmts->data[i]->u.assert_.condition;
        if (condition->kind != EXPR_BINARY || condition->u.binary.op != BIN_EQ) continue;
        const Expr *left = condition->u.binary.left, *right = condition->u.binary.right;
        if (left->kind == EXPR_NAME && left->u.name.text == name && !walk_expr(right, not_local, &search)) return right;
        if (right->kind == EXPR_NAME && right->u.name.text == name && !walk_expr(left, not_local, &search)) return left;
    }
    return NULL;
}

static const Dim *declare_dim(Elab *e, Env *env, const DimDecl *decl) {
    const Dim  *dim   = NULL;
    int64_t     bound = -1;
    const Expr *value = decl->value ? decl->value : decl->bound ? NULL : asserted_value(e, env, decl->name.text);
    if (value)
        dim = eval_dim(e, env, value, "a dim");
    else {
        if (decl->bound && (!eval_count(e, env, decl->bound, "a dim's bound", &bound) || bound < 1)) {
            if (bound == 0 || bound < -1) sema_error(e, decl->bound->span, E0502, "a dim's bound is at least 1");
            return NULL;
        }
        dim = dim_symbol_new(e->dims, decl->name.text);
        vec_push(e->arena, &e->bounds, bound);
    }
    ProgDim entry = {decl->name.text, dim, bound, !value && !strcmp(decl->name.text, "batch"), decl->name.span};
    if (dim) vec_push(e->arena, &e->program->dims, entry);
    return dim;
}

static void exec_dim(Elab *e, Env *env, const DimDecl *decl) {
    Binding *earlier = env_find(env, decl->name.text);
    if (earlier) {
        Diag *diag = sema_error(e, decl->name.span, E0102, "'%s' is declared twice", decl->name.text);
        diag_label(diag, earlier->span, "first declared here");
        return;
    }
    const Dim *dim = map_get(e->model_dims, decl->name.text);
    if (!dim) dim = declare_dim(e, env, decl);
    if (dim) map_set(e->model_dims, decl->name.text, (void *)(uintptr_t)dim);
    env_bind(e, env, decl->name.text, decl->name.span, dim ? value_dim(dim) : value_poison());
}

static void exec_train(Elab *e, const Stmt *stmt) {
    if (e->train_block && e->train_block != stmt->u.train.body) {
        Diag *diag = sema_error(e, stmt->span, E0102, "a second 'train' block");
        diag_label(diag, e->train_block->span, "the first one");
    }
    if (!e->train_block) e->train_block = stmt->u.train.body;
}

static void exec_model_stmt(Elab *e, Env *env, const Stmt *stmt) {
    bool in_model = e->frame->kind == FRAME_MODEL;
    if (stmt->kind == STMT_LOSS && (in_model || e->frame->kind == FRAME_LAYER)) {
        exec_loss(e, env, stmt);
        return;
    }
    if (!in_model) {
        misplaced(e, stmt, "a model");
        return;
    }
    switch (stmt->kind) {
    case STMT_DIM:
        for (int i = 0; i < stmt->u.dim.dims.len; i++) exec_dim(e, env, &stmt->u.dim.dims.data[i]);
        break;
    case STMT_INPUT:
    case STMT_TARGET: exec_input(e, env, stmt); break;
    case STMT_PART: exec_part(e, env, stmt); break;
    case STMT_OUTPUT: exec_output(e, env, stmt); break;
    case STMT_METRIC:
        if (e->mode == MODE_EVAL) metric_statement(e, env, stmt);
        break;
    case STMT_TRAIN: exec_train(e, stmt); break;
    default: break;
    }
}
