/* The contraction template against naive sums in double: shapes around every tile edge, all transposes, extents known when
 * compiling or not, anchors, K in several blocks; the same bits whatever ranges of units run; each element stored once. Memory
 * ends at an unreadable page, so that reading past an operand's end is seen. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/blocking.h"
#include "unit/contract_case.h"

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double value_at(const void *p, bool is_double, int64_t i) {
    return is_double ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static void *random_array(int64_t n, bool is_double, uint64_t *state) {
    size_t elem = is_double ? 8 : 4;
    void  *p    = guarded_new((size_t)n * elem);
    for (int64_t i = 0; i < n; i++) {
        double x = (double)(next_random(state) >> 40) * 0x1p-23 - 1;
        if (is_double)
            ((double *)p)[i] = x;
        else
            ((float *)p)[i] = (float)x;
    }
    return p;
}

static void check_values(const ContractCase *t, const void *a, const void *b, const void *c) {
    int64_t a_row = t->a_transposed ? 1 : t->k, a_k = t->a_transposed ? t->m : 1, wide = t->b_strided ? 2 : 1;
    int64_t b_col = t->b_transposed ? t->k : wide, b_k = t->b_transposed ? 1 : wide * t->n;
    double  scale = (t->a_load ? 2 : 1) * (t->b_load ? 2 : 1), epsilon = t->is_double ? 0x1p-52 : 0x1p-23;
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < t->n; j++) {
            double sum = 0, size = 0;
            for (int64_t p = 0; p < t->k; p++) {
                double x =
                    value_at(a, t->is_double, i * a_row + p * a_k) * value_at(b, t->is_double, j * b_col + p * b_k);
                sum += scale * x;
                size += scale * fabs(x);
            }
            if (t->epilogue) sum = fmax(sum + (double)j, 0), size += (double)j;
            double got = value_at(c, t->is_double, i * t->n + j);
            if (!(fabs(got - sum) <= (size + 1) * epsilon * (4 + sqrt((double)t->k))))
                fail_msg("%ldx%ldx%ld at (%ld, %ld): %.17g, not %.17g", (long)t->m, (long)t->n, (long)t->k, (long)i,
                         (long)j, got, sum);
        }
}

typedef struct Compiled {
    ContractRun   *run;
    ContractUnits *units;
    size_t         scratch_bytes;
} Compiled;

static void check_case(const ContractCase *t, const Compiled *f, uint64_t *state) {
    size_t elem = t->is_double ? 8 : 4, nbytes = (size_t)(t->m * t->n) * elem, wide = t->b_strided ? 2 : 1;
    void  *a   = random_array(t->m * t->k, t->is_double, state),
         *b    = random_array(t->k * t->n * (int64_t)wide, t->is_double, state);
    void    *c = guarded_new(nbytes), *again = guarded_new(nbytes), *scratch = guarded_new(f->scratch_bytes);
    int32_t *counts = guarded_new((size_t)(t->m * t->n) * 4);
    int64_t  units  = f->units(t->m, t->n, t->k);
    assert_true(units >= 1);
    memset(scratch, 0xff, f->scratch_bytes); /* NaN */
    f->run(a, b, c, counts, t->m, t->n, t->k, 0, units, scratch);
    check_values(t, a, b, c);
    if (t->count)
        for (int64_t i = 0; i < t->m * t->n; i++) assert_int_equal(counts[i], 1);
    for (int64_t at = 0, end; at < units; at = end) {
        end = at + 1 + (int64_t)(next_random(state) % 4);
        if (end > units) end = units;
        memset(scratch, 0xff, f->scratch_bytes);
        f->run(a, b, again, counts, t->m, t->n, t->k, at, end, scratch);
    }
    assert_memory_equal(c, again, nbytes);
    guarded_free(a, (size_t)(t->m * t->k) * elem);
    guarded_free(b, (size_t)(t->k * t->n) * wide * elem);
    guarded_free(c, nbytes);
    guarded_free(again, nbytes);
    guarded_free(scratch, f->scratch_bytes);
    guarded_free(counts, (size_t)(t->m * t->n) * 4);
}

/* Compiles all cases of a list in one module, then runs them. */
static void check_cases(const char *target, const ContractCase *cases, int n) {
    Jit      *jit   = jit_new(target);
    Compiled *f     = calloc((size_t)n, sizeof *f);
    uint64_t  state = 88172645463325252u;
    char      name[64];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "case%d", i);
        f[i].scratch_bytes = (size_t)contract_case_emit(jit, &cases[i], name);
    }
    jit_compile(jit);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "case%d", i);
        f[i].run = (ContractRun *)jit_address(jit, name);
        snprintf(name, sizeof name, "case%d_units", i);
        f[i].units = (ContractUnits *)jit_address(jit, name);
        check_case(&cases[i], &f[i], &state);
    }
    free(f);
    jit_dispose(jit);
}

/* One function for all sizes of each layout and type: everything is known only at run time. */
static void runtime_extents(const char *target) {
    static const int64_t sizes[][3] = {{1, 1, 1},     {1, 48, 7},      {7, 17, 5},      {8, 48, 64},   {9, 49, 65},
                                       {13, 31, 1},   {64, 10, 70},    {65, 70, 33},    {5, 100, 200}, {70, 3, 17},
                                       {31, 47, 129}, {100, 145, 40},  {3, 64, 500},    {66, 97, 900}, {520, 33, 410},
                                       {2, 2, 2},     {130, 200, 130}, {500, 50, 1000}, {9, 33, 0}};
    for (int layout = 0; layout < 4; layout++) {
        for (int is_double = 0; is_double < 2; is_double++) {
            ContractCase t     = {.is_double    = is_double,
                                  .m_runtime    = true,
                                  .n_runtime    = true,
                                  .k_runtime    = true,
                                  .a_transposed = layout & 1,
                                  .b_transposed = layout & 2,
                                  .epilogue     = true,
                                  .count        = true};
            Jit         *jit   = jit_new(target);
            Compiled     f     = {.scratch_bytes = (size_t)contract_case_emit(jit, &t, "f")};
            uint64_t     state = 2463534242u;
            jit_compile(jit);
            f.run   = (ContractRun *)jit_address(jit, "f");
            f.units = (ContractUnits *)jit_address(jit, "f_units");
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                t.m = sizes[i][0], t.n = sizes[i][1], t.k = sizes[i][2];
                check_case(&t, &f, &state);
            }
            jit_dispose(jit);
        }
    }
}

/* Random mixtures of everything. */
static void random_mixtures(const char *target, uint64_t seed, int n) {
    static const int64_t edges[] = {1, 2, 7, 8, 10, 16, 17, 31, 32, 48, 64, 65, 96, 100, 130};
    ContractCase        *cases   = calloc((size_t)n, sizeof *cases);
    uint64_t             state   = seed;
    enum { EDGES = sizeof edges / sizeof *edges };
    for (int i = 0; i < n; i++) {
        uint64_t bits = next_random(&state) >> 20;
        cases[i]      = (ContractCase){.m            = edges[next_random(&state) % EDGES],
                                       .n            = edges[next_random(&state) % EDGES],
                                       .k            = edges[next_random(&state) % EDGES],
                                       .is_double    = bits & 1,
                                       .m_runtime    = bits & 2,
                                       .n_runtime    = (bits & 12) == 12,
                                       .k_runtime    = (bits & 48) == 48,
                                       .a_transposed = bits & 64,
                                       .b_transposed = bits & 128,
                                       .b_strided    = (bits & 0x700) == 0x700 && !(bits & 128),
                                       .a_load       = bits & 0x800,
                                       .b_load       = bits & 0x1000,
                                       .epilogue     = bits & 0x2000,
                                       .count        = bits & 0x4000};
        if (i % 8 == 0) cases[i].k += 800;
        if (i % 16 == 5) cases[i].m += 1000;
        if (i % 16 == 9) cases[i].n += 700;
    }
    check_cases(target, cases, n);
    free(cases);
}

/* Every row of the table of blockings. */
static void all_blockings(const char *target) {
    static const ContractCase cases[] = {
        {.m = 70, .n = 330, .k = 900, .count = true},
        {.m = 300, .n = 130, .k = 700, .a_transposed = true, .epilogue = true},
        {.is_double = true, .m = 9, .n = 200, .k = 260, .b_transposed = true, .count = true},
        {.m = 120, .n = 96, .k = 300, .k_runtime = true, .m_runtime = true, .epilogue = true},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    for (int i = 0; i < blocking_count; i++) {
        ContractCase blocked[CASES];
        for (int k = 0; k < CASES; k++) blocked[k] = cases[k], blocked[k].blocking = &blockings[i];
        check_cases(target, blocked, CASES);
    }
}

/* A transposed A packed once for several column blocks: one and two blocks of K, chunks of rows, few rows (units then follow
 * columns), widths that fill no tile, and an anchor that must be asked for each element whoever packs it. */
static void shared_packing(const char *target) {
    static const ContractCase cases[] = {
        {.is_double = true, .m = 1064, .n = 325, .k = 530, .count = true},
        {.m = 300, .n = 650, .k = 400, .k_runtime = true, .count = true},
        {.m = 40, .n = 1299, .k = 300, .epilogue = true, .count = true},
        {.m = 97, .n = 700, .k = 531, .b_transposed = true, .epilogue = true},
        {.m = 262, .n = 680, .k = 140, .a_load = true, .count = true},
        {.m = 41, .n = 690, .k = 20, .k_runtime = true},
        {.m = 9, .n = 800, .k = 0, .k_runtime = true, .epilogue = true},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    ContractCase transposed[CASES];
    for (int i = 0; i < CASES; i++) transposed[i] = cases[i], transposed[i].a_transposed = true;
    check_cases(target, transposed, CASES);
}

/* A transposed B of few k: whole vectors of columns and parts of them, one panel and several. */
static void few_k(const char *target) {
    static const int64_t columns[] = {2, 16, 37, 64, 130};
    ContractCase         cases[30];
    int                  n = 0;
    for (int i = 0; i < 15; i++)
        for (int is_double = 0; is_double < 2; is_double++)
            cases[n++] = (ContractCase){.is_double    = is_double,
                                        .m            = 9 + i,
                                        .n            = columns[i / 3],
                                        .k            = 2 + i % 3,
                                        .b_transposed = true,
                                        .n_runtime    = i % 2,
                                        .epilogue     = true};
    check_cases(target, cases, n);
}

static bool transposes_blocks(const ContractCase *t) {
    Jit *jit = jit_new("native");
    contract_case_emit(jit, t, "f");
    bool   found = false;
    size_t length;
    for (LLVMValueRef f = LLVMGetFirstFunction(jit->module); f; f = LLVMGetNextFunction(f))
        found |= strncmp(LLVMGetValueName2(f, &length), "nnc.transpose", 13) == 0;
    jit_dispose(jit);
    return found;
}

static void test_few_k(void **state) {
    (void)state;
    few_k("native");
    for (int64_t k = 1; k <= 5; k++)
        assert_int_equal(transposes_blocks(&(ContractCase){.m = 16, .n = 40, .k = k, .b_transposed = true}), k > 4);
    assert_true(transposes_blocks(&(ContractCase){.m = 16, .n = 40, .k = 3, .b_transposed = true, .b_load = true}));
    assert_true(transposes_blocks(&(ContractCase){.m = 16, .n = 40, .k = 3, .b_transposed = true, .k_runtime = true}));
}

static void test_native_runtime(void **state) {
    (void)state;
    runtime_extents("native");
}

static void test_native_mixtures(void **state) {
    (void)state;
    random_mixtures("native", 0x9E3779B97F4A7C15u, 48);
}

static void test_native_blockings(void **state) {
    (void)state;
    all_blockings("native");
}

static void test_native_shared(void **state) {
    (void)state;
    shared_packing("native");
}

#ifdef __x86_64__
static void test_v3(void **state) {
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) skip();
    random_mixtures("x86-64-v3", 0xD1B54A32D192ED03u, 24);
    few_k("x86-64-v3");
    shared_packing("x86-64-v3");
}

static void test_v2(void **state) {
    (void)state;
    random_mixtures("x86-64-v2", 0x94D049BB133111EBu, 16);
    few_k("x86-64-v2");
    shared_packing("x86-64-v2");
}
#endif

/* The elements that the first of `threads` threads computes, as a share of its even part. */
static double share_of_first(const Compiled *f, const ContractCase *t, int threads) {
    size_t   elem = t->is_double ? 8 : 4, nbytes = (size_t)(t->m * t->n) * elem;
    uint64_t state = 7;
    void    *a = random_array(t->m * t->k, t->is_double, &state), *b = random_array(t->k * t->n, t->is_double, &state);
    void    *c = guarded_new(nbytes), *scratch = guarded_new(f->scratch_bytes);
    int32_t *counts = guarded_new((size_t)(t->m * t->n) * 4);
    int64_t  units = f->units(t->m, t->n, t->k), done = 0;
    memset(counts, 0, (size_t)(t->m * t->n) * 4);
    f->run(a, b, c, counts, t->m, t->n, t->k, 0, units / threads + (units % threads > 0), scratch);
    for (int64_t i = 0; i < t->m * t->n; i++) done += counts[i];
    guarded_free(a, (size_t)(t->m * t->k) * elem);
    guarded_free(b, (size_t)(t->k * t->n) * elem);
    guarded_free(c, nbytes);
    guarded_free(scratch, f->scratch_bytes);
    guarded_free(counts, (size_t)(t->m * t->n) * 4);
    return (double)done * threads / (double)(t->m * t->n);
}

/* Two threads, and four, get as many rows where these are as many as was likely. */
static void test_even(void **state) {
    static const ContractCase cases[] = {
        {.m = 2708, .n = 16, .k = 133, .m_runtime = true, .count = true},
        {.m = 1433, .n = 16, .k = 270, .a_transposed = true, .k_runtime = true, .count = true},
        {.m = 784, .n = 512, .k = 64, .a_transposed = true, .k_runtime = true, .count = true},
        {.m = 400, .n = 120, .k = 64, .a_transposed = true, .k_runtime = true, .count = true},
        {.m = 2048, .n = 128, .k = 128, .m_runtime = true, .count = true},
        {.m = 1000, .n = 48, .k = 100, .is_double = true, .m_runtime = true, .count = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Jit     *jit = jit_new("native");
        Compiled f   = {.scratch_bytes = (size_t)contract_case_emit(jit, &cases[i], "f")};
        jit_compile(jit);
        f.run      = (ContractRun *)jit_address(jit, "f");
        f.units    = (ContractUnits *)jit_address(jit, "f_units");
        double two = share_of_first(&f, &cases[i], 2), four = share_of_first(&f, &cases[i], 4);
        if (two > 1.05 || two < 0.9 || four > 1.12)
            fail_msg("case %zu: %.3f of a half, %.3f of a fourth", i, two, four);
        jit_dispose(jit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_runtime),
        cmocka_unit_test(test_native_mixtures),
        cmocka_unit_test(test_native_shared),
        cmocka_unit_test(test_native_blockings),
        cmocka_unit_test(test_few_k),
        cmocka_unit_test(test_even),
#ifdef __x86_64__
        cmocka_unit_test(test_v3),
        cmocka_unit_test(test_v2),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
