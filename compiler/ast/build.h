/* The constructors of AST nodes: each action of grammar/nnet.y is one call of these. They check only what the grammar
 * cannot say (chained comparisons, nesting, statements out of place) and never return NULL for a node. */
#ifndef NNC_AST_BUILD_H
#define NNC_AST_BUILD_H

#include "ast/ast.h"
#include "compilation.h"

/* Expression trees are at most this high, so that passes may recurse over them. */
enum { AST_MAX_HEIGHT = 500 };

typedef struct Build {
    Compilation *c;
    Module      *module;
} Build;

/* Pieces of a rule that are not nodes of their own. */
typedef struct Lists { /* one or two parameter lists */
    int          count;
    ParamDeclVec first, second;
} Lists;

typedef struct Gradient {
    NameVec params;
    Block  *body;
} Gradient;

typedef struct Fan {
    Expr *in, *out;
} Fan;

typedef struct Over {
    bool    all;
    ExprVec parts;
} Over;

/* E0010 at `at`. */
void report_too_high(Build *b, Span at);

/* Names and lists. */
Name          build_name(const char *text, Span at);
Name          build_word(Build *b, const char *text, Span at);
NameVec       build_names(Build *b, NameVec names, Name name);
ExprVec       build_exprs(Build *b, ExprVec exprs, Expr *expr);
ArgVec        build_args(Build *b, ArgVec args, Arg arg);
SubscriptVec  build_subscripts(Build *b, SubscriptVec subscripts, Subscript subscript);
ScanSourceVec build_sources(Build *b, ScanSourceVec sources, ScanSource source);
ParamDeclVec  build_params(Build *b, ParamDeclVec params, ParamDecl param);
TypeVec       build_types(Build *b, TypeVec types, TypeExpr *type);
PatternVec    build_patterns(Build *b, PatternVec patterns, Pattern pattern);
DimDeclVec    build_dims(Build *b, DimDeclVec dims, DimDecl dim);

/* Parameters and types. */
ParamDecl build_param(Build *b, Span at, Name name, TypeExpr *type, Expr *default_value);
TypeExpr *build_type(Build *b, Span at, Name elem, bool has_shape, ExprVec shape);
Pattern   build_pattern_name(Name name);
Pattern   build_pattern_group(Span at, PatternVec items);

/* Expressions. */
Expr *build_expr_error(Build *b, Span at);
Expr *build_int(Build *b, Span at, uint64_t value);
Expr *build_real(Build *b, Span at, double value);
Expr *build_bool(Build *b, Span at, bool value);
Expr *build_text(Build *b, Span at, ExprKind kind, const char *text); /* EXPR_STRING, EXPR_NAME */
Expr *build_pack(Build *b, Span at, const char *name);
Expr *build_parenthesised(Expr *inner);
Expr *build_field(Build *b, Span at, Expr *base, Name field);
Expr *build_call(Build *b, Span at, Expr *callee, ArgVec args);
Expr *build_index(Build *b, Span at, Expr *base, SubscriptVec subscripts);
Expr *build_unary(Build *b, Span at, UnaryOp op, Expr *operand);
Expr *build_binary(Build *b, Span at, BinaryOp op, Span op_span, Expr *left, Expr *right);
Expr *build_pipe(Build *b, Span at, Expr *value, Expr *stage);
Expr *build_as(Build *b, Span at, Expr *value, Name name);
Expr *build_if(Build *b, Span at, Expr *condition, Expr *then_value, Expr *else_value);
Expr *build_lambda(Build *b, Span at, NameVec params, Expr *body);
Expr *build_list(Build *b, Span at, ExprKind kind, ExprVec items); /* EXPR_LIST, EXPR_TUPLE */
Expr *build_repeat(Build *b, Span at, Expr *count, Expr *layer);
Expr *build_scan(Build *b, Span at, ScanSourceVec sources, ArgVec carries, Block *body);

/* Statements. */
Block *build_block(Build *b, Span at);
Block *build_block_add(Build *b, Block *block, Stmt *stmt);
Block *build_block_end(Build *b, Span at, Block *block);
Stmt  *build_stmt_error(Build *b, Span at);
Stmt  *build_expr_stmt(Build *b, Span at, StmtKind kind, Expr *value);
Stmt  *build_let(Build *b, Span at, Pattern target, Expr *value);
Stmt  *build_bind(Build *b, Span at, StmtKind kind, Name name, Expr *value);
Stmt  *build_if_stmt(Build *b, Span at, Expr *condition, Block *then_block, Block *else_block);
Block *build_else_if(Build *b, Span at, Stmt *stmt);
Stmt  *build_for(Build *b, Span at, Name name, Expr *low, Expr *high, Block *body);
Stmt  *build_assert(Build *b, Span at, Expr *condition, Expr *message);
Stmt  *build_store(Build *b, Span at, StmtKind kind, Name name, TypeExpr *type, Fan fan, Expr *init);
Stmt  *build_block_stmt(Build *b, Span at, StmtKind kind, Block *body); /* STMT_FIT, STMT_TRAIN */
Stmt  *build_dims_stmt(Build *b, Span at, DimDeclVec dims);
Stmt  *build_input(Build *b, Span at, StmtKind kind, Name name, TypeExpr *type, Expr *source);
Stmt  *build_minimize(Build *b, Span at, Expr *loss, Over over, Expr *optimizer, Expr *times);
Stmt  *build_group(Build *b, Span at, ExprVec patterns, Block *settings);
Stmt  *build_freeze(Build *b, Span at, ExprVec patterns, Expr *until);

/* Declarations. */
Decl *build_import(Build *b, Span at, NameVec path, Name alias);
Decl *build_const(Build *b, Span at, Name name, Expr *value);
Decl *build_callable(Build *b, Span at, DeclKind kind, Name name, Lists lists, TypeVec returns, Block *body,
                     Gradient gradient);
Decl *build_test(Build *b, Span at, Name name, Block *body);
void  build_module_add(Build *b, Decl *decl);

#endif
