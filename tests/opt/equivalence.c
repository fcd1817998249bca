/* Rewriting changes values at most by rounding: random graphs, and their gradients, are interpreted before and after. What comes out
 * must also verify, be dense and in topological order, and not change when it is optimised again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "autodiff/autodiff.h"
#include "opt/opt.h"
#include "opt/random_graph.h"

enum { GRAPHS = 600, NODES = 24 };

/* By rounding: of f32 where the graph computes anything in it. */
static double rounding(const Graph *graph) {
    for (int i = 0; i < graph_node_count(graph); i++)
        if (graph_node_at(graph, i)->type.elem == ELEM_F32) return 1e-6;
    return 1e-9;
}

static bool same(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return a == b;
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* The first element that differs, or -1. */
static int64_t difference(const Tensor *before, const Tensor *after, double tolerance) {
    if (before->count != after->count) return 0;
    for (int64_t i = 0; i < before->count; i++)
        if (!same(before->data[i], after->data[i], tolerance)) return i;
    return -1;
}

static bool compare(const char *what, int index, const Tensor *before, const Tensor *after, double tolerance) {
    int64_t at = difference(before, after, tolerance);
    if (at >= 0)
        printf("FAILED %s %d: element %lld was %.17g, is %.17g\n", what, index, (long long)at, before->data[at],
               after->data[at]);
    return at < 0;
}

/* Every node is reachable: ids are dense. */
static bool dense(Scratch *s, const Fn *fn) {
    Map    *seen  = map_new(s->arena);
    NodeVec order = {0};
    for (int i = 0; i < fn->results.len; i++) graph_post_order(s->arena, fn->results.data[i].value, seen, &order);
    for (int i = 0; i < fn->updates.len; i++) graph_post_order(s->arena, fn->updates.data[i].value, seen, &order);
    if (order.len == graph_node_count(s->program->graph)) return true;
    printf("FAILED %d nodes, %d of them reachable\n", graph_node_count(s->program->graph), order.len);
    return false;
}

static bool check_graph(uint64_t seed, int *before_count, int *after_count) {
    Scratch *s  = scratch_new(seed);
    Fn      *fn = random_graph(s, NODES, seed % 2);
    if (!graph_add_gradients(&s->c, s->program)) BUG("no gradient");
    InterpArgs args   = scratch_args(s);
    InterpRun  before = interp_run(s->arena, s->program, fn, &args);
    double     close  = rounding(s->program->graph);
    *before_count += graph_node_count(s->program->graph);

    graph_optimise(&s->c, s->program);
    program_verify(s->program, "graph_optimise");
    InterpRun after = interp_run(s->arena, s->program, fn, &args);
    int       count = graph_node_count(s->program->graph);
    bool      ok    = dense(s, fn);
    *after_count += count;
    for (int i = 0; i < fn->results.len; i++) ok &= compare("result", i, &before.results[i], &after.results[i], close);
    for (int i = 0; i < fn->updates.len; i++)
        ok &= compare("gradient", i, &before.updates[i], &after.updates[i], close);

    graph_optimise(&s->c, s->program);
    if (graph_node_count(s->program->graph) != count) {
        printf("FAILED optimised again: %d nodes, then %d\n", count, graph_node_count(s->program->graph));
        ok = false;
    }
    if (!ok) printf("  in graph %llu\n", (unsigned long long)seed);
    scratch_free(s);
    return ok;
}

int main(int argc, char **argv) {
    int failed = 0, before = 0, after = 0;
    if (argc > 1) return !check_graph(strtoull(argv[1], NULL, 10), &before, &after);
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) failed += !check_graph(seed, &before, &after);
    printf("%d graphs, %d nodes before, %d after, %d failed\n", GRAPHS, before, after, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
