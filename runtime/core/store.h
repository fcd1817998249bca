/* The values of a model's slots: parameters, layer state, statistics, optimizer state. */
#ifndef NNRT_CORE_STORE_H
#define NNRT_CORE_STORE_H

#include "nnrt.h"

typedef struct nnrt_store {
    const nnrt_model *model;
    void            **slots;  /* one a slot, canonical layout; NULL for the kinds that it does not hold */
    size_t           *nbytes; /* of every slot */
    char  *memory; /* of all slots that it holds: one block, since blocks in huge pages are rounded up to them */
    size_t memory_nbytes;
} nnrt_store;

/* All kinds; or any bit set of 1 << nnrt_slot_kind. */
#define NNRT_ALL_SLOTS (~0u)

/* Memory for the slots of these kinds: zero, hyper-parameters at their defaults. False with a message when there is none;
 * nnrt_store_close in any case. */
nnrt_status nnrt_store_open(nnrt_store *store, const nnrt_model *model, unsigned kinds, nnrt_error *error);
void        nnrt_store_close(nnrt_store *store);

/* Copies the weights that are compiled in over the slots that have them. */
void nnrt_store_fill(nnrt_store *store);

#endif
