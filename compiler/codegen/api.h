/* What a model's C API consists of: the fields of the structs that its functions take. The header (header.c), the description
 * (tables.c) and the exported functions (exports.c) are made of the same lists. */
#ifndef NNC_CODEGEN_API_H
#define NNC_CODEGEN_API_H

#include "ir/program.h"

typedef VEC(int) IndexVec;

typedef struct FnReach { /* what a function's values depend on */
    bool *dims, *inputs; /* by symbol, by input */
    bool  total_steps, epoch_steps;
} FnReach;

FnReach fn_reach(Arena *arena, const Program *program, const Fn *fn);

typedef struct ApiMetric { /* a loss or metric */
    const char *name;
    const Type *type;
    int64_t     at, count; /* doubles: where, and how many */
    bool        is_loss;   /* of training: a step computes it */
} ApiMetric;

typedef struct Api {
    const char *prefix;                   /* "xor": the model's name in lower case */
    IndexVec    batch_dims, batch_inputs; /* symbols; program->inputs */
    IndexVec    predict_dims, predict_inputs;
    VEC(const Result *) outputs; /* in the order of the PREDICT functions' results */
    VEC(ApiMetric) metrics;
    int64_t n_metric_values;
    bool    trains, evaluates, predicts, fits;    /* has it such functions? */
    bool    needs_total_steps, needs_epoch_steps; /* does training read them? */
    int64_t step_batches;                         /* batches that a step takes */
} Api;

Api *api_from_program(Arena *arena, const Program *program);

#endif
