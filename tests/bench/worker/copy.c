#include "bench/worker/copy.h"

#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
enum { VECTOR = 64 };
#else
enum { VECTOR = 16 };
#endif
typedef float Vector __attribute__((vector_size(VECTOR)));

enum { LANES = VECTOR / 4 };

static volatile float sink; /* of passes that write nothing */

static inline __attribute__((always_inline)) void store(float *to, Vector v, bool streamed) {
#if defined(__AVX512F__)
    if (streamed) {
        _mm512_stream_ps(to, (__m512)v);
        return;
    }
#endif
    (void)streamed;
    memcpy(to, &v, sizeof v);
}

/* Numbers that are constants where this is called: one loop without choices for each pair of them. */
static inline __attribute__((always_inline)) void pass(const float *const *read, int n_read, float *const *written,
                                                       int n_written, int64_t n, bool streamed) {
    Vector total = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        Vector sum, v;
        memcpy(&sum, read[0] + i, sizeof sum);
        for (int r = 1; r < n_read; r++) memcpy(&v, read[r] + i, sizeof v), sum += v;
        for (int w = 0; w < n_written; w++) store(written[w] + i, sum, streamed);
        if (n_written == 0) total += sum;
    }
    if (n_written == 0) sink = total[0];
}

#define PASS(r, w)                                                                                                     \
    case 4 * (r) + (w):                                                                                                \
        if (streamed)                                                                                                  \
            pass(read, r, written, w, n, true);                                                                        \
        else                                                                                                           \
            pass(read, r, written, w, n, false);                                                                       \
        break;

void copy_pass(const float *const *read, int n_read, float *const *written, int n_written, int64_t n, bool streamed) {
    switch (4 * n_read + n_written) { PASS(1, 0) PASS(1, 1) PASS(2, 0) PASS(2, 1) PASS(3, 1) PASS(3, 2) PASS(4, 3) }
}
