/* What a step of training consists of: which functions run on which batches, with which counters. All of it is a function of
 * the step's number, so that a run is repeatable, and the same in a program and in an application.
 *
 * A step draws groups of `accumulate` batches: one group, and one more for each repetition of a function (`minimize ...
 * times`). Each function runs on the group drawn last; with accumulation its ACCUMULATE function on each batch of the group,
 * then it once. */
#ifndef NNRT_CORE_STEPS_H
#define NNRT_CORE_STEPS_H

#include <stdbool.h>

#include "core/instance.h"

typedef struct nnrt_steps {
    const nnrt_model *model;
    int64_t           accumulate;               /* batches of a group, at least 1 */
    int64_t           draws, passes;            /* the most groups, and forward passes, of a step of any phase */
    int64_t           total_steps, epoch_steps; /* 1 where not known */
    uint64_t          seed;
} nnrt_steps;

/* accumulate 0: as the model says. The last three are the caller's to set. */
nnrt_steps nnrt_steps_of(const nnrt_model *model, int64_t accumulate);

typedef struct nnrt_call { /* of one function within a step */
    int        fn;         /* what is run */
    int        train;      /* the TRAIN function that it is part of, or is */
    int64_t    times;      /* that one's repetitions in a step */
    int64_t    repetition; /* from 0 */
    int64_t    draw;       /* the group, counted within the step */
    int64_t    member;     /* the batch within the group */
    bool       applies;    /* after the group's ACCUMULATE calls: it has no losses */
    nnrt_clock clock;
} nnrt_call;

typedef struct nnrt_stepper { /* the caller's side */
    void *context;
    /* How many batches a group of this step has: from 1 to accumulate. */
    int64_t (*members)(void *context, int64_t draw);
    nnrt_status (*call)(void *context, const nnrt_call *call, nnrt_error *error);
} nnrt_stepper;

/* All calls of step `step`, from 0, in their order, up to the first that fails. */
nnrt_status nnrt_steps_run(const nnrt_steps *steps, int64_t step, const nnrt_stepper *stepper, nnrt_error *error);

/* What is trained in a step changes by phases. */
int64_t nnrt_steps_phase(const nnrt_steps *steps, int64_t step);

/* The functions of one kind and phase, in order: the first is that of fn -1; -1: no more. */
int nnrt_steps_next(const nnrt_model *model, nnrt_fn_kind kind, int64_t phase, int fn);

#endif
