/* Training, between the settings' reader and the maker of the training functions. */
#ifndef NNC_SEMA_TRAIN_H
#define NNC_SEMA_TRAIN_H

#include "sema/elab.h"

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
    const char  *name; /* of the result: "loss" */
    Value        loss; /* a rank-0 tensor of the real type */
    Span         span;
    bool         over_all;
    int          n_over;
    const char **over; /* path prefixes, or globs */
    bool        *over_is_glob;
    int          times;
    VEC(OptimizerRule) rules;
} MinimizeLine;

typedef struct TrainPlan {
    double clip_norm, clip_value; /* 0: none */
    VEC(MinimizeLine) lines;
} TrainPlan;

void train_line(Elab *e, const TrainPlan *plan, const MinimizeLine *line, const char *name, bool only_line);

bool line_selects(const Elab *e, const MinimizeLine *line, int slot); /* does it train this parameter? */
void gradients_function(Elab *e, const MinimizeLine *line, int index); /* gradients.c */

#endif
