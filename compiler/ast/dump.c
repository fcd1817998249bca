/* The tree as an indented s-expression: one node a line, its kind first. Without places, so that two spellings of one
 * program dump alike. */
#include <inttypes.h>

#include "ast/print.h"

typedef struct Dump {
    FILE *out;
    int   depth;
} Dump;

/* ---- nodes ------------------------------------------------------------------------------------------------------------ */

static void open_node(Dump *d, const char *kind) {
    fprintf(d->out, "%s%*s(%s", d->depth ? "\n" : "", 2 * d->depth, "", kind);
    d->depth++;
}

static void close_node(Dump *d) {
    fputc(')', d->out);
    d->depth--;
}

static void word(Dump *d, const char *text) {
    if (text) fprintf(d->out, " %s", text);
}

static void quoted(Dump *d, const char *text) {
    fputs(" \"", d->out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', d->out);
        if (*text == '\n')
            fputs("\\n", d->out);
        else
            fputc(*text, d->out);
    }
    fputc('"', d->out);
}

static void dump_expr(Dump *d, const Expr *expr);
static void dump_block(Dump *d, const char *role, const Block *block);

/* An optional child under a word that says which it is. */
static void dump_role(Dump *d, const char *role, const Expr *expr) {
    if (!expr) return;
    open_node(d, role);
    dump_expr(d, expr);
    close_node(d);
}

static void dump_exprs(Dump *d, const ExprVec *exprs) {
    for (int i = 0; i < exprs->len; i++) dump_expr(d, exprs->data[i]);
}

static void dump_names(Dump *d, const char *role, const NameVec *names) {
    if (!names->len) return;
    open_node(d, role);
    for (int i = 0; i < names->len; i++) word(d, names->data[i].text);
    close_node(d);
}

/* ---- expressions ------------------------------------------------------------------------------------------------------ */

static const char *const expr_words[] = {
    [EXPR_ERROR] = "error",   [EXPR_INT] = "int",       [EXPR_REAL] = "real",     [EXPR_STRING] = "string",
    [EXPR_BOOL] = "bool",     [EXPR_NAME] = "name",     [EXPR_FIELD] = "field",   [EXPR_CALL] = "call",
    [EXPR_INDEX] = "index",   [EXPR_UNARY] = "unary",   [EXPR_BINARY] = "binary", [EXPR_PIPE] = "pipe",
    [EXPR_IF] = "if",         [EXPR_LAMBDA] = "lambda", [EXPR_LIST] = "list",     [EXPR_TUPLE] = "tuple",
    [EXPR_REPEAT] = "repeat", [EXPR_SCAN] = "scan",     [EXPR_AS] = "as",         [EXPR_PACK] = "pack",
};

static const char *const binary_words[] = {
#define X(id, text, precedence, right) [id] = text,
    BINARY_OPS(X)
#undef X
};

static void dump_args(Dump *d, const char *role, const ArgVec *args) {
    for (int i = 0; i < args->len; i++) {
        open_node(d, role);
        word(d, args->data[i].name.text);
        dump_expr(d, args->data[i].value);
        close_node(d);
    }
}

static void dump_subscripts(Dump *d, const SubscriptVec *subscripts) {
    for (int i = 0; i < subscripts->len; i++) {
        const Subscript *subscript = &subscripts->data[i];
        open_node(d, subscript->is_slice ? "slice" : "at");
        dump_role(d, "low", subscript->low);
        dump_role(d, "high", subscript->high);
        close_node(d);
    }
}

static void dump_sources(Dump *d, const ScanSourceVec *sources) {
    for (int i = 0; i < sources->len; i++) {
        const ScanSource *source = &sources->data[i];
        open_node(d, source->reverse ? "source-reverse" : "source");
        word(d, source->name.text);
        dump_expr(d, source->value);
        dump_role(d, "to", source->range_end);
        dump_role(d, "axis", source->axis);
        close_node(d);
    }
}

static void dump_children(Dump *d, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_ERROR: break;
    case EXPR_INT: fprintf(d->out, " %" PRIu64, expr->u.integer.value); break;
    case EXPR_REAL: fprintf(d->out, " %.17g", expr->u.real.value); break;
    case EXPR_STRING: quoted(d, expr->u.string.text); break;
    case EXPR_BOOL: word(d, expr->u.boolean.value ? "true" : "false"); break;
    case EXPR_NAME:
    case EXPR_PACK: word(d, expr->u.name.text); break;
    case EXPR_FIELD:
        word(d, expr->u.field.field.text);
        dump_expr(d, expr->u.field.base);
        break;
    case EXPR_CALL:
        dump_expr(d, expr->u.call.callee);
        dump_args(d, "arg", &expr->u.call.args);
        break;
    case EXPR_INDEX:
        dump_expr(d, expr->u.index.base);
        dump_subscripts(d, &expr->u.index.subscripts);
        break;
    case EXPR_UNARY:
        word(d, expr->u.unary.op == UNARY_NEG ? "-" : "not");
        dump_expr(d, expr->u.unary.operand);
        break;
    case EXPR_BINARY:
        word(d, binary_words[expr->u.binary.op]);
        dump_expr(d, expr->u.binary.left);
        dump_expr(d, expr->u.binary.right);
        break;
    case EXPR_PIPE:
        dump_expr(d, expr->u.pipe.value);
        dump_expr(d, expr->u.pipe.stage);
        break;
    case EXPR_IF:
        dump_expr(d, expr->u.if_.condition);
        dump_role(d, "then", expr->u.if_.then_value);
        dump_role(d, "else", expr->u.if_.else_value);
        break;
    case EXPR_LAMBDA:
        dump_names(d, "params", &expr->u.lambda.params);
        dump_expr(d, expr->u.lambda.body);
        break;
    case EXPR_LIST:
    case EXPR_TUPLE: dump_exprs(d, &expr->u.list.items); break;
    case EXPR_REPEAT:
        dump_expr(d, expr->u.repeat.count);
        dump_expr(d, expr->u.repeat.layer);
        break;
    case EXPR_SCAN:
        dump_sources(d, &expr->u.scan.sources);
        dump_args(d, "carry", &expr->u.scan.carries);
        dump_block(d, "body", expr->u.scan.body);
        break;
    case EXPR_AS:
        word(d, expr->u.as.name.text);
        dump_expr(d, expr->u.as.value);
        break;
    }
}

static void dump_expr(Dump *d, const Expr *expr) {
    if (!expr) return;
    open_node(d, expr_words[expr->kind]);
    dump_children(d, expr);
    close_node(d);
}

static void dump_type(Dump *d, const char *role, const TypeExpr *type) {
    if (!type) return;
    open_node(d, role);
    word(d, type->elem.text);
    if (type->has_shape) {
        open_node(d, "shape");
        dump_exprs(d, &type->shape);
        close_node(d);
    }
    close_node(d);
}

/* ---- statements ------------------------------------------------------------------------------------------------------- */

static const char *const stmt_words[] = {
    [STMT_ERROR] = "error",   [STMT_LET] = "let",         [STMT_VAR] = "var",           [STMT_ASSIGN] = "assign",
    [STMT_EXPR] = "value",    [STMT_RETURN] = "return",   [STMT_EMIT] = "emit",         [STMT_IF] = "if",
    [STMT_FOR] = "for",       [STMT_ASSERT] = "assert",   [STMT_PARAM] = "param",       [STMT_STATE] = "state",
    [STMT_FIT] = "fit",       [STMT_DIM] = "dim",         [STMT_INPUT] = "input",       [STMT_TARGET] = "target",
    [STMT_OUTPUT] = "output", [STMT_LOSS] = "loss",       [STMT_METRIC] = "metric",     [STMT_PART] = "part",
    [STMT_TRAIN] = "train",   [STMT_SETTING] = "setting", [STMT_MINIMIZE] = "minimize", [STMT_GROUP] = "group",
    [STMT_FREEZE] = "freeze",
};

static void dump_pattern(Dump *d, const Pattern *pattern) {
    if (pattern->name.text) {
        word(d, pattern->name.text);
        return;
    }
    fputs(" (", d->out);
    for (int i = 0; i < pattern->items.len; i++) dump_pattern(d, &pattern->items.data[i]);
    fputs(" )", d->out);
}

static void dump_dims(Dump *d, const DimDeclVec *dims) {
    for (int i = 0; i < dims->len; i++) {
        open_node(d, dims->data[i].name.text);
        dump_role(d, "bound", dims->data[i].bound);
        dump_role(d, "value", dims->data[i].value);
        close_node(d);
    }
}

static void dump_minimize(Dump *d, const Stmt *stmt) {
    dump_expr(d, stmt->u.minimize.loss);
    open_node(d, stmt->u.minimize.over_all ? "over-all" : "over");
    dump_exprs(d, &stmt->u.minimize.over);
    close_node(d);
    dump_role(d, "with", stmt->u.minimize.optimizer);
    dump_role(d, "times", stmt->u.minimize.times);
}

static void dump_pieces(Dump *d, const Stmt *stmt) {
    switch (stmt->kind) {
    case STMT_ERROR: break;
    case STMT_LET:
        dump_pattern(d, &stmt->u.let.target);
        dump_expr(d, stmt->u.let.value);
        break;
    case STMT_VAR:
    case STMT_ASSIGN:
    case STMT_PART:
    case STMT_SETTING:
    case STMT_OUTPUT:
    case STMT_LOSS:
    case STMT_METRIC:
        word(d, stmt->u.bind.name.text);
        dump_expr(d, stmt->u.bind.value);
        break;
    case STMT_EXPR:
    case STMT_RETURN:
    case STMT_EMIT: dump_expr(d, stmt->u.expr.value); break;
    case STMT_IF:
        dump_expr(d, stmt->u.if_.condition);
        dump_block(d, "then", stmt->u.if_.then_block);
        dump_block(d, "else", stmt->u.if_.else_block);
        break;
    case STMT_FOR:
        word(d, stmt->u.for_.name.text);
        dump_expr(d, stmt->u.for_.low);
        dump_role(d, "to", stmt->u.for_.high);
        dump_block(d, "body", stmt->u.for_.body);
        break;
    case STMT_ASSERT:
        dump_expr(d, stmt->u.assert_.condition);
        dump_role(d, "message", stmt->u.assert_.message);
        break;
    case STMT_PARAM:
    case STMT_STATE:
        word(d, stmt->u.store.name.text);
        dump_type(d, "type", stmt->u.store.type);
        dump_role(d, "fan-in", stmt->u.store.fan_in);
        dump_role(d, "fan-out", stmt->u.store.fan_out);
        dump_role(d, "init", stmt->u.store.init);
        break;
    case STMT_FIT: dump_block(d, "body", stmt->u.fit.body); break;
    case STMT_DIM: dump_dims(d, &stmt->u.dim.dims); break;
    case STMT_INPUT:
    case STMT_TARGET:
        word(d, stmt->u.input.name.text);
        dump_type(d, "type", stmt->u.input.type);
        dump_role(d, "from", stmt->u.input.source);
        break;
    case STMT_TRAIN: dump_block(d, "body", stmt->u.train.body); break;
    case STMT_MINIMIZE: dump_minimize(d, stmt); break;
    case STMT_GROUP:
        dump_exprs(d, &stmt->u.group.patterns);
        dump_block(d, "settings", stmt->u.group.settings);
        break;
    case STMT_FREEZE:
        dump_exprs(d, &stmt->u.freeze.patterns);
        dump_role(d, "until", stmt->u.freeze.until);
        break;
    }
}

static void dump_block(Dump *d, const char *role, const Block *block) {
    if (!block) return;
    open_node(d, role);
    for (int i = 0; i < block->stmts.len; i++) {
        open_node(d, stmt_words[block->stmts.data[i]->kind]);
        dump_pieces(d, block->stmts.data[i]);
        close_node(d);
    }
    close_node(d);
}

/* ---- declarations ----------------------------------------------------------------------------------------------------- */

static void dump_params(Dump *d, const char *role, const ParamDeclVec *params) {
    for (int i = 0; i < params->len; i++) {
        open_node(d, role);
        word(d, params->data[i].name.text);
        dump_type(d, "type", params->data[i].type);
        dump_role(d, "default", params->data[i].default_value);
        close_node(d);
    }
}

static void dump_callable(Dump *d, const Callable *callable) {
    dump_params(d, "hyper", &callable->hyper);
    dump_params(d, "param", &callable->params);
    for (int i = 0; i < callable->returns.len; i++) dump_type(d, "returns", callable->returns.data[i]);
    dump_block(d, "body", callable->body);
    dump_names(d, "gradient-params", &callable->grad_params);
    dump_block(d, "gradient", callable->grad_body);
}

static void dump_decl(Dump *d, const Decl *decl) {
    open_node(d, decl_word(decl->kind));
    switch (decl->kind) {
    case DECL_ERROR: break;
    case DECL_IMPORT:
        for (int i = 0; i < decl->u.import.path.len; i++) word(d, decl->u.import.path.data[i].text);
        if (decl->u.import.alias.text) word(d, "as");
        word(d, decl->u.import.alias.text);
        break;
    case DECL_CONST:
        word(d, decl->name.text);
        dump_expr(d, decl->u.constant.value);
        break;
    case DECL_TEST:
        quoted(d, decl->name.text);
        dump_block(d, "body", decl->u.test.body);
        break;
    case DECL_FN:
    case DECL_LAYER:
    case DECL_OPTIMIZER:
    case DECL_SCHEDULE:
    case DECL_METRIC:
    case DECL_INITIALISER:
    case DECL_MODEL:
        word(d, decl->name.text);
        dump_callable(d, &decl->u.callable);
        break;
    }
    close_node(d);
}

void ast_dump(const Module *module, FILE *out) {
    Dump d = {.out = out};
    for (int i = 0; i < module->decls.len; i++) {
        d.depth = 0;
        dump_decl(&d, module->decls.data[i]);
        fputc('\n', out);
    }
}
