/* The abstract syntax tree of a .nnet file. Built by grammar/nnet.y through the constructors of ast/build.h, read by
 * ast/print.c (fmt, --emit=ast) and sema/. Names are interned: compare with ==. Every node has a span. A node of kind
 * EXPR_ERROR or STMT_ERROR stands where the parser recovered; its diagnostic has been reported. */
#ifndef NNC_AST_AST_H
#define NNC_AST_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/vec.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Decl Decl;

typedef struct Name {
    const char *text; /* interned; NULL where optional and absent */
    Span        span;
} Name;

typedef VEC(Name) NameVec;
typedef VEC(Expr *) ExprVec;
typedef VEC(Stmt *) StmtVec;
typedef VEC(Decl *) DeclVec;

typedef struct Block {
    Span     span; /* braces included */
    StmtVec  stmts;
    uint16_t height; /* as Expr's */
} Block;

/* ---- types and parameters ------------------------------------------------------------------------------------- */

/* `f32[batch, 2]`, `real[...S]`, `int`, `steps`, `dims`, `layer`, `fn`. A shape's items are dim expressions; EXPR_PACK is `...S`. */
typedef struct TypeExpr {
    Span    span;
    Name    elem;
    bool    has_shape; /* `real` alone is a scalar hyper-parameter or scalar tensor, `real[]` a rank-0 tensor */
    ExprVec shape;
    Expr   *bound; /* `dim time <= 1024` is a statement; unused here (NULL) */
} TypeExpr;

typedef struct ParamDecl {
    Span      span;
    Name      name;
    TypeExpr *type;          /* NULL: any value */
    Expr     *default_value; /* NULL: required */
} ParamDecl;

typedef VEC(ParamDecl) ParamDeclVec;
typedef VEC(TypeExpr *) TypeVec;

/* ---- expressions ------------------------------------------------------------------------------------------------ */

typedef enum UnaryOp { UNARY_NEG, UNARY_NOT } UnaryOp;

/* Tables and unions stand one row an op and one line a kind. */
/* clang-format off */

/* Each row: enumerator, spelling, precedence (higher binds tighter), right-associative. */
#define BINARY_OPS(X)                                                                                              \
    X(BIN_OR, "or", 1, 0)                                                                                          \
    X(BIN_AND, "and", 2, 0)                                                                                        \
    X(BIN_EQ, "==", 4, 0) X(BIN_NE, "!=", 4, 0) X(BIN_LT, "<", 4, 0) X(BIN_LE, "<=", 4, 0)                         \
    X(BIN_GT, ">", 4, 0) X(BIN_GE, ">=", 4, 0)                                                                     \
    X(BIN_DOT_EQ, ".==", 4, 0) X(BIN_DOT_NE, ".!=", 4, 0) X(BIN_DOT_LT, ".<", 4, 0) X(BIN_DOT_LE, ".<=", 4, 0)     \
    X(BIN_DOT_GT, ".>", 4, 0) X(BIN_DOT_GE, ".>=", 4, 0)                                                           \
    X(BIN_ADD, "+", 6, 0) X(BIN_SUB, "-", 6, 0) X(BIN_DOT_ADD, ".+", 6, 0) X(BIN_DOT_SUB, ".-", 6, 0)              \
    X(BIN_MUL, "*", 7, 0) X(BIN_DIV, "/", 7, 0) X(BIN_IDIV, "//", 7, 0) X(BIN_MOD, "%", 7, 0)                      \
    X(BIN_DOT_MUL, ".*", 7, 0) X(BIN_DOT_DIV, "./", 7, 0) X(BIN_MATMUL, "@", 7, 0)                                 \
    X(BIN_POW, "**", 9, 1) X(BIN_DOT_POW, ".**", 9, 1)

typedef enum BinaryOp {
#define X(id, text, precedence, right) id,
    BINARY_OPS(X)
#undef X
        BINARY_OP_COUNT
} BinaryOp;

typedef struct Arg {
    Name  name; /* text NULL: positional */
    Expr *value;
} Arg;
typedef VEC(Arg) ArgVec;

/* One subscript: `i` (low only, is_slice false), or `low:high` with either side optional. */
typedef struct Subscript {
    Span  span;
    bool  is_slice;
    Expr *low, *high;
} Subscript;
typedef VEC(Subscript) SubscriptVec;

/* One source of a scan: `xt in x over axis 1`, or `i in 0..n` (range_end set, axis NULL). */
typedef struct ScanSource {
    Name  name;
    Expr *value, *range_end, *axis;
    bool  reverse;
} ScanSource;
typedef VEC(ScanSource) ScanSourceVec;

typedef enum ExprKind {
    EXPR_ERROR,
    EXPR_INT,    /* 50_257 */
    EXPR_REAL,   /* 1.5e-3 */
    EXPR_STRING,
    EXPR_BOOL,
    EXPR_NAME,
    EXPR_FIELD,  /* base.field */
    EXPR_CALL,   /* callee(args) */
    EXPR_INDEX,  /* base[subscripts] */
    EXPR_UNARY,
    EXPR_BINARY,
    EXPR_PIPE,   /* value |> stage, as n-ary-free binary, left-associative */
    EXPR_IF,     /* if condition then a else b */
    EXPR_LAMBDA, /* fn(x) => body */
    EXPR_LIST,   /* [a, b] */
    EXPR_TUPLE,  /* (a, b), and `a, b` after return and emit */
    EXPR_REPEAT, /* repeat count { layer } */
    EXPR_SCAN,
    EXPR_AS,     /* value as name */
    EXPR_PACK,   /* ...S, only in shapes */
} ExprKind;

struct Expr {
    ExprKind kind;
    bool     parenthesised; /* written in parentheses: kept for fmt and for precedence of `a < b and c` hints */
    uint16_t height;        /* of the tree below, at most 500: what walks it may recurse */
    Span     span;
    union {
        struct { uint64_t value; } integer;
        struct { double value; } real;
        struct { const char *text; } string;    /* interned, escapes resolved */
        struct { bool value; } boolean;
        struct { const char *text; } name;      /* EXPR_NAME and EXPR_PACK */
        struct { Expr *base; Name field; } field;
        struct { Expr *callee; ArgVec args; } call;
        struct { Expr *base; SubscriptVec subscripts; } index;
        struct { UnaryOp op; Expr *operand; } unary;
        struct { BinaryOp op; Span op_span; Expr *left, *right; } binary;
        struct { Expr *value, *stage; } pipe;
        struct { Expr *condition, *then_value, *else_value; } if_;
        struct { NameVec params; Expr *body; } lambda;
        struct { ExprVec items; } list;         /* EXPR_LIST and EXPR_TUPLE */
        struct { Expr *count; Expr *layer; } repeat;
        struct { ScanSourceVec sources; ArgVec carries; Block *body; } scan;
        struct { Expr *value; Name name; } as;
    } u;
};

/* ---- statements ------------------------------------------------------------------------------------------------- */

/* The left side of `let`: a name, or names and nested groups: `ys, (h_last, c_last)`. */
typedef struct Pattern Pattern;
typedef VEC(Pattern) PatternVec;
struct Pattern {
    Span       span;
    Name       name;  /* text NULL for a group; "_" ignores */
    PatternVec items; /* of a group */
};

typedef struct DimDecl { /* `batch`, `time <= 1024`, `h = 16 * k` */
    Name  name;
    Expr *bound, *value; /* either may be NULL */
} DimDecl;
typedef VEC(DimDecl) DimDeclVec;

typedef enum StmtKind {
    STMT_ERROR,
    STMT_LET,     /* let pattern = value */
    STMT_VAR,     /* var name = value: may be assigned again with := */
    STMT_ASSIGN,  /* name := value */
    STMT_EXPR,    /* a call for its effect, as `early_stop(...)` in train */
    STMT_RETURN,
    STMT_EMIT,
    STMT_IF,
    STMT_FOR,     /* for name in low..high { } : unrolled */
    STMT_ASSERT,
    STMT_PARAM,   /* param name: type fan (in, out) = initialiser */
    STMT_STATE,
    STMT_FIT,     /* fit { } of a layer */
    /* model level */
    STMT_DIM,
    STMT_INPUT,
    STMT_TARGET,
    STMT_OUTPUT,  /* output name | output name = value | output value */
    STMT_LOSS,    /* loss value | loss name = value; also inside layers */
    STMT_METRIC,
    STMT_PART,    /* part name = layer */
    STMT_TRAIN,
    /* inside train { } */
    STMT_SETTING, /* key = value */
    STMT_MINIMIZE,
    STMT_GROUP,
    STMT_FREEZE,
} StmtKind;

struct Stmt {
    StmtKind kind;
    uint16_t height; /* as Expr's */
    Span     span;
    union {
        struct { Pattern target; Expr *value; } let;
        struct { Name name; Expr *value; } bind; /* VAR, ASSIGN, PART, SETTING, OUTPUT, LOSS, METRIC (name optional in the last three) */
        struct { Expr *value; } expr;                       /* EXPR, RETURN (NULL: bare), EMIT, several values as a tuple */
        struct { Expr *condition; Block *then_block, *else_block; } if_; /* `else if` is an else_block of one STMT_IF */
        struct { Name name; Expr *low, *high; Block *body; } for_;      /* high NULL: over the list `low` */
        struct { Expr *condition, *message; } assert_;
        struct { Name name; TypeExpr *type; Expr *fan_in, *fan_out, *init; } store; /* PARAM, STATE; type NULL for `var`-like state */
        struct { Block *body; } fit;
        struct { DimDeclVec dims; } dim;
        struct { Name name; TypeExpr *type; Expr *source; } input;      /* INPUT, TARGET; source after `from` */
        struct { Block *body; } train;
        struct { Expr *loss; bool over_all; ExprVec over; Expr *optimizer, *times; } minimize; /* over_all also when `over` absent */
        struct { ExprVec patterns; Block *settings; } group;            /* patterns are strings */
        struct { ExprVec patterns; Expr *until; } freeze;               /* names or strings; until may be NULL */
    } u;
};

/* clang-format on */

/* ---- declarations --------------------------------------------------------------------------------------------------- */

typedef enum DeclKind {
    DECL_ERROR,
    DECL_IMPORT,
    DECL_CONST,
    DECL_FN,
    DECL_LAYER,
    DECL_OPTIMIZER,
    DECL_SCHEDULE,
    DECL_METRIC,
    DECL_INITIALISER, /* `initializer` is accepted too and printed as written in the grammar's canonical form */
    DECL_MODEL,
    DECL_TEST,
} DeclKind;

/* The word that a declaration begins with; "error" for one that could not be read. */
const char *decl_word(DeclKind kind);

/* fn, layer, optimizer, schedule, metric, initialiser and model share this form. */
typedef struct Callable {
    ParamDeclVec hyper;  /* first list of two; of a one-list fn: empty, and the list is `params` */
    ParamDeclVec params; /* second (tensor) list */
    bool
        has_hyper; /* two lists were written (layer, optimizer: always true; their second list may be absent for a model) */
    TypeVec returns; /* after `->`; several in parentheses; empty when not written */
    Block  *body;
    NameVec grad_params; /* gradient (x, g) { ... }: names of the tensor parameters, then of the cotangents */
    Block  *grad_body;   /* NULL when the gradient is derived */
} Callable;

struct Decl {
    DeclKind    kind;
    Span        span;
    Name        name;
    const char *doc; /* the `#` comment lines directly above, joined, or NULL */
    union {
        struct {
            NameVec path;
            Name    alias;
        } import; /* import a.b as c */
        struct {
            Expr *value;
        } constant;
        Callable callable;
        struct {
            Block *body;
        } test; /* name is the test's string */
    } u;
};

typedef struct Comment {
    Span span; /* `#` to the end of the line */
    bool own_line;
} Comment;

typedef struct Module {
    uint32_t file;
    DeclVec  decls;
    VEC(Comment) comments; /* in order, for fmt */
} Module;

#endif
