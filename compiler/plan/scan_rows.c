/* Loops whose rows go their own ways. Where every value of a loop's body has the same symbolic dim as its first axis, or none of it, and
 * no row of a value depends on another row (a recurrent layer: the samples of a batch), the loop over some of the rows is the same loop
 * with that dim smaller. So threads may run all steps of some rows each, and meet once, not at every step. */
#include "ir/scan.h"
#include "plan/fuse.h"
#include "plan/plan.h"

static bool mentions(const Dim *dim, int symbol) {
    for (int i = 0; i < dim_term_count(dim); i++) {
        const DimTerm *term = dim_term(dim, i);
        for (int k = 0; k < term->n_atoms; k++) {
            const DimAtom *atom = &term->atoms[k];
            if (atom->symbol == symbol) return true;
            if (atom->symbol < 0 && (mentions(atom->numerator, symbol) || mentions(atom->denominator, symbol)))
                return true;
        }
    }
    return false;
}

/* The symbol that `dim` is; -1 where it is something else. */
static int symbol_of(DimTable *dims, const Dim *dim) {
    for (int i = 0; i < dim_symbol_count(dims); i++)
        if (dim_symbol(dims, i) == dim) return i;
    return -1;
}

typedef enum Kind { FREE, ROWS, OTHER } Kind; /* no axis is the dim; the first is, and no other; else */

typedef struct Look {
    const Dim *row;
    int        symbol;
} Look;

static Kind kind_of(const Look *look, const Type *type) {
    bool first = type->rank > 0 && type->dims[0] == look->row;
    for (int i = first; i < type->rank; i++)
        if (mentions(type->dims[i], look->symbol)) return OTHER;
    return first ? ROWS : FREE;
}

/* Whether each row of a value with rows is made of the same row of what it is made of. */
static bool keeps_rows(const Look *look, const Node *node) {
    bool of_rows = node->n_inputs > 0 && kind_of(look, &node->inputs[0]->type) == ROWS;
    switch (node->op) {
    case OP_LOCAL:
    case OP_DOT: return true; /* kinds say so: one of its axes is the rows', and is not summed over */
    case OP_EXPAND: return !of_rows || node_axis_below(node, 0) == 0;
    case OP_CONCAT: return of_rows && node->attr.axis != 0;
    case OP_SLIDE: return of_rows && node->attr.slide.axis != 0 && node->attr.slide.by != 0;
    case OP_IOTA: return node->attr.axis != 0;
    case OP_GATHER: return !of_rows;
    default: return of_rows && node_axis_below(node, 0) == 0;
    }
}

static bool goes_its_way(const Look *look, const Node *node) {
    Kind kind = kind_of(look, &node->type);
    if (kind == OTHER) return false;
    if (node->op == OP_DIM && mentions(node->attr.dim, look->symbol)) return false;
    for (int i = 0; kind == FREE && i < node->n_inputs; i++)
        if (kind_of(look, &node->inputs[i]->type) != FREE) return false;
    return kind == FREE || keeps_rows(look, node);
}

int scan_row_symbol(Compilation *c, const Program *program, const Kernel *kernel) {
    const Scan   *scan = kernel->scan->attr.scan;
    const FnPlan *body = kernel->body;
    const Type   *type = scan->carries.len ? &scan->carries.data[0]->type : NULL;
    if (!type || !type->rank) return -1;
    Look    look  = {type->dims[0], symbol_of(graph_dims(program->graph), type->dims[0])};
    NodeVec order = {0};
    Map    *seen  = map_new(c->arena);
    if (look.symbol < 0) return -1;
    for (int i = 0; i < scan->carries.len; i++)
        if (kind_of(&look, &scan->carries.data[i]->type) != ROWS) return -1;
    for (int i = 0; i < scan->emits.len; i++)
        if (kind_of(&look, &scan->emits.data[i]->type) != ROWS) return -1;
    for (int i = 0; i < body->fn->results.len; i++)
        graph_post_order(c->arena, body->fn->results.data[i].value, seen, &order);
    for (int i = 0; i < order.len; i++)
        if (!goes_its_way(&look, order.data[i])) return -1;
    for (int i = 0; i < body->buffers.len; i++)
        if (kind_of(&look, &body->buffers.data[i].type) != ROWS) return -1;
    return look.symbol;
}
