/* Costs of elementwise ops, about as vector code for them takes. */
#include "ir/cost.h"

#include "ir/graph.h"

int op_cost(Op op) {
    switch (op) {
    case OP_EXP:
    case OP_EXPM1:
    case OP_LOG:
    case OP_LOG1P:
    case OP_SIN:
    case OP_COS:
    case OP_TANH:
    case OP_ERF:
    case OP_ERFC:
    case OP_POW: return 20;
    case OP_UNIFORM:
    case OP_NORMAL: return 40;
    case OP_DIV:
    case OP_SQRT:
    case OP_RSQRT:
    case OP_IDIV:
    case OP_MOD: return 4;
    default: return op_info[op].class == ELEMENTWISE ? 1 : 0;
    }
}
