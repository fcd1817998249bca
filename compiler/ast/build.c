/* Constructors of expressions, types and lists. Statements and declarations are in build_stmt.c. */
#include "ast/build.h"

/* ---- names and lists ------------------------------------------------------------------------------------------------ */

Name build_name(const char *text, Span at) {
    return (Name){text, at};
}

Name build_word(Build *b, const char *text, Span at) {
    return (Name){intern(b->c->names, text), at};
}

/* Each list constructor takes the list by value and returns it with one more element. */
#define LIST_CONSTRUCTOR(function, Vec, Element)                                                                       \
    Vec function(Build *b, Vec list, Element element) {                                                                \
        vec_push(b->c->arena, &list, element);                                                                         \
        return list;                                                                                                   \
    }

LIST_CONSTRUCTOR(build_names, NameVec, Name)
LIST_CONSTRUCTOR(build_exprs, ExprVec, Expr *)
LIST_CONSTRUCTOR(build_args, ArgVec, Arg)
LIST_CONSTRUCTOR(build_subscripts, SubscriptVec, Subscript)
LIST_CONSTRUCTOR(build_sources, ScanSourceVec, ScanSource)
LIST_CONSTRUCTOR(build_params, ParamDeclVec, ParamDecl)
LIST_CONSTRUCTOR(build_types, TypeVec, TypeExpr *)
LIST_CONSTRUCTOR(build_patterns, PatternVec, Pattern)
LIST_CONSTRUCTOR(build_dims, DimDeclVec, DimDecl)

/* ---- parameters, types, patterns ------------------------------------------------------------------------------------ */

ParamDecl build_param(Build *b, Span at, Name name, TypeExpr *type, Expr *default_value) {
    (void)b;
    return (ParamDecl){at, name, type, default_value};
}

TypeExpr *build_type(Build *b, Span at, Name elem, bool has_shape, ExprVec shape) {
    TypeExpr *type  = ARENA_NEW(b->c->arena, TypeExpr);
    type->span      = at;
    type->elem      = elem;
    type->has_shape = has_shape;
    type->shape     = shape;
    return type;
}

Pattern build_pattern_name(Name name) {
    return (Pattern){.span = name.span, .name = name};
}

Pattern build_pattern_group(Span at, PatternVec items) {
    return (Pattern){.span = at, .name = {NULL, at}, .items = items};
}

/* ---- expressions ---------------------------------------------------------------------------------------------------- */

void report_too_high(Build *b, Span at) {
    Diag *diag = diag_error(b->c->diags, at, E0010, "this nests deeper than %d levels", AST_MAX_HEIGHT);
    diag_help(diag, "name parts of it with 'let', or write a fn");
}

static Expr *expr_new(Build *b, Span at, ExprKind kind) {
    Expr *expr   = ARENA_NEW(b->c->arena, Expr);
    expr->kind   = kind;
    expr->span   = at;
    expr->height = 1;
    return expr;
}

/* Raises `parent` above a child of height `below`; a tree higher than the limit becomes an error node without children. */
static void expr_raise(Build *b, Expr *parent, int below) {
    if (parent->height > below || parent->kind == EXPR_ERROR) return;
    if (below < AST_MAX_HEIGHT) {
        parent->height = (uint16_t)(below + 1);
        return;
    }
    report_too_high(b, parent->span);
    *parent = (Expr){.kind = EXPR_ERROR, .span = parent->span, .height = 1};
}

static void expr_above(Build *b, Expr *parent, const Expr *child) {
    if (child) expr_raise(b, parent, child->height);
}

Expr *build_expr_error(Build *b, Span at) {
    return expr_new(b, at, EXPR_ERROR);
}

Expr *build_int(Build *b, Span at, uint64_t value) {
    Expr *expr            = expr_new(b, at, EXPR_INT);
    expr->u.integer.value = value;
    return expr;
}

Expr *build_real(Build *b, Span at, double value) {
    Expr *expr         = expr_new(b, at, EXPR_REAL);
    expr->u.real.value = value;
    return expr;
}

Expr *build_bool(Build *b, Span at, bool value) {
    Expr *expr            = expr_new(b, at, EXPR_BOOL);
    expr->u.boolean.value = value;
    return expr;
}

Expr *build_text(Build *b, Span at, ExprKind kind, const char *text) {
    Expr *expr = expr_new(b, at, kind);
    if (kind == EXPR_STRING)
        expr->u.string.text = text;
    else
        expr->u.name.text = text;
    return expr;
}

Expr *build_pack(Build *b, Span at, const char *name) {
    Expr *expr        = expr_new(b, at, EXPR_PACK);
    expr->u.name.text = name;
    return expr;
}

Expr *build_parenthesised(Expr *inner) {
    inner->parenthesised = true;
    return inner;
}

Expr *build_field(Build *b, Span at, Expr *base, Name field) {
    Expr *expr          = expr_new(b, at, EXPR_FIELD);
    expr->u.field.base  = base;
    expr->u.field.field = field;
    expr_above(b, expr, base);
    return expr;
}

static void check_argument_order(Build *b, ArgVec args) {
    const Arg *named = NULL;
    for (int i = 0; i < args.len; i++) {
        if (args.data[i].name.text) {
            named = &args.data[i];
        } else if (named) {
            Diag *diag = diag_error(b->c->diags, args.data[i].value->span, E0012,
                                    "a positional argument stands after a named one");
            diag_label(diag, named->name.span, "'%s' is named here", named->name.text);
            diag_help(diag, "put positional arguments first, or name this one too");
            return;
        }
    }
}

Expr *build_call(Build *b, Span at, Expr *callee, ArgVec args) {
    Expr *expr          = expr_new(b, at, EXPR_CALL);
    expr->u.call.callee = callee;
    expr->u.call.args   = args;
    check_argument_order(b, args);
    expr_above(b, expr, callee);
    for (int i = 0; i < args.len; i++) expr_above(b, expr, args.data[i].value);
    return expr;
}

Expr *build_index(Build *b, Span at, Expr *base, SubscriptVec subscripts) {
    Expr *expr               = expr_new(b, at, EXPR_INDEX);
    expr->u.index.base       = base;
    expr->u.index.subscripts = subscripts;
    expr_above(b, expr, base);
    for (int i = 0; i < subscripts.len; i++) {
        expr_above(b, expr, subscripts.data[i].low);
        expr_above(b, expr, subscripts.data[i].high);
    }
    return expr;
}

Expr *build_unary(Build *b, Span at, UnaryOp op, Expr *operand) {
    Expr *expr            = expr_new(b, at, EXPR_UNARY);
    expr->u.unary.op      = op;
    expr->u.unary.operand = operand;
    expr_above(b, expr, operand);
    return expr;
}

static bool is_comparison(BinaryOp op) {
    return op >= BIN_EQ && op <= BIN_DOT_GE;
}

static void check_chain(Build *b, BinaryOp op, Span op_span, const Expr *left) {
    if (!is_comparison(op) || left->kind != EXPR_BINARY || left->parenthesised) return;
    if (!is_comparison(left->u.binary.op)) return;
    Diag *diag = diag_error(b->c->diags, op_span, E0013, "comparisons do not chain");
    diag_label(diag, left->u.binary.op_span, "the first comparison");
    diag_help(diag, "join two comparisons with 'and': 'a < b and b < c'");
}

Expr *build_binary(Build *b, Span at, BinaryOp op, Span op_span, Expr *left, Expr *right) {
    Expr *expr             = expr_new(b, at, EXPR_BINARY);
    expr->u.binary.op      = op;
    expr->u.binary.op_span = op_span;
    expr->u.binary.left    = left;
    expr->u.binary.right   = right;
    check_chain(b, op, op_span, left);
    expr_above(b, expr, left);
    expr_above(b, expr, right);
    return expr;
}

Expr *build_pipe(Build *b, Span at, Expr *value, Expr *stage) {
    Expr *expr         = expr_new(b, at, EXPR_PIPE);
    expr->u.pipe.value = value;
    expr->u.pipe.stage = stage;
    expr_above(b, expr, value);
    expr_above(b, expr, stage);
    return expr;
}

Expr *build_as(Build *b, Span at, Expr *value, Name name) {
    Expr *expr       = expr_new(b, at, EXPR_AS);
    expr->u.as.value = value;
    expr->u.as.name  = name;
    expr_above(b, expr, value);
    return expr;
}

Expr *build_if(Build *b, Span at, Expr *condition, Expr *then_value, Expr *else_value) {
    Expr *expr             = expr_new(b, at, EXPR_IF);
    expr->u.if_.condition  = condition;
    expr->u.if_.then_value = then_value;
    expr->u.if_.else_value = else_value;
    expr_above(b, expr, condition);
    expr_above(b, expr, then_value);
    expr_above(b, expr, else_value);
    return expr;
}

Expr *build_lambda(Build *b, Span at, NameVec params, Expr *body) {
    Expr *expr            = expr_new(b, at, EXPR_LAMBDA);
    expr->u.lambda.params = params;
    expr->u.lambda.body   = body;
    expr_above(b, expr, body);
    return expr;
}

Expr *build_list(Build *b, Span at, ExprKind kind, ExprVec items) {
    Expr *expr         = expr_new(b, at, kind);
    expr->u.list.items = items;
    for (int i = 0; i < items.len; i++) expr_above(b, expr, items.data[i]);
    return expr;
}

Expr *build_repeat(Build *b, Span at, Expr *count, Expr *layer) {
    Expr *expr           = expr_new(b, at, EXPR_REPEAT);
    expr->u.repeat.count = count;
    expr->u.repeat.layer = layer;
    expr_above(b, expr, count);
    expr_above(b, expr, layer);
    return expr;
}

Expr *build_scan(Build *b, Span at, ScanSourceVec sources, ArgVec carries, Block *body) {
    Expr *expr           = expr_new(b, at, EXPR_SCAN);
    expr->u.scan.sources = sources;
    expr->u.scan.carries = carries;
    expr->u.scan.body    = body;
    for (int i = 0; i < sources.len; i++) {
        expr_above(b, expr, sources.data[i].value);
        expr_above(b, expr, sources.data[i].range_end);
        expr_above(b, expr, sources.data[i].axis);
    }
    for (int i = 0; i < carries.len; i++) expr_above(b, expr, carries.data[i].value);
    expr_raise(b, expr, body->height);
    return expr;
}
