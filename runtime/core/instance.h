/* What one caller needs to run a model's functions: bound dims, workspace, results; and the slots, its own or another's.
 *
 * Bind the symbolic dims, then call functions; workspace and result buffers grow when larger dims first bind and are
 * kept, so that a step allocates nothing. One thread at a time; several instances may use one store, as long as no function
 * that they run changes a slot of it. */
#ifndef NNRT_CORE_INSTANCE_H
#define NNRT_CORE_INSTANCE_H

#include "core/store.h"
#include "core/variant.h"

typedef struct nnrt_buffer { /* grows, never shrinks */
    void  *data;
    size_t nbytes;
} nnrt_buffer;

typedef struct nnrt_instance {
    const nnrt_model   *model;
    const nnrt_variant *variant;      /* whose code runs; NULL: the model has one only */
    nnrt_pool          *pool;         /* the caller's; NULL: one thread */
    int64_t            *given;        /* dims bound last; 0: not known */
    int64_t            *symbols;      /* the same, 1 where not known; 0 before the first bind */
    int                 is_bound;     /* were they ever */
    int64_t            *shape_values; /* of all tensors, for those symbols */
    int64_t            *check_values; /* of the model's assertions */
    nnrt_store          own;          /* the slots that it holds itself */
    void              **slots;        /* one a slot, canonical layout; NULL: not own, and no store is in use */
    size_t             *slot_nbytes;  /* own.nbytes */
    nnrt_buffer         workspace;
    nnrt_buffer        *results; /* of the function called last; enough for any function */
    int                 max_results;
} nnrt_instance;

typedef struct nnrt_clock { /* what the trainer counts, as in nnrt_args */
    int64_t  step, total_steps, epoch_steps;
    uint64_t seed, pass;
} nnrt_clock;

/* NULL with a message when there is no memory, or the model was built for another runtime or other machines; the
 * environment variable NNC_TARGET chooses among several targets. Hyper-parameters hold their
 * defaults; call nnrt_instance_start or load weights before anything else. */
nnrt_instance *nnrt_instance_new(const nnrt_model *model, nnrt_pool *pool, nnrt_error *error);
/* The same with slots of some kinds only (1 << nnrt_slot_kind): nnrt_instance_use gives it the others. */
nnrt_instance *nnrt_instance_part(const nnrt_model *model, nnrt_pool *pool, unsigned kinds, nnrt_error *error);
void           nnrt_instance_free(nnrt_instance *instance);

/* Uses the slots of a store of the same model where it has none of its own. */
void nnrt_instance_use(nnrt_instance *instance, const nnrt_store *store);

/* Every slot at its start: initial values by the seed, then the weights that are compiled in. */
nnrt_status nnrt_instance_start(nnrt_instance *instance, uint64_t seed, nnrt_error *error);

/* Runs a function that needs no data: INIT, RESET, METRICS. fn -1: nothing. */
nnrt_status nnrt_instance_call_plain(nnrt_instance *instance, int fn, uint64_t seed, nnrt_error *error);

/* Sets the symbolic dims (symbols[model->n_symbols]; 0 where not known, which no function called then may need) and
 * checks bounds and the model's `assert`s on them. */
nnrt_status nnrt_instance_bind(nnrt_instance *instance, const int64_t *symbols, nnrt_error *error);

/* Runs model->fns[fn]; afterwards results[i].data holds result i. inputs[i] is row-major in the shape the dims give;
 * those that the function does not use may be NULL. NNRT_BAD_DATA, and the fault, when a kernel met bad data. */
nnrt_status nnrt_instance_call(nnrt_instance *instance, int fn, const void *const *inputs, const nnrt_clock *clock,
                               nnrt_fault *fault, nnrt_error *error);
/* The same with memory for the results given by the caller: NULL, or NULL where the instance's own will do. */
nnrt_status nnrt_instance_call_into(nnrt_instance *instance, int fn, const void *const *inputs, void *const *results,
                                    const nnrt_clock *clock, nnrt_fault *fault, nnrt_error *error);

/* Bytes of workspace that a function takes for the dims bound last and as many threads; negative: too many. */
int64_t nnrt_instance_workspace(const nnrt_instance *instance, int fn, int nthreads);

/* Index of the first function of a kind from `start` on, or -1. */
int nnrt_model_fn(const nnrt_model *model, nnrt_fn_kind kind, int start);

/* The dim that the trainer slices, or -1. */
int nnrt_model_sample_dim(const nnrt_model *model);

/* Shape of a tensor for the dims bound last; valid until the next bind. */
const int64_t *nnrt_instance_shape(const nnrt_instance *instance, const nnrt_tensor *tensor);

#endif
