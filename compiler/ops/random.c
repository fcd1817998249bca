/* Random sources: the specification that code generation (codegen/vmath_random.c) and the tests' interpreter both follow.
 *
 * UNIFORM and NORMAL are pure functions of (seed, key, pass, element): the run's seed, the draw's key (below), the number of the
 * pass through the function that draws, and the element's index in row-major order. So a draw does not depend on
 * the number of threads, on the order of evaluation or on whether it is computed once or again in the backward pass.
 *
 * The generator is Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 *
 *     key      k0 = low 32 bits of (seed ^ key), k1 = high 32 bits
 *     counter  (low 32 bits of group, high 32 bits of group, low 32 bits of pass, high 32 bits of pass)
 *     block    four words w0..w3
 *
 * Element e, in exact arithmetic before rounding to the element type (bf16 and f16 draw as f32 does):
 *
 *     f32      group e/4
 *       uniform  (w[e%4] >> 8) 2^-24
 *       normal   pair i = (e%4)/2:  u1 = (w[2i] + 1/2) 2^-32,  u2 = (w[2i+1] + 1/2) 2^-32
 *     f64      group e/2;  m(i) = (w[2i+1] 2^32 + w[2i]) >> 11
 *       uniform  m(e%2) 2^-53
 *       normal   u1 = (m(0) + 1/2) 2^-53,  u2 = (m(1) + 1/2) 2^-53
 *
 * and normal numbers are Box and Muller's: sqrt(-2 log u1) times cos(2 pi u2) for even e, sin(2 pi u2) for odd e. Uniform
 * numbers are below 1; u1 is never 0, so that its logarithm is finite. */
#include "ops/random.h"

#include "base/map.h"

/* FNV-1a over the instance's hash and the number of the evaluation, eight bytes each. */
uint64_t random_key(RandomKey key) {
    uint64_t parts[] = {key.instance, key.call};
    return hash_bytes(HASH_SEED, parts, sizeof parts);
}
