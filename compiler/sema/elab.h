/* The elaborator: state shared by the files of sema/, and what they offer one another.
 *
 * The model's body is evaluated once a mode (train, eval, predict, fit) by a plain evaluator over the AST whose tensor
 * values are graph nodes. Slots (parameters, state) are shared among modes by their paths. `frame` is the innermost
 * call, `current` holds each slot's value at this point of the function (a READ until assigned). */
#ifndef NNC_SEMA_ELAB_H
#define NNC_SEMA_ELAB_H

#include "compilation.h"
#include "sema/limits.h"
#include "sema/value.h"

/* ---- environments --------------------------------------------------------------------------------------------------- */

typedef enum BindKind {
    BIND_VALUE, /* let, parameters of callables, dims */
    BIND_KEPT,  /* a dim that a layer keeps from its first call */
    BIND_VAR,   /* var, an optimizer's `p`: := allowed */
    BIND_SLOT,  /* param: reads as the slot's current value */
    BIND_STATE, /* state: the same, := allowed */
} BindKind;

typedef struct Binding {
    const char *name;
    Span        span;
    BindKind    kind;
    Value       value;
    int         slot;
} Binding;

struct Env {
    Env   *parent; /* NULL: the callable's outermost; then come the names of `scope` */
    Scope *scope;
    VEC(Binding) names;
};

Env     *env_new(Elab *e, Env *parent, Scope *scope);
Binding *env_bind(Elab *e, Env *env, const char *name, Span span, Value value);
Binding *env_find(Env *env, const char *name); /* NULL: not a local name */

/* ---- modules ---------------------------------------------------------------------------------------------------------- */

typedef struct Import {
    Scope      *scope;
    const char *name; /* alias, or the path's last part */
    bool        open; /* without `as`: its names are visible as they are */
} Import;

struct Scope {
    const char *name;   /* "std.nn" or the file's path */
    const char *folder; /* of the file, for relative imports */
    bool        is_std;
    bool        loading;
    Module     *module;
    Map        *decls; /* interned name -> Decl */
    VEC(Import) imports;
    Map *consts; /* Decl -> Value *, evaluated once */
    int  visit;  /* of the latest name search, so that diamonds are visited once */
};

bool   scope_load_prelude(Elab *e);
Scope *scope_of_module(Elab *e, Module *module, const char *path);
Scope *scope_load_file(Elab *e, const char *path); /* an imported file that is already found */
/* A module-level name: own declarations, open imports, builtins, the prelude. False when there is none. */
bool scope_lookup(Elab *e, Scope *scope, const char *name, Value *value);
bool scope_lookup_member(Elab *e, Scope *scope, const char *name, Value *value); /* m.name */
/* Is it a const of the library that is another name of something else? */
bool scope_has_alias(Elab *e, Scope *scope, const char *name);
/* Reports an unknown name with the nearest of what is visible. */
Value scope_unknown(Elab *e, Env *env, const char *name, Span span, const char *what);

/* ---- frames and the context ------------------------------------------------------------------------------------------- */

typedef enum FrameKind {
    FRAME_MODEL,
    FRAME_FN,
    FRAME_LAYER,
    FRAME_OPTIMIZER,
    FRAME_SCHEDULE,
    FRAME_METRIC,
    FRAME_INIT,
    FRAME_TEST
} FrameKind;

typedef struct Frame Frame;
struct Frame {
    Frame        *parent;
    FrameKind     kind;
    const Decl   *decl;
    Layer        *layer;       /* FRAME_LAYER */
    const char   *path;        /* the parameter path's prefix for what is instantiated here */
    const char   *slot_prefix; /* of its states: "metric/accuracy", "optimizer" */
    const char   *slot_suffix; /* optimizer: the parameter's path */
    Map          *taken; /* interned path -> Layer: the paths given in this activation of a layer's body or the model's.
                                  A second activation gives the same paths again, and so shares what the first one made */
    int           param; /* optimizer: the parameter's slot */
    bool          read_only; /* metric, while its value is computed: := has no effect */
    Span          call;
    const Origin *origin;
};

typedef struct ChainCall { /* a chain that is being applied, for the chain of calls in reports */
    const struct ChainCall *parent;
    const Frame            *frame; /* where it was called */
    const Layer            *layer;
    Span                    call;
} ChainCall;

typedef enum Mode { MODE_TRAIN, MODE_EVAL, MODE_PREDICT, MODE_FIT } Mode;

typedef struct NamedLoss {
    const char *name;
    bool        named;
    Value       value;
    Span        span;
} NamedLoss;

typedef struct NamedValue {
    const char *name;
    Value       value;
    Span        span;
} NamedValue;

typedef struct LayerCall { /* which outputs stand for a layer's state updates */
    const Layer *layer;
    Value        result;
    bool         in_loop;
} LayerCall;

typedef struct LossScale { /* slots of the minimize line at hand */
    bool active;
    int  scale, good, skipped;
} LossScale;

struct Elab {
    Compilation *c;
    Arena       *arena;
    Diags       *diags;
    Program     *program;
    Graph       *graph;
    DimTable    *dims;
    ElemType     real;
    ElemType     products; /* Program's */
    LossScale    loss_scale;

    Scope *prelude;
    Map   *modules; /* interned file path -> Scope */
    int    n_modules;
    int    visit; /* counts name searches */
    VEC(Scope *) loading;
    Map             *told;       /* names whose other name was told already */
    const ChainCall *chain_call; /* the innermost */
    VEC(Scope *) scopes;         /* all that were read */

    const Decl *model;
    Scope      *model_scope;
    Env        *model_env;  /* of the mode being elaborated */
    Map        *model_dims; /* interned name -> Dim, made once */
    VEC(int64_t) bounds;    /* of the symbols, by index; -1 none */

    Mode   mode;
    bool   training;
    Frame *frame;
    VEC(Node *) current;   /* by slot; NULL: its READ */
    Map *slot_by_path;     /* interned path -> index + 1 */
    Map *taken;            /* of the model's frames in this mode: see Frame */
    Map *draws;            /* interned place -> count, of this mode */
    VEC(LayerCall) calls;  /* of this mode */
    VEC(NamedLoss) losses; /* of this mode */
    VEC(NamedValue) outputs;
    VEC(NamedLoss) metrics; /* averaged metrics */
    const Block *train_block;
    Map         *baked;            /* interned paths of hyper-parameters that are compiled in */
    int          bakes;            /* how many */
    bool         sums_losses;      /* one function minimizes the sum of all losses */
    const Expr  *total_expr;       /* what the only minimize line minimizes, where it is not one loss's name */
    VEC(NamedValue) metric_values; /* read from the metrics' state at the end */
    const char         *headline;  /* the first metric */
    int                 cotangents;
    struct FrozenPhase *frozen; /* what the phase of training at hand freezes; NULL: nothing */
    struct EarlyStop   *stop;   /* where early_stop was given */
    VEC(NamedValue) scheduled;  /* hyper-parameters that schedules drive, of the minimize line at hand */

    struct ScanScope *scan;  /* the innermost loop whose body is being elaborated; NULL: none */
    struct Suite     *suite; /* while a file's tests are elaborated: what is made of them */
    struct TestCase  *test;  /* the one at hand; NULL: none */

    int64_t steps;
    int     depth, call_depth;
    bool    exhausted; /* a limit was reported: everything else is poison */
};

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

/* An error with the chain of instantiations as notes; one found in the library is shown at the call from outside of it. */
Diag *sema_error(Elab *e, Span at, DiagCode code, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The nodes built next come from here. */
void sema_place(Elab *e, Span span);
/* Where dims differ that only data decides: a help line. */
void        suggest_assert(Elab *e, Diag *diag, const Dim *a, const Dim *b);
const char *sema_where(Elab *e, Span at); /* "xor.nnet:6" */

/* ---- evaluation ------------------------------------------------------------------------------------------------------------ */

typedef struct Flow {
    bool  returned;
    Value value;
    Span  span; /* of the return's value */
} Flow;

Value eval_expr(Elab *e, Env *env, const Expr *expr);
Flow  exec_block(Elab *e, Env *env, const Block *block); /* in a new environment */
Flow  exec_stmts(Elab *e, Env *env, const StmtVec *stmts, int from);
void  exec_model_stmt(Elab *e, Env *env, const Stmt *stmt); /* declare.c */
void  misplaced(Elab *e, const Stmt *stmt, const char *where);
Value as_named_layer(Elab *e, const Name *name, Value value);
void  bind_pattern(Elab *e, Env *env, const Pattern *pattern, Value value);
void  exec_assert(Elab *e, Env *env, const Stmt *stmt);
/* False after a report. `what` names the place: "the condition of 'if'". */
bool eval_condition(Elab *e, Env *env, const Expr *expr, const char *what, bool *result, Node **run_time);
bool eval_count(Elab *e, Env *env, const Expr *expr, const char *what, int64_t *result);

/* calls */
Value apply_value(Elab *e, Value callee, Call *call);
/* |>: one value; a tuple spreads. `written` is the value's expression where it is at hand: its items are the places to show. */
Value apply_to(Elab *e, Value callee, Value argument, const Expr *written, Span value_span, Span stage_span);
Value apply_function(Elab *e, const Function *fn, Call *call,
                     Frame *frame); /* frame: of a metric or the like; NULL: a plain one */
bool  bind_arguments(Elab *e, const char *what, const ParamDeclVec *params, const Call *call, int first, Value *values,
                     Span *spans);
Value apply_with_hypers(Elab *e, const Function *fn, Call *call,
                        Frame *frame);                    /* hyper-parameters by name in the same list */
Value construct(Elab *e, const Function *fn, Call *call); /* gives the hyper-parameter list */
/* The environment of a callable with hyper-parameters bound: given ones at once, defaults that need no dims too. */
Env  *bind_hypers(Elab *e, const Function *fn);
void  bind_late_hypers(Elab *e, const Function *fn, Env *env);
bool  bind_tensors(Elab *e, const Function *fn, Env *env, Value *values, const Span *spans, Span call);
Value no_result(Elab *e, const Function *fn, Span span); /* reports that the body returned nothing */
/* Whether each parameter has a value or a default; the missing ones are reported otherwise. `what` takes them. */
bool        require_arguments(Elab *e, const char *what, const ParamDeclVec *params, const Value *values, Span call);
const char *describe_decl(Elab *e, const Decl *decl); /* "layer 'dense'" */
Value       check_returns(Elab *e, const Function *fn, Env *env, Value value, Span span);
/* `y` with the gradient that the callable gives itself for `args`. */
Value custom_gradient(Elab *e, const Function *fn, Env *env, Value y, const Value *args);
void  frame_push(Elab *e, Frame *frame);
void  frame_pop(Elab *e, Frame *frame);
bool  call_enter(Elab *e, Span span);

/* hints.c */
bool        elem_suits(Elab *e, const ParamDecl *param, Value value); /* float or not as the parameter is */
const Decl *alternative_callable(Elab *e, const Function *fn,
                                 const Value *values);    /* of a like name, fit for them; NULL: none */
Value eval_callee(Elab *e, Env *env, const Expr *callee); /* what is called; a name that hides a callable is reported */
bool  has_tensor_list(Elab *e, const Decl *decl);         /* else it is reported */
void  tell_alias(Elab *e, const Env *env, const Expr *name,
                 Value value); /* warns where the library calls it otherwise */

/* types.c */
typedef struct ParamKind { /* a type that is not a tensor's: int, layer, ... */
    const char *name;
    bool (*accepts)(Elab *e, Value *value); /* may convert it */
    const char *needed;
} ParamKind;
const ParamKind *param_kind(const char *name); /* NULL: no such kind */
void             unknown_kind(Elab *e, const Name *name);
bool             push_item(Elab *e, Env *env, Type *type, const Expr *item); /* a shape's item: a dim or a pack */
const Dim       *eval_dim(Elab *e, Env *env, const Expr *expr, const char *what);
bool             eval_type(Elab *e, Env *env, const TypeExpr *type, Type *result); /* all names known */
bool             check_not_empty(Elab *e, const Type *type, Span span);            /* of what holds data or is learnt */
bool             check_size(Elab *e, const Type *type, Span span);
ElemType         type_elem(Elab *e, const TypeExpr *type); /* ELEM_COUNT when it is not an element type */
/* unify.c: makes `value` fit `type`, binding dims in env. `final` false: postpone scalars (returns true, value unchanged). */
bool        unify(Elab *e, Env *env, const TypeExpr *type, Value *value, Span span, const char *what, bool final);
const char *type_expr_print(Elab *e, const TypeExpr *type);

/* values to nodes (elem.c) */
Node *scalar_node(Elab *e, Value value); /* a numeric, non-tensor value as an f64 or i64 rank-0 node */
/* A numeric value as a node of element type `elem`: literals, dims, scalars and float tensors adapt. NULL after a report. */
Node *convert(Elab *e, Value value, ElemType elem, Span span, const char *what);
/* Common element type of two values; false: they do not mix. */
bool promote(Value a, Value b, ElemType *elem);
/* The same of two that are computed with: bf16 and f16 become `real`, so that no result depends on when it is rounded. */
bool     promote_computed(const Elab *e, Value a, Value b, ElemType *elem);
ElemType computed_elem(const Elab *e, ElemType elem);
Node    *computed(Elab *e, Node *node);                     /* cast to that */
Node    *expand_to(Elab *e, Node *node, const Type *shape); /* rank 0 to a shape */
bool     const_int(Value value, int64_t *result);
bool     const_real(Value value, double *result);
/* Folds a scalar node made of constants and hyper-parameters' defaults; false when it needs run-time values. Slots met are baked. */
bool fold_scalar(Elab *e, const Node *node, double *result);
bool peek_scalar(Elab *e, const Node *node, double *result); /* the same, but nothing is compiled in */

/* operators.c */
Value op_binary(Elab *e, BinaryOp op, Value a, Value b, Span at, Span left, Span right);
Value op_unary(Elab *e, UnaryOp op, Value a, Span at);
Value op_compare_values(Elab *e, BinaryOp op, Value a, Value b, Span at);
bool  same_value(Value a, Value b);

/* layers (instance.c) */
Layer    *layer_new(Elab *e, const Function *fn, Span span);
Value     chain_new(Elab *e, int n, const Value *items, Span span);
void      layer_name(Elab *e, Layer *layer, Name name);
void      layer_name_inside(Elab *e, Layer *layer, Name name); /* beneath whoever calls it first */
Value     apply_layer(Elab *e, Layer *layer, Call *call);
Value     layer_field(Elab *e, Layer *layer, Name field);
void      exec_store(Elab *e, Env *env, const Stmt *stmt); /* param, state */
void      exec_assign(Elab *e, Env *env, const Stmt *stmt);
Node     *slot_read(Elab *e, int slot); /* its value at the function's entry */
Node     *slot_current(Elab *e, int slot);
int       slot_find(Elab *e, const char *path); /* -1: none */
int       slot_new(Elab *e, SlotKind kind, const char *path, const Type *type, Span span);
RandomKey draw_key(Elab *e, Span place);

/* literal.c: a list of numbers, or of such lists, where a tensor is needed. ELEM_COUNT: real, or i32 where all are whole. */
bool  list_is_numeric(const List *list);
Node *tensor_literal(Elab *e, Value list, ElemType elem, Span span);    /* NULL after a report */
Value list_beside_tensor(Elab *e, Value value, Value other, Span span); /* a list beside a tensor is one of its type */

/* builtins */
enum { MAX_LITERAL = 1024 }; /* elements of a tensor written in a model */
#define APPROX_TOLERANCE 1e-6
bool        builtin_lookup(Elab *e, const char *name, Value *value);
Value       builtin_apply(Elab *e, const Builtin *builtin, Call *call);
const char *builtin_name(const Builtin *builtin);
bool        builtin_constructs(const Builtin *builtin); /* makes a layer of its arguments, as in x |> chain(a, b) */
int         builtin_table_len(void);
const char *builtin_name_at(int index);

/* source.c: the `from` of an input, checked against its type; false after a report. SOURCE_NAME where there is none. */
bool eval_source(Elab *e, Env *env, const Stmt *stmt, const Type *type, Source *source);

/* the model */
Elab *elab_begin(Compilation *c, Module *module); /* prelude and the file's names; NULL without a prelude */
bool  model_declare(Elab *e);                     /* hyper-parameters, precision */
void  model_elaborate(Elab *e, Mode mode);        /* fills losses, outputs, metrics, calls, current */
void  metric_statement(Elab *e, Env *env, const Stmt *stmt);
void  train_functions(Elab *e); /* FN_TRAIN and its kin, and settings; in MODE_TRAIN's state */
void  check_early_stop(Elab *e);
bool  layer_frozen(const Elab *e, const char *path); /* in the phase at hand */
int   average_slot(Elab *e, int param);              /* `ema`'s slot for a parameter; -1: none */
Fn   *fn_add(Elab *e, FnKind kind, const char *name);
void  fn_update(Elab *e, Fn *fn, int slot, Node *value);
void  fn_result(Elab *e, Fn *fn, const char *name, Node *value, Node *weight);
void  loss_result(Elab *e, Fn *fn, const char *name, const Value *loss);
void  init_function(Elab *e);
Node *sample_count(Elab *e);
Value total_loss(Elab *e);
void  add_losses(Elab *e, Fn *fn, bool with_total);

/* layers.c: the rows of Program.layers, after the functions of a kind are made: FN_EVAL, then FN_PREDICT. */
void layer_rows(Elab *e, FnKind kind);

/* reach.c */
bool            *reach_marks(Elab *e, const Node *root);                    /* by node id, up to the root's */
bool             reach_slots(Elab *e, const Node *root, bool *slots);       /* sets slots[i] for each slot read */
const bool      *reach_inputs(Elab *e, const Node *root);                   /* by input: does root depend on it? */
const ProgInput *reach_input(Elab *e, const Node *root, bool only_targets); /* an input that root depends on, or NULL */
bool             glob_match(const char *pattern, const char *text);

/* optimizers and schedules */
Value schedule_value(Elab *e, const Function *fn, const char *prefix, Span span);

/* syntax helpers (walk.c) */
typedef bool NameVisitor(void *context, const char *name, Span span); /* true stops */
bool         walk_expr(const Expr *expr, NameVisitor *visit, void *context);
bool         walk_block(const Block *block, NameVisitor *visit, void *context);
bool         expr_mentions(const Expr *expr, const char *name);
bool         block_mentions(const Block *block, const char *name);
void         check_returns_and_dims(Elab *e, const Module *module);    /* unreachable code, misspelt dims */
void         check_names(Elab *e, Scope *scope, const Module *module); /* names.c: of what nothing instantiates */
void         check_unused(Elab *e, const Module *module);              /* lets that nothing reads */

#endif
