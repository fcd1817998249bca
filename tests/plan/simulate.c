/* Fusion and memory planning change nothing: random functions are cut into kernels, and the kernels are carried out one after the other on
 * memory that is laid out as planned, buffers that share a place sharing it here too. Each kernel loads what is in memory, computes the
 * rest with the interpreter, and then stores. Slots and results must come out as the interpreter has them for the whole function, bit by
 * bit, and nothing may be read before it is written, after its place went to another buffer, or, of a slot, after its update.
 *
 * What happens within one kernel (levels, passes, the order of its loads and stores by index) is the business of the tests of
 * generated code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/autodiff.h"
#include "opt/opt.h"
#include "opt/random_graph.h"
#include "plan/fuse.h"
#include "plan/plan.h"

enum { FUNCTIONS = 2000, NODES = 24 };

typedef struct Cell { /* a slot, a result or its weight */
    double *data;
    int     holds; /* slots: 1 once updated; results: 1 once stored; 0 at first */
} Cell;

typedef struct Element { /* of the workspace */
    double value;
    int    buffer; /* whose value it is, from 1; 0 at first */
} Element;

typedef struct Machine {
    Scratch      *s;
    Fn           *fn;
    const FnPlan *plan;
    Cell         *slots, *results, *weights;
    Element      *workspace;
    int64_t      *starts; /* of the buffers in it */
    int           wrong;
} Machine;

#define WRONG(m, ...) ((m)->wrong++, printf("FAILED "), printf(__VA_ARGS__), printf("\n"))

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

static int64_t elements(const Machine *m, const Type *type) {
    return tensor_new(m->s->arena, type, m->s->symbols).count;
}

static Cell *cells_new(Machine *m, int count) {
    return ARENA_ARRAY(m->s->arena, Cell, count + 1);
}

/* Each buffer starts where the highest of those directly below it ends. */
static void workspace_new(Machine *m) {
    const FnPlan *plan = m->plan;
    int64_t       size = 0;
    m->starts          = ARENA_ARRAY(m->s->arena, int64_t, plan->buffers.len + 1);
    for (int i = 0; i < plan->places.len; i++) {
        int           index  = plan->places.data[i];
        const Buffer *buffer = &plan->buffers.data[index];
        for (int k = 0; k < buffer->below.len; k++) {
            int     low = buffer->below.data[k];
            int64_t end = m->starts[low] + elements(m, &plan->buffers.data[low].type);
            if (end > m->starts[index]) m->starts[index] = end;
        }
        int64_t end = m->starts[index] + elements(m, &buffer->type);
        if (end > size) size = end;
    }
    for (int i = 0; i < plan->buffers.len; i++) {
        int lowest = i;
        while (plan->buffers.data[lowest].over >= 0) lowest = plan->buffers.data[lowest].over;
        m->starts[i] = m->starts[lowest];
    }
    m->workspace = ARENA_ARRAY(m->s->arena, Element, size + 1);
}

static void memory_new(Machine *m) {
    Arena *arena = m->s->arena;
    m->slots     = cells_new(m, m->s->program->slots.len);
    m->results   = cells_new(m, m->fn->results.len);
    m->weights   = cells_new(m, m->fn->results.len);
    workspace_new(m);
    for (int i = 0; i < m->s->program->slots.len; i++) {
        const Tensor *at_entry = &m->s->slots[i];
        m->slots[i].data       = ARENA_ARRAY(arena, double, at_entry->count + 1);
        memcpy(m->slots[i].data, at_entry->data, sizeof(double) * (size_t)at_entry->count);
    }
    for (int i = 0; i < m->fn->results.len; i++) {
        m->results[i].data = ARENA_ARRAY(arena, double, elements(m, &m->fn->results.data[i].value->type) + 1);
        m->weights[i].data = ARENA_ARRAY(arena, double, 1);
    }
}

/* The cell of a location that is not in the workspace. */
static Cell *cell_at(Machine *m, const Location *at) {
    switch (at->kind) {
    case LOC_SLOT: return &m->slots[at->ref];
    case LOC_RESULT: return at->offset ? &m->weights[at->ref] : &m->results[at->ref];
    case LOC_WORKSPACE:
    case LOC_LOCAL:
    case LOC_KEY:
    case LOC_INPUT: break;
    }
    BUG("neither a slot nor a result");
}

static bool is_read(const Node *node) {
    while (is_same_memory(node)) node = node->inputs[0];
    return node->op == OP_READ;
}

static void load_buffer(Machine *m, const Kernel *kernel, const Node *node, int buffer, Tensor *value) {
    const Element *elements_at = m->workspace + m->starts[buffer];
    for (int64_t i = 0; i < value->count; i++) {
        value->data[i] = elements_at[i].value;
        if (elements_at[i].buffer == buffer + 1) continue;
        WRONG(m, "%s loads node %d (%s), but the place of buffer %d holds %d", kernel->name, node->id,
              op_info[node->op].name, buffer, elements_at[i].buffer - 1);
        return;
    }
}

static Tensor load(Machine *m, const Kernel *kernel, const Node *node) {
    const Location *at    = node_location(m->plan, node);
    Tensor          value = tensor_new(m->s->arena, &node->type, m->s->symbols);
    if (at->kind == LOC_WORKSPACE) {
        load_buffer(m, kernel, node, at->ref, &value);
        return value;
    }
    const Cell *cell     = cell_at(m, at);
    int         expected = !is_read(node);
    if (cell->holds != expected)
        WRONG(m, "%s loads node %d (%s), but its place holds %d instead of %d", kernel->name, node->id,
              op_info[node->op].name, cell->holds, expected);
    memcpy(value.data, cell->data, sizeof(double) * (size_t)value.count);
    return value;
}

static void store(Machine *m, const Kernel *kernel, const Location *at, const Tensor *value) {
    if (at->kind == LOC_WORKSPACE) {
        for (int64_t i = 0; i < value->count; i++)
            m->workspace[m->starts[at->ref] + i] = (Element){value->data[i], at->ref + 1};
        return;
    }
    Cell *cell = cell_at(m, at);
    memcpy(cell->data, value->data, sizeof(double) * (size_t)value->count);
    if (cell->holds) WRONG(m, "%s stores a second time", kernel->name);
    cell->holds = 1;
}

/* ---- kernels ------------------------------------------------------------------------------------------------------------------- */

static void check_computed(Machine *m, const Kernel *kernel, const Node *node) {
    if ((node->op == OP_DOT && node != kernel->dot) || (node->op == OP_SCATTER_ADD && node != kernel->scatter))
        WRONG(m, "%s computes %s %d, which is not its own", kernel->name, op_info[node->op].name, node->id);
}

static void run_kernel(Machine *m, const Kernel *kernel) {
    InterpArgs  args   = scratch_args(m->s);
    Interp     *interp = interp_new(m->s->arena, m->s->program, &args);
    KernelScope scope  = {m->plan, kernel};
    NodeVec     order  = {0};
    Map        *seen   = map_new(m->s->arena);
    for (int i = 0; i < kernel->stores.len; i++)
        graph_post_order_where(m->s->arena, kernel->stores.data[i].node, seen, kernel_computes, &scope, &order);
    for (int i = 0; i < order.len; i++) {
        if (kernel_computes(&scope, order.data[i]))
            check_computed(m, kernel, order.data[i]);
        else
            interp_give(interp, order.data[i], load(m, kernel, order.data[i]));
    }
    for (int i = 0; i < kernel->stores.len; i++) interp_value(interp, kernel->stores.data[i].node);
    for (int i = 0; i < kernel->stores.len; i++) {
        Tensor value = interp_value(interp, kernel->stores.data[i].node);
        store(m, kernel, &kernel->stores.data[i].to, &value);
    }
}

/* ---- what must come out --------------------------------------------------------------------------------------------------------- */

static void compare(Machine *m, const char *what, int index, const Cell *cell, const Tensor *expected) {
    if (!cell->holds)
        WRONG(m, "%s %d was not stored", what, index);
    else if (memcmp(cell->data, expected->data, sizeof(double) * (size_t)expected->count) != 0)
        WRONG(m, "%s %d has another value", what, index);
}

static void check_places(Machine *m) {
    const FnPlan *plan   = m->plan;
    int           n_over = 0;
    for (int i = 0; i < plan->buffers.len; i++) n_over += plan->buffers.data[i].over >= 0;
    if (plan->places.len + n_over != plan->buffers.len) WRONG(m, "a buffer has no place");
    for (int i = 0; i < plan->buffers.len; i++)
        for (int k = 0; k < i; k++) {
            const Buffer *a = &plan->buffers.data[i], *b = &plan->buffers.data[k];
            int64_t       end_a = m->starts[i] + elements(m, &a->type), end_b = m->starts[k] + elements(m, &b->type);
            if (a->over == k ? b->last == a->first : b->over == i && a->last == b->first) continue;
            if (a->first <= b->last && b->first <= a->last && m->starts[i] < end_b && m->starts[k] < end_a)
                WRONG(m, "buffers %d and %d live at the same time in one place", k, i);
        }
}

static void simulate(Machine *m, const InterpRun *expected) {
    memory_new(m);
    check_places(m);
    for (int i = 0; i < m->plan->kernels.len; i++) run_kernel(m, m->plan->kernels.data[i]);
    for (int i = 0; i < m->fn->results.len; i++) compare(m, "result", i, &m->results[i], &expected->results[i]);
    for (int i = 0; i < m->fn->updates.len; i++)
        compare(m, "slot", m->fn->updates.data[i].slot, &m->slots[m->fn->updates.data[i].slot], &expected->updates[i]);
}

/* ---- random functions --------------------------------------------------------------------------------------------------------------- */

/* Each slot may get any value of its type: another slot's, its own moved about, one that is a result too. */
static void add_updates(Scratch *s, Fn *fn) {
    int count = graph_node_count(s->graph);
    for (int slot = 0; slot < s->program->slots.len; slot++)
        for (int tries = 0; tries < 20; tries++) {
            Node *node = graph_node_at(s->graph, scratch_below(s, count));
            if (!type_equal(&node->type, &s->program->slots.data[slot].type)) continue;
            scratch_update(s, fn, slot, node);
            break;
        }
}

/* slot - gradient / 10, instead of the gradient. */
static void descend(Scratch *s, Fn *fn) {
    for (int i = 0; i < fn->updates.len; i++) {
        Update *update = &fn->updates.data[i];
        Node   *value  = node_ref(s->graph, OP_READ, update->slot, &update->value->type);
        Node   *rate   = node_fill(s->graph, &update->value->type, 0.1);
        update->value  = node_binary(s->graph, OP_SUB, value, node_binary(s->graph, OP_MUL, update->value, rate));
    }
}

static bool check_function(uint64_t seed, int *n_kernels) {
    Scratch *s  = scratch_new(seed);
    Fn      *fn = random_graph(s, NODES, seed % 2);
    if (seed % 2)
        descend(s, fn);
    else
        add_updates(s, fn);
    if (!graph_add_gradients(&s->c, s->program)) BUG("no gradient");
    graph_optimise(&s->c, s->program);
    InterpArgs args     = scratch_args(s);
    InterpRun  expected = interp_run(s->arena, s->program, fn, &args);
    Plan      *plan     = kernels_from_graph(&s->c, s->program);
    program_verify(s->program, "kernels_from_graph");
    plan_from_kernels(&s->c, plan);
    Machine machine = {.s = s, .fn = fn, .plan = plan->fns.data[0]};
    simulate(&machine, &expected);
    *n_kernels += machine.plan->kernels.len;
    if (machine.wrong) printf("  in function %llu\n", (unsigned long long)seed);
    bool ok = !machine.wrong;
    scratch_free(s);
    return ok;
}

int main(int argc, char **argv) {
    int failed = 0, n_kernels = 0;
    if (argc > 1) return !check_function(strtoull(argv[1], NULL, 10), &n_kernels);
    for (uint64_t seed = 1; seed <= FUNCTIONS; seed++) failed += !check_function(seed, &n_kernels);
    printf("%d functions, %d kernels, %d failed\n", FUNCTIONS, n_kernels, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
