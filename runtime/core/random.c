/* Counter-based random numbers: a number is a function of its key and counter, so neither threads nor order change
 * it. */
#include "nnrt.h"

enum { ROUNDS = 10 };

void nnrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t next0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, next2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = next0;
        c2 = next2;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Uniform in [0, limit), from 64 random bits: its bias is below limit / 2^64. */
static uint64_t below(uint64_t limit, uint64_t index, uint64_t seed, uint64_t stream) {
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    const uint32_t key[2]     = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t       r[4];
    nnrt_philox(counter, key, r);
    if (limit >> 32) return (((uint64_t)r[0] << 32) | r[1]) % limit;
    return (limit * r[0] + (limit * r[1] >> 32)) >> 32;
}

void nnrt_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t *order) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j    = (int64_t)below((uint64_t)i + 1, (uint64_t)i, seed, stream);
        int64_t kept = order[i];
        order[i]     = order[j];
        order[j]     = kept;
    }
}
