/* A convolution and both its gradients, compiled and compared with the interpreter, with 1 and 3 threads, which must give the same bits. */
#ifndef NNC_TESTS_CODEGEN_CONVOLUTION_CHECK_H
#define NNC_TESTS_CODEGEN_CONVOLUTION_CHECK_H

#include "codegen/convolution.h"

/* `batch_known`: when compiling. The second one takes the tolerance of plain sums. */
void check_within(uint64_t seed, const Convolution *v, int64_t batch, bool batch_known, ElemType real,
                  double tolerance);
void check_convolution(uint64_t seed, const Convolution *v, int64_t batch, bool batch_known, ElemType real);

#endif
