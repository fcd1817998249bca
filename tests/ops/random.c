/* The random sources as compiler/ops/random.c specifies them: Philox's published answers, and the numbers' distribution. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/philox.h"
#include "ops/random.h"

typedef struct Answer {
    uint32_t counter[4], key[2], block[4];
} Answer;

/* kat_vectors of the authors' Random123 library. */
static const Answer answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static int check(bool ok, const char *what) {
    if (!ok) printf("FAILED %s\n", what);
    return !ok;
}

static int check_answers(void) {
    int failed = 0;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        uint32_t block[4];
        philox_4x32_10(answers[i].counter, answers[i].key, block);
        failed += check(memcmp(block, answers[i].block, sizeof block) == 0, "a published answer");
    }
    return failed;
}

typedef double Draw(bool is_double, uint64_t seed, uint64_t key, uint64_t pass, uint64_t index);

/* Mean, variance and the correlation of neighbours over many draws; five standard errors are allowed. */
static int check_moments(Draw *draw, bool is_double, double mean, double variance, const char *what) {
    enum { COUNT = 100000 };
    double sum = 0, squares = 0, neighbours = 0, last = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = draw(is_double, 1, 2, 3, i) - mean;
        sum += x;
        squares += x * x;
        neighbours += x * last;
        last = x;
    }
    double error = 5 * sqrt(variance / COUNT);
    bool   ok    = fabs(sum / COUNT) < error && fabs(squares / COUNT / variance - 1) < 0.03 &&
              fabs(neighbours / COUNT / variance) < 5 / sqrt(COUNT);
    return check(ok, what);
}

static int check_ranges(void) {
    bool ok = true;
    for (uint64_t i = 0; i < 100000; i++) {
        double f = philox_uniform(false, 7, 8, 9, i), d = philox_uniform(true, 7, 8, 9, i);
        ok &= f >= 0 && f < 1 && f == (float)f && d >= 0 && d < 1;
        ok &= isfinite(philox_normal(false, 7, 8, 9, i)) && isfinite(philox_normal(true, 7, 8, 9, i));
    }
    return check(ok, "uniform numbers lie in [0, 1), normal ones are finite");
}

/* Each part of a draw's identity changes the draw. */
static int check_identity(void) {
    double   x   = philox_uniform(true, 1, 2, 3, 4);
    uint64_t key = random_key((RandomKey){5, 6});
    bool     ok  = x != philox_uniform(true, 0, 2, 3, 4) && x != philox_uniform(true, 1, 0, 3, 4) &&
              x != philox_uniform(true, 1, 2, 0, 4) && x != philox_uniform(true, 1, 2, 3, 0);
    ok &= key == random_key((RandomKey){5, 6}) && key != random_key((RandomKey){5, 7}) &&
          key != random_key((RandomKey){6, 6});
    return check(ok, "seed, key, pass and index tell draws apart");
}

int main(void) {
    int failed = check_answers() + check_ranges() + check_identity();
    failed += check_moments(philox_uniform, false, 0.5, 1.0 / 12, "uniform f32");
    failed += check_moments(philox_uniform, true, 0.5, 1.0 / 12, "uniform f64");
    failed += check_moments(philox_normal, false, 0, 1, "normal f32");
    failed += check_moments(philox_normal, true, 0, 1, "normal f64");
    printf("random sources: %d failed\n", failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
