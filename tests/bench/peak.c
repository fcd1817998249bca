#include "bench/peak.h"

#include <stdlib.h>
#include <time.h>

#include "codegen/irb.h"

enum { PEAK_SUMS = 12 };

double thread_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double median_of(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

/* void peak(values, turns): chains enough to fill every unit's latency. */
void peak_emit(Jit *jit) {
    LLVMTypeRef  ptr = LLVMPointerTypeInContext(jit->context, 0), i64 = LLVMInt64TypeInContext(jit->context);
    LLVMTypeRef  params[] = {ptr, i64}, type = LLVMFunctionType(LLVMVoidTypeInContext(jit->context), params, 2, false);
    LLVMValueRef f    = LLVMAddFunction(jit->module, "peak", type);
    LLVMTypeRef  elem = LLVMFloatTypeInContext(jit->context), vec = irb_vector_type(elem, target_lanes(jit->target, 4));
    LLVMBuilderRef b = LLVMCreateBuilderInContext(jit->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(jit->context, f, "entry"));
    LLVMValueRef x    = irb_load(b, vec, LLVMGetParam(f, 0));
    Loop         loop = loop_begin(b, irb_i64(b, 0), LLVMGetParam(f, 1), irb_i64(b, 1));
    LLVMValueRef sums[PEAK_SUMS], total = NULL;
    for (int i = 0; i < PEAK_SUMS; i++) sums[i] = loop_carry(&loop, b, irb_real(vec, i));
    for (int i = 0; i < PEAK_SUMS; i++) {
        LLVMValueRef args[] = {sums[i], x, x};
        loop_next(&loop, i, irb_intrinsic(b, jit->target->has_fma ? "llvm.fma" : "llvm.fmuladd", vec, args, 3));
    }
    loop_end(&loop, b);
    for (int i = 0; i < PEAK_SUMS; i++) total = total ? LLVMBuildFAdd(b, total, loop.result[i], "") : loop.result[i];
    irb_store(b, total, LLVMGetParam(f, 0));
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
}

double peak_run(PeakLoop *peak, const Target *target) {
    float   values[64] = {0};
    int64_t turns      = 100000;
    peak(values, turns);
    return (double)turns * PEAK_SUMS * 2 * target_lanes(target, 4);
}

double peak_measure(PeakLoop *peak, const Target *target) {
    double start = thread_time(), flops = peak_run(peak, target);
    return flops / (thread_time() - start);
}
