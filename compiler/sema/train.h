/* Training, among the files that make its functions: settings.c reads `train { }`, minimize.c its minimize lines and
 * groups, freeze.c its phases, early_stop.c what it watches; train.c updates parameters, accumulate.c adds up gradients, loss_scale.c scales losses,
 * ema.c keeps averages, probe.c and gradients.c report, hold.c helps gradients.c. */
#ifndef NNC_SEMA_TRAIN_H
#define NNC_SEMA_TRAIN_H

#include "sema/elab.h"

typedef VEC(const char *) PathVec;

typedef struct OptimizerRule { /* an optimizer for the parameters that match; the line's first rule takes the rest */
    const Function *fn;
    const char     *prefix;      /* of its hyper-parameters: "optimizer" */
    const char     *slot_prefix; /* of its states */
    const char     *shared;      /* prefix of the hyper-parameters that a group leaves to the line's optimizer */
    const bool     *own;         /* by hyper-parameter: set by the group; NULL: all are */
    const char    **patterns;
    int             n_patterns;
    Span            span;
} OptimizerRule;

typedef struct MinimizeLine {
    const char *name; /* of the result: "loss" */
    Value       loss; /* a rank-0 tensor of the real type */
    Span        span;
    bool        over_all;
    PathVec     parts, patterns; /* of `over` */
    int         times;
    VEC(OptimizerRule) rules;
} MinimizeLine;

typedef struct FreezeLine { /* of what a `freeze` names, one thing */
    const char *part;       /* a layer's path, or NULL */
    const char *pattern;    /* of paths, or NULL */
    Phase       phase;      /* until when */
    Span        span;
} FreezeLine;

typedef struct TrainPlan {
    double clip_norm, clip_value; /* 0: none */
    VEC(FreezeLine) freezes;
    VEC(MinimizeLine) lines; /* of the phase at hand: made anew with each */
} TrainPlan;

typedef struct Trainee { /* a parameter and its gradient in one minimize line */
    int   slot;
    Node *gradient;
} Trainee;

/* The functions of one minimize line in one phase, by names made of `suffix`. False where all that it trains is frozen. */
bool train_line(Elab *e, const TrainPlan *plan, const MinimizeLine *line, const char *suffix, int phase);
bool line_selects(const Elab *e, const MinimizeLine *line, int slot); /* does it train this parameter? */
bool path_within(const char *path, const char *prefix);

/* The paths that hold a part's parameters: its own, and those of layers that were named elsewhere and given to it. */
void part_paths(Elab *e, Value part, PathVec *paths);

/* minimize.c: the lines of plan->lines, from the statements, or the one that `optimizer = ` is short for. */
typedef struct MinimizeSource {
    const StmtVec  *minimizes, *groups;
    const Function *optimizer; /* of `optimizer = `, or NULL */
    Span            optimizer_span;
} MinimizeSource;
const char     *list_names(Elab *e, const char *const *names, int n); /* "a, b, c" */
void            read_lines(Elab *e, const MinimizeSource *source, TrainPlan *plan);
const Function *as_optimizer(Elab *e, Value value, Span span); /* NULL after a report */

/* freeze.c */
void read_freeze(Elab *e, TrainPlan *plan, const Stmt *stmt);
void plan_phases(Elab *e, const TrainPlan *plan);            /* fills program->train.phases */
void enter_phase(Elab *e, const TrainPlan *plan, int phase); /* from here on elaborated with what it freezes */
bool slot_frozen(const Elab *e, int slot);                   /* in the phase at hand */
void mark_frozen_slots(Elab *e);                             /* those frozen in every phase */

/* early_stop.c */
void read_early_stop(Elab *e, Env *env, const Expr *call);

/* accumulate.c: the function that adds up the trainees' gradients. Afterwards they are the sums' weighted means. */
Fn  *accumulate_function(Elab *e, const MinimizeLine *line, const char *name, Trainee *trainees, int n);
void clear_accumulated(Elab *e, Fn *fn); /* at the end of a step */

/* ema.c: updates of the averages of what `fn` updates so far. */
void update_averages(Elab *e, Fn *fn);

/* loss_scale.c: of `precision = mixed(f16)`; in other precisions the scale is 1 and every step is made. */
typedef struct StepCheck { /* rank-0 bools; NULL: no matter */
    Node *finite;          /* all gradients are */
    Node *made;            /* else the step is skipped */
} StepCheck;
void      loss_scale_begin(Elab *e, const MinimizeLine *line); /* from here on e->loss_scale is this line's */
Node     *steps_done(Elab *e);                                 /* by the line: those skipped do not count; i64 */
Node     *loss_gradient(Elab *e, Node *loss, Node *of);        /* times the scale */
StepCheck check_step(Elab *e, const Trainee *trainees, int n);
void      unscale_gradients(Elab *e, Trainee *trainees, int n, const StepCheck *check); /* check: may be NULL */
void      skip_unless_made(Elab *e, Fn *fn, const StepCheck *check); /* what fn updates so far stays, unless `made` */

/* probe.c */
Node *count_nonfinite(Elab *e, Node *x); /* how many values are; real, rank 0 */
Fn   *probe_function(Elab *e, const MinimizeLine *line, const char *suffix, const Trainee *trainees, int n);
void  probe_schedules(Elab *e, Fn *fn);                                 /* once the updates are made */
void  gradients_function(Elab *e, const MinimizeLine *line, int index); /* gradients.c */
/* hold.c: the loss of inputs through which it is given what stop_grad holds (see HELD_FN), those of the model and its own. */
Node *with_held(Elab *e, Node *loss);

#endif
