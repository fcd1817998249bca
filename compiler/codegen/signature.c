/* Equal kernels are compiled once: a kernel's canonical text, in which nodes are numbered in the order they are met and places in
 * memory are numbered operands. Two kernels with the same text differ only in the pointers they are given. */
#include "codegen/emit.h"

#include <string.h>

typedef struct Signature {
    Emit         *e;
    const FnPlan *plan;
    const Kernel *kernel;
    LocationVec  *operands;
    Map          *numbers; /* Node * -> its number + 1 */
    intptr_t      count;
    VEC(char) text;
} Signature;

static void put(Signature *s, const void *bytes, size_t nbytes) {
    for (size_t i = 0; i < nbytes; i++) vec_push(s->e->arena, &s->text, ((const char *)bytes)[i]);
}

static void put_int(Signature *s, int value) {
    put(s, &value, sizeof value);
}

/* Dims are unique, so their addresses stand for them. */
static void put_type(Signature *s, const Type *type) {
    put_int(s, (int)type->elem);
    put_int(s, type->rank);
    put(s, type->dims, sizeof *type->dims * (size_t)type->rank);
}

static bool same_location(const Location *a, const Location *b) {
    return a->kind == b->kind && a->ref == b->ref && a->offset == b->offset;
}

int operand_index(const LocationVec *operands, const Location *location) {
    for (int i = 0; i < operands->len; i++)
        if (same_location(&operands->data[i], location)) return i;
    return -1;
}

static void put_operand(Signature *s, const Location *location) {
    int index = operand_index(s->operands, location);
    if (index < 0) {
        index = s->operands->len;
        vec_push(s->e->arena, s->operands, *location);
    }
    put_int(s, index);
}

/* The key of a draw is an operand. */
static void put_attr(Signature *s, const Node *node) {
    if (node->op == OP_UNIFORM || node->op == OP_NORMAL)
        put_operand(s, &(Location){LOC_KEY, node->id, 0});
    else
        put(s, &node->attr, sizeof node->attr);
}

static void put_node(Signature *s, Node *node) {
    intptr_t known = (intptr_t)map_get(s->numbers, node);
    if (known) {
        put_int(s, (int)known - 1);
        return;
    }
    bool loads = kernel_loads(s->plan, s->kernel, node);
    if (loads) {
        put(s, "load", 4);
        put_type(s, &node->type);
        put_operand(s, node_location(s->plan, node));
    } else {
        put(s, "node", 4);
        put_int(s, (int)node->op);
        put_type(s, &node->type);
        put_attr(s, node);
        put_int(s, node->n_inputs);
        for (int i = 0; i < node->n_inputs; i++) put_node(s, node->inputs[i]);
    }
    map_set(s->numbers, node, (void *)++s->count);
}

static void put_stores(Signature *s) {
    put_int(s, s->kernel->stores.len);
    for (int i = 0; i < s->kernel->stores.len; i++) {
        const Store *store = &s->kernel->stores.data[i];
        put_node(s, store->node);
        put_int(s, (int)store->level);
        put_int(s, store->pass);
        put_operand(s, &store->to);
        put_type(s, &store->type);
        put_int(s, store->passed);
    }
}

static void put_kernel(Signature *s, const Kernel *kernel) {
    int head[] = {(int)kernel->template, kernel->n_rows, kernel->n_inner, kernel->n_passes, kernel->flat,
                  kernel->swap,          kernel->packed, kernel->groups,  kernel->turned};
    put(s, head, sizeof head);
    put(s, kernel->rows, sizeof *kernel->rows * (size_t)kernel->n_rows);
    put(s, kernel->inner, sizeof *kernel->inner * (size_t)kernel->n_inner);
    put_int(s, kernel->reductions.len);
    for (int i = 0; i < kernel->reductions.len; i++) {
        const Reduction *reduction = &kernel->reductions.data[i];
        int              facts[]   = {(int)reduction->from, (int)reduction->to, reduction->pass};
        put(s, facts, sizeof facts);
        put_node(s, reduction->node);
    }
    put_int(s, kernel->kept.len);
    for (int i = 0; i < kernel->kept.len; i++) {
        put_int(s, kernel->kept.data[i].pass);
        put_node(s, kernel->kept.data[i].node);
    }
    put_stores(s);
    if (kernel->dot) put_node(s, kernel->dot);
    if (kernel->moved) put_node(s, kernel->moved);
    put_int(s, (int)kernel->triangle.low);
    put_int(s, (int)kernel->triangle.high);
    if (kernel->triangle.low_start) put_node(s, kernel->triangle.low_start);
    put_int(s, kernel->triangle.low_start != NULL);
    if (kernel->triangle.high_start) put_node(s, kernel->triangle.high_start);
    put(s, &kernel->clip.rows, sizeof kernel->clip.rows);
    put_int(s, kernel->clip.beyond);
    if (kernel->clip.low_start) put_node(s, kernel->clip.low_start);
    put_int(s, kernel->clip.low_start != NULL);
    if (kernel->clip.high_start) put_node(s, kernel->clip.high_start);
    if (kernel->scatter) put_node(s, kernel->scatter);
}

const char *kernel_signature(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands, size_t *length) {
    Signature s = {.e = e, .plan = plan, .kernel = kernel, .operands = operands, .numbers = map_new(e->arena)};
    put_kernel(&s, kernel);
    if (kernel->tail) {
        put(&s, &kernel->tail_band, sizeof kernel->tail_band);
        put_int(&s, kernel->tail_columns);
        s.kernel  = kernel->tail;
        s.numbers = map_new(e->arena);
        put_kernel(&s, kernel->tail);
    }
    *length = (size_t)s.text.len;
    return s.text.data;
}
