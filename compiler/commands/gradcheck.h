/* Inside nnc gradcheck: the inputs that it feeds, and slopes by central differences. */
#ifndef NNC_COMMANDS_GRADCHECK_H
#define NNC_COMMANDS_GRADCHECK_H

#include "commands/commands.h"
#include "commands/run.h"
#include "extras/dataset.h"

typedef struct Feed { /* one batch */
    int64_t     *symbols;
    const void **inputs; /* one a model input; what is perturbed is ours to write to */
    nnrt_dataset set;    /* --data's */
    nnrt_split   split;
    nnrt_batches batches;
    bool         has_set, has_batches;
    const char  *source; /* for the report: "inputs drawn at random" */
} Feed;

/* Binds the dims and fills the inputs, at random or from --data. False after diagnostics; feed_free in any case. */
bool feed_open(Feed *feed, Compilation *c, const CommandLine *line, Run *run);
void feed_free(Feed *feed);

/* Away from initial values that are special: zeros, ones. */
void move_parameters(Run *run, uint64_t seed);

/* ---- slopes -------------------------------------------------------------------------------------------------------- */

typedef struct Probe { /* how the loss is computed with one element changed */
    Run         *run;
    const void **inputs;
    int          fn; /* FN_GRADIENTS; its first result is the loss */
    nnrt_clock   clock;
    double       loss; /* with nothing changed */
    nnrt_error   error;
    bool         failed; /* a call did not succeed: error says why */
} Probe;

typedef enum Verdict { ELEMENT_RIGHT, ELEMENT_WRONG, ELEMENT_AT_KINK, ELEMENT_FAILED } Verdict;

typedef struct Slope {
    Verdict verdict;
    double  numeric, error; /* error: relative */
} Slope;

double probe_loss(Probe *probe);

/* Compares the gradient `analytic` of element `index` of `data` with the loss's slope there; `scale` is the magnitude below which
 * gradients count as equally small. */
Slope probe_element(Probe *probe, void *data, int elem, int64_t index, double analytic, double scale);

#endif
