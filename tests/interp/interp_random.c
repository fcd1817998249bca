/* The random sources: Philox 4x32-10 as generated code has it (codegen/vmath_random.c). */
#include <math.h>

#include "base/map.h"
#include "interp/interp_internal.h"

typedef struct Block {
    uint32_t word[4];
} Block;

static Block philox(uint64_t key, uint64_t pass, uint64_t group) {
    uint32_t c[4] = {(uint32_t)group, (uint32_t)(group >> 32), (uint32_t)pass, (uint32_t)(pass >> 32)};
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c[0] * 0xD2511F53u, p1 = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t x0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, x2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = x0, c[1] = (uint32_t)p1, c[2] = x2, c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return (Block){{c[0], c[1], c[2], c[3]}};
}

static double mantissa(uint32_t low, uint32_t high) {
    return (double)(((uint64_t)high << 32 | low) >> 11);
}

static double uniform(bool is_double, const Block *block, uint64_t index) {
    const uint32_t *w = block->word;
    if (is_double) return mantissa(w[2 * (index & 1)], w[2 * (index & 1) + 1]) * 0x1p-53;
    return (double)(w[index & 3] >> 8) * 0x1p-24;
}

/* Box-Muller on the pair of elements (2j, 2j + 1). */
static double normal(bool is_double, const Block *block, uint64_t index) {
    const uint32_t *w = block->word;
    double          u[2];
    for (int i = 0; i < 2; i++)
        u[i] = is_double ? (mantissa(w[2 * i], w[2 * i + 1]) + 0.5) * 0x1p-53
                         : ((double)w[(index & 2) + (unsigned)i] + 0.5) * 0x1p-32;
    double radius = sqrt(-2 * log(u[0])), angle = 2 * M_PI * u[1];
    return radius * (index & 1 ? sin(angle) : cos(angle));
}

void eval_random(Interp *interp, const Node *node, Tensor *out) {
    uint64_t parts[]   = {node->attr.random.instance, node->attr.random.call};
    uint64_t key       = interp->args->seed ^ hash_bytes(HASH_SEED, parts, sizeof parts);
    bool     is_double = out->elem == ELEM_F64;
    for (int64_t i = 0; i < out->count; i++) {
        uint64_t index = (uint64_t)i;
        Block    block = philox(key, interp->args->pass, index >> (is_double ? 1 : 2));
        out->data[i]   = node->op == OP_UNIFORM ? uniform(is_double, &block, index) : normal(is_double, &block, index);
    }
}
