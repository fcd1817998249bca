/* Constructors of statements and declarations. */
#include "ast/build.h"

static Stmt *stmt_new(Build *b, Span at, StmtKind kind) {
    Stmt *stmt = ARENA_NEW(b->c->arena, Stmt);
    stmt->kind = kind;
    stmt->span = at;
    return stmt;
}

/* Raises the statement above a child of height `below`; one too high becomes an error node. */
static void stmt_raise(Build *b, Stmt *stmt, int below) {
    if (stmt->height > below || stmt->kind == STMT_ERROR) return;
    if (below < AST_MAX_HEIGHT) {
        stmt->height = (uint16_t)(below + 1);
        return;
    }
    report_too_high(b, stmt->span);
    *stmt = (Stmt){.kind = STMT_ERROR, .span = stmt->span};
}

static void stmt_above(Build *b, Stmt *stmt, const Expr *child) {
    if (child) stmt_raise(b, stmt, child->height);
}

static void stmt_around(Build *b, Stmt *stmt, const Block *child) {
    if (child) stmt_raise(b, stmt, child->height);
}

/* ---- blocks --------------------------------------------------------------------------------------------------------- */

Block *build_block(Build *b, Span at) {
    Block *block = ARENA_NEW(b->c->arena, Block);
    block->span  = at;
    return block;
}

Block *build_block_add(Build *b, Block *block, Stmt *stmt) {
    vec_push(b->c->arena, &block->stmts, stmt);
    if (stmt->height > block->height) block->height = stmt->height;
    return block;
}

Block *build_block_end(Build *b, Span at, Block *block) {
    (void)b;
    block->span = at;
    return block;
}

/* ---- statements ----------------------------------------------------------------------------------------------------- */

Stmt *build_stmt_error(Build *b, Span at) {
    return stmt_new(b, at, STMT_ERROR);
}

Stmt *build_expr_stmt(Build *b, Span at, StmtKind kind, Expr *value) {
    Stmt *stmt         = stmt_new(b, at, kind);
    stmt->u.expr.value = value;
    stmt_above(b, stmt, value);
    return stmt;
}

Stmt *build_let(Build *b, Span at, Pattern target, Expr *value) {
    Stmt *stmt         = stmt_new(b, at, STMT_LET);
    stmt->u.let.target = target;
    stmt->u.let.value  = value;
    stmt_above(b, stmt, value);
    return stmt;
}

Stmt *build_bind(Build *b, Span at, StmtKind kind, Name name, Expr *value) {
    Stmt *stmt         = stmt_new(b, at, kind);
    stmt->u.bind.name  = name;
    stmt->u.bind.value = value;
    stmt_above(b, stmt, value);
    return stmt;
}

Stmt *build_if_stmt(Build *b, Span at, Expr *condition, Block *then_block, Block *else_block) {
    Stmt *stmt             = stmt_new(b, at, STMT_IF);
    stmt->u.if_.condition  = condition;
    stmt->u.if_.then_block = then_block;
    stmt->u.if_.else_block = else_block;
    stmt_above(b, stmt, condition);
    stmt_around(b, stmt, then_block);
    stmt_around(b, stmt, else_block);
    return stmt;
}

Block *build_else_if(Build *b, Span at, Stmt *stmt) {
    return build_block_add(b, build_block(b, at), stmt);
}

Stmt *build_for(Build *b, Span at, Name name, Expr *low, Expr *high, Block *body) {
    Stmt *stmt        = stmt_new(b, at, STMT_FOR);
    stmt->u.for_.name = name;
    stmt->u.for_.low  = low;
    stmt->u.for_.high = high;
    stmt->u.for_.body = body;
    stmt_above(b, stmt, low);
    stmt_above(b, stmt, high);
    stmt_around(b, stmt, body);
    return stmt;
}

Stmt *build_assert(Build *b, Span at, Expr *condition, Expr *message) {
    Stmt *stmt                = stmt_new(b, at, STMT_ASSERT);
    stmt->u.assert_.condition = condition;
    stmt->u.assert_.message   = message;
    stmt_above(b, stmt, condition);
    return stmt;
}

Stmt *build_store(Build *b, Span at, StmtKind kind, Name name, TypeExpr *type, Fan fan, Expr *init) {
    Stmt *stmt            = stmt_new(b, at, kind);
    stmt->u.store.name    = name;
    stmt->u.store.type    = type;
    stmt->u.store.fan_in  = fan.in;
    stmt->u.store.fan_out = fan.out;
    stmt->u.store.init    = init;
    if (!init) {
        const char *word = kind == STMT_PARAM ? "parameter" : "state";
        Diag       *diag = diag_error(b->c->diags, name.span, E0014, "%s '%s' has no initial value", word, name.text);
        diag_help(diag, "write '= 0', or '=' and an initialiser");
        stmt->u.store.init = build_expr_error(b, name.span);
    }
    return stmt;
}

Stmt *build_block_stmt(Build *b, Span at, StmtKind kind, Block *body) {
    Stmt *stmt = stmt_new(b, at, kind);
    if (kind == STMT_FIT)
        stmt->u.fit.body = body;
    else
        stmt->u.train.body = body;
    stmt_around(b, stmt, body);
    return stmt;
}

Stmt *build_dims_stmt(Build *b, Span at, DimDeclVec dims) {
    Stmt *stmt       = stmt_new(b, at, STMT_DIM);
    stmt->u.dim.dims = dims;
    return stmt;
}

Stmt *build_input(Build *b, Span at, StmtKind kind, Name name, TypeExpr *type, Expr *source) {
    Stmt *stmt           = stmt_new(b, at, kind);
    stmt->u.input.name   = name;
    stmt->u.input.type   = type;
    stmt->u.input.source = source;
    return stmt;
}

Stmt *build_minimize(Build *b, Span at, Expr *loss, Over over, Expr *optimizer, Expr *times) {
    Stmt *stmt                 = stmt_new(b, at, STMT_MINIMIZE);
    stmt->u.minimize.loss      = loss;
    stmt->u.minimize.over_all  = over.all;
    stmt->u.minimize.over      = over.parts;
    stmt->u.minimize.optimizer = optimizer;
    stmt->u.minimize.times     = times;
    return stmt;
}

Stmt *build_group(Build *b, Span at, ExprVec patterns, Block *settings) {
    Stmt *stmt             = stmt_new(b, at, STMT_GROUP);
    stmt->u.group.patterns = patterns;
    stmt->u.group.settings = settings;
    stmt_around(b, stmt, settings);
    return stmt;
}

Stmt *build_freeze(Build *b, Span at, ExprVec patterns, Expr *until) {
    Stmt *stmt              = stmt_new(b, at, STMT_FREEZE);
    stmt->u.freeze.patterns = patterns;
    stmt->u.freeze.until    = until;
    return stmt;
}

/* ---- declarations --------------------------------------------------------------------------------------------------- */

static Decl *decl_new(Build *b, Span at, DeclKind kind, Name name) {
    Decl *decl = ARENA_NEW(b->c->arena, Decl);
    decl->kind = kind;
    decl->span = at;
    decl->name = name;
    return decl;
}

Decl *build_import(Build *b, Span at, NameVec path, Name alias) {
    Decl *decl           = decl_new(b, at, DECL_IMPORT, vec_last(&path));
    decl->u.import.path  = path;
    decl->u.import.alias = alias;
    return decl;
}

Decl *build_const(Build *b, Span at, Name name, Expr *value) {
    Decl *decl             = decl_new(b, at, DECL_CONST, name);
    decl->u.constant.value = value;
    return decl;
}

/* A single list is the tensors' of a fn or metric, and the hyper-parameters' of everything else. */
Decl *build_callable(Build *b, Span at, DeclKind kind, Name name, Lists lists, TypeVec returns, Block *body,
                     Gradient gradient) {
    Decl     *decl      = decl_new(b, at, kind, name);
    Callable *callable  = &decl->u.callable;
    bool      one_list  = lists.count == 1 && (kind == DECL_FN || kind == DECL_METRIC);
    callable->has_hyper = !one_list;
    if (one_list) {
        callable->params = lists.first;
    } else {
        callable->hyper  = lists.first;
        callable->params = lists.second;
    }
    callable->returns     = returns;
    callable->body        = body;
    callable->grad_params = gradient.params;
    callable->grad_body   = gradient.body;
    return decl;
}

Decl *build_test(Build *b, Span at, Name name, Block *body) {
    Decl *decl        = decl_new(b, at, DECL_TEST, name);
    decl->u.test.body = body;
    return decl;
}

void build_module_add(Build *b, Decl *decl) {
    vec_push(b->c->arena, &b->module->decls, decl);
}
