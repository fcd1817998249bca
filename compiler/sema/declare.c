/* The statements of a model: dims, inputs and targets, parts, outputs, losses, train. */
#include "sema/elab.h"

#include <string.h>

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
        if (value.kind == VALUE_TENSOR) value.node = computed(e, value.node);
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
    for (int i = 0; name->text && i < e->program->inputs.len; i++)
        if (e->program->inputs.data[i].name == name->text) {
            Diag *diag = sema_error(e, name->span, E0102, "'%s' is declared twice", name->text);
            diag_label(diag, e->program->inputs.data[i].span, "first declared here");
            diag_help(diag, "a loss has a name of its own: loss %s_loss = ...", name->text);
            return;
        }
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
    Value       value  = value_poison();
    Source      source = {0};
    if (eval_type(e, env, stmt->u.input.type, &type) && eval_source(e, env, stmt, &type, &source)) {
        check_not_empty(e, &type, stmt->u.input.type->span);
        int index = 0;
        while (index < e->program->inputs.len && e->program->inputs.data[index].name != name->text) index++;
        if (index == e->program->inputs.len) {
            ProgInput input = {.name        = name->text,
                               .type        = type,
                               .is_target   = stmt->kind == STMT_TARGET,
                               .span        = name->span,
                               .source      = source,
                               .class_limit = source.max <= INT32_MAX ? source.max : 0};
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

static bool not_local(void *context, const char *name, Span span) {
    (void)span;
    return !env_find(context, name);
}

/* What the model asserts this dim to be, in terms of the dims declared before it: with `dim a, b` and `assert a == b`, b is a. */
static const Expr *asserted_value(Elab *e, Env *env, const char *name) {
    const StmtVec *stmts = &e->model->u.callable.body->stmts;
    for (int i = 0; i < stmts->len; i++) {
        if (stmts->data[i]->kind != STMT_ASSERT) continue;
        const Expr *condition = stmts->data[i]->u.assert_.condition;
        if (condition->kind != EXPR_BINARY || condition->u.binary.op != BIN_EQ) continue;
        const Expr *left = condition->u.binary.left, *right = condition->u.binary.right;
        if (left->kind == EXPR_NAME && left->u.name.text == name && !walk_expr(right, not_local, env)) return right;
        if (right->kind == EXPR_NAME && right->u.name.text == name && !walk_expr(left, not_local, env)) return left;
    }
    return NULL;
}

/* Of two bounds of one dim the smaller one holds. */
static void tighten(Elab *e, const Dim *dim, int64_t bound) {
    for (int i = 0; i < e->bounds.len && bound >= 0; i++) {
        int64_t *known = &e->bounds.data[i];
        if (dim_symbol(e->dims, i) == dim && (*known < 0 || bound < *known)) *known = bound;
    }
    for (int i = 0; i < e->program->dims.len && bound >= 0; i++) {
        ProgDim *known = &e->program->dims.data[i];
        if (known->dim == dim && (known->bound < 0 || bound < known->bound)) known->bound = bound;
    }
}

static const Dim *declare_dim(Elab *e, Env *env, const DimDecl *decl) {
    const Dim  *dim   = NULL;
    int64_t     bound = -1;
    const Expr *value = decl->value ? decl->value : asserted_value(e, env, decl->name.text);
    if (value && decl->bound && value->kind != EXPR_NAME) value = NULL; /* a bound of its own, and a check */
    if (decl->bound && !eval_count(e, env, decl->bound, "a dim's bound", &bound)) return NULL;
    if (decl->bound && bound < 1) {
        sema_error(e, decl->bound->span, E0502, "a dim's bound is at least 1");
        return NULL;
    }
    if (value) {
        dim = eval_dim(e, env, value, "a dim");
        if (dim) tighten(e, dim, bound);
    } else {
        dim = dim_symbol_new(e->dims, decl->name.text);
        vec_push(e->arena, &e->bounds, bound);
    }
    ProgDim entry = {decl->name.text, dim, bound, !value && !strcmp(decl->name.text, "batch"), decl->name.span};
    for (int i = 0; i < e->program->dims.len; i++)
        if (e->program->dims.data[i].dim == dim) return dim; /* another name of it */
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

void exec_model_stmt(Elab *e, Env *env, const Stmt *stmt) {
    bool in_model = e->frame->kind == FRAME_MODEL;
    if (stmt->kind == STMT_LOSS && e->scan) {
        Diag *diag = sema_error(e, stmt->span, E0608, "a loss in the body of a loop: there is one a step");
        diag_help(diag, "emit its values, and make the loss of them after the loop");
        return;
    }
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
