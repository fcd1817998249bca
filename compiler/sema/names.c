/* Names in declarations that nothing instantiates, as in a library: each must be bound somewhere in its declaration or be one
 * of the module's. What else is wrong with a body shows when it is called. */
#include "sema/elab.h"

#include <string.h>

typedef struct Names {
    Elab  *e;
    Scope *scope;
    Env   *bound; /* of the declaration at hand, in no order */
} Names;

/* ---- what a declaration binds ----------------------------------------------------------------------------------------- */

static void bind(Names *n, const Name *name) {
    if (name->text && !env_find(n->bound, name->text)) env_bind(n->e, n->bound, name->text, name->span, value_none());
}

static void bind_names(Names *n, const NameVec *names) {
    for (int i = 0; i < names->len; i++) bind(n, &names->data[i]);
}

static void bind_items(Names *n, const Pattern *pattern) {
    bind(n, &pattern->name);
    for (int i = 0; i < pattern->items.len; i++) bind_items(n, &pattern->items.data[i]);
}

static void bind_in_expr(Names *n, const Expr *expr);
static void bind_in_block(Names *n, const Block *block);

static void bind_in_exprs(Names *n, const ExprVec *exprs) {
    for (int i = 0; i < exprs->len; i++) bind_in_expr(n, exprs->data[i]);
}

static void bind_in_args(Names *n, const ArgVec *args) {
    for (int i = 0; i < args->len; i++) bind_in_expr(n, args->data[i].value);
}

static void bind_in_scan(Names *n, const Expr *expr) {
    for (int i = 0; i < expr->u.scan.sources.len; i++) bind(n, &expr->u.scan.sources.data[i].name);
    for (int i = 0; i < expr->u.scan.carries.len; i++) bind(n, &expr->u.scan.carries.data[i].name);
    bind_in_args(n, &expr->u.scan.carries);
    bind_in_block(n, expr->u.scan.body);
}

static void bind_in_expr(Names *n, const Expr *expr) {
    if (!expr) return;
    switch (expr->kind) {
    case EXPR_FIELD: bind_in_expr(n, expr->u.field.base); break;
    case EXPR_CALL:
        bind_in_expr(n, expr->u.call.callee);
        bind_in_args(n, &expr->u.call.args);
        break;
    case EXPR_INDEX: bind_in_expr(n, expr->u.index.base); break;
    case EXPR_UNARY: bind_in_expr(n, expr->u.unary.operand); break;
    case EXPR_BINARY:
        bind_in_expr(n, expr->u.binary.left);
        bind_in_expr(n, expr->u.binary.right);
        break;
    case EXPR_PIPE:
        bind_in_expr(n, expr->u.pipe.value);
        bind_in_expr(n, expr->u.pipe.stage);
        break;
    case EXPR_IF:
        bind_in_expr(n, expr->u.if_.then_value);
        bind_in_expr(n, expr->u.if_.else_value);
        break;
    case EXPR_LAMBDA:
        bind_names(n, &expr->u.lambda.params);
        bind_in_expr(n, expr->u.lambda.body);
        break;
    case EXPR_LIST:
    case EXPR_TUPLE: bind_in_exprs(n, &expr->u.list.items); break;
    case EXPR_REPEAT: bind_in_expr(n, expr->u.repeat.layer); break;
    case EXPR_SCAN: bind_in_scan(n, expr); break;
    case EXPR_AS: bind_in_expr(n, expr->u.as.value); break;
    default: break;
    }
}

static void bind_in_stmt(Names *n, const Stmt *stmt) {
    switch (stmt->kind) {
    case STMT_LET:
        bind_items(n, &stmt->u.let.target);
        bind_in_expr(n, stmt->u.let.value);
        break;
    case STMT_VAR:
    case STMT_PART:
    case STMT_LOSS:
        bind(n, &stmt->u.bind.name);
        bind_in_expr(n, stmt->u.bind.value);
        break;
    case STMT_ASSIGN: bind_in_expr(n, stmt->u.bind.value); break;
    case STMT_PARAM:
    case STMT_STATE:
        bind(n, &stmt->u.store.name);
        bind_in_expr(n, stmt->u.store.init);
        break;
    case STMT_FOR:
        bind(n, &stmt->u.for_.name);
        bind_in_block(n, stmt->u.for_.body);
        break;
    case STMT_IF:
        bind_in_block(n, stmt->u.if_.then_block);
        bind_in_block(n, stmt->u.if_.else_block);
        break;
    case STMT_FIT: bind_in_block(n, stmt->u.fit.body); break;
    case STMT_EXPR:
    case STMT_RETURN:
    case STMT_EMIT: bind_in_expr(n, stmt->u.expr.value); break;
    default: break;
    }
}

static void bind_in_block(Names *n, const Block *block) {
    for (int i = 0; block && i < block->stmts.len; i++) bind_in_stmt(n, block->stmts.data[i]);
}

/* A name in a signature's shape that is none of the module's is a dim. */
static bool bind_dim(void *context, const char *text, Span span) {
    Names *n    = context;
    Name   name = {text, span};
    bind(n, &name);
    return false;
}

static void bind_signature(Names *n, const Callable *callable) {
    for (int i = 0; i < callable->hyper.len; i++) bind(n, &callable->hyper.data[i].name);
    for (int i = 0; i < callable->params.len; i++) {
        const TypeExpr *type = callable->params.data[i].type;
        bind(n, &callable->params.data[i].name);
        for (int k = 0; type && k < type->shape.len; k++) walk_expr(type->shape.data[k], bind_dim, n);
    }
    for (int i = 0; i < callable->returns.len; i++)
        for (int k = 0; k < callable->returns.data[i]->shape.len; k++)
            walk_expr(callable->returns.data[i]->shape.data[k], bind_dim, n);
    bind_names(n, &callable->grad_params);
}

/* ---- what it mentions ---------------------------------------------------------------------------------------------------- */

/* `random` of random.normal. */
static bool begins_builtin(const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < builtin_table_len(); i++)
        if (!strncmp(builtin_name_at(i), name, length) && builtin_name_at(i)[length] == '.') return true;
    return false;
}

static bool check_name(void *context, const char *name, Span span) {
    Names *n = context;
    Value  value;
    if (!env_find(n->bound, name) && !scope_lookup(n->e, n->scope, name, &value) && !begins_builtin(name))
        scope_unknown(n->e, n->bound, name, span, "name");
    return false;
}

static void check_params(Names *n, const ParamDeclVec *params) {
    for (int i = 0; i < params->len; i++)
        if (params->data[i].default_value) walk_expr(params->data[i].default_value, check_name, n);
}

static void check_callable(Names *n, const Callable *callable) {
    n->bound = env_new(n->e, NULL, n->scope);
    bind_signature(n, callable);
    bind_in_block(n, callable->body);
    bind_in_block(n, callable->grad_body);
    check_params(n, &callable->hyper);
    check_params(n, &callable->params);
    walk_block(callable->body, check_name, n);
    walk_block(callable->grad_body, check_name, n);
}

void check_names(Elab *e, Scope *scope, const Module *module) {
    Names n = {.e = e, .scope = scope};
    for (int i = 0; i < module->decls.len; i++) {
        const Decl *decl = module->decls.data[i];
        Value       value;
        switch (decl->kind) {
        case DECL_FN:
        case DECL_LAYER:
        case DECL_OPTIMIZER:
        case DECL_SCHEDULE:
        case DECL_METRIC:
        case DECL_INITIALISER: check_callable(&n, &decl->u.callable); break;
        case DECL_CONST:
            if (decl->name.text) scope_lookup(e, scope, decl->name.text, &value);
            break;
        default: break;
        }
    }
}
