/* The training loop's own state, among the files that make it up: trainer.c runs it, trainer_step.c makes a step,
 * trainer_stop.c watches for an early end, trainer_fault.c finds out where a loss stopped being finite. */
#ifndef NNRT_EXTRAS_TRAINER_LOOP_H
#define NNRT_EXTRAS_TRAINER_LOOP_H

#include "core/steps.h"
#include "extras/trainer.h"

typedef struct Item {          /* a loss, or one of its terms, that is averaged over an epoch */
    const nnrt_result *result; /* of the first phase that has it */
    bool               heads;  /* part of what its function minimizes */
} Item;

typedef struct Place { /* one call of a loss's function within a step */
    int     fn;        /* the TRAIN function */
    int64_t repetition, member;
} Place;

typedef struct Loop {
    nnrt_training *training;
    nnrt_batches   batches;
    nnrt_steps     steps;
    int64_t        groups;                 /* of steps.accumulate batches in an epoch, the last perhaps of fewer */
    int64_t        fetched_epoch, fetched; /* the batch at hand; -1: none */
    Item          *items;
    int            n_items;
    int           *first_item; /* by function; -1: it has no losses */
    double        *sums;       /* the training's state: sum and weight, one pair an item */
    nnrt_scores    norms, values;
    bool           replays;    /* again to a step that failed: nothing is added up, and `sought` is looked for */
    bool           found;      /* ... and was found: its PROBE function has run */
    Place          sought;     /* where a loss was not finite */
    const char    *bad_loss;   /* its name; NULL: all were finite */
    bool           bad_is_nan; /* or infinite */
    void         **start;      /* copies of all slots at step `start_step`; NULL: none are kept */
    int64_t        start_step;
} Loop;

/* Step `step`, counted from 0. NNRT_ERROR with bad_loss set when a loss is not finite. */
nnrt_status nnrt_loop_step(Loop *loop, int64_t step, nnrt_error *error);
/* The PROBE function that belongs to a TRAIN function: they come in the same order. -1: none. */
int nnrt_loop_probe_of(const nnrt_model *model, int train);

/* trainer_stop.c */
nnrt_status nnrt_stop_open(Loop *loop, nnrt_error *error);
/* At an epoch's end: sets training->stopped_early when it has waited long enough. */
nnrt_status nnrt_stop_watch(Loop *loop, const nnrt_progress *progress, nnrt_error *error);
void        nnrt_stop_close(Loop *loop); /* at training's end: back to the best epoch */

/* trainer_fault.c */
nnrt_status nnrt_fault_keep_start(Loop *loop, nnrt_error *error); /* before a step: from here on it can be replayed */
nnrt_status nnrt_fault_explain(Loop *loop, int64_t step, nnrt_error *error); /* always fails */
void        nnrt_fault_close(Loop *loop);

#endif
