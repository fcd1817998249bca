/* Training and evaluation of any compiled model, through the functions it exports. Prints nothing: an observer hears
 * of it. */
#ifndef NNRT_EXTRAS_TRAINER_H
#define NNRT_EXTRAS_TRAINER_H

#include <signal.h>
#include <stdbool.h>

#include "core/instance.h"
#include "extras/dataset.h"

typedef struct nnrt_settings { /* the train block's, as the command line changed them: all that changes results */
    int64_t                         batch, epochs, steps, seed; /* steps > 0 overrides epochs */
    double                          validation_split, test_split;
    bool                            shuffle;
    int64_t                         accumulate;   /* batches whose gradients make one step; 0 is 1 */
    int64_t                         data_sum;     /* nnrt_dataset_sum of what is trained on; 0: not known */
    const struct nnrt_vocabularies *vocabularies; /* of its texts (extras/vocabulary.h); NULL: none */
} nnrt_settings;

nnrt_settings nnrt_settings_default(const nnrt_model *model);

typedef struct nnrt_score { /* a loss or metric over a whole set */
    const char        *name;
    int64_t            count;  /* 1: a number */
    double            *values; /* row-major */
    const nnrt_tensor *tensor;
    int64_t            shape[NNRT_MAX_RANK]; /* tensor->rank sizes */
} nnrt_score;

typedef struct nnrt_scores {
    nnrt_score                   *items;
    int                           n;
    const struct nnrt_vocabulary *classes; /* names of the target's classes, that label tables; NULL: none */
} nnrt_scores;

void              nnrt_scores_free(nnrt_scores *scores);
const nnrt_score *nnrt_scores_find(const nnrt_scores *scores, const char *name); /* NULL when absent or no number */

/* The name of the score that a run's last line states, among those of `scores`. NULL when there is none. */
const nnrt_score *nnrt_scores_headline(const nnrt_scores *scores, const nnrt_model *model);

typedef struct nnrt_progress {
    int64_t            epoch, n_epochs;   /* from 1 */
    int64_t            step, total_steps; /* done so far */
    int64_t            epoch_step, epoch_steps;
    double             loss;   /* mean so far in this epoch, of all losses' sum */
    const nnrt_scores *train;  /* at an epoch's end: losses' means over it; else NULL */
    const nnrt_scores *val;    /* at an epoch's end, where there is a validation set; else NULL */
    const nnrt_scores *norms;  /* at an epoch's end: of gradients, by parameter; NULL where the model has no PROBE */
    const nnrt_scores *values; /* the same: hyper-parameters that schedules drive, as they are at this step */
} nnrt_progress;

typedef struct nnrt_observer {
    void (*heard)(void *context, const nnrt_progress *progress); /* after each step and each epoch */
    void *context;
} nnrt_observer;

typedef struct nnrt_trainer_state { /* what a run that goes on needs, besides the slots and the steps done */
    double *sums;       /* of the epoch so far: sum of value * weight, and of weights, one pair a loss or term of one */
    int     n_sums;     /* nnrt_trainer_n_sums */
    double  best;       /* early_stop: what it watches, at its best */
    int64_t best_step;  /* steps done then, at an epoch's end; 0: not yet */
    int64_t waited;     /* epochs since */
    void  **best_slots; /* copies of the slots then, of those that nnrt_trainer_keeps; NULL: the slots are the best */
    int     n_slots;    /* of best_slots */
} nnrt_trainer_state;

typedef struct nnrt_training nnrt_training;
struct nnrt_training {
    nnrt_instance               *instance;    /* initialised or loaded */
    const nnrt_split            *train, *val; /* val may be empty */
    const nnrt_settings         *settings;
    nnrt_observer                observer;
    const volatile sig_atomic_t *interrupted;   /* becomes nonzero: stop after this step */
    int64_t                      steps_done;    /* in: where to go on, 0 for a new run; out: steps done in all */
    bool                         stopped;       /* out: by `interrupted` */
    bool                         no_early_stop; /* in: train to the end whatever the model says */
    bool                         wants_probe;   /* in: norms of gradients at each epoch's end */
    bool                         find_nan; /* in: where a loss stops being finite is found whatever memory that takes */
    /* Out: with early_stop a run that is not interrupted ends with the slots and steps_done of its best epoch. */
    bool               stopped_early; /* before the last step */
    int64_t            best_epoch;    /* from 1; 0: the model has no early_stop, or nothing was better than nothing */
    nnrt_trainer_state state;         /* in: zeroed, or a checkpoint's; free it with nnrt_trainer_state_free */
    /* Called after each step, when all is as a run that goes on from here must find it; may be NULL. A failure ends
     * the training. */
    nnrt_status (*save)(void *context, const nnrt_training *training, bool epoch_ends, nnrt_error *error);
    void *save_context;
};

void nnrt_trainer_state_free(nnrt_trainer_state *state);
int  nnrt_trainer_n_sums(const nnrt_model *model);
bool nnrt_trainer_keeps(const nnrt_slot *slot); /* is it a part of the best weights? */
/* Makes room in best_slots, one copy of a slot's size each. False without memory. */
bool nnrt_trainer_state_best(nnrt_trainer_state *state, const nnrt_instance *instance);

/* Sets every slot to its start. */
nnrt_status nnrt_init(nnrt_instance *instance, const nnrt_settings *settings, nnrt_error *error);
/* Runs `fit` over the training data, where the model has one. */
nnrt_status nnrt_fit(const nnrt_training *training, nnrt_error *error);
/* All steps. NNRT_ERROR when a loss is no longer finite, with the step and, where the model has a PROBE function, the first
 * layer or parameter that is not. NNRT_USAGE when early_stop watches a validation set and there is none. */
nnrt_status nnrt_train(nnrt_training *training, nnrt_error *error);
/* Losses and metrics over a split, exact for ragged batches. The caller frees scores. */
nnrt_status nnrt_evaluate(nnrt_instance *instance, const nnrt_split *split, const nnrt_settings *settings,
                          nnrt_scores *scores, nnrt_error *error);

/* Calls a function on the batch fetched last; an index out of range is reported with the place in the data. */
nnrt_status nnrt_call_on_batch(nnrt_instance *instance, int fn, const nnrt_batches *batches, const nnrt_clock *clock,
                               nnrt_error *error);

/* The kinds that a step of training calls, as a bit set. */
#define NNRT_TRAINING (1u << NNRT_FN_TRAIN | 1u << NNRT_FN_ACCUMULATE | 1u << NNRT_FN_PROBE)

/* needed[input] for the functions of these kinds (a bit set of 1 << nnrt_fn_kind). */
void nnrt_inputs_needed(const nnrt_model *model, unsigned kinds, bool *needed);

#endif
