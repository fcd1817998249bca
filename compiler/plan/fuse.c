/* From a function's graph to its kernels: clusters, what is in memory, passes, order. */
#include "plan/plan.h"

/* Every root computes: a bare source or movement is copied by a select of it with itself. */
static Node *root_computes(Graph *graph, Node *node) {
    if (!node || node_computes(node)) return node;
    graph_set_place(graph, node->span, node->origin);
    Type flags = node->type;
    flags.elem = ELEM_BOOL;
    return node_select(graph, node_fill(graph, &flags, 1), node, node);
}

static void roots_compute(Graph *graph, Fn *fn) {
    for (int i = 0; i < fn->results.len; i++) {
        fn->results.data[i].value  = root_computes(graph, fn->results.data[i].value);
        fn->results.data[i].weight = root_computes(graph, fn->results.data[i].weight);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fn->updates.data[i].value = root_computes(graph, fn->updates.data[i].value);
}

static void reach(Fuse *f, const Node *root) {
    if (!root) return;
    f->facts[root->id].reached = true;
    f->facts[root->id].uses++;
}

static void reach_all(Fuse *f) {
    for (int i = 0; i < f->fn->results.len; i++) {
        reach(f, f->fn->results.data[i].value);
        reach(f, f->fn->results.data[i].weight);
    }
    for (int i = 0; i < f->fn->updates.len; i++) reach(f, f->fn->updates.data[i].value);
    for (int id = f->n_facts - 1; id >= 0; id--) { /* users before inputs */
        const Node *node = graph_node_at(f->graph, id);
        for (int i = 0; f->facts[id].reached && i < node->n_inputs; i++) reach(f, node->inputs[i]);
    }
    for (int id = 0; id < f->n_facts; id++)
        if (f->facts[id].reached) vec_push(f->c->arena, &f->nodes, graph_node_at(f->graph, id));
}

static const char *template_name(const Kernel *kernel) {
    switch (kernel->template) {
    case TEMPLATE_CONTRACT: return "contract";
    case TEMPLATE_SCATTER: return "scatter";
    case TEMPLATE_SCAN: return "scan";
    case TEMPLATE_LOOP: break;
    }
    if (kernel->n_rows + kernel->n_inner == 0) return "scalar";
    return kernel->reductions.len ? "row" : "map";
}

FnPlan *fn_plan(Compilation *c, Program *program, Fn *fn, const Scan *scan) {
    if (!scan) tables_from_few_rows(c, program, fn);
    scores_in_bands(c, program->graph, fn);
    columns_from_windows(c, program->graph, fn);
    products_of_channels(c, program->graph, fn);
    products_compute_moves(c, program->graph, fn);
    roots_compute(program->graph, fn);
    factors_leave_operands(c, program->graph, fn);
    masks_from_outputs(c, program->graph, fn);
    scans_take_memory(c, program->graph, fn);
    Fuse f          = {.c = c, .program = program, .fn = fn, .scan = scan, .graph = program->graph};
    f.plan          = ARENA_NEW(c->arena, FnPlan);
    f.plan->fn      = fn;
    f.plan->scan    = scan;
    f.plan->located = map_new(c->arena);
    f.sizes         = nominal_sizes(c, program);
    f.n_facts       = graph_node_count(f.graph);
    f.facts         = ARENA_ARRAY(c->arena, NodeFacts, f.n_facts + 1);
    reach_all(&f);
    products_find_moves(&f);
    f.has_masks    = has_masks(&f);
    f.max_clusters = (f.nodes.len + fn->updates.len + 64) / 64 * 64;
    clusters_assign(&f);
    clusters_merge(&f);
    values_locate(&f);
    kernels_order(&f);
    kernels_clip(&f);
    if (scan) carries_clip(c->arena, f.plan, scan);
    if (!scan) kernels_find_tails(c, f.plan);
    for (int i = 0; i < f.plan->kernels.len; i++) {
        Kernel *kernel = f.plan->kernels.data[i];
        kernel->name   = arena_printf(c->arena, "%s_%d_%s", fn->name, i, template_name(kernel));
        if (kernel->scan) kernel->body = scan_plan(c, program, kernel);
        kernel->row_symbol = kernel->scan && !scan ? scan_row_symbol(c, program, kernel) : -1;
        kernel_cost(&f, kernel);
    }
    return f.plan;
}

Plan *kernels_from_graph(Compilation *c, Program *program) {
    Plan *plan    = ARENA_NEW(c->arena, Plan);
    plan->program = program;
    for (int i = 0; i < program->fns.len; i++)
        vec_push(c->arena, &plan->fns, fn_plan(c, program, program->fns.data[i], NULL));
    plan_fit_memory(c, plan, program);
    return plan;
}
