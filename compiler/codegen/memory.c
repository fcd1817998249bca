/* Loads and stores of elements at an index: contiguous lanes as vectors, one element for all lanes as a scalar, others gathered. bool is
 * one byte in memory and i1 in registers, bf16 and f16 are computed with as f32. */
#include "codegen/emit.h"

#include <string.h>

LLVMTypeRef emit_reg_type(const Emit *e, ElemType elem) {
    LLVMTypeRef types[ELEM_COUNT] = {e->t_f32, e->t_f64, e->t_f32, e->t_f32, e->t_i32, e->t_i64, e->t_i8, e->t_i1};
    return types[elem];
}

LLVMTypeRef emit_mem_type(const Emit *e, ElemType elem) {
    LLVMTypeRef types[ELEM_COUNT] = {e->t_f32, e->t_f64, e->t_i16, e->t_i16, e->t_i32, e->t_i64, e->t_i8, e->t_i8};
    return types[elem];
}

LLVMValueRef build_member(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef base, int64_t offset) {
    LLVMValueRef at = irb_at(b, LLVMInt8TypeInContext(irb_context(b)), base, irb_i64(b, offset));
    return LLVMBuildLoad2(b, type, at, "");
}

/* ---- conversions between memory and registers ------------------------------------------------------------------------- */

static LLVMValueRef from_memory(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef v) {
    LLVMTypeRef type = LLVMTypeOf(v);
    if (elem == ELEM_BOOL) return LLVMBuildICmp(b, LLVMIntNE, v, LLVMConstNull(type), "");
    if (elem_is_narrow(elem)) return narrow_load(e, b, elem, v);
    return v;
}

static LLVMValueRef to_memory(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef v) {
    LLVMTypeRef type = LLVMTypeOf(v);
    if (elem == ELEM_BOOL) return LLVMBuildZExt(b, v, irb_with_elem(type, e->t_i8), "");
    if (elem_is_narrow(elem)) return narrow_store(e, b, elem, v);
    return v;
}

LLVMValueRef build_load_lanes(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef pointer, ElemType elem, int lanes,
                              LLVMValueRef mask) {
    LLVMTypeRef  type = irb_vector_type(emit_mem_type(k->e, elem), lanes);
    LLVMValueRef v    = mask ? irb_masked_load(b, type, pointer, mask) : irb_load(b, type, pointer);
    return from_memory(k->e, b, elem, v);
}

void build_store_lanes(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef pointer, ElemType elem, LLVMValueRef value,
                       LLVMValueRef mask) {
    LLVMValueRef v = to_memory(k->e, b, elem, value);
    if (mask)
        irb_masked_store(b, v, pointer, mask);
    else if (k->streaming && irb_lanes(LLVMTypeOf(v)) * irb_elem_bytes(LLVMTypeOf(v)) == k->e->target->vector_bytes)
        irb_store_streamed(b, v, pointer);
    else
        irb_store(b, v, pointer);
}

/* ---- addresses ---------------------------------------------------------------------------------------------------------- */

/* The number of axes from `axis` on that are all parts of one index, in their order. */
static int run_at(const Type *type, const Index *index, int axis) {
    const IndexRun *run = index[axis].run;
    if (!run || axis + run->count > type->rank) return 1;
    for (int i = 0; i < run->count; i++) {
        const Index *part = &index[axis + i];
        if (part->run != run || part->v != run->parts[i].v || part->kind != run->parts[i].kind) return 1;
        if (i > 0 && type->dims[axis + i] != run->dims[i]) return 1;
    }
    return run->count;
}

/* Where `base` is known: what is passed to a tail has another one for each chunk of images. */
static Scope *base_scope(const KernelEmit *k, LLVMValueRef base) {
    for (int i = 0; k->passed && i < k->operands.len; i++)
        if (k->passed->at[i] == base) return k->now;
    return k->root;
}

/* base + sum of index * stride, added up scope by scope from the outermost, so that what an inner loop adds is one register. A vector
 * part is returned apart, in *vector. */
static LLVMValueRef address(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index, Scope **scope,
                            Index *vector) {
    Index terms[MAX_RANK];
    *vector = index_constant(k, 0);
    for (int i = 0; i < type->rank; i++) {
        int joined = run_at(type, index, i);
        terms[i]   = joined > 1 ? index[i].run->whole : index[i];
        while (joined-- > 1) terms[i + 1] = terms[i], terms[i++] = index_constant(k, 0);
        for (int a = i + 1; a < type->rank; a++) terms[i] = index_scale(k, terms[i], type->dims[a]);
        if (terms[i].kind == INDEX_FULL || (terms[i].kind == INDEX_LINEAR && vector->kind != INDEX_UNIFORM))
            *vector = index_add(k, *vector, terms[i]);
        else if (terms[i].kind == INDEX_LINEAR)
            *vector = terms[i];
    }
    *scope = base_scope(k, base);
    for (int done = 0, depth = 0; done < type->rank && depth < 64; depth++) {
        for (int i = 0; i < type->rank; i++) {
            if (terms[i].scope->depth != depth) continue;
            done++;
            if (terms[i].kind != INDEX_UNIFORM) continue;
            int64_t zero;
            if (irb_const(terms[i].v, &zero) && zero == 0) continue;
            *scope = scope_deeper(*scope, terms[i].scope);
            base   = irb_at((*scope)->b, emit_mem_type(k->e, type->elem), base, terms[i].v);
        }
    }
    return base;
}

static LLVMValueRef gather(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef base, ElemType elem, LLVMValueRef offsets) {
    LLVMTypeRef  mem = emit_mem_type(k->e, elem), type = irb_vector_type(mem, k->lanes);
    LLVMValueRef at          = LLVMBuildInBoundsGEP2(b, mem, base, &offsets, 1, "");
    LLVMTypeRef  overloads[] = {type, LLVMTypeOf(at)};
    LLVMValueRef all         = LLVMConstAllOnes(irb_vector_type(k->e->t_i1, k->lanes));
    LLVMValueRef args[] = {at, LLVMConstInt(k->e->t_i32, (unsigned)elem_size(elem), false), k->mask ? k->mask : all,
                           LLVMConstNull(type)};
    static const char name[] = "llvm.masked.gather";
    LLVMValueRef      callee =
        LLVMGetIntrinsicDeclaration(k->e->module, LLVMLookupIntrinsicID(name, sizeof name - 1), overloads, 2);
    LLVMValueRef v = LLVMBuildCall2(b, LLVMGlobalGetValueType(callee), callee, args, 4, "");
    return from_memory(k->e, b, elem, v);
}

static void scatter(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef base, ElemType elem, LLVMValueRef offsets,
                    LLVMValueRef value) {
    LLVMValueRef v           = to_memory(k->e, b, elem, value);
    LLVMValueRef at          = LLVMBuildInBoundsGEP2(b, emit_mem_type(k->e, elem), base, &offsets, 1, "");
    LLVMTypeRef  overloads[] = {LLVMTypeOf(v), LLVMTypeOf(at)};
    LLVMValueRef all         = LLVMConstAllOnes(irb_vector_type(k->e->t_i1, k->lanes));
    LLVMValueRef args[] = {v, at, LLVMConstInt(k->e->t_i32, (unsigned)elem_size(elem), false), k->mask ? k->mask : all};
    static const char name[] = "llvm.masked.scatter";
    LLVMValueRef      callee =
        LLVMGetIntrinsicDeclaration(k->e->module, LLVMLookupIntrinsicID(name, sizeof name - 1), overloads, 2);
    LLVMBuildCall2(b, LLVMGlobalGetValueType(callee), callee, args, 4, "");
}

Value memory_load(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index) {
    Scope       *scope;
    Index        vector;
    LLVMValueRef at = address(k, base, type, index, &scope, &vector);
    if (vector.kind == INDEX_UNIFORM)
        return value_new(k, build_load_lanes(k, scope->b, at, type->elem, 1, NULL), scope);
    scope = scope_deeper(scope, vector.scope);
    if (k->mask) scope = scope_deeper(scope, k->mask_scope);
    if (vector.kind == INDEX_FULL) return value_new(k, gather(k, scope->b, at, type->elem, vector.v), scope);
    LLVMTypeRef elem = emit_mem_type(k->e, type->elem);
    at               = irb_at(scope->b, elem, at, vector.v);
    if (k->ahead && !k->mask && type->rank == k->kernel->n_rows + k->kernel->n_inner)
        irb_prefetch(scope->b, irb_at(scope->b, elem, at, irb_i64(scope->b, k->ahead)), TO_READ_FAR);
    return value_new(k, build_load_lanes(k, scope->b, at, type->elem, k->lanes, k->mask), scope);
}

LLVMValueRef memory_address(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index) {
    Scope *scope;
    Index  vector;
    return address(k, base, type, index, &scope, &vector);
}

void memory_store(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index, LLVMValueRef value,
                  ElemType from, Scope *scope) {
    Scope         *unused;
    Index          vector;
    LLVMValueRef   at = address(k, base, type, index, &unused, &vector);
    LLVMBuilderRef b  = scope->b;
    value             = math_cast(k->e, b, from, type->elem, value);
    if (vector.kind == INDEX_FULL) {
        scatter(k, b, at, type->elem, vector.v, value);
        return;
    }
    if (vector.kind == INDEX_UNIFORM) {
        build_store_lanes(k, b, at, type->elem, value, NULL);
        return;
    }
    at = irb_at(b, emit_mem_type(k->e, type->elem), at, vector.v);
    build_store_lanes(k, b, at, type->elem, value, k->mask);
}

/* ---- a kernel's stores ------------------------------------------------------------------------------------------------------ */

/* A loss and its weight are one array. */
Type kernel_store_type(KernelEmit *k, const Store *store) {
    Type type = store->type;
    if (store->to.kind == LOC_RESULT) type.elem = k->plan->fn->results.data[store->to.ref].value->type.elem;
    return type;
}

Value *kernel_store_values(KernelEmit *k, Level level, int pass, const Index *index) {
    int    count  = k->kernel->stores.len;
    Value *values = ARENA_ARRAY(k->e->arena, Value, count + 1);
    for (int i = 0; i < count; i++) {
        const Store *store = &k->kernel->stores.data[i];
        if (store->level == level && (pass < 0 || store->pass == pass)) values[i] = value_at(k, store->node, index);
    }
    return values;
}

void kernel_put_values(KernelEmit *k, Value *values, const Index *index) {
    for (int i = 0; i < k->kernel->stores.len; i++) {
        const Store *store = &k->kernel->stores.data[i];
        if (!values[i]) continue;
        bool         rank0 = store->node->type.rank == 0;
        LLVMValueRef v     = rank0 ? values[i]->v : value_lanes(k, values[i]);
        Type         to    = kernel_store_type(k, store);
        k->streaming       = k->streams && store_streams(k->e, k->kernel, store);
        memory_store(k, operand_pointer(k, &store->to), &to, index, v, store->node->type.elem, k->now);
        k->streaming = false;
    }
}

void kernel_stores(KernelEmit *k, Level level, int pass, const Index *index) {
    kernel_put_values(k, kernel_store_values(k, level, pass, index), index);
}
