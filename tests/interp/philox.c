/* Philox 4x32-10 and the numbers made of its words, one element at a time. */
#include "interp/philox.h"

#include <math.h>

static void mul_wide(uint32_t a, uint32_t b, uint32_t *high, uint32_t *low) {
    uint64_t product = (uint64_t)a * b;
    *high            = (uint32_t)(product >> 32);
    *low             = (uint32_t)product;
}

void philox_4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    for (int i = 0; i < 4; i++) block[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        uint32_t high0, low0, high1, low1;
        mul_wide(0xD2511F53u, block[0], &high0, &low0);
        mul_wide(0xCD9E8D57u, block[2], &high1, &low1);
        block[0] = high1 ^ block[1] ^ k0;
        block[1] = low1;
        block[2] = high0 ^ block[3] ^ k1;
        block[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static void draw_block(uint64_t seed, uint64_t key, uint64_t pass, uint64_t group, uint32_t block[4]) {
    uint64_t mixed      = seed ^ key;
    uint32_t words[2]   = {(uint32_t)mixed, (uint32_t)(mixed >> 32)};
    uint32_t counter[4] = {(uint32_t)group, (uint32_t)(group >> 32), (uint32_t)pass, (uint32_t)(pass >> 32)};
    philox_4x32_10(counter, words, block);
}

static double mantissa(const uint32_t *words) {
    return (double)(((uint64_t)words[1] << 32 | words[0]) >> 11);
}

double philox_uniform(bool is_double, uint64_t seed, uint64_t key, uint64_t pass, uint64_t index) {
    uint32_t block[4];
    draw_block(seed, key, pass, index / (is_double ? 2 : 4), block);
    return is_double ? mantissa(block + 2 * (index % 2)) * 0x1p-53 : (block[index % 4] >> 8) * 0x1p-24;
}

double philox_normal(bool is_double, uint64_t seed, uint64_t key, uint64_t pass, uint64_t index) {
    uint32_t block[4];
    draw_block(seed, key, pass, index / (is_double ? 2 : 4), block);
    const uint32_t *pair  = block + index % 4 / 2 * 2; /* of f32 */
    double          u1    = is_double ? (mantissa(block) + 0.5) * 0x1p-53 : (pair[0] + 0.5) * 0x1p-32;
    double          u2    = is_double ? (mantissa(block + 2) + 0.5) * 0x1p-53 : (pair[1] + 0.5) * 0x1p-32;
    double          angle = 2 * 3.14159265358979323846 * u2;
    return sqrt(-2 * log(u1)) * (index % 2 ? sin(angle) : cos(angle));
}
