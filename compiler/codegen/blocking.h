/* The numbers by which contractions are cut and blocked: one row a choice. The first row is the default for every shape; `nnc --tune` times
 * the others on this machine and keeps what gains in a file (tuning.h). Values differ among rows by rounding only: K may be summed
 * in other blocks. */
#ifndef NNC_CODEGEN_BLOCKING_H
#define NNC_CODEGEN_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Blocking {
    const char *name;    /* in files of tuning */
    int64_t     kc_most; /* rows of a block of B */
    int64_t
        kc_transposed;  /* ... beside a transposed A packed for each of them: wider, so that it is packed less often */
    int64_t kc_unknown; /* ... where K is known only at run time */
    int64_t b_bytes_most;                     /* of a block of B, however large L2 is */
    int64_t direct_k;                         /* sums over more k are long enough to go by way of scratch */
    int64_t columns_a_block, col_blocks_most; /* columns worth a block of their own; the most blocks cut for balance */
    int64_t row_blocks;                       /* that rows are cut into, for balance */
    int64_t tall_rows;                        /* more rows than these are shared among workers, instead of columns */
    int     vectors; /* of a register tile, more than the target's; with as many sums, so of fewer rows */
    bool    plain;   /* no minimal filtering of convolutions */
} Blocking;

extern const Blocking blockings[];
extern const int      blocking_count;

/* Whether it differs from the default in how work is cut for several threads alone. */
bool blocking_cuts_only(const Blocking *blocking);

/* NULL for a name that is none. */
const Blocking *blocking_named(const char *name);

#endif
