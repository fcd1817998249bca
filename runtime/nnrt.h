/* nnrt: the core runtime that every compiled model links. Needs libc, libm and pthreads; never prints, never exits.
 * This is also the ABI between generated code and the runtime: codegen/ builds the same structs field by field, so a
 * change here changes NNRT_ABI. */
#ifndef NNRT_H
#define NNRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NNRT_ABI = 6, NNRT_MAX_RANK = 8 };

typedef enum nnrt_status {
    NNRT_OK       = 0,
    NNRT_ERROR    = 1, /* failed: out of memory, file not writable */
    NNRT_USAGE    = 2,
    NNRT_BAD_DATA = 3, /* the data does not fit the model */
} nnrt_status;

typedef struct nnrt_error { /* the caller's; NULL where it does not care */
    int  code;
    char message[512];
} nnrt_error;

/* ---- threads ---------------------------------------------------------------------------------------------------- */

typedef struct nnrt_pool nnrt_pool;

/* `nthreads` counts the calling thread. NULL when threads cannot be started. Workers spin briefly, then park. */
nnrt_pool *nnrt_pool_new(int nthreads);
void       nnrt_pool_free(nnrt_pool *pool);
int        nnrt_pool_size(const nnrt_pool *pool); /* 1 for NULL */

/* Runs task(context, begin, end, worker) over a static partition of [0, units) into contiguous ranges, the caller
 * being worker 0; returns when all are done. `worker` names scratch memory that no other range uses at the same
 * time: the caller may run several ranges, one after the other. What a task computes must not depend on the
 * partition. Denormals are flushed to zero (FTZ+DAZ) in every worker while a task runs and restored after. */
typedef void nnrt_task(void *context, int64_t begin, int64_t end, int32_t worker);
void         nnrt_parallel(nnrt_pool *pool, nnrt_task *task, void *context, int64_t units);

/* Denormals to zero in the calling thread; hand what it returned to nnrt_denormals_restore(). nnrt_parallel does
 * this for every task; a caller that runs many small kernels in a row may set it once around them. */
uint64_t nnrt_denormals_flush(void);
void     nnrt_denormals_restore(uint64_t state);

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

/* Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). */
void nnrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* order[0 .. n): 0 .. n-1 in random order, a function of (seed, stream, n) alone (Fisher-Yates over Philox). */
void nnrt_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *order);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Zeroed, 64-byte aligned (2 MiB aligned and advised for huge pages when large). NULL when there is none. */
void *nnrt_alloc(size_t nbytes);
void  nnrt_free(void *memory, size_t nbytes);

/* ---- what generated code is called with -------------------------------------------------------------------------- */

typedef struct nnrt_fault { /* set by a kernel that met data it cannot use; checked by the caller after each call */
    int32_t code;           /* 0: none; NNRT_FAULT_INDEX */
    int32_t input;          /* reserved: -1 */
    int64_t value;          /* the offending index */
    int64_t limit;          /* valid: 0 <= index < limit */
} nnrt_fault;
enum { NNRT_FAULT_NONE = 0, NNRT_FAULT_INDEX = 1 };

typedef struct nnrt_args {
    const int64_t     *symbols; /* values of the symbolic dims */
    const void *const *inputs;  /* one an input, row-major; NULL for inputs that the function does not use */
    void *const       *slots;   /* one a slot, row-major (canonical) */
    void *const *results;   /* one a result, row-major, of the fn's result types; a loss takes (value, weight) pairs */
    void        *workspace; /* fn->workspace(symbols, nthreads) bytes from nnrt_alloc; contents need not be kept */
    nnrt_pool   *pool;      /* NULL: one thread */
    int64_t      step, total_steps, epoch_steps; /* RUNTIME_STEP.. in the compiler */
    uint64_t     seed;
    uint64_t     pass; /* forward-pass counter: part of every random key */
    nnrt_fault  *fault;
} nnrt_args;

typedef void    nnrt_code(const nnrt_args *args);
typedef int64_t nnrt_workspace_fn(const int64_t *symbols, int64_t nthreads);

/* ---- the description that a compiled model exports (symbol `<model>_nnrt_model`, lower-case model name) ---------- */

typedef enum nnrt_elem { NNRT_F32, NNRT_F64, NNRT_BF16, NNRT_F16, NNRT_I32, NNRT_I64, NNRT_U8, NNRT_BOOL } nnrt_elem;
typedef enum nnrt_slot_kind {
    NNRT_PARAM,
    NNRT_STATE,
    NNRT_FIT,
    NNRT_OPTIMIZER,
    NNRT_METRIC,
    NNRT_HYPER,
    NNRT_EMA,     /* the moving average of `param`, that evaluations and predictions use */
    NNRT_GRADIENT /* what `accumulate` has added up: of `param`, or a weight (param -1) */
} nnrt_slot_kind;
typedef enum nnrt_fn_kind {
    NNRT_FN_INIT,
    NNRT_FN_FIT,
    NNRT_FN_TRAIN,
    NNRT_FN_EVAL,
    NNRT_FN_RESET,
    NNRT_FN_METRICS,
    NNRT_FN_PREDICT,
    NNRT_FN_ACCUMULATE, /* a train function's losses and gradients, added to GRADIENT slots */
    NNRT_FN_PROBE,      /* on one training batch, changes nothing: norms of gradients, counts of non-finite values */
    NNRT_FN_GRADIENTS   /* on one training batch, changes nothing: the losses' sum and its gradients */
} nnrt_fn_kind;
typedef enum nnrt_role { /* what a result is */
                         NNRT_VALUE,
                         NNRT_GRADIENT_OF, /* the gradient of slot, or, slot -1, of the input called `name`, in its shape */
                         NNRT_GRADIENT_NORM, /* L2 norm of slot's gradient */
                         NNRT_NONFINITE /* how many values of the layer or parameter called `name` are not finite */
} nnrt_role;

typedef struct nnrt_tensor {
    const char *name; /* input name, parameter path, result name */
    int32_t     elem; /* nnrt_elem */
    int32_t     rank;
    int32_t     shape_at; /* the shape is shapes[shape_at .. shape_at + rank) as computed by model->shapes */
    int32_t     reserved;
    int32_t     symbol[NNRT_MAX_RANK]; /* per axis: the symbol it is, or -1 for a constant or an expression */
    const char *shape_text;            /* "[batch, 784]", for messages */
} nnrt_tensor;

typedef struct nnrt_dim {
    const char *name;
    int64_t     bound;     /* -1: none */
    int32_t     is_sample; /* the dim the trainer slices */
    int32_t     reserved;
} nnrt_dim;

typedef enum nnrt_source_kind {                   /* `from ...` */
                                NNRT_FROM_NAME,   /* the array or columns of the input's name */
                                NNRT_FROM_COLUMN, /* the columns' numbers */
                                NNRT_FROM_CATEGORY, /* a column's texts, numbered: 0 is unknown; a target's classes from 0 on */
                                NNRT_FROM_WORDS, /* a column's words, numbered: 0 is none, and unknown */
                                NNRT_FROM_BYTES, /* a column's text as bytes */
                                NNRT_FROM_IMAGE, /* the pixels of the files that a column names */
                                NNRT_FROM_WAV    /* the sound of the files that a column names */
} nnrt_source_kind;

typedef enum nnrt_missing { /* what a missing number becomes */
                            NNRT_MISSING_REFUSED,
                            NNRT_MISSING_FILL, /* the source's `fill` */
                            NNRT_MISSING_MEAN  /* the mean of the column in the training data */
} nnrt_missing;

typedef struct nnrt_source {
    int32_t            kind;      /* nnrt_source_kind */
    int32_t            missing;   /* nnrt_missing */
    const char *const *columns;   /* of a CSV: a header's name or a number from 0 */
    int64_t            n_columns; /* 0: the whole file */
    int64_t            max;       /* numbers are 0 .. max - 1; 0: no limit */
    int64_t            shift;     /* of bytes of a whole file, and of columns: windows start here */
    double             fill;
    int64_t            rate; /* of sounds: samples a second */
    int64_t window; /* of columns: a sample is as many rows after one another, from row + shift on; 0: one row */
} nnrt_source;

typedef struct nnrt_input {
    nnrt_tensor tensor;
    nnrt_source source;
    int32_t     is_target;
    int32_t     class_limit; /* values are classes 0 .. class_limit - 1, checked when data is loaded; 0: not known */
} nnrt_input;

typedef struct nnrt_slot {
    nnrt_tensor tensor;
    double      value;  /* a hyper-parameter's default */
    int32_t     kind;   /* nnrt_slot_kind */
    int32_t     param;  /* an optimizer state's parameter, else -1 */
    int32_t     frozen; /* a parameter that is never trained; a hyper-parameter that is compiled in */
    int32_t     reserved;
    const void *data; /* weights compiled in, row-major; NULL: none */
} nnrt_slot;

typedef struct nnrt_result {
    nnrt_tensor tensor;
    int32_t     has_weight; /* results[i] points to two values: the mean and its weight */
    int32_t     adds;       /* its mean over all batches is added to that of the result before it */
    int32_t     role;       /* nnrt_role */
    int32_t     slot;       /* the role's slot, else -1 */
} nnrt_result;

typedef struct nnrt_fn {
    const char        *name;
    nnrt_code         *code;
    nnrt_workspace_fn *workspace;
    const nnrt_result *results;
    int32_t            kind; /* nnrt_fn_kind */
    int32_t            times;
    int32_t            n_results;
    int32_t            n_inputs_used;
    const int32_t     *inputs_used; /* indices of the inputs it reads */
    int64_t            flops;       /* at batch = train.batch; for info; 0 unknown */
    const int32_t     *dims_used;   /* indices of the dims it needs */
    int32_t            n_dims_used;
    int32_t            phase;      /* TRAIN: of the settings' phases */
    int32_t            accumulate; /* TRAIN: the function that adds up its gradients, called settings.accumulate times
                                      before it; else -1 */
    int32_t            reserved;
} nnrt_fn;

typedef struct nnrt_layer { /* in order of the prediction, then those that only losses call */
    const char *path;       /* "backbone/dense_1"; "" for what the model computes outside of layers */
    const char *kind;       /* "dense"; the model's name */
    nnrt_tensor output;     /* of its first call */
    int32_t
        flops_at; /* model->shapes gives the flops of all its calls, without those of layers within it, at this place; -1: not known */
    int32_t calls;
    int32_t only_in_losses; /* no output needs it */
    int32_t reserved;
} nnrt_layer;

typedef struct nnrt_phase { /* of training: what is frozen differs */
    int64_t until;          /* its end, counted from the start of training; -1: training's end */
    int32_t in_epochs;      /* else in steps */
    int32_t reserved;
} nnrt_phase;

typedef struct nnrt_train_settings {
    int64_t           batch, epochs, steps, seed;
    int64_t           accumulate; /* batches whose gradients make one step; 1 */
    double            validation_split, test_split;
    double            ema;            /* decay; 0: none */
    double            stop_min_delta; /* early_stop: a smaller gain is none */
    int64_t           stop_patience;  /* epochs without a gain; 0: no early_stop */
    const char       *stop_metric;    /* "val_loss", "val_accuracy", "loss" */
    int32_t           stop_larger;    /* 1: larger is better; 0: smaller is; -1: losses fall, metrics rise */
    int32_t           n_phases;       /* at least 1 */
    const nnrt_phase *phases;
    int32_t           shuffle, has_train;
    const char       *headline; /* the metric (or loss) that the last line states */
} nnrt_train_settings;

typedef struct nnrt_metric { /* a loss or metric in a header's struct of them */
    const char *name;
    int64_t     at, count; /* doubles: where, and how many */
} nnrt_metric;

/* How the structs of the model's C header lie in memory, 8 bytes a field: a batch is its dims, then its inputs; what predict
 * takes is its dims, a seed, then its inputs; outputs are in the order of the PREDICT functions' results. */
typedef struct nnrt_api {
    const int32_t     *batch_dims, *batch_inputs;     /* of all functions that train and evaluate */
    const int32_t     *predict_dims, *predict_inputs; /* of all PREDICT functions */
    const nnrt_metric *metrics;
    int32_t            n_batch_dims, n_batch_inputs, n_predict_dims, n_predict_inputs, n_metrics;
    int32_t            n_metric_values;   /* doubles */
    int32_t            needs_total_steps; /* training reads how long it is */
    int32_t            needs_epoch_steps;
} nnrt_api;

/* What a processor may have: X(bit, name). Only features that LLVM, GCC and Clang call the same. */
#define NNRT_CPU_FEATURES(X)                                                                                           \
    X(0, "sse4.2")                                                                                                     \
    X(1, "popcnt")                                                                                                     \
    X(2, "avx2")                                                                                                       \
    X(3, "fma")                                                                                                        \
    X(4, "f16c")                                                                                                       \
    X(5, "bmi2")                                                                                                       \
    X(6, "avx512f")                                                                                                    \
    X(7, "avx512bw")                                                                                                   \
    X(8, "avx512cd")                                                                                                   \
    X(9, "avx512dq")                                                                                                   \
    X(10, "avx512vl")                                                                                                  \
    X(11, "avx512vbmi")                                                                                                \
    X(12, "avx512vbmi2")                                                                                               \
    X(13, "avx512ifma")                                                                                                \
    X(14, "avx512vnni")                                                                                                \
    X(15, "avx512bitalg")                                                                                              \
    X(16, "avx512vpopcntdq")                                                                                           \
    X(17, "avx512bf16")

typedef struct nnrt_variant {            /* the functions, compiled for one target */
    const char               *name;      /* "x86-64-v3" */
    uint64_t                  needs;     /* bits of NNRT_CPU_FEATURES; 0: any machine of the architecture will do */
    nnrt_code *const         *code;      /* by function */
    nnrt_workspace_fn *const *workspace; /* by function; the targets' differ */
} nnrt_variant;

typedef struct nnrt_model {
    int32_t           abi; /* NNRT_ABI */
    int32_t           n_symbols, n_inputs, n_slots, n_fns, n_shape_values, n_checks, n_layers;
    const char       *name;
    const nnrt_dim   *dims; /* n_symbols */
    const nnrt_input *inputs;
    const nnrt_slot  *slots;
    const nnrt_fn    *fns;
    void (*shapes)(const int64_t *symbols, int64_t *shape_values);
    /* checks[i]: two values that must be equal once dims are bound: shape_values[2i], [2i+1] from check_values, with
     * its message. */
    void (*check_values)(const int64_t *symbols, int64_t *values);
    const char *const  *check_messages;
    nnrt_train_settings train;
    const nnrt_layer   *layers; /* n_layers */
    const nnrt_api     *api;
    const char         *precision;  /* "f32", "mixed(bf16)": what is computed with */
    const char         *weights;    /* of weights compiled in: their file's metadata, as JSON; NULL: none are */
    const nnrt_variant *variants;   /* from the weakest target to the strongest; fns[i].code is the first one's */
    int64_t             n_variants; /* 0: fns[i].code alone, for any machine */
} nnrt_model;

#ifdef __cplusplus
}
#endif
#endif
