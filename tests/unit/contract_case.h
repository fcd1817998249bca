/* One contraction compiled for a test or a benchmark. */
#ifndef NNC_TESTS_CONTRACT_CASE_H
#define NNC_TESTS_CONTRACT_CASE_H

#include "codegen/contract.h"
#include "unit/jit.h"

typedef struct ContractCase {
    const struct Blocking *blocking; /* NULL: the default */
    bool                   is_double;
    int64_t                m, n, k;
    bool                   m_runtime, n_runtime, k_runtime; /* unknown when compiling */
    bool                   a_transposed, b_transposed;      /* A stored (k, m), B stored (n, k) */
    bool                   b_strided;                       /* B's columns two elements apart */
    bool                   a_load, b_load;                  /* a load anchor that doubles each element */
    bool                   epilogue;                        /* C = max(sum + n, 0) */
    bool                   count;                           /* count the stores to each element */
} ContractCase;

/* m is what is likely, too. */
typedef void    ContractRun(const void *a, const void *b, void *c, int32_t *counts, int64_t m, int64_t n, int64_t k,
                            int64_t begin, int64_t end, void *scratch);
typedef int64_t ContractUnits(int64_t m, int64_t n, int64_t k);

/* Emits `name` and `name`_units into the module; returns the scratch bytes that a worker needs. */
int64_t contract_case_emit(Jit *jit, const ContractCase *test, const char *name);

#endif
