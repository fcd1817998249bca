/* What a model is made of, in numbers: by layer and in all. */
#ifndef NNRT_EXTRAS_SUMMARY_H
#define NNRT_EXTRAS_SUMMARY_H

#include <stdbool.h>

#include "core/instance.h"

typedef struct nnrt_amount {
    int64_t count; /* elements */
    double  nbytes;
} nnrt_amount;

typedef struct nnrt_layer_summary {
    const nnrt_layer *layer;
    const char       *name;      /* its path without the row's that it stands under */
    int               depth;     /* 0: under no other row */
    nnrt_amount       own;       /* parameters, state and statistics that are its own, not those of layers within it */
    bool              is_frozen; /* all of its parameters are */
    int64_t           flops;     /* for the dims bound last; -1: not known */
} nnrt_layer_summary;

typedef struct nnrt_summary {
    nnrt_layer_summary *layers; /* one a row of the model's table */
    nnrt_amount         other;  /* of what is in no row */
    nnrt_amount         trainable, frozen, state, optimizer, averages, gradients;
    int64_t             flops; /* of a prediction for the dims bound last; -1: not known */
} nnrt_summary;

/* Requires: dims are bound. NNRT_ERROR without memory. */
nnrt_status nnrt_summarise(nnrt_summary *summary, const nnrt_instance *instance, nnrt_error *error);
void        nnrt_summary_free(nnrt_summary *summary);

/* Binds the dims that info states things for: the sample dim is `batch`, the others stand at their bounds, or at 1. */
nnrt_status nnrt_bind_example(nnrt_instance *instance, int64_t batch, nnrt_error *error);

/* "1,234,567" and "51.2 KB" into text; return text. */
const char *nnrt_count_text(int64_t count, char *text, size_t size);
const char *nnrt_size_text(double nbytes, char *text, size_t size);

#endif
