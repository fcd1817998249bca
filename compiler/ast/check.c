/* Statements out of place: a table of which block may hold which statement. */
#include "ast/check.h"

#include <string.h>

/* The kinds of block, as bits. */
typedef enum Site {
    SITE_MODEL       = 1 << 0,
    SITE_LAYER       = 1 << 1,
    SITE_FN          = 1 << 2, /* fn, schedule, initialiser and their gradient */
    SITE_METRIC      = 1 << 3,
    SITE_OPTIMIZER   = 1 << 4,
    SITE_TEST        = 1 << 5,
    SITE_SCAN        = 1 << 6,
    SITE_FIT         = 1 << 7,
    SITE_TRAIN       = 1 << 8,
    SITE_GROUP       = 1 << 9,
    SITE_COMPUTATION = SITE_LAYER | SITE_FN | SITE_METRIC | SITE_OPTIMIZER | SITE_SCAN | SITE_FIT,
    SITE_CODE        = SITE_COMPUTATION | SITE_MODEL | SITE_TEST,
} Site;

static const struct StmtRow {
    const char *word;
    unsigned    sites;
    const char *place; /* where it belongs, in words */
} rows[] = {
    [STMT_LET]      = {"let", SITE_CODE, "in the body of a model, layer or fn"},
    [STMT_VAR]      = {"var", SITE_CODE, "in the body of a model, layer or fn"},
    [STMT_ASSIGN]   = {":=", SITE_CODE, "in the body of a model, layer or fn"},
    [STMT_EXPR]     = {"a value", SITE_CODE | SITE_TRAIN | SITE_GROUP, "in a body"},
    [STMT_RETURN]   = {"return", SITE_LAYER | SITE_FN | SITE_METRIC, "in a layer, fn, metric, schedule or initialiser"},
    [STMT_EMIT]     = {"emit", SITE_SCAN, "in the body of a scan"},
    [STMT_IF]       = {"if", SITE_CODE | SITE_TRAIN | SITE_GROUP, "in a body"},
    [STMT_FOR]      = {"for", SITE_CODE, "in the body of a model, layer or fn"},
    [STMT_ASSERT]   = {"assert", SITE_CODE, "in the body of a model, layer, fn or test"},
    [STMT_PARAM]    = {"param", SITE_LAYER | SITE_MODEL, "in a layer or model"},
    [STMT_STATE]    = {"state", SITE_LAYER | SITE_MODEL | SITE_METRIC | SITE_OPTIMIZER,
                       "in a layer, metric, optimizer or model"},
    [STMT_FIT]      = {"fit", SITE_LAYER, "in a layer"},
    [STMT_DIM]      = {"dim", SITE_MODEL, "in a model"},
    [STMT_INPUT]    = {"input", SITE_MODEL, "in a model"},
    [STMT_TARGET]   = {"target", SITE_MODEL, "in a model"},
    [STMT_OUTPUT]   = {"output", SITE_MODEL, "in a model"},
    [STMT_LOSS]     = {"loss", SITE_MODEL | SITE_LAYER, "in a model or layer"},
    [STMT_METRIC]   = {"metric", SITE_MODEL, "in a model"},
    [STMT_PART]     = {"part", SITE_MODEL | SITE_LAYER, "in a model or layer"},
    [STMT_TRAIN]    = {"train", SITE_MODEL, "in a model"},
    [STMT_SETTING]  = {"=", SITE_TRAIN | SITE_GROUP, "in a 'train' or 'group' block"},
    [STMT_MINIMIZE] = {"minimize", SITE_TRAIN, "in a 'train' block"},
    [STMT_GROUP]    = {"group", SITE_TRAIN, "in a 'train' block"},
    [STMT_FREEZE]   = {"freeze", SITE_TRAIN, "in a 'train' block"},
};

typedef struct Check {
    Compilation *c;
    Span         owner; /* the head of the enclosing declaration, for a label */
    const char  *owner_kind;
} Check;

static void check_block(Check *k, Block *block, unsigned site);

/* ---- reports ---------------------------------------------------------------------------------------------------------- */

static const char *site_name(unsigned site, const char *owner_kind) {
    switch (site) {
    case SITE_SCAN: return "scan";
    case SITE_FIT: return "'fit' block";
    case SITE_TRAIN: return "'train' block";
    case SITE_GROUP: return "'group' block";
    default: return owner_kind;
    }
}

static Span first_word(Span span, const char *word) {
    uint32_t length = 0;
    while (word[length]) length++;
    return (Span){span.file, span.begin, span.begin + length};
}

/* Whether the name of a setting is a statement's word: `loss = ...` for `loss ...`. */
static bool names_statement(const char *name) {
    for (StmtKind kind = STMT_PARAM; kind <= STMT_PART; kind++)
        if (strcmp(rows[kind].word, name) == 0) return true;
    return false;
}

static void report_setting(Check *k, Stmt *stmt) {
    const char *name = stmt->u.bind.name.text;
    Diag       *diag = diag_error(k->c->diags, stmt->span, E0015, "'%s = ...' binds nothing here", name);
    if (names_statement(name))
        diag_help(diag, "'%s' begins a statement: write '%s NAME = ...'", name, name);
    else
        diag_help(diag, "write 'let %s = ...' for a new name, '%s := ...' to assign to one that exists", name, name);
}

/* A statement that is a value must be one that does something: a call, or what the parser made of an error. */
static void check_used(Check *k, const Stmt *stmt) {
    const Expr *value = stmt->u.expr.value;
    if (value->kind == EXPR_CALL || value->kind == EXPR_PIPE || value->kind == EXPR_ERROR) return;
    Diag *diag = diag_error(k->c->diags, stmt->span, E0207, "this value is not used");
    diag_help(diag, "bind it with 'let', or 'return' it");
}

static void report_misplaced(Check *k, Stmt *stmt, unsigned site) {
    const struct StmtRow *row    = &rows[stmt->kind];
    bool                  worded = stmt->kind != STMT_EXPR && stmt->kind != STMT_ASSIGN;
    Span                  at     = worded ? first_word(stmt->span, row->word) : stmt->span;
    const char           *where  = site_name(site, k->owner_kind);
    Diag *diag = diag_error(k->c->diags, at, E0608, worded ? "'%s' cannot stand in a %s" : "%s cannot stand in a %s",
                            stmt->kind == STMT_ASSIGN ? "an assignment" : row->word, where);
    diag_label(diag, k->owner, "in this %s", k->owner_kind);
    diag_help(diag, "it belongs %s", row->place);
}

/* ---- walking ---------------------------------------------------------------------------------------------------------- */

static void check_expr(Check *k, const Expr *expr);

static void check_exprs(Check *k, const ExprVec *exprs) {
    for (int i = 0; i < exprs->len; i++) check_expr(k, exprs->data[i]);
}

static void check_args(Check *k, const ArgVec *args) {
    for (int i = 0; i < args->len; i++) check_expr(k, args->data[i].value);
}

/* Expressions matter only for the bodies of scans in them. */
static void check_expr(Check *k, const Expr *expr) {
    if (!expr) return;
    switch (expr->kind) {
    case EXPR_FIELD: check_expr(k, expr->u.field.base); break;
    case EXPR_CALL:
        check_expr(k, expr->u.call.callee);
        check_args(k, &expr->u.call.args);
        break;
    case EXPR_INDEX: check_expr(k, expr->u.index.base); break;
    case EXPR_UNARY: check_expr(k, expr->u.unary.operand); break;
    case EXPR_BINARY:
        check_expr(k, expr->u.binary.left);
        check_expr(k, expr->u.binary.right);
        break;
    case EXPR_PIPE:
        check_expr(k, expr->u.pipe.value);
        check_expr(k, expr->u.pipe.stage);
        break;
    case EXPR_IF:
        check_expr(k, expr->u.if_.then_value);
        check_expr(k, expr->u.if_.else_value);
        break;
    case EXPR_LAMBDA: check_expr(k, expr->u.lambda.body); break;
    case EXPR_LIST:
    case EXPR_TUPLE: check_exprs(k, &expr->u.list.items); break;
    case EXPR_REPEAT: check_expr(k, expr->u.repeat.layer); break;
    case EXPR_SCAN: check_block(k, expr->u.scan.body, SITE_SCAN); break;
    case EXPR_AS: check_expr(k, expr->u.as.value); break;
    case EXPR_ERROR:
    case EXPR_INT:
    case EXPR_REAL:
    case EXPR_STRING:
    case EXPR_BOOL:
    case EXPR_NAME:
    case EXPR_PACK: break;
    }
}

static void check_inside(Check *k, Stmt *stmt, unsigned site) {
    switch (stmt->kind) {
    case STMT_IF:
        check_block(k, stmt->u.if_.then_block, site);
        if (stmt->u.if_.else_block) check_block(k, stmt->u.if_.else_block, site);
        break;
    case STMT_FOR: check_block(k, stmt->u.for_.body, site); break;
    case STMT_FIT: check_block(k, stmt->u.fit.body, SITE_FIT); break;
    case STMT_TRAIN: check_block(k, stmt->u.train.body, SITE_TRAIN); break;
    case STMT_GROUP: check_block(k, stmt->u.group.settings, SITE_GROUP); break;
    case STMT_LET: check_expr(k, stmt->u.let.value); break;
    case STMT_VAR:
    case STMT_ASSIGN:
    case STMT_OUTPUT:
    case STMT_LOSS:
    case STMT_METRIC:
    case STMT_PART: check_expr(k, stmt->u.bind.value); break;
    case STMT_EXPR:
        check_used(k, stmt);
        check_expr(k, stmt->u.expr.value);
        break;
    case STMT_RETURN:
    case STMT_EMIT: check_expr(k, stmt->u.expr.value); break;
    default: break;
    }
}

static void check_block(Check *k, Block *block, unsigned site) {
    for (int i = 0; i < block->stmts.len; i++) {
        Stmt *stmt = block->stmts.data[i];
        if (stmt->kind == STMT_ERROR) continue;
        if (rows[stmt->kind].sites & site) {
            check_inside(k, stmt, site);
            continue;
        }
        if (stmt->kind == STMT_SETTING)
            report_setting(k, stmt);
        else
            report_misplaced(k, stmt, site);
        *stmt = (Stmt){.kind = STMT_ERROR, .span = stmt->span};
    }
}

static const unsigned decl_sites[] = {
    [DECL_FN] = SITE_FN,       [DECL_LAYER] = SITE_LAYER,   [DECL_OPTIMIZER] = SITE_OPTIMIZER,
    [DECL_SCHEDULE] = SITE_FN, [DECL_METRIC] = SITE_METRIC, [DECL_INITIALISER] = SITE_FN,
    [DECL_MODEL] = SITE_MODEL, [DECL_TEST] = SITE_TEST,
};

static void check_decl(Check *k, Decl *decl) {
    switch (decl->kind) {
    case DECL_ERROR:
    case DECL_IMPORT: return;
    case DECL_CONST: check_expr(k, decl->u.constant.value); return;
    default: break;
    }
    k->owner      = decl->name.span;
    k->owner_kind = decl_word(decl->kind);
    if (decl->kind == DECL_TEST) {
        check_block(k, decl->u.test.body, SITE_TEST);
        return;
    }
    check_block(k, decl->u.callable.body, decl_sites[decl->kind]);
    if (decl->u.callable.grad_body) check_block(k, decl->u.callable.grad_body, SITE_FN);
}

void ast_check(Compilation *c, Module *module) {
    Check k = {.c = c};
    for (int i = 0; i < module->decls.len; i++) check_decl(&k, module->decls.data[i]);
}
