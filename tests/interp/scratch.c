/* Programs made by hand. */
#include "interp/scratch.h"

Scratch *scratch_new(uint64_t seed) {
    Arena   *arena    = arena_new();
    Scratch *s        = ARENA_NEW(arena, Scratch);
    s->arena          = arena;
    s->c.arena        = arena;
    s->c.names        = intern_new(arena);
    s->c.diags        = diags_new(arena);
    s->dims           = dim_table_new(arena);
    s->graph          = graph_new(arena, s->dims);
    s->rng            = seed;
    s->program        = ARENA_NEW(arena, Program);
    s->program->model = "Scratch";
    s->program->graph = s->graph;
    s->program->real  = ELEM_F64;
    return s;
}

void scratch_free(Scratch *s) {
    arena_free(s->arena);
}

/* SplitMix64. */
uint64_t scratch_random(Scratch *s) {
    uint64_t z = s->rng += UINT64_C(0x9E3779B97F4A7C15);
    z          = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z          = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

int scratch_below(Scratch *s, int limit) {
    return (int)(scratch_random(s) % (uint64_t)limit);
}

double scratch_real(Scratch *s, double low, double high) {
    return low + (high - low) * ((double)(scratch_random(s) >> 11) * 0x1p-53);
}

const Dim *scratch_symbol(Scratch *s, const char *name, int64_t value) {
    const Dim *dim                            = dim_symbol_new(s->dims, name);
    s->symbols[dim_symbol_count(s->dims) - 1] = value;
    vec_push(s->arena, &s->program->dims, ((ProgDim){.name = name, .dim = dim, .bound = -1}));
    return dim;
}

const Dim *scratch_dim(Scratch *s, int64_t value) {
    return dim_const(s->dims, value);
}

Type scratch_type(ElemType elem, int rank, const Dim *const *dims) {
    Type type = {.elem = elem, .rank = rank};
    for (int i = 0; i < rank; i++) type.dims[i] = dims[i];
    return type;
}

Node *scratch_slot(Scratch *s, const Type *type) {
    int   index = s->program->slots.len;
    char *path  = arena_printf(s->arena, "slot_%d", index);
    if (index == MAX_SCRATCH) BUG("too many slots");
    vec_push(s->arena, &s->program->slots, ((Slot){.kind = SLOT_PARAM, .path = path, .type = *type, .param = -1}));
    Tensor *tensor = &s->slots[index];
    *tensor        = tensor_new(s->arena, type, s->symbols);
    for (int64_t i = 0; i < tensor->count; i++) tensor->data[i] = scratch_real(s, -2, 2);
    return node_ref(s->graph, OP_READ, index, type);
}

Fn *scratch_fn(Scratch *s, FnKind kind, const char *name) {
    Fn *fn    = ARENA_NEW(s->arena, Fn);
    fn->kind  = kind;
    fn->name  = name;
    fn->times = 1;
    vec_push(s->arena, &s->program->fns, fn);
    return fn;
}

void scratch_result(Scratch *s, Fn *fn, Node *value) {
    vec_push(s->arena, &fn->results,
             ((Result){.name = arena_printf(s->arena, "r%d", fn->results.len), .value = value, .slot = -1}));
}

void scratch_update(Scratch *s, Fn *fn, int slot, Node *value) {
    vec_push(s->arena, &fn->updates, ((Update){slot, value}));
}

InterpArgs scratch_args(const Scratch *s) {
    return (InterpArgs){.symbols = s->symbols, .slots = s->slots, .seed = 7, .pass = 3, .runtime = {5, 100, 10}};
}
