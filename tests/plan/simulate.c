/* Fusion and memory planning change nothing: random functions are cut into kernels, and the kernels are carried out one after the other on
 * memory that is laid out as planned, buffers that share a region sharing it here too. Each kernel loads what is in memory, computes the
 * rest with the interpreter, and then stores. Slots and results must come out as the interpreter has them for the whole function, bit by
 * bit, and nothing may be read before it is written, after its region went to another buffer, or, of a slot, after its update.
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

typedef struct Cell { /* a slot, a result, its weight, or a region */
    double *data;
    int     holds; /* slots: 1 once updated; results: 1 once stored; regions: the buffer, from 1; 0 at first */
} Cell;

typedef struct Machine {
    Scratch      *s;
    Fn           *fn;
    const FnPlan *plan;
    Cell         *slots, *results, *weights, *regions;
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

static void memory_new(Machine *m) {
    Arena *arena = m->s->arena;
    m->slots     = cells_new(m, m->s->program->slots.len);
    m->results   = cells_new(m, m->fn->results.len);
    m->weights   = cells_new(m, m->fn->results.len);
    m->regions   = cells_new(m, m->plan->regions.len);
    for (int i = 0; i < m->s->program->slots.len; i++) {
        const Tensor *at_entry = &m->s->slots[i];
        m->slots[i].data       = ARENA_ARRAY(arena, double, at_entry->count + 1);
        memcpy(m->slots[i].data, at_entry->data, sizeof(double) * (size_t)at_entry->count);
    }
    for (int i = 0; i < m->fn->results.len; i++) {
        m->results[i].data = ARENA_ARRAY(arena, double, elements(m, &m->fn->results.data[i].value->type) + 1);
        m->weights[i].data = ARENA_ARRAY(arena, double, 1);
    }
    for (int i = 0; i < m->plan->regions.len; i++) {
        int64_t most = 0;
        for (int k = 0; k < m->plan->regions.data[i].buffers.len; k++) {
            int64_t count = elements(m, &m->plan->buffers.data[m->plan->regions.data[i].buffers.data[k]].type);
            if (count > most) most = count;
        }
        m->regions[i].data = ARENA_ARRAY(arena, double, most + 1);
    }
}

/* The cell of a location, and what it holds when the location's value is there. */
static Cell *cell_at(Machine *m, const Location *at, int *expected) {
    *expected = 1;
    switch (at->kind) {
    case LOC_SLOT: return &m->slots[at->ref];
    case LOC_RESULT: return at->offset ? &m->weights[at->ref] : &m->results[at->ref];
    case LOC_WORKSPACE: *expected = at->ref + 1; return &m->regions[m->plan->buffers.data[at->ref].region];
    case LOC_LOCAL:
    case LOC_INPUT: break;
    }
    BUG("an input in a program without any");
}

static bool is_read(const Node *node) {
    while (node->op == OP_RESHAPE) node = node->inputs[0];
    return node->op == OP_READ;
}

static Tensor load(Machine *m, const Kernel *kernel, const Node *node) {
    int         expected;
    const Cell *cell = cell_at(m, node_location(m->plan, node), &expected);
    if (is_read(node)) expected = 0;
    if (cell->holds != expected)
        WRONG(m, "%s loads node %d (%s), but its place holds %d instead of %d", kernel->name, node->id,
              op_info[node->op].name, cell->holds, expected);
    Tensor value = tensor_new(m->s->arena, &node->type, m->s->symbols);
    memcpy(value.data, cell->data, sizeof(double) * (size_t)value.count);
    return value;
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
        const Store *store = &kernel->stores.data[i];
        int          expected;
        Cell        *cell  = cell_at(m, &store->to, &expected);
        Tensor       value = interp_value(interp, store->node);
        memcpy(cell->data, value.data, sizeof(double) * (size_t)value.count);
        if (store->to.kind != LOC_WORKSPACE && cell->holds) WRONG(m, "%s stores a second time", kernel->name);
        cell->holds = expected;
    }
}

/* ---- what must come out --------------------------------------------------------------------------------------------------------- */

static void compare(Machine *m, const char *what, int index, const Cell *cell, const Tensor *expected) {
    if (!cell->holds)
        WRONG(m, "%s %d was not stored", what, index);
    else if (memcmp(cell->data, expected->data, sizeof(double) * (size_t)expected->count) != 0)
        WRONG(m, "%s %d has another value", what, index);
}

static void check_regions(Machine *m) {
    const FnPlan *plan = m->plan;
    for (int i = 0; i < plan->buffers.len; i++)
        for (int k = 0; k < i; k++) {
            const Buffer *a = &plan->buffers.data[i], *b = &plan->buffers.data[k];
            if (a->region == b->region && a->first <= b->last && b->first <= a->last)
                WRONG(m, "buffers %d and %d live at the same time in one region", k, i);
        }
}

static void simulate(Machine *m, const InterpRun *expected) {
    check_regions(m);
    memory_new(m);
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
