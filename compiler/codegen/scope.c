/* Scopes, the loops that open them, and the memo of values (emit.h says how they work). */
#include "codegen/emit.h"

#include <string.h>

/* ---- scopes ---------------------------------------------------------------------------------------------------------- */

Scope *scope_new(KernelEmit *k, Scope *parent, LLVMBasicBlockRef block) {
    Scope *scope  = ARENA_NEW(k->e->arena, Scope);
    scope->parent = parent;
    scope->depth  = parent ? parent->depth + 1 : 0;
    scope->b      = LLVMCreateBuilderInContext(k->e->context);
    LLVMPositionBuilderAtEnd(scope->b, block);
    debug_mark(k, scope->b);
    return scope;
}

Scope *scope_deeper(Scope *a, Scope *b) {
    if (!a || !b) return a ? a : b;
    return a->depth >= b->depth ? a : b;
}

/* ---- loops ------------------------------------------------------------------------------------------------------------- */

/* The parent's block stays open: what the body hoists is still appended to it. The test before the first turn is made in
 * scope_loop_end. */
void scope_loop_begin(KernelEmit *k, ScopedLoop *loop, Scope *parent, LLVMValueRef low, LLVMValueRef high,
                      LLVMValueRef step, int n_carried, const LLVMValueRef *carried) {
    if (n_carried > MAX_CARRIED) BUG("a loop carries %d values", n_carried);
    loop->parent    = parent;
    loop->outer_now = k->now;
    loop->body      = LLVMAppendBasicBlockInContext(k->e->context, k->fn, "body");
    loop->after     = LLVMAppendBasicBlockInContext(k->e->context, k->fn, "after");
    loop->scope     = scope_new(k, parent, loop->body);
    loop->low       = low;
    loop->high      = high;
    loop->step      = step;
    loop->index     = LLVMBuildPhi(loop->scope->b, k->e->t_i64, "i");
    loop->n_carried = n_carried;
    for (int i = 0; i < n_carried; i++) {
        loop->start[i]   = carried[i];
        loop->carried[i] = LLVMBuildPhi(loop->scope->b, LLVMTypeOf(carried[i]), "");
    }
    k->now = loop->scope;
}

static LLVMValueRef carried_after(ScopedLoop *loop, LLVMBuilderRef b, int i, LLVMValueRef last,
                                  LLVMBasicBlockRef before, LLVMBasicBlockRef latch) {
    LLVMValueRef      phi      = LLVMBuildPhi(b, LLVMTypeOf(last), "");
    LLVMValueRef      values[] = {loop->start[i], last};
    LLVMBasicBlockRef blocks[] = {before, latch};
    LLVMAddIncoming(phi, values, blocks, 2);
    return phi;
}

void scope_loop_end(KernelEmit *k, ScopedLoop *loop, LLVMValueRef *carried) {
    LLVMBuilderRef    body = loop->scope->b, outer = loop->parent->b;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(outer), latch = LLVMGetInsertBlock(body);
    LLVMBuildCondBr(outer, LLVMBuildICmp(outer, LLVMIntSLT, loop->low, loop->high, ""), loop->body, loop->after);
    LLVMValueRef next = irb_add(body, loop->index, loop->step);
    LLVMBuildCondBr(body, LLVMBuildICmp(body, LLVMIntSLT, next, loop->high, ""), loop->body, loop->after);
    LLVMAddIncoming(loop->index, &loop->low, &before, 1);
    LLVMAddIncoming(loop->index, &next, &latch, 1);
    LLVMPositionBuilderAtEnd(outer, loop->after);
    for (int i = 0; i < loop->n_carried; i++) {
        LLVMAddIncoming(loop->carried[i], &loop->start[i], &before, 1);
        LLVMAddIncoming(loop->carried[i], &carried[i], &latch, 1);
        carried[i] = carried_after(loop, outer, i, carried[i], before, latch);
    }
    LLVMDisposeBuilder(body);
    k->now = loop->outer_now;
}

/* ---- values and their memo ---------------------------------------------------------------------------------------------- */

Value value_new(KernelEmit *k, LLVMValueRef v, Scope *scope) {
    LowerValue *value = ARENA_NEW(k->e->arena, LowerValue);
    value->v          = v;
    value->scope      = LLVMIsConstant(v) ? k->root : scope;
    return value;
}

bool value_is_vector(LLVMValueRef value) {
    return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
}

LLVMValueRef value_vector(KernelEmit *k, Value value) {
    if (value_is_vector(value->v) || k->lanes == 1) return value->v;
    LowerValue *cache = (LowerValue *)(uintptr_t)value; /* Value is const for op_lower's sake */
    if (!cache->splat || irb_lanes(LLVMTypeOf(cache->splat)) != k->lanes)
        cache->splat = irb_splat(value->scope->b, value->v, k->lanes);
    return cache->splat;
}

LLVMValueRef value_lanes(KernelEmit *k, Value value) {
    return k->lanes == 1 ? value->v : value_vector(k, value);
}

struct Memo {
    Memo        *next;
    const Node  *node;
    Value        value;
    LLVMValueRef mask;
    int          lanes;
    Index        index[MAX_RANK];
};

/* The mask and the number of lanes matter only to values that differ between lanes. */
static bool varies(const Node *node, const Index *index) {
    for (int i = 0; i < node->type.rank; i++)
        if (index[i].kind != INDEX_UNIFORM) return true;
    return false;
}

static bool same_index(const Node *node, const Index *a, const Index *b) {
    for (int i = 0; i < node->type.rank; i++)
        if (a[i].v != b[i].v || a[i].kind != b[i].kind) return false;
    return true;
}

static unsigned bucket(const Node *node, const Index *index) {
    uint64_t hash = hash_bytes(HASH_SEED, &node, sizeof node);
    for (int i = 0; i < node->type.rank; i++) hash = hash_bytes(hash, &index[i].v, sizeof index[i].v);
    return (unsigned)(hash % 64);
}

Value memo_get(KernelEmit *k, const Node *node, const Index *index) {
    unsigned at      = bucket(node, index);
    bool     in_lane = varies(node, index);
    for (const Scope *scope = k->now; scope; scope = scope->parent)
        for (const Memo *memo = scope->memo[at]; memo; memo = memo->next)
            if (memo->node == node && (!in_lane || (memo->mask == k->mask && memo->lanes == k->lanes)) &&
                same_index(node, memo->index, index))
                return memo->value;
    return NULL;
}

void memo_set(KernelEmit *k, const Node *node, const Index *index, Value value) {
    Memo *memo  = ARENA_NEW(k->e->arena, Memo);
    memo->node  = node;
    memo->value = value;
    memo->mask  = k->mask;
    memo->lanes = k->lanes;
    if (node->type.rank) memcpy(memo->index, index, sizeof *index * (size_t)node->type.rank);
    Memo **at  = &value->scope->memo[bucket(node, index)];
    memo->next = *at;
    *at        = memo;
}
