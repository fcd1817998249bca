/* A program twice: compiled and loaded, and as the graph that the interpreter runs, which no pass after autodiff has touched. */
#ifndef NNC_TESTS_BATCHES_MODEL_H
#define NNC_TESTS_BATCHES_MODEL_H

#include "compilation.h"
#include "ir/program.h"
#include "nnrt.h"

typedef struct Model {
    Compilation       c;
    Program          *program;     /* unoptimised; training functions have the gradients as further results */
    int              *n_gradients; /* by function: how many of its last results those are */
    void             *library;
    const nnrt_model *code;
} Model;

/* False after diagnostics on stderr. `options` as main.c fills them; its precision and target count. */
bool model_new(Model *model, const Options *options);
void model_free(Model *model);

#endif
