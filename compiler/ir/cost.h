/* What computing one element costs: an addition is 1. For choices between recomputing and keeping. */
#ifndef NNC_IR_COST_H
#define NNC_IR_COST_H

#include "ir/op.h"

int op_cost(Op op); /* 0 for ops that compute nothing elementwise; a division 4, exp and the like 20 */

#endif
