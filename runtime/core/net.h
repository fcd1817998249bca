/* The C API of a compiled model: what the functions of its header are made of. A net is a model's parameters, state and
 * optimizer state; a context is one thread's workspace, and serves any net of its model. Nothing here prints or exits, every
 * misuse that can be seen is an error, and a step allocates nothing once a context has met its largest dims.
 *
 * The structs that the header declares come as pointers to their first field; nnrt_api says how they are laid out. */
#ifndef NNRT_CORE_NET_H
#define NNRT_CORE_NET_H

#include "core/steps.h"

typedef struct nnrt_net_config {
    uint64_t seed;        /* 0: the train block's */
    int64_t  total_steps; /* of the whole training; 0: as the train block says */
    int64_t  epoch_steps; /* steps an epoch; 0: not known */
} nnrt_net_config;

typedef struct nnrt_net {
    const nnrt_model *model;
    nnrt_store        store; /* of all slots but METRIC */
    nnrt_steps        steps; /* total_steps and epoch_steps 0 where not known */
    int64_t           steps_done, fit_batches;
    unsigned char    *is_set; /* by slot: has it a value that means something? */
} nnrt_net;

typedef struct nnrt_ctx {
    nnrt_instance *instance;   /* with METRIC slots of its own */
    int64_t       *symbols;    /* of the batch read last */
    const void   **inputs;     /* of the batch read last */
    double        *sums;       /* a pair a result of each function: of value * weight, of weight */
    double        *epoch_sums; /* the same over an epoch of fit */
    int            n_sums;
    int64_t        eval_batches; /* added so far; -1: no evaluation has begun */
} nnrt_ctx;

/* ---- net.c ---- */

nnrt_net *nnrt_net_new(const nnrt_model *model, const nnrt_net_config *config, nnrt_error *error);
nnrt_net *nnrt_net_clone(const nnrt_net *net, nnrt_error *error);
void      nnrt_net_free(nnrt_net *net);
int64_t   nnrt_net_steps_done(const nnrt_net *net);

/* ---- net_values.c: by the parameter's path ---- */

typedef struct nnrt_net_param { /* what a net holds of one path */
    const char *path, *type, *kind;
    size_t      nbytes;
    int64_t     rank, shape[NNRT_MAX_RANK];
} nnrt_net_param;

int64_t     nnrt_net_param_count(const nnrt_net *net);
nnrt_status nnrt_net_param_info(const nnrt_net *net, int64_t index, nnrt_net_param *param, nnrt_error *error);
nnrt_status nnrt_net_get(const nnrt_net *net, const char *path, void *data, size_t nbytes, nnrt_error *error);
nnrt_status nnrt_net_set(nnrt_net *net, const char *path, const void *data, size_t nbytes, nnrt_error *error);
nnrt_status nnrt_net_copy_params(nnrt_net *to, const nnrt_net *from, nnrt_error *error);
nnrt_status nnrt_net_get_hyper(const nnrt_net *net, const char *name, double *value, nnrt_error *error);
nnrt_status nnrt_net_set_hyper(nnrt_net *net, const char *name, double value, nnrt_error *error);
/* NNRT_USAGE where a parameter or a statistic has no value yet. */
nnrt_status nnrt_net_check_set(const nnrt_net *net, nnrt_error *error);

/* ---- net_call.c: contexts, and one function on one batch ---- */

nnrt_ctx *nnrt_ctx_new(const nnrt_net *net, nnrt_pool *pool, nnrt_error *error);
void      nnrt_ctx_free(nnrt_ctx *ctx);

/* The context's slots become the net's. NNRT_USAGE where either is NULL, or they are of different models. */
nnrt_status nnrt_ctx_use(nnrt_ctx *ctx, const nnrt_net *net, nnrt_error *error);
/* Reads dims and inputs of a batch, or of predict's struct (its seed to *seed). */
nnrt_status nnrt_ctx_read_batch(nnrt_ctx *ctx, const void *batch, nnrt_error *error);
nnrt_status nnrt_ctx_read_inputs(nnrt_ctx *ctx, const void *inputs, uint64_t *seed, nnrt_error *error);
/* Can the function be called with what was read last? Then the dims are bound. */
nnrt_status nnrt_ctx_check(nnrt_ctx *ctx, int fn, nnrt_error *error);
nnrt_status nnrt_ctx_call(nnrt_ctx *ctx, int fn, void *const *results, const nnrt_clock *clock, nnrt_error *error);

size_t nnrt_batch_size(const nnrt_model *model); /* bytes of the header's struct */
/* Samples of the batch read last; 1 where the model has no sample dim. */
int64_t nnrt_ctx_samples(const nnrt_ctx *ctx);

/* ---- net_scores.c: losses and metrics ---- */

double *nnrt_ctx_sums_of(nnrt_ctx *ctx, double *sums, int fn); /* of its results, in sums or epoch_sums */
void    nnrt_ctx_clear(nnrt_ctx *ctx, double *sums, nnrt_fn_kind kind);
/* Adds the results of a function that has just run; false where one is not finite, its name in *bad. */
bool nnrt_ctx_add_losses(nnrt_ctx *ctx, int fn, const char **bad);
/* Means into the header's struct. */
void nnrt_ctx_clear_metrics(const nnrt_ctx *ctx, double *metrics);
void nnrt_ctx_put_means(nnrt_ctx *ctx, double *sums, int fn, double *metrics);

nnrt_status nnrt_net_evaluate_begin(const nnrt_net *net, nnrt_ctx *ctx, nnrt_error *error);
nnrt_status nnrt_net_evaluate_add(const nnrt_net *net, nnrt_ctx *ctx, const void *batch, nnrt_error *error);
nnrt_status nnrt_net_evaluate_finish(const nnrt_net *net, nnrt_ctx *ctx, double *metrics, nnrt_error *error);
nnrt_status nnrt_net_evaluate(const nnrt_net *net, nnrt_ctx *ctx, const void *batches, int64_t n_batches,
                              double *metrics, nnrt_error *error);

/* ---- net_predict.c ---- */

nnrt_status nnrt_net_predict(const nnrt_net *net, nnrt_ctx *ctx, const void *inputs, void *const *outputs,
                             nnrt_error *error);

/* ---- net_train.c ---- */

nnrt_status nnrt_net_fit_statistics(nnrt_net *net, nnrt_ctx *ctx, const void *batch, nnrt_error *error);
nnrt_status nnrt_net_train_step(nnrt_net *net, nnrt_ctx *ctx, const void *batches, double *metrics, nnrt_error *error);

/* ---- net_fit.c ---- */

typedef struct nnrt_net_progress {
    int64_t       epoch, step, total_steps; /* epoch from 1; total_steps 0: not known */
    int64_t       epoch_ends;
    const double *last, *mean; /* structs of losses */
} nnrt_net_progress;

typedef int nnrt_net_next(void *context, int64_t epoch, int64_t index, void *batch);
typedef int nnrt_net_hear(void *context, const nnrt_net_progress *progress);

nnrt_status nnrt_net_fit(nnrt_net *net, nnrt_ctx *ctx, nnrt_net_next *next, void *next_context, nnrt_net_hear *hear,
                         void *hear_context, nnrt_error *error);

#endif
