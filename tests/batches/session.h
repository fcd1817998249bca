/* A model's slots through a series of calls, each made by compiled code and by the interpreter from the same values. */
#ifndef NNC_TESTS_BATCHES_SESSION_H
#define NNC_TESTS_BATCHES_SESSION_H

#include "batches/model.h"
#include "interp/interp.h"

typedef struct Session {
    const Model *model;
    Arena       *arena;
    int64_t     *symbols; /* values of the symbolic dims */
    Tensor      *slots;   /* values before the next call: what compiled code left */
    Tensor      *inputs;
    nnrt_pool   *pool;
    double       noise; /* what a gradient may be off by, relative to the largest of the call's gradients */
    uint64_t     rng, pass;
    int          n_calls, n_failed, n_faults; /* faults: calls that both sides refused */
    int64_t      n_excused;                   /* values off by no more than the noise of gradients explains */
} Session;

Session *session_new(const Model *model, nnrt_pool *pool, uint64_t seed);
void     session_free(Session *session);

/* After a change of symbols: draws the inputs. */
void session_draw_inputs(Session *session);

/* Calls function `index` with one thread and with the pool, which must leave the same bytes, and compares results and slots with the
 * interpreter's. What was wrong is printed, after `where`. */
void session_call(Session *session, int index, const char *where);

#endif
