/* --emit=graph, --emit=grad: one node a line, numbered from 0 in each function. And --emit=dot. */
#include <inttypes.h>

#include "base/map.h"
#include "ir/program.h"
#include "ir/scan.h"

typedef struct Printer {
    const Program *program;
    Arena         *arena;
    FILE          *out;
    Map           *numbers; /* Node * -> number + 1 */
    int            count;
} Printer;

static int number(const Printer *p, const Node *node) {
    return (int)(intptr_t)map_get(p->numbers, node) - 1;
}

static void print_axes(FILE *out, const char *name, int n, const int8_t *axes) {
    fprintf(out, "%s[", name);
    for (int i = 0; i < n; i++) fprintf(out, "%s%d", i ? ", " : "", axes[i]);
    fputc(']', out);
}

static void print_source(FILE *out, const Source *source) {
    static const char *const kinds[] = {NULL, "column", "category", "words", "bytes"};
    if (source->kind == SOURCE_NAME) return;
    fprintf(out, " from %s(", kinds[source->kind]);
    for (int i = 0; i < source->n_columns; i++) fprintf(out, "%s\"%s\"", i ? ", " : "", source->columns[i]);
    if (source->max) fprintf(out, "%smax = %" PRId64, source->n_columns ? ", " : "", source->max);
    if (source->shift) fprintf(out, ", shift = %" PRId64, source->shift);
    if (source->missing == MISSING_MEAN) fprintf(out, ", missing = mean");
    if (source->missing == MISSING_FILL) fprintf(out, ", missing = %.17g", source->fill);
    fputc(')', out);
}

static void print_ref(const Printer *p, const Node *node) {
    static const char *const runtime[] = {"step", "total_steps", "epoch_steps"};
    switch (node->op) {
    case OP_INPUT: fprintf(p->out, " '%s'", p->program->inputs.data[node->attr.ref].name); break;
    case OP_READ: fprintf(p->out, " '%s'", p->program->slots.data[node->attr.ref].path); break;
    case OP_RUNTIME: fprintf(p->out, " %s", runtime[node->attr.ref]); break;
    default: fprintf(p->out, " %d", node->attr.ref);
    }
}

static void print_list(const Printer *p, const char *name, const NodeVec *nodes) {
    fprintf(p->out, " %s=[", name);
    for (int i = 0; i < nodes->len; i++) fprintf(p->out, "%s%%%d", i ? ", " : "", number(p, nodes->data[i]));
    fputc(']', p->out);
}

/* The body stands before its SCAN. */
static void print_scan(const Printer *p, const Scan *scan) {
    fprintf(p->out, " length=%s%s index=%%%d", dim_print(p->arena, scan->length), scan->reverse ? " reverse" : "",
            number(p, scan->index));
    print_list(p, "carries", &scan->carries);
    print_list(p, "slices", &scan->slices);
    print_list(p, "captures", &scan->captures);
    print_list(p, "next", &scan->next);
    print_list(p, "emits", &scan->emits);
}

static void print_attr(const Printer *p, const Node *node) {
    const Attr *attr = &node->attr;
    switch (op_info[node->op].attr) {
    case ATTR_NONE:
    case ATTR_ELEM: break;
    case ATTR_VALUE: fprintf(p->out, " %.17g", attr->value); break;
    case ATTR_DIM: fprintf(p->out, " %s", dim_print(p->arena, attr->dim)); break;
    case ATTR_AXIS: fprintf(p->out, " axis=%d", attr->axis); break;
    case ATTR_AXES: print_axes(p->out, " axes=", attr->axes.count, attr->axes.axes); break;
    case ATTR_OFFSETS:
        fputs(" offsets=[", p->out);
        for (int i = 0; i < node->type.rank; i++)
            fprintf(p->out, "%s%s", i ? ", " : "", dim_print(p->arena, attr->offsets[i]));
        fputc(']', p->out);
        break;
    case ATTR_SLIDE:
        fprintf(p->out, " axis=%d by=%d step=%d dilation=%d before=%s divisor=%d fill=%g", attr->slide.axis,
                attr->slide.by, (int)attr->slide.step, (int)attr->slide.dilation,
                dim_print(p->arena, attr->slide.before), (int)attr->slide.divisor, attr->slide.fill);
        break;
    case ATTR_DOT:
        print_axes(p->out, " batch=", attr->dot.n_batch, attr->dot.left_batch);
        print_axes(p->out, "", attr->dot.n_batch, attr->dot.right_batch);
        print_axes(p->out, " contract=", attr->dot.n_contract, attr->dot.left_contract);
        print_axes(p->out, "", attr->dot.n_contract, attr->dot.right_contract);
        break;
    case ATTR_REF: print_ref(p, node); break;
    case ATTR_SCAN: print_scan(p, attr->scan); break;
    case ATTR_RANDOM: fprintf(p->out, " key=%016" PRIx64 ".%u", attr->random.instance, attr->random.call); break;
    }
}

static void print_node(Printer *p, const Node *node) {
    map_set(p->numbers, node, (void *)(intptr_t)(++p->count));
    fprintf(p->out, "  %%%d = %s", number(p, node), op_info[node->op].name);
    for (int i = 0; i < node->n_inputs; i++) fprintf(p->out, "%s%%%d", i ? ", " : " ", number(p, node->inputs[i]));
    print_attr(p, node);
    fprintf(p->out, " : %s\n", type_print(p->arena, &node->type));
}

/* The nodes under a function's results and updates, inputs first. */
static NodeVec nodes_of(const Printer *p, const Fn *fn) {
    NodeVec order = {0};
    Map    *seen  = map_new(p->arena);
    for (int i = 0; i < fn->results.len; i++) {
        graph_post_order_deep(p->arena, fn->results.data[i].value, seen, &order);
        graph_post_order_deep(p->arena, fn->results.data[i].weight, seen, &order);
    }
    for (int i = 0; i < fn->updates.len; i++) graph_post_order_deep(p->arena, fn->updates.data[i].value, seen, &order);
    return order;
}

static void print_fn(Printer *p, const Fn *fn) {
    NodeVec order = nodes_of(p, fn);
    p->numbers    = map_new(p->arena);
    p->count      = 0;
    fprintf(p->out, "fn %s {\n", fn->name);
    for (int i = 0; i < order.len; i++) print_node(p, order.data[i]);
    for (int i = 0; i < fn->results.len; i++) {
        const Result *result = &fn->results.data[i];
        fprintf(p->out, "  result '%s' = %%%d", result->name, number(p, result->value));
        if (result->weight) fprintf(p->out, " weight %%%d", number(p, result->weight));
        fputc('\n', p->out);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fprintf(p->out, "  update '%s' = %%%d\n", p->program->slots.data[fn->updates.data[i].slot].path,
                number(p, fn->updates.data[i].value));
    fputs("}\n", p->out);
}

static void print_tables(const Printer *p) {
    static const char *const kinds[] = {"param", "state", "fit", "optimizer", "metric", "hyper", "ema", "gradient"};
    const Program           *program = p->program;
    fprintf(p->out, "model %s\n", program->model);
    for (int i = 0; i < program->inputs.len; i++) {
        const ProgInput *input = &program->inputs.data[i];
        fprintf(p->out, "%s '%s' : %s", input->is_target ? "target" : "input", input->name,
                type_print(p->arena, &input->type));
        print_source(p->out, &input->source);
        fputc('\n', p->out);
    }
    for (int i = 0; i < program->slots.len; i++) {
        const Slot *slot = &program->slots.data[i];
        fprintf(p->out, "%s '%s' : %s", kinds[slot->kind], slot->path, type_print(p->arena, &slot->type));
        if (slot->kind == SLOT_HYPER) fprintf(p->out, " = %.17g%s", slot->value, slot->frozen ? ", compiled in" : "");
        if (slot->kind == SLOT_PARAM && slot->frozen) fputs(", frozen", p->out);
        if (slot->frozen) fputs(" frozen", p->out);
        fputc('\n', p->out);
    }
}

void program_print(const Program *program, FILE *out) {
    Arena  *arena = arena_new();
    Printer p     = {program, arena, out, NULL, 0};
    print_tables(&p);
    for (int i = 0; i < program->fns.len; i++) print_fn(&p, program->fns.data[i]);
    arena_free(arena);
}

/* ---- Graphviz ----------------------------------------------------------------------------------------------------------- */

static void dot_node(Printer *p, const Node *node, const char *fn) {
    map_set(p->numbers, node, (void *)(intptr_t)(++p->count));
    fprintf(p->out, "    %s_%d [label=\"%s", fn, number(p, node), op_info[node->op].name);
    print_attr(p, node);
    fprintf(p->out, "\\n%s\"];\n", type_print(p->arena, &node->type));
    for (int i = 0; i < node->n_inputs; i++)
        fprintf(p->out, "    %s_%d -> %s_%d;\n", fn, number(p, node->inputs[i]), fn, number(p, node));
}

void program_print_dot(const Program *program, FILE *out) {
    Arena  *arena = arena_new();
    Printer p     = {program, arena, out, NULL, 0};
    fprintf(out, "digraph \"%s\" {\n  node [shape=box, fontname=\"monospace\"];\n", program->model);
    for (int i = 0; i < program->fns.len; i++) {
        const Fn *fn = program->fns.data[i];
        p.numbers    = map_new(arena);
        p.count      = 0;
        fprintf(out, "  subgraph \"cluster_%s\" {\n    label=\"%s\";\n", fn->name, fn->name);
        NodeVec order = nodes_of(&p, fn);
        for (int k = 0; k < order.len; k++) dot_node(&p, order.data[k], fn->name);
        fputs("  }\n", out);
    }
    fputs("}\n", out);
    arena_free(arena);
}
