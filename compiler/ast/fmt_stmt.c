/* fmt of statements and their blocks, one a line. */
#include "ast/fmt.h"

#include <string.h>

static Doc *fmt_stmt(Fmt *f, const Stmt *stmt);

/* ---- blocks ----------------------------------------------------------------------------------------------------------- */

static bool on_one_line(const Fmt *f, Span span) {
    return !memchr(f->source + span.begin, '\n', span.end - span.begin);
}

static Doc *inline_block(Fmt *f, const Block *block) {
    Parts parts = parts_new(f), inner = parts_new(f);
    put_text(&parts, "{");
    put_line(&inner);
    put_doc(&inner, fmt_stmt(f, block->stmts.data[0]));
    put_doc(&parts, doc_nest(f->arena, FMT_INDENT, parts_doc(&inner)));
    put_line(&parts);
    put_text(&parts, "}");
    return parts_doc(&parts);
}

Doc *fmt_block(Fmt *f, const Block *block) {
    bool commented = fmt_has_comments(f, block->span.end);
    if (!block->stmts.len && !commented) return doc_text(f->arena, "{}");
    if (block->stmts.len == 1 && !commented && on_one_line(f, block->span)) return inline_block(f, block);
    Parts parts = parts_new(f), inner = parts_new(f);
    bool  first = true;
    put_text(&inner, "{");
    f->place = block->span.begin + 1;
    for (int i = 0; i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        fmt_begin_line(&inner, stmt->span.begin, &first);
        put_doc(&inner, fmt_stmt(f, stmt));
        f->place = stmt->span.end;
    }
    fmt_end_lines(&inner, block->span.end - 1, &first);
    f->place = block->span.end;
    put_doc(&parts, doc_nest(f->arena, FMT_INDENT, parts_doc(&inner)));
    put_hard(&parts);
    put_text(&parts, "}");
    return parts_doc(&parts);
}

void put_block(Parts *parts, const Block *block) {
    put_text(parts, " ");
    put_doc(parts, doc_group(parts->f->arena, fmt_block(parts->f, block)));
}

/* ---- statements ------------------------------------------------------------------------------------------------------- */

void put_expr(Parts *parts, const char *before, const Expr *expr) {
    if (!expr) return;
    put_text(parts, before);
    put_doc(parts, fmt_expr(parts->f, expr));
}

void put_name(Parts *parts, const char *before, Name name, const char *after) {
    put_text(parts, before);
    put_text(parts, name.text);
    put_text(parts, after);
}

static void put_pattern(Parts *parts, const Pattern *pattern, bool top) {
    if (pattern->name.text) {
        put_text(parts, pattern->name.text);
        return;
    }
    if (!top) put_text(parts, "(");
    for (int i = 0; i < pattern->items.len; i++) {
        if (i > 0) put_text(parts, ", ");
        put_pattern(parts, &pattern->items.data[i], false);
    }
    if (!top) put_text(parts, ")");
}

static const char *const stmt_words[] = {
    [STMT_VAR] = "var ",       [STMT_RETURN] = "return",  [STMT_EMIT] = "emit",    [STMT_PARAM] = "param ",
    [STMT_STATE] = "state ",   [STMT_FIT] = "fit",        [STMT_INPUT] = "input ", [STMT_TARGET] = "target ",
    [STMT_OUTPUT] = "output ", [STMT_LOSS] = "loss ",     [STMT_PART] = "part ",   [STMT_METRIC] = "metric ",
    [STMT_TRAIN] = "train",    [STMT_FREEZE] = "freeze ",
};

static const char *stmt_word(StmtKind kind) {
    bool known = (size_t)kind < sizeof stmt_words / sizeof *stmt_words && stmt_words[kind];
    return known ? stmt_words[kind] : "";
}

/* The whole chain breaks together, so that its branches look alike. */
static void put_if(Parts *parts, const Stmt *stmt) {
    Fmt *f = parts->f;
    put_expr(parts, "if ", stmt->u.if_.condition);
    put_text(parts, " ");
    put_doc(parts, fmt_block(f, stmt->u.if_.then_block));
    const Block *otherwise = stmt->u.if_.else_block;
    if (!otherwise) return;
    put_text(parts, " else ");
    bool chained = otherwise->stmts.len == 1 && otherwise->stmts.data[0]->kind == STMT_IF &&
                   f->source[otherwise->span.begin] != '{';
    if (chained)
        put_if(parts, otherwise->stmts.data[0]);
    else
        put_doc(parts, fmt_block(f, otherwise));
}

static void put_for(Parts *parts, const Stmt *stmt) {
    put_name(parts, "for ", stmt->u.for_.name, " in ");
    put_expr(parts, "", stmt->u.for_.low);
    put_expr(parts, "..", stmt->u.for_.high);
    put_block(parts, stmt->u.for_.body);
}

static void put_store(Parts *parts, const Stmt *stmt) {
    put_name(parts, stmt_word(stmt->kind), stmt->u.store.name, "");
    if (stmt->u.store.type) {
        put_text(parts, ": ");
        put_doc(parts, fmt_type(parts->f, stmt->u.store.type));
    }
    put_expr(parts, " fan (", stmt->u.store.fan_in);
    put_expr(parts, ", ", stmt->u.store.fan_out);
    if (stmt->u.store.fan_out) put_text(parts, ")");
    put_expr(parts, " = ", stmt->u.store.init);
}

static void put_dims(Parts *parts, const Stmt *stmt) {
    for (int i = 0; i < stmt->u.dim.dims.len; i++) {
        const DimDecl *dim = &stmt->u.dim.dims.data[i];
        put_name(parts, i ? ", " : "dim ", dim->name, "");
        put_expr(parts, " <= ", dim->bound);
        put_expr(parts, " = ", dim->value);
    }
}

static void put_input(Parts *parts, const Stmt *stmt) {
    put_name(parts, stmt_word(stmt->kind), stmt->u.input.name, ": ");
    put_doc(parts, fmt_type(parts->f, stmt->u.input.type));
    put_expr(parts, " from ", stmt->u.input.source);
}

/* A word that may begin a line of its own where the statement is too long. */
static void put_clause(Parts *parts, const char *word, const Expr *value) {
    if (!value) return;
    Parts clause = parts_new(parts->f);
    put_line(&clause);
    put_expr(&clause, word, value);
    put_doc(parts, doc_nest(parts->f->arena, FMT_CONTINUATION, parts_doc(&clause)));
}

static void put_minimize(Parts *parts, const Stmt *stmt) {
    const ExprVec *over = &stmt->u.minimize.over;
    put_expr(parts, "minimize ", stmt->u.minimize.loss);
    if (over->len) {
        put_text(parts, " over ");
        put_doc(parts, fmt_items(parts->f, &expr_list, over->data, over->len));
    } else if (stmt->u.minimize.optimizer) {
        put_text(parts, " over all");
    }
    put_clause(parts, "with ", stmt->u.minimize.optimizer);
    put_clause(parts, "times ", stmt->u.minimize.times);
}

static void put_bind(Parts *parts, const Stmt *stmt) {
    put_text(parts, stmt_word(stmt->kind));
    if (stmt->u.bind.name.text) put_name(parts, "", stmt->u.bind.name, stmt->kind == STMT_ASSIGN ? " := " : " = ");
    put_expr(parts, "", stmt->u.bind.value);
}

static void put_value(Parts *parts, const Stmt *stmt) {
    const char *word = stmt_word(stmt->kind);
    put_text(parts, word);
    put_expr(parts, *word ? " " : "", stmt->u.expr.value);
}

static void put_let(Parts *parts, const Stmt *stmt) {
    put_text(parts, "let ");
    put_pattern(parts, &stmt->u.let.target, true);
    put_expr(parts, " = ", stmt->u.let.value);
}

static void put_assert(Parts *parts, const Stmt *stmt) {
    put_expr(parts, "assert ", stmt->u.assert_.condition);
    if (!stmt->u.assert_.message) return;
    put_text(parts, ",");
    put_clause(parts, "", stmt->u.assert_.message);
}

static void put_group(Parts *parts, const Stmt *stmt) {
    put_text(parts, "group ");
    put_doc(parts, fmt_items(parts->f, &expr_list, stmt->u.group.patterns.data, stmt->u.group.patterns.len));
    put_block(parts, stmt->u.group.settings);
}

static void put_freeze(Parts *parts, const Stmt *stmt) {
    put_text(parts, "freeze ");
    put_doc(parts, fmt_items(parts->f, &expr_list, stmt->u.freeze.patterns.data, stmt->u.freeze.patterns.len));
    put_clause(parts, "until ", stmt->u.freeze.until);
}

static Doc *fmt_stmt(Fmt *f, const Stmt *stmt) {
    Parts parts = parts_new(f);
    switch (stmt->kind) {
    case STMT_ERROR: put_doc(&parts, fmt_spelling(f, stmt->span)); break;
    case STMT_LET: put_let(&parts, stmt); break;
    case STMT_VAR:
    case STMT_ASSIGN:
    case STMT_SETTING:
    case STMT_PART:
    case STMT_OUTPUT:
    case STMT_LOSS:
    case STMT_METRIC: put_bind(&parts, stmt); break;
    case STMT_EXPR:
    case STMT_RETURN:
    case STMT_EMIT: put_value(&parts, stmt); break;
    case STMT_IF: put_if(&parts, stmt); break;
    case STMT_FOR: put_for(&parts, stmt); break;
    case STMT_ASSERT: put_assert(&parts, stmt); break;
    case STMT_PARAM:
    case STMT_STATE: put_store(&parts, stmt); break;
    case STMT_FIT:
        put_text(&parts, "fit");
        put_block(&parts, stmt->u.fit.body);
        break;
    case STMT_TRAIN:
        put_text(&parts, "train");
        put_block(&parts, stmt->u.train.body);
        break;
    case STMT_DIM: put_dims(&parts, stmt); break;
    case STMT_INPUT:
    case STMT_TARGET: put_input(&parts, stmt); break;
    case STMT_MINIMIZE: put_minimize(&parts, stmt); break;
    case STMT_GROUP: put_group(&parts, stmt); break;
    case STMT_FREEZE: put_freeze(&parts, stmt); break;
    }
    return parts_group(&parts);
}
