/* A compiled model before code generation: tables (dims, inputs, slots) and functions over one graph.
 *
 * graph_from_ast() makes it, with GRAD nodes standing for gradients; graph_add_gradients() replaces those; later passes
 * rewrite the graph and the functions' roots. */
#ifndef NNC_IR_PROGRAM_H
#define NNC_IR_PROGRAM_H

#include "base/map.h"
#include "ir/graph.h"

typedef struct ProgDim {
    const char *name;
    const Dim  *dim;       /* the symbol, or a polynomial for a derived dim */
    int64_t     bound;     /* largest value allowed, -1: none */
    bool        is_sample; /* the dim the trainer slices (`batch`) */
    Span        span;
} ProgDim;

typedef enum SourceKind { /* as nnrt_source_kind */
                          SOURCE_NAME,
                          SOURCE_COLUMN,
                          SOURCE_CATEGORY,
                          SOURCE_WORDS,
                          SOURCE_BYTES,
                          SOURCE_IMAGE,
                          SOURCE_WAV,
} SourceKind;

typedef enum SourceMissing { /* what a missing number becomes; as nnrt_missing */
                             MISSING_REFUSED,
                             MISSING_FILL,
                             MISSING_MEAN,
} SourceMissing;

typedef struct Source { /* `from ...` of an input */
    SourceKind    kind;
    SourceMissing missing;
    const char  **columns;   /* header names or numbers from 0 */
    int           n_columns; /* 0: the whole file */
    int64_t       max;       /* numbers are 0 .. max - 1; 0: no limit */
    int64_t       shift;     /* of bytes of a whole file: windows start here */
    double        fill;
    int64_t       rate;   /* of sounds: samples a second */
    int64_t       window; /* of columns: rows a sample; 0: one */
    Span          span;
} Source;

typedef struct ProgInput { /* OP_INPUT's ref */
    const char *name;
    Type        type;
    bool        is_target;
    Span        span;
    Source      source;
    int64_t class_limit; /* values of an integer input are indices below it; 0: no limit known (ir/class_limits.c) */
} ProgInput;

typedef enum SlotKind {
    SLOT_PARAM,     /* trained */
    SLOT_STATE,     /* a layer's state: running statistics */
    SLOT_FIT,       /* set by `fit` before training: standardize's mean and scale */
    SLOT_OPTIMIZER, /* an optimizer's state for one parameter */
    SLOT_METRIC,    /* reset before each evaluation */
    SLOT_HYPER,     /* a run-time hyper-parameter: f64, rank 0, settable with --set */
    SLOT_EMA,       /* a parameter's moving average, used by evaluations and predictions */
    SLOT_GRADIENT,  /* gradients added up by `accumulate`, and their weights */
} SlotKind;

typedef struct Slot { /* OP_READ's ref */
    SlotKind kind;
    const char
         *path; /* "dense_1/kernel"; "optimizer.lr" for a hyper-parameter; "optimizer/m/dense_1/kernel" for its state */
    Type  type;
    Node *init;         /* value for FN_INIT (FN_RESET for SLOT_METRIC); NULL for SLOT_HYPER */
    double      value;  /* SLOT_HYPER's default */
    bool        frozen; /* a parameter that is never trained; a hyper-parameter that is compiled in */
    int         param;  /* SLOT_OPTIMIZER, _EMA, _GRADIENT: the parameter's slot; else -1 */
    Span        span;
    const void *data; /* weights to compile in, row-major; NULL: none */
} Slot;

/* OP_RUNTIME's ref: what the trainer passes with each call. All i64, rank 0. */
typedef enum RuntimeValue {
    RUNTIME_STEP,        /* optimizer steps done before this one, from 0 */
    RUNTIME_TOTAL_STEPS, /* of the whole training run */
    RUNTIME_EPOCH_STEPS, /* steps an epoch */
} RuntimeValue;

typedef enum FnKind {
    FN_INIT,       /* updates: every PARAM, STATE, FIT and OPTIMIZER slot */
    FN_FIT,        /* one batch of the training data before step 0; updates FIT slots */
    FN_TRAIN,      /* one a `minimize` line: results are losses; updates parameters, optimizer state, layer state */
    FN_EVAL,       /* results are losses; updates METRIC slots */
    FN_RESET,      /* sets METRIC slots to their start */
    FN_METRICS,    /* results: the metrics' values, from METRIC slots */
    FN_PREDICT,    /* results: outputs */
    FN_ACCUMULATE, /* a train function's losses; adds its gradients to GRADIENT slots, updates layer state */
    FN_PROBE,      /* on a training batch: norms of gradients, counts of non-finite values; updates nothing */
    FN_GRADIENTS,  /* on a training batch: the losses' sum and its gradients; updates nothing */
} FnKind;

/* With FN_GRADIENTS: the function that computes what stop_grad holds, and the inputs, in the order of its results, through
 * which FN_GRADIENTS is given it. No name of a program looks like these. */
#define HELD_FN    "held values"
#define HELD_INPUT "held value "

typedef enum Role { /* what a result is; as nnrt_role */
                    ROLE_VALUE,
                    ROLE_GRADIENT, /* of the slot, or, slot -1, of the input called `name` */
                    ROLE_GRADIENT_NORM,
                    ROLE_NONFINITE,
} Role;

typedef struct Result {
    const char *name;   /* "loss", "accuracy", "p" */
    Node       *value;  /* a loss: its mean over the batch, rank 0 */
    Node       *weight; /* of a loss or batch-averaged metric: what its mean is weighted by, rank 0; else NULL */
    bool adds; /* its mean over the batches is added to that of the result before it (terms of different weights) */
    Role role;
    int  slot; /* the role's; -1: none */
} Result;

typedef struct Update {
    int   slot;
    Node *value;
} Update;

typedef struct Fn {
    FnKind      kind;
    const char *name;       /* "train", "train_2", "eval", "predict" */
    int         times;      /* FN_TRAIN: runs a step */
    int         phase;      /* FN_TRAIN: of the settings' phases */
    struct Fn  *accumulate; /* FN_TRAIN: what adds up its gradients; NULL: none */
    VEC(Result) results;
    VEC(Update) updates;
    int     first_mark; /* refs of its AGAINs count from this one: no two functions have a mark in common */
    NodeVec before;     /* by the ref of an AGAIN: a node that is computed before what stands on that mark */
} Fn;

typedef struct Phase { /* of training: what is frozen differs */
    int64_t until;     /* its end, counted from the start; -1: training's end */
    bool    in_epochs; /* else in steps */
} Phase;

typedef struct LayerRow {    /* a layer, for reports */
    const char *path, *kind; /* "backbone/dense_1", "dense"; "" and the model's name for what is in no layer */
    Type        output;      /* of its first call */
    const Dim  *flops;       /* of all its calls, without those of layers within it; NULL: not known */
    int         calls;
    bool        only_in_losses; /* no output needs it */
} LayerRow;
typedef VEC(LayerRow) LayerRows;

typedef struct TrainSettings {    /* resolved from `train { }`, defaults filled in */
    int64_t     batch;            /* default 32 */
    int64_t     epochs;           /* default 10; 0 when steps is given */
    int64_t     steps;            /* 0: by epochs */
    int64_t     seed;             /* default 0 */
    double      validation_split; /* 0: none */
    double      test_split;
    bool        shuffle;    /* default true */
    int64_t     accumulate; /* default 1 */
    double      ema;        /* decay; 0: none */
    double      stop_min_delta;
    int64_t     stop_patience; /* epochs; 0: no early_stop */
    const char *stop_metric;
    int         stop_larger; /* 1: larger is better; 0: smaller is; -1: losses fall, metrics rise */
    VEC(Phase) phases;       /* empty: one that lasts */
} TrainSettings;

typedef struct DimCheck { /* `assert a == b` that is decided when data binds the dims */
    const Dim  *left, *right;
    Span        span;
    const char *message;
} DimCheck;

typedef struct Program {
    const char *model; /* "Xor" */
    Graph      *graph;
    ElemType    real;     /* ELEM_F32 or ELEM_F64 */
    ElemType    products; /* of what contractions read and give: real, or bf16 or f16 in mixed precision */
    VEC(ProgDim) dims;    /* in order; symbols have dim_symbol(index) == their position among the symbols */
    VEC(ProgInput) inputs;
    VEC(Slot) slots;
    VEC(Fn *) fns;
    VEC(DimCheck) checks;
    TrainSettings train;
    bool          has_train; /* the model has losses and can be trained */
    LayerRows     layers;    /* in order of the prediction, then those of losses only */
    const char   *headline;  /* name of the metric the final line states ("accuracy"), else the loss */
    const char   *weights;   /* of weights compiled in: their file's metadata, as JSON; NULL: none are */
} Program;

/* Whether it computes in mixed precision. */
static inline bool is_mixed(const Program *program) {
    return program->products != program->real;
}

/* Textual dump: --emit=graph, --emit=grad. One node a line, stable numbering by function. */
#include <stdio.h>
void program_print(const Program *program, FILE *out);
void program_print_dot(const Program *program, FILE *out); /* Graphviz */

/* Finds which integer inputs are class indices, from how the graph uses them, and sets their class_limit, so that the
 * program's readers can refuse bad ones with file, row and column. */
void program_find_class_limits(Program *program);

/* Every place that holds a node the program needs: initial values, results and their weights, updates. What it holds may be
 * replaced, and may be NULL. */
typedef VEC(Node **) RootVec;
RootVec program_roots(Arena *arena, Program *program);
RootVec fn_roots(Arena *arena, Fn *fn); /* of one function: results, their weights, updates */

/* What a function computes, with `replacement` (Node * -> Node *) carried out in its results, their weights and its updates. */
void fn_substitute(Graph *graph, Fn *fn, Map *replacement);

/* Leaves the PREDICT functions and the slots that they read; those have no initial values then. */
void program_only_predict(Program *program);

/* Checks every node's type by its shape rule, input order, references, and that results and updates fit their slots.
 * BUG()s on a violation. `after` names the pass. */
void program_verify(const Program *program, const char *after);

#endif
