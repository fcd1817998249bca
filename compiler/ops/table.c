/* The op table's facts. */
#include "ir/graph.h"

const OpInfo op_info[OP_COUNT] = {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc)                                       \
    [OP_##id] = {name, arity, attr, class, DOMAIN_##domain, doc},
#include "ops/ops.def"
#undef OP
};
