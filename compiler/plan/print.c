/* --emit=kernels and --emit=plan. */
#include "plan/kernel.h"

#include "plan/fuse.h"

typedef struct Printer {
    Arena         *arena;
    const Program *program;
    const FnPlan  *plan;
    FILE          *out;
} Printer;

static const char *location_print(const Printer *p, const Location *at) {
    const Program *program = p->program;
    switch (at->kind) {
    case LOC_WORKSPACE: return arena_printf(p->arena, "buffer %d", at->ref);
    case LOC_INPUT: return arena_printf(p->arena, "input '%s'", program->inputs.data[at->ref].name);
    case LOC_SLOT: return arena_printf(p->arena, "slot '%s'", program->slots.data[at->ref].path);
    case LOC_KEY: return arena_printf(p->arena, "key of %d", at->ref);
    case LOC_LOCAL: return arena_printf(p->arena, "local %d", at->ref);
    case LOC_RESULT:
        return arena_printf(p->arena, "%s '%s'", at->offset ? "weight of result" : "result",
                            p->plan->fn->results.data[at->ref].name);
    }
    return "?";
}

/* The ops a kernel evaluates and the places it reads, each once, in order of need. */
static void print_body(Printer *p, const Kernel *kernel, Node *root, Map *seen, bool reads) {
    KernelScope scope = {p->plan, kernel};
    NodeVec     order = {0};
    graph_post_order_where(p->arena, root, seen, kernel_computes, &scope, &order);
    for (int i = 0; i < order.len; i++) {
        const Node *node = order.data[i];
        if (!kernel_computes(&scope, node)) {
            if (reads) fprintf(p->out, " %s;", location_print(p, node_location(p->plan, node)));
        } else if (!reads && op_info[node->op].class != SOURCE) {
            fprintf(p->out, " %s", op_info[node->op].name);
        }
    }
}

static void print_bodies(Printer *p, const Kernel *kernel, const char *title, bool reads) {
    Map *seen = map_new(p->arena);
    fprintf(p->out, "    %s:", title);
    for (int i = 0; i < kernel->stores.len; i++) print_body(p, kernel, kernel->stores.data[i].node, seen, reads);
    fputc('\n', p->out);
}

static void print_dims(Printer *p, int n, const Dim *const *dims) {
    fputc('[', p->out);
    for (int i = 0; i < n; i++) fprintf(p->out, "%s%s", i ? ", " : "", dim_print(p->arena, dims[i]));
    fputc(']', p->out);
}

static void print_kernel(Printer *p, const Kernel *kernel) {
    static const char *const levels[] = {"point", "row", "column", "total", "group", "spread"};
    fprintf(p->out, "  kernel %s: rows ", kernel->name);
    print_dims(p, kernel->n_rows, kernel->rows);
    fputs(" inner ", p->out);
    print_dims(p, kernel->n_inner, kernel->inner);
    const char *groups = kernel->groups ? arena_printf(p->arena, ", groups %d", kernel->groups) : "";
    const char *symbol =
        kernel->row_symbol >= 0 ? dim_symbol_name(graph_dims(p->program->graph), kernel->row_symbol) : "";
    const char *apart  = *symbol ? arena_printf(p->arena, ", each of %s apart", symbol) : "";
    const char *window = kernel->window > 1 ? arena_printf(p->arena, ", windows of %d", kernel->window) : "";
    fprintf(p->out, "%s%s%s%s%s%s%s, passes %d%s\n", kernel->flat ? ", flat" : "", kernel->swap ? ", transposed" : "",
            kernel->packed ? ", packed once" : "", groups, kernel->triangle.low ? ", half" : "",
            kernel->clip.rows ? ", clipped" : "", apart, kernel->n_passes, window);
    print_bodies(p, kernel, "ops", false);
    print_bodies(p, kernel, "reads", true);
    for (int i = 0; i < kernel->stores.len; i++) {
        const Store *store = &kernel->stores.data[i];
        fprintf(p->out, "    %s %s -> %s%s\n", levels[store->level], type_print(p->arena, &store->type),
                location_print(p, &store->to), store->passed ? ", passed to its tail" : "");
    }
    if (kernel->tail) fprintf(p->out, "    tail: %s\n", kernel->tail->name);
    fprintf(p->out, "    flops %s, bytes %s\n", dim_print(p->arena, kernel->flops), dim_print(p->arena, kernel->bytes));
    if (!kernel->body) return;
    Printer body = {p->arena, p->program, kernel->body, p->out};
    fprintf(p->out, "  steps of %s: kernels=%d buffers=%d\n", kernel->name, kernel->body->kernels.len,
            kernel->body->buffers.len);
    for (int i = 0; i < kernel->body->kernels.len; i++) print_kernel(&body, kernel->body->kernels.data[i]);
}

void kernels_print(const Plan *plan, FILE *out) {
    Arena *arena = arena_new();
    for (int i = 0; i < plan->fns.len; i++) {
        const FnPlan *fn = plan->fns.data[i];
        Printer       p  = {arena, plan->program, fn, out};
        fprintf(out, "fn %s: kernels=%d buffers=%d\n", fn->fn->name, fn->kernels.len, fn->buffers.len);
        for (int k = 0; k < fn->kernels.len; k++) print_kernel(&p, fn->kernels.data[k]);
    }
    arena_free(arena);
}

static void plan_print_fn(Arena *arena, const FnPlan *fn, const char *what, const char *name, FILE *out) {
    fprintf(out, "%s %s: kernels=%d buffers=%d bytes=%lld\n", what, name, fn->kernels.len, fn->buffers.len,
            (long long)fn->nominal);
    for (int k = 0; k < fn->kernels.len; k++) fprintf(out, "  %3d  %s\n", k, fn->kernels.data[k]->name);
    for (int b = 0; b < fn->buffers.len; b++) {
        const Buffer *buffer = &fn->buffers.data[b];
        const char   *place  = buffer->over >= 0 ? arena_printf(arena, "over buffer %d", buffer->over)
                                                 : arena_printf(arena, "at %lld", (long long)buffer->offset);
        fprintf(out, "  buffer %d: %s, %s, kernels %d to %d, %s: %s\n", b, type_print(arena, &buffer->type), place,
                buffer->first, buffer->last, op_info[buffer->node->op].name, buffer->why ? buffer->why : "");
    }
    for (int k = 0; k < fn->kernels.len; k++)
        if (fn->kernels.data[k]->body)
            plan_print_fn(arena, fn->kernels.data[k]->body, "steps of", fn->kernels.data[k]->name, out);
}

void plan_print(const Plan *plan, FILE *out) {
    Arena *arena = arena_new();
    for (int i = 0; i < plan->fns.len; i++)
        plan_print_fn(arena, plan->fns.data[i], "fn", plan->fns.data[i]->fn->name, out);
    arena_free(arena);
}
