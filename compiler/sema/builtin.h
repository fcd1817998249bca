/* Builtin fns: a table of names, parameters and C functions. */
#ifndef NNC_SEMA_BUILTIN_H
#define NNC_SEMA_BUILTIN_H

#include "sema/elab.h"

enum { MAX_BUILTIN_ARGS = 8 };

typedef struct BuiltinCall {
    const Builtin *builtin;
    Call          *call;
    Value          args[MAX_BUILTIN_ARGS]; /* by parameter; VALUE_NONE where absent */
    Span           spans[MAX_BUILTIN_ARGS];
    int            n_extra; /* further named arguments (`**`), or positional ones (`*`) */
    Argument      *extra;
} BuiltinCall;

typedef Value BuiltinFn(Elab *e, BuiltinCall *call);

/* `params`: names separated by blanks; `?` after a name: optional; a last `*`: any number of further positional
 * arguments, `**`: any further named ones. `op` is for rows that share a function. One whose first parameter is x and that is
 * given only others, by name, is a fn of x: sum(axis = 1). */
struct Builtin {
    const char *name;
    const char *params;
    BuiltinFn  *apply;
    Op          op;
};

/* builtins_math.c */
BuiltinFn builtin_unary, builtin_cast, builtin_select, builtin_stop_grad, builtin_count, builtin_epoch, builtin_rsqrt;
/* builtins_reduce.c */
BuiltinFn builtin_sum, builtin_mean, builtin_max, builtin_min, builtin_argmax, builtin_weighted_mean;
/* builtins_axes.c: patterns */
BuiltinFn builtin_einsum, builtin_rearrange, builtin_expand;
/* builtins_shape.c */
BuiltinFn builtin_reshape, builtin_transpose, builtin_unsqueeze, builtin_squeeze, builtin_unstack, builtin_stack,
    builtin_concat, builtin_pad, builtin_shape, builtin_rank, builtin_size;
/* builtins_window.c */
BuiltinFn builtin_window, builtin_flip, builtin_spread;
/* builtins_make.c */
BuiltinFn builtin_full, builtin_iota, builtin_one_hot, builtin_gather, builtin_scatter_add, builtin_uniform,
    builtin_normal, builtin_chain;
/* builtins_compare.c */
BuiltinFn builtin_tensor, builtin_all, builtin_any, builtin_approx, builtin_grad;

/* What builtins share. */
bool  arg_tensor(Elab *e, BuiltinCall *call, int index, Node **node);       /* a tensor; numbers become rank 0 */
bool  arg_axis(Elab *e, BuiltinCall *call, int index, int rank, int *axis); /* negative counts from the end */
bool  arg_axes(Elab *e, BuiltinCall *call, int index, int rank, int *n, int *axes); /* one axis or a list */
bool  arg_shape(Elab *e, BuiltinCall *call, int index, ElemType elem,
                Type *type); /* a list of dims, nested packs flattened */
bool  arg_dims(Elab *e, BuiltinCall *call, int index, ElemType elem, Type *type); /* the same, sizes unchecked */
bool  arg_dim(Elab *e, BuiltinCall *call, int index, const Dim **dim);
Value arg_error(Elab *e, BuiltinCall *call, int index, const char *needed);
bool  is_float_tensor(Value value);
/* reduces and permutes x by "b t d -> b" */
Value reduce_pattern(Elab *e, BuiltinCall *call, Node *x, const char *text, Span span, Op op, const Dim **reduced_size);

#endif
