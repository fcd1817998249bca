/* fmt of expressions, types and lists. What is too long breaks, outermost first: a pipe before each '|>', a chain of
 * operators before the operators, a list where its line is full. */
#include "ast/fmt.h"

#include <string.h>

static const struct {
    const char *text;
    int         precedence;
    bool        right;
} binary_rows[] = {
#define X(id, text, precedence, right) [id] = {text, precedence, right},
    BINARY_OPS(X)
#undef X
};

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

static Doc *with_above(Fmt *f, Doc *above, Doc *item) {
    if (!above) return item;
    Parts parts = parts_new(f);
    put_doc(&parts, above);
    put_doc(&parts, item);
    return doc_own_line(f->arena, parts_doc(&parts));
}

static void append_behind(Fmt *f, DocVec *docs, Doc *behind) {
    if (!behind) return;
    Parts parts = parts_new(f);
    if (docs->len) put_doc(&parts, vec_last(docs));
    put_doc(&parts, behind);
    if (docs->len)
        vec_last(docs) = parts_doc(&parts);
    else
        vec_push(f->arena, docs, parts_doc(&parts));
}

static DocVec list_docs(Fmt *f, const ListKind *kind, const void *items, int count) {
    DocVec docs = {0};
    for (int i = 0; i < count; i++) {
        Comments comments = fmt_comments(f, kind->begin(items, i));
        append_behind(f, &docs, comments.behind);
        Parts item = parts_new(f);
        put_doc(&item, kind->format(f, items, i));
        if (i + 1 < count) put_text(&item, ",");
        Doc *doc = with_above(f, comments.above, parts_doc(&item));
        vec_push(f->arena, &docs, doc);
    }
    return docs;
}

Doc *fmt_items(Fmt *f, const ListKind *kind, const void *items, int count) {
    return doc_align(f->arena, doc_fill(f->arena, list_docs(f, kind, items, count)));
}

Doc *fmt_list(Fmt *f, const ListKind *kind, const void *items, int count, const char *open, const char *close,
              uint32_t end) {
    Parts parts = parts_new(f), inner = parts_new(f);
    put_text(&parts, open);
    DocVec   docs = list_docs(f, kind, items, count);
    Comments tail = fmt_comments(f, end > 0 ? end - 1 : 0);
    append_behind(f, &docs, tail.behind);
    put_doc(&inner, doc_fill(f->arena, docs));
    if (tail.above) {
        put_hard(&inner);
        put_doc(&inner, tail.above);
    }
    put_doc(&parts, doc_align(f->arena, parts_doc(&inner)));
    put_text(&parts, close);
    return parts_doc(&parts);
}

static uint32_t expr_begin(const void *items, int index) {
    return ((Expr *const *)items)[index]->span.begin;
}

static Doc *expr_item(Fmt *f, const void *items, int index) {
    return fmt_expr(f, ((Expr *const *)items)[index]);
}

static uint32_t arg_begin(const void *items, int index) {
    const Arg *arg = &((const Arg *)items)[index];
    return arg->name.text ? arg->name.span.begin : arg->value->span.begin;
}

static Doc *arg_item(Fmt *f, const void *items, int index) {
    const Arg *arg   = &((const Arg *)items)[index];
    Parts      parts = parts_new(f);
    if (arg->name.text) {
        put_text(&parts, arg->name.text);
        put_text(&parts, " = ");
    }
    put_doc(&parts, fmt_expr(f, arg->value));
    return parts_doc(&parts);
}

static uint32_t name_begin(const void *items, int index) {
    return ((const Name *)items)[index].span.begin;
}

static Doc *name_item(Fmt *f, const void *items, int index) {
    return doc_text(f->arena, ((const Name *)items)[index].text);
}

static uint32_t type_begin(const void *items, int index) {
    return ((TypeExpr *const *)items)[index]->span.begin;
}

static Doc *type_item(Fmt *f, const void *items, int index) {
    return fmt_type(f, ((TypeExpr *const *)items)[index]);
}

static uint32_t subscript_begin(const void *items, int index) {
    return ((const Subscript *)items)[index].span.begin;
}

static Doc *subscript_item(Fmt *f, const void *items, int index) {
    const Subscript *subscript = &((const Subscript *)items)[index];
    Parts            parts     = parts_new(f);
    if (subscript->low) put_doc(&parts, fmt_expr(f, subscript->low));
    if (subscript->is_slice) put_text(&parts, ":");
    if (subscript->high) put_doc(&parts, fmt_expr(f, subscript->high));
    return parts_doc(&parts);
}

static uint32_t source_begin(const void *items, int index) {
    return ((const ScanSource *)items)[index].name.span.begin;
}

static Doc *source_item(Fmt *f, const void *items, int index) {
    const ScanSource *source = &((const ScanSource *)items)[index];
    Parts             parts  = parts_new(f);
    put_text(&parts, source->name.text);
    put_text(&parts, " in ");
    put_doc(&parts, fmt_expr(f, source->value));
    put_text(&parts, source->range_end ? ".." : " over axis ");
    put_doc(&parts, fmt_expr(f, source->range_end ? source->range_end : source->axis));
    if (source->reverse) put_text(&parts, " reverse");
    return parts_doc(&parts);
}

const ListKind        expr_list      = {expr_begin, expr_item};
const ListKind        arg_list       = {arg_begin, arg_item};
const ListKind        name_list      = {name_begin, name_item};
const ListKind        type_list      = {type_begin, type_item};
static const ListKind subscript_list = {subscript_begin, subscript_item};
static const ListKind source_list    = {source_begin, source_item};

/* ---- types ------------------------------------------------------------------------------------------------------------ */

Doc *fmt_type(Fmt *f, const TypeExpr *type) {
    Parts parts = parts_new(f);
    put_text(&parts, type->elem.text);
    if (type->has_shape)
        put_doc(&parts, fmt_list(f, &expr_list, type->shape.data, type->shape.len, "[", "]", type->span.end));
    return parts_doc(&parts);
}

/* ---- chains ----------------------------------------------------------------------------------------------------------- */

/* A place where a line may break before `next`, with the comments that stand there. */
static void put_break(Parts *parts, uint32_t next) {
    Comments comments = fmt_comments(parts->f, next);
    if (comments.behind) {
        put_doc(parts, comments.behind);
        put_hard(parts);
    } else {
        put_line(parts);
    }
    if (comments.above) put_doc(parts, comments.above);
}

static Doc *chain_doc(Fmt *f, Doc *first, Parts *links, int indent) {
    Parts parts = parts_new(f);
    put_doc(&parts, first);
    put_doc(&parts, doc_nest(f->arena, indent, parts_doc(links)));
    return parts_group(&parts);
}

static Doc *fmt_pipe(Fmt *f, const Expr *expr) {
    ExprVec stages = {0}; /* the last first */
    while (expr->kind == EXPR_PIPE && (stages.len == 0 || !expr->parenthesised)) {
        vec_push(f->arena, &stages, expr->u.pipe.stage);
        expr = expr->u.pipe.value;
    }
    Doc  *first = fmt_expr(f, expr);
    Parts links = parts_new(f);
    for (int i = stages.len - 1; i >= 0; i--) {
        put_break(&links, stages.data[i]->span.begin);
        put_text(&links, "|> ");
        put_doc(&links, fmt_expr(f, stages.data[i]));
    }
    return chain_doc(f, first, &links, FMT_INDENT);
}

static void put_operator(Parts *parts, BinaryOp op) {
    put_text(parts, binary_rows[op].text);
    put_text(parts, " ");
}

/* The operators of one precedence break together. */
static Doc *fmt_binary(Fmt *f, const Expr *expr) {
    int     precedence = binary_rows[expr->u.binary.op].precedence;
    ExprVec chain      = {0}; /* the last operator first */
    while (expr->kind == EXPR_BINARY && binary_rows[expr->u.binary.op].precedence == precedence &&
           (chain.len == 0 || !expr->parenthesised)) {
        Expr *link = (Expr *)expr;
        vec_push(f->arena, &chain, link);
        expr = expr->u.binary.left;
    }
    Doc  *first = fmt_expr(f, expr);
    Parts links = parts_new(f);
    for (int i = chain.len - 1; i >= 0; i--) {
        put_break(&links, chain.data[i]->u.binary.right->span.begin);
        put_operator(&links, chain.data[i]->u.binary.op);
        put_doc(&links, fmt_expr(f, chain.data[i]->u.binary.right));
    }
    return chain_doc(f, first, &links, FMT_INDENT);
}

/* Right-associative, and written without spaces: `g**2`. */
static Doc *fmt_power(Fmt *f, const Expr *expr) {
    bool  plain = expr->u.binary.op == BIN_POW;
    Parts parts = parts_new(f);
    put_doc(&parts, fmt_expr(f, expr->u.binary.left));
    put_text(&parts, plain ? "**" : " .** ");
    put_doc(&parts, fmt_expr(f, expr->u.binary.right));
    return parts_doc(&parts);
}

static Doc *fmt_if(Fmt *f, const Expr *expr) {
    Parts       parts = parts_new(f);
    const char *word  = "if ";
    for (;;) {
        put_text(&parts, word);
        put_doc(&parts, fmt_expr(f, expr->u.if_.condition));
        put_text(&parts, " then ");
        put_doc(&parts, fmt_expr(f, expr->u.if_.then_value));
        expr = expr->u.if_.else_value;
        put_break(&parts, expr->span.begin);
        word = "else if ";
        if (expr->kind != EXPR_IF || expr->parenthesised) break;
    }
    put_text(&parts, "else ");
    put_doc(&parts, fmt_expr(f, expr));
    return doc_align(f->arena, parts_group(&parts));
}

/* ---- the other forms -------------------------------------------------------------------------------------------------- */

static Doc *fmt_lambda(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f);
    put_doc(&parts, fmt_list(f, &name_list, expr->u.lambda.params.data, expr->u.lambda.params.len, "fn(", ")", 0));
    put_text(&parts, " => ");
    put_doc(&parts, fmt_expr(f, expr->u.lambda.body));
    return parts_doc(&parts);
}

static Doc *fmt_repeat(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f), inner = parts_new(f);
    put_text(&parts, "repeat ");
    put_doc(&parts, fmt_expr(f, expr->u.repeat.count));
    put_text(&parts, " {");
    put_break(&inner, expr->u.repeat.layer->span.begin);
    put_doc(&inner, fmt_expr(f, expr->u.repeat.layer));
    Comments tail = fmt_comments(f, expr->span.end - 1);
    if (tail.behind) put_doc(&inner, tail.behind);
    if (tail.above) put_hard(&inner);
    if (tail.above) put_doc(&inner, tail.above);
    put_doc(&parts, doc_nest(f->arena, FMT_INDENT, parts_doc(&inner)));
    put_line(&parts);
    put_text(&parts, "}");
    return parts_group(&parts);
}

static Doc *fmt_scan(Fmt *f, const Expr *expr) {
    Parts head = parts_new(f), parts = parts_new(f);
    put_text(&head, "scan ");
    put_doc(&head, fmt_items(f, &source_list, expr->u.scan.sources.data, expr->u.scan.sources.len));
    if (expr->u.scan.carries.len) {
        Parts carry = parts_new(f);
        put_line(&carry);
        put_text(&carry, "carry ");
        put_doc(&carry, fmt_items(f, &arg_list, expr->u.scan.carries.data, expr->u.scan.carries.len));
        put_doc(&head, doc_nest(f->arena, FMT_CONTINUATION, parts_doc(&carry)));
    }
    put_doc(&parts, parts_group(&head));
    put_text(&parts, " ");
    put_doc(&parts, doc_group(f->arena, fmt_block(f, expr->u.scan.body)));
    return parts_doc(&parts);
}

static Doc *fmt_unary(Fmt *f, const Expr *expr) {
    Parts       parts   = parts_new(f);
    const Expr *operand = expr->u.unary.operand;
    bool        twice   = operand->kind == EXPR_UNARY && operand->u.unary.op == UNARY_NEG && !operand->parenthesised;
    put_text(&parts, expr->u.unary.op == UNARY_NOT ? "not " : twice ? "- " : "-");
    put_doc(&parts, fmt_expr(f, expr->u.unary.operand));
    return parts_doc(&parts);
}

static Doc *fmt_field(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f);
    put_doc(&parts, fmt_expr(f, expr->u.field.base));
    put_text(&parts, ".");
    put_text(&parts, expr->u.field.field.text);
    return parts_doc(&parts);
}

static Doc *fmt_call(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f);
    put_doc(&parts, fmt_expr(f, expr->u.call.callee));
    put_doc(&parts, fmt_list(f, &arg_list, expr->u.call.args.data, expr->u.call.args.len, "(", ")", expr->span.end));
    return parts_doc(&parts);
}

static Doc *fmt_index(Fmt *f, const Expr *expr) {
    const SubscriptVec *subscripts = &expr->u.index.subscripts;
    Parts               parts      = parts_new(f);
    put_doc(&parts, fmt_expr(f, expr->u.index.base));
    put_doc(&parts, fmt_list(f, &subscript_list, subscripts->data, subscripts->len, "[", "]", expr->span.end));
    return parts_doc(&parts);
}

static Doc *fmt_as(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f);
    put_doc(&parts, fmt_expr(f, expr->u.as.value));
    put_text(&parts, " as ");
    put_text(&parts, expr->u.as.name.text);
    return parts_doc(&parts);
}

static Doc *fmt_pack(Fmt *f, const Expr *expr) {
    Parts parts = parts_new(f);
    put_text(&parts, "...");
    put_text(&parts, expr->u.name.text);
    return parts_doc(&parts);
}

static Doc *fmt_bare(Fmt *f, const Expr *expr) {
    const ExprVec *items = &expr->u.list.items;
    switch (expr->kind) {
    case EXPR_ERROR:
    case EXPR_INT:
    case EXPR_REAL:
    case EXPR_STRING:
    case EXPR_NAME: return fmt_spelling(f, expr->span);
    case EXPR_BOOL: return doc_text(f->arena, expr->u.boolean.value ? "true" : "false");
    case EXPR_FIELD: return fmt_field(f, expr);
    case EXPR_CALL: return fmt_call(f, expr);
    case EXPR_INDEX: return fmt_index(f, expr);
    case EXPR_UNARY: return fmt_unary(f, expr);
    case EXPR_BINARY: return binary_rows[expr->u.binary.op].right ? fmt_power(f, expr) : fmt_binary(f, expr);
    case EXPR_PIPE: return fmt_pipe(f, expr);
    case EXPR_IF: return fmt_if(f, expr);
    case EXPR_LAMBDA: return fmt_lambda(f, expr);
    case EXPR_LIST: return fmt_list(f, &expr_list, items->data, items->len, "[", "]", expr->span.end);
    case EXPR_TUPLE:
        if (!expr->parenthesised) return fmt_items(f, &expr_list, items->data, items->len);
        return fmt_list(f, &expr_list, items->data, items->len, "(", ")", expr->span.end);
    case EXPR_REPEAT: return fmt_repeat(f, expr);
    case EXPR_SCAN: return fmt_scan(f, expr);
    case EXPR_AS: return fmt_as(f, expr);
    case EXPR_PACK: return fmt_pack(f, expr);
    }
    return NULL;
}

Doc *fmt_expr(Fmt *f, const Expr *expr) {
    if (!expr->parenthesised || expr->kind == EXPR_TUPLE) return fmt_bare(f, expr);
    Parts parts = parts_new(f);
    put_text(&parts, "(");
    put_doc(&parts, doc_align(f->arena, fmt_bare(f, expr)));
    put_text(&parts, ")");
    return parts_doc(&parts);
}
