/* What an expression evaluates to while a model is elaborated. Values are small and passed by copy; what they point to
 * lives in the compilation's arena. A zeroed Value is poison: an error was reported, and everything made of it stays silent. */
#ifndef NNC_SEMA_VALUE_H
#define NNC_SEMA_VALUE_H

#include "ast/ast.h"
#include "base/map.h"
#include "ir/program.h"

typedef struct Elab     Elab;
typedef struct Env      Env;
typedef struct Scope    Scope; /* a module's names */
typedef struct Function Function;
typedef struct Layer    Layer;
typedef struct Builtin  Builtin;
typedef struct List     List;

typedef enum ValueKind {
    VALUE_POISON,
    VALUE_NONE,   /* nothing: an argument not given, `none` */
    VALUE_TENSOR, /* a graph node with an element type of its own */
    VALUE_SCALAR, /* a run-time hyper-parameter or count: rank 0, f64, i64 or bool; adapts to the tensors it meets */
    VALUE_DIM,    /* an integer: a polynomial over symbolic dims */
    VALUE_REAL,   /* a compile-time number */
    VALUE_BOOL,   /* a compile-time truth value */
    VALUE_STRING,
    VALUE_ELEM, /* an element type's name, as in cast(x, real) */
    VALUE_LIST, /* [a, b]; shapes and packs are lists of dims */
    VALUE_TUPLE,
    VALUE_FN,    /* a declared callable, perhaps with its hyper-parameters, or a lambda */
    VALUE_LAYER, /* a constructed layer, a chain */
    VALUE_BUILTIN,
    VALUE_MODULE,
} ValueKind;

typedef struct Value {
    ValueKind kind;
    union {
        Node           *node;
        const Dim      *dim;
        double          real;
        bool            boolean;
        const char     *string; /* interned */
        ElemType        elem;
        const List     *list;
        const Function *fn;
        Layer          *layer;
        const Builtin  *builtin;
        Scope          *module;
    };
    Node *weight; /* of a rank-0 tensor: what a mean over batches weighs it by; NULL: the sample count */
    const struct LossTerms *terms; /* of a sum whose terms weigh differently; NULL: one term */
} Value;

/* The terms of a sum that keep weights of their own; their values add up to the sum's. */
typedef struct LossTerms {
    int   len;
    Node *values[16], *weights[16]; /* a NULL weight is the sample count */
} LossTerms;

struct List {
    int          len;
    int          depth; /* 1: no lists within */
    const Value *items;
};

/* A callable from a declaration, or a lambda with its surroundings. */
struct Function {
    const Decl  *decl; /* NULL: a lambda */
    const Expr  *lambda;
    Scope       *scope; /* where the declaration stands */
    Env         *env;   /* a lambda's surroundings */
    bool         bound; /* the hyper-parameter list has been given */
    const Value *hyper; /* if bound: one a hyper-parameter, VALUE_NONE where its default applies */
    const Span  *hyper_spans;
    Span         span; /* the construction */
};

typedef struct DimBinding {
    const char *name;
    Value       value;
    Span        span; /* the argument that bound it */
} DimBinding;

/* A layer: a constructor until its first call gives it a path and its instance dims. */
struct Layer {
    const Function *fn; /* NULL: a chain of `children` */
    List            children;
    const char     *name;  /* given by let, part or `as`; NULL: its declaration's */
    const char     *scope; /* the path prefix where it was named; NULL: that of its first call */
    Span            name_span, span;
    const char     *path; /* interned; NULL before the first call */
    VEC(DimBinding) dims; /* instance dims: those that occur in its params' and states' types */
    Map *slots;           /* interned name -> slot index + 1 */
    int  call_count;
};

/* An argument of a call, evaluated. */
typedef struct Argument {
    Name  name; /* text NULL: positional */
    Value value;
    Span  span;
} Argument;

typedef struct Call {
    Span      span; /* the whole call */
    Span      callee;
    int       n;
    Argument *args;
} Call;

static inline Value value_poison(void) {
    return (Value){.kind = VALUE_POISON};
}
static inline Value value_none(void) {
    return (Value){.kind = VALUE_NONE};
}
static inline Value value_tensor(Node *node) {
    return (Value){.kind = VALUE_TENSOR, .node = node};
}
static inline Value value_scalar(Node *node) {
    return (Value){.kind = VALUE_SCALAR, .node = node};
}
static inline Value value_dim(const Dim *dim) {
    return (Value){.kind = VALUE_DIM, .dim = dim};
}
static inline Value value_real(double real) {
    return (Value){.kind = VALUE_REAL, .real = real};
}
static inline Value value_bool(bool boolean) {
    return (Value){.kind = VALUE_BOOL, .boolean = boolean};
}
static inline Value value_string(const char *string) {
    return (Value){.kind = VALUE_STRING, .string = string};
}
static inline Value value_elem(ElemType elem) {
    return (Value){.kind = VALUE_ELEM, .elem = elem};
}
static inline Value value_layer(Layer *layer) {
    return (Value){.kind = VALUE_LAYER, .layer = layer};
}
static inline Value value_fn(const Function *fn) {
    return (Value){.kind = VALUE_FN, .fn = fn};
}

bool value_is_numeric(Value value);  /* tensor, scalar, dim or real */
bool value_is_callable(Value value); /* fn, layer or builtin */

Value value_list(Arena *arena, ValueKind kind, int n, const Value *items); /* VALUE_LIST or VALUE_TUPLE */
Value value_shape(Arena *arena, int rank, const Dim *const *dims);

/* For messages: "f32[batch, 2]", "the number 0.5", "layer 'dense'". */
const char *value_describe(Arena *arena, Value value);

#endif
