/* Walks over syntax: which names an expression or a block mentions. */
#include "sema/elab.h"

static bool walk_opt(const Expr *expr, NameVisitor *visit, void *context) {
    return expr && walk_expr(expr, visit, context);
}

static bool walk_list(const ExprVec *items, NameVisitor *visit, void *context) {
    for (int i = 0; i < items->len; i++)
        if (walk_opt(items->data[i], visit, context)) return true;
    return false;
}

static bool walk_args(const ArgVec *args, NameVisitor *visit, void *context) {
    for (int i = 0; i < args->len; i++)
        if (walk_opt(args->data[i].value, visit, context)) return true;
    return false;
}

static bool walk_scan(const Expr *expr, NameVisitor *visit, void *context) {
    for (int i = 0; i < expr->u.scan.sources.len; i++) {
        const ScanSource *source = &expr->u.scan.sources.data[i];
        if (walk_opt(source->value, visit, context) || walk_opt(source->range_end, visit, context)) return true;
        if (walk_opt(source->axis, visit, context)) return true;
    }
    return walk_args(&expr->u.scan.carries, visit, context) || walk_block(expr->u.scan.body, visit, context);
}

static bool walk_index(const Expr *expr, NameVisitor *visit, void *context) {
    if (walk_opt(expr->u.index.base, visit, context)) return true;
    for (int i = 0; i < expr->u.index.subscripts.len; i++) {
        const Subscript *s = &expr->u.index.subscripts.data[i];
        if (walk_opt(s->low, visit, context) || walk_opt(s->high, visit, context)) return true;
    }
    return false;
}

bool walk_expr(const Expr *expr, NameVisitor *visit, void *context) {
    switch (expr->kind) {
    case EXPR_ERROR:
    case EXPR_INT:
    case EXPR_REAL:
    case EXPR_STRING:
    case EXPR_BOOL: return false;
    case EXPR_NAME:
    case EXPR_PACK: return visit(context, expr->u.name.text, expr->span);
    case EXPR_FIELD: return walk_opt(expr->u.field.base, visit, context);
    case EXPR_CALL:
        return walk_opt(expr->u.call.callee, visit, context) || walk_args(&expr->u.call.args, visit, context);
    case EXPR_INDEX: return walk_index(expr, visit, context);
    case EXPR_UNARY: return walk_opt(expr->u.unary.operand, visit, context);
    case EXPR_BINARY:
        return walk_opt(expr->u.binary.left, visit, context) || walk_opt(expr->u.binary.right, visit, context);
    case EXPR_PIPE: return walk_opt(expr->u.pipe.value, visit, context) || walk_opt(expr->u.pipe.stage, visit, context);
    case EXPR_IF:
        return walk_opt(expr->u.if_.condition, visit, context) || walk_opt(expr->u.if_.then_value, visit, context) ||
               walk_opt(expr->u.if_.else_value, visit, context);
    case EXPR_LAMBDA: return walk_opt(expr->u.lambda.body, visit, context);
    case EXPR_LIST:
    case EXPR_TUPLE: return walk_list(&expr->u.list.items, visit, context);
    case EXPR_REPEAT:
        return walk_opt(expr->u.repeat.count, visit, context) || walk_opt(expr->u.repeat.layer, visit, context);
    case EXPR_SCAN: return walk_scan(expr, visit, context);
    case EXPR_AS: return walk_opt(expr->u.as.value, visit, context);
    }
    return false;
}

static bool walk_type(const TypeExpr *type, NameVisitor *visit, void *context) {
    if (!type) return false;
    if (type->elem.text && visit(context, type->elem.text, type->elem.span)) return true;
    return walk_list(&type->shape, visit, context);
}

static bool walk_stmt(const Stmt *stmt, NameVisitor *visit, void *context) {
    switch (stmt->kind) {
    case STMT_ERROR: return false;
    case STMT_LET: return walk_opt(stmt->u.let.value, visit, context);
    case STMT_ASSIGN:
        return visit(context, stmt->u.bind.name.text, stmt->u.bind.name.span) ||
               walk_opt(stmt->u.bind.value, visit, context);
    case STMT_OUTPUT:
        if (!stmt->u.bind.value && stmt->u.bind.name.text) return visit(context, stmt->u.bind.name.text, stmt->span);
        return walk_opt(stmt->u.bind.value, visit, context);
    case STMT_VAR:
    case STMT_LOSS:
    case STMT_METRIC:
    case STMT_PART:
    case STMT_SETTING: return walk_opt(stmt->u.bind.value, visit, context);
    case STMT_EXPR:
    case STMT_RETURN:
    case STMT_EMIT: return walk_opt(stmt->u.expr.value, visit, context);
    case STMT_IF:
        return walk_opt(stmt->u.if_.condition, visit, context) || walk_block(stmt->u.if_.then_block, visit, context) ||
               walk_block(stmt->u.if_.else_block, visit, context);
    case STMT_FOR:
        return walk_opt(stmt->u.for_.low, visit, context) || walk_opt(stmt->u.for_.high, visit, context) ||
               walk_block(stmt->u.for_.body, visit, context);
    case STMT_ASSERT:
        return walk_opt(stmt->u.assert_.condition, visit, context) || walk_opt(stmt->u.assert_.message, visit, context);
    case STMT_PARAM:
    case STMT_STATE:
        return walk_type(stmt->u.store.type, visit, context) || walk_opt(stmt->u.store.fan_in, visit, context) ||
               walk_opt(stmt->u.store.fan_out, visit, context) || walk_opt(stmt->u.store.init, visit, context);
    case STMT_FIT: return walk_block(stmt->u.fit.body, visit, context);
    case STMT_DIM:
        for (int i = 0; i < stmt->u.dim.dims.len; i++)
            if (walk_opt(stmt->u.dim.dims.data[i].bound, visit, context) ||
                walk_opt(stmt->u.dim.dims.data[i].value, visit, context))
                return true;
        return false;
    case STMT_INPUT:
    case STMT_TARGET:
        return walk_type(stmt->u.input.type, visit, context) || walk_opt(stmt->u.input.source, visit, context);
    case STMT_TRAIN: return walk_block(stmt->u.train.body, visit, context);
    case STMT_MINIMIZE:
        return walk_opt(stmt->u.minimize.loss, visit, context) || walk_list(&stmt->u.minimize.over, visit, context) ||
               walk_opt(stmt->u.minimize.optimizer, visit, context) || walk_opt(stmt->u.minimize.times, visit, context);
    case STMT_GROUP:
        return walk_list(&stmt->u.group.patterns, visit, context) || walk_block(stmt->u.group.settings, visit, context);
    case STMT_FREEZE:
        return walk_list(&stmt->u.freeze.patterns, visit, context) || walk_opt(stmt->u.freeze.until, visit, context);
    }
    return false;
}

bool walk_block(const Block *block, NameVisitor *visit, void *context) {
    for (int i = 0; block && i < block->stmts.len; i++)
        if (walk_stmt(block->stmts.data[i], visit, context)) return true;
    return false;
}

static bool is_name(void *context, const char *name, Span span) {
    (void)span;
    return (const char *)context == name;
}

bool expr_mentions(const Expr *expr, const char *name) {
    return expr && walk_expr(expr, is_name, (void *)(uintptr_t)name);
}

bool block_mentions(const Block *block, const char *name) {
    return walk_block(block, is_name, (void *)(uintptr_t)name);
}
