/* Denormals to zero, in the calling thread: one denormal operand costs a hundred cycles, and trained nets reach
 * them. */
#include "nnrt.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };

uint64_t nnrt_denormals_flush(void) {
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return state;
}

void nnrt_denormals_restore(uint64_t state) {
    _mm_setcsr((unsigned)state);
}

#elif defined(__aarch64__)

uint64_t nnrt_denormals_flush(void) {
    const uint64_t flush = UINT64_C(1) << 24; /* FPCR.FZ: inputs and results */
    uint64_t       state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | flush));
    return state;
}

void nnrt_denormals_restore(uint64_t state) {
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}

#else /* other machines compute with denormals */

uint64_t nnrt_denormals_flush(void) {
    return 0;
}

void nnrt_denormals_restore(uint64_t state) {
    (void)state;
}

#endif
