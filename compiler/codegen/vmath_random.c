/* Random numbers without state: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Element e of a draw: counter (e / group as two words, pass as two words), key (seed ^ key as two words). A float takes one
 * of the block's four words, a double two of them. */
#include <stdio.h>

#include "codegen/vmath_internal.h"

typedef struct Block {
    LLVMValueRef word[4]; /* i32, as many lanes as elements */
} Block;

static LLVMValueRef low_word(LLVMBuilderRef b, LLVMTypeRef i32, LLVMValueRef x) {
    return LLVMBuildTrunc(b, x, i32, "");
}

static LLVMValueRef high_word(LLVMBuilderRef b, LLVMTypeRef i32, LLVMValueRef x) {
    return LLVMBuildTrunc(b, LLVMBuildLShr(b, x, irb_int(LLVMTypeOf(x), 32), ""), i32, "");
}

/* One round: two 32 x 32 -> 64 products, crossed over and mixed with the key. */
static void philox_round(LLVMBuilderRef b, LLVMTypeRef i32, LLVMTypeRef i64, Block *c, LLVMValueRef k0,
                         LLVMValueRef k1) {
    LLVMValueRef p0 = LLVMBuildMul(b, LLVMBuildZExt(b, c->word[0], i64, ""), irb_int(i64, 0xD2511F53u), "");
    LLVMValueRef p1 = LLVMBuildMul(b, LLVMBuildZExt(b, c->word[2], i64, ""), irb_int(i64, 0xCD9E8D57u), "");
    LLVMValueRef x0 = LLVMBuildXor(b, LLVMBuildXor(b, high_word(b, i32, p1), c->word[1], ""), k0, "");
    LLVMValueRef x2 = LLVMBuildXor(b, LLVMBuildXor(b, high_word(b, i32, p0), c->word[3], ""), k1, "");
    *c              = (Block){{x0, low_word(b, i32, p1), x2, low_word(b, i32, p0)}};
}

/* The blocks of `group` (i64 lanes). `key` and `pass` are i64 scalars. */
static Block philox(LLVMBuilderRef b, LLVMValueRef key, LLVMValueRef pass, LLVMValueRef group) {
    LLVMTypeRef  i64 = LLVMTypeOf(group), one32 = LLVMInt32TypeInContext(irb_context(b));
    LLVMTypeRef  i32   = irb_with_elem(i64, one32);
    int          lanes = irb_lanes(i64);
    LLVMValueRef k0 = low_word(b, one32, key), k1 = high_word(b, one32, key);
    Block        c = {{low_word(b, i32, group), high_word(b, i32, group), irb_splat(b, low_word(b, one32, pass), lanes),
                       irb_splat(b, high_word(b, one32, pass), lanes)}};
    for (int round = 0; round < 10; round++) {
        philox_round(b, i32, i64, &c, irb_splat(b, k0, lanes), irb_splat(b, k1, lanes));
        k0 = LLVMBuildAdd(b, k0, irb_int(one32, 0x9E3779B9u), "");
        k1 = LLVMBuildAdd(b, k1, irb_int(one32, 0xBB67AE85u), "");
    }
    return c;
}

static LLVMValueRef bit_set(LLVMBuilderRef b, LLVMValueRef index, unsigned bit) {
    LLVMTypeRef  type = LLVMTypeOf(index);
    LLVMValueRef part = LLVMBuildAnd(b, index, irb_int(type, bit), "");
    return LLVMBuildICmp(b, LLVMIntNE, part, irb_int(type, 0), "");
}

static LLVMValueRef choose(LLVMBuilderRef b, LLVMValueRef condition, LLVMValueRef yes, LLVMValueRef no) {
    return LLVMBuildSelect(b, condition, yes, no, "");
}

/* (high:low >> 11) as a double below 2^53. */
static LLVMValueRef mantissa(LLVMBuilderRef b, LLVMTypeRef type, LLVMTypeRef i64, LLVMValueRef low, LLVMValueRef high) {
    LLVMValueRef upper = LLVMBuildShl(b, LLVMBuildZExt(b, high, i64, ""), irb_int(i64, 32), "");
    LLVMValueRef bits  = LLVMBuildOr(b, upper, LLVMBuildZExt(b, low, i64, ""), "");
    return LLVMBuildSIToFP(b, LLVMBuildLShr(b, bits, irb_int(i64, 11), ""), type, "");
}

/* Element e: float (w >> 8) 2^-24 of word e % 4 of block e / 4; double 53 bits of words 2 (e % 2) and the next of block e / 2. */
static LLVMValueRef uniform(const VMath *m, LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index) {
    LLVMBuilderRef b   = m->b;
    LLVMTypeRef    i64 = LLVMTypeOf(index);
    Block          c   = philox(b, key, pass, LLVMBuildLShr(b, index, irb_int(i64, m->is_double ? 1 : 2), ""));
    LLVMValueRef   odd = bit_set(b, index, 1);
    if (m->is_double) {
        LLVMValueRef low = choose(b, odd, c.word[2], c.word[0]), high = choose(b, odd, c.word[3], c.word[1]);
        return vm_mul(m, mantissa(b, m->type, i64, low, high), vm_real(m, 0x1p-53));
    }
    LLVMValueRef upper = choose(b, odd, c.word[3], c.word[2]), lower = choose(b, odd, c.word[1], c.word[0]);
    LLVMValueRef word = choose(b, bit_set(b, index, 2), upper, lower);
    LLVMValueRef bits = LLVMBuildLShr(b, word, irb_int(LLVMTypeOf(word), 8), "");
    return vm_mul(m, LLVMBuildSIToFP(b, bits, m->type, ""), vm_real(m, 0x1p-24));
}

/* The two uniforms in (0, 1] of the pair of elements (2j, 2j + 1) that `index` belongs to. */
static void pair_uniforms(const VMath *m, const Block *c, LLVMValueRef index, LLVMValueRef u[2]) {
    LLVMBuilderRef b = m->b;
    for (int i = 0; i < 2; i++) {
        LLVMValueRef w;
        if (m->is_double)
            w = mantissa(b, m->type, LLVMTypeOf(index), c->word[2 * i], c->word[2 * i + 1]);
        else
            w = LLVMBuildUIToFP(b, choose(b, bit_set(b, index, 2), c->word[2 + i], c->word[i]), m->type, "");
        u[i] = vm_mul(m, vm_add(m, w, vm_real(m, 0.5)), vm_real(m, m->is_double ? 0x1p-53 : 0x1p-32));
    }
}

/* Box-Muller: sqrt(-2 log u1) times cos (even elements) or sin (odd ones) of 2 pi u2. */
static LLVMValueRef normal(const VMath *m, LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index) {
    LLVMBuilderRef b   = m->b;
    LLVMTypeRef    i64 = LLVMTypeOf(index);
    Block          c   = philox(b, key, pass, LLVMBuildLShr(b, index, irb_int(i64, m->is_double ? 1 : 2), ""));
    LLVMValueRef   u[2], sine, cosine;
    pair_uniforms(m, &c, index, u);
    LLVMValueRef radius = vm_sqrt(m, vm_mul(m, vm_log(m, u[0]), vm_real(m, -2)));
    vm_sincos(m, vm_mul(m, u[1], vm_real(m, 6.28318530717958647692)), &sine, &cosine);
    return vm_mul(m, radius, choose(b, bit_set(b, index, 1), sine, cosine));
}

typedef LLVMValueRef Draw(const VMath *m, LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index);

/* One internal function a draw and type: value(key, pass, index). */
static LLVMValueRef draw(LLVMBuilderRef b, const Target *target, const char *what, Draw *emit, LLVMTypeRef type,
                         LLVMValueRef seed, LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index) {
    LLVMModuleRef module    = irb_module(b);
    LLVMTypeRef   i64       = LLVMInt64TypeInContext(irb_context(b));
    LLVMTypeRef   params[]  = {i64, i64, LLVMTypeOf(index)};
    LLVMTypeRef   signature = LLVMFunctionType(type, params, 3, false);
    char          name[64];
    snprintf(name, sizeof name, "nnc.%s.v%df%d", what, irb_lanes(type), irb_elem_bytes(type) * 8);
    LLVMValueRef function = LLVMGetNamedFunction(module, name);
    if (!function) {
        function           = irb_internal_function(module, name, signature);
        LLVMBuilderRef own = LLVMCreateBuilderInContext(irb_context(b));
        LLVMPositionBuilderAtEnd(own, LLVMAppendBasicBlockInContext(irb_context(b), function, "entry"));
        VMath m = vm_new(own, target, type);
        LLVMBuildRet(own, emit(&m, LLVMGetParam(function, 0), LLVMGetParam(function, 1), LLVMGetParam(function, 2)));
        LLVMDisposeBuilder(own);
    }
    LLVMValueRef args[] = {LLVMBuildXor(b, seed, key, ""), pass, index};
    return LLVMBuildCall2(b, signature, function, args, 3, "");
}

LLVMValueRef vmath_uniform(LLVMBuilderRef builder, const Target *target, LLVMTypeRef type, LLVMValueRef seed,
                           LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index) {
    return draw(builder, target, "uniform", uniform, type, seed, key, pass, index);
}

LLVMValueRef vmath_normal(LLVMBuilderRef builder, const Target *target, LLVMTypeRef type, LLVMValueRef seed,
                          LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index) {
    return draw(builder, target, "normal", normal, type, seed, key, pass, index);
}
