/* Tensors written out: [[1.0, 2.0], [3.0, 4.0]]. In a model they are constants; in a test, inputs of the test's program. */
#include "sema/elab.h"

#include "sema/suite.h"

typedef struct Literal {
    Elab *e;
    Span  span;
    Type  type;
    VEC(Value) items;  /* row-major */
    bool whole, truth; /* all of them */
} Literal;

bool list_is_numeric(const List *list) {
    if (!list->len) return false;
    for (int i = 0; i < list->len; i++) {
        Value item = list->items[i];
        if (item.kind == VALUE_LIST ? !list_is_numeric(item.list) : !value_is_numeric(item) && item.kind != VALUE_BOOL)
            return false;
        if (item.kind == VALUE_TENSOR && item.node->type.rank) return false;
    }
    return true;
}

static bool flatten_items(Literal *l, const List *list, int axis) {
    if (axis >= MAX_RANK) {
        sema_error(l->e, l->span, E0307, "a tensor has at most %d axes", MAX_RANK);
        return false;
    }
    if (axis == l->type.rank) l->type.dims[l->type.rank++] = dim_const(l->e->dims, list->len);
    bool deepest = list->items[0].kind != VALUE_LIST;
    bool fits    = l->type.dims[axis] == dim_const(l->e->dims, list->len) && (!deepest || axis == l->type.rank - 1);
    for (int i = 0; fits && i < list->len; i++) {
        Value item = list->items[i];
        if (item.kind == VALUE_LIST) {
            if (deepest) fits = false;
            if (fits && !flatten_items(l, item.list, axis + 1)) return false;
            continue;
        }
        fits = fits && deepest;
        l->whole &= item.kind == VALUE_DIM || (item.kind == VALUE_SCALAR && elem_is_integer(item.node->type.elem));
        l->truth &= item.kind == VALUE_BOOL;
        vec_push(l->e->arena, &l->items, item);
    }
    if (!fits)
        diag_help(sema_error(l->e, l->span, E0301, "the rows of a tensor differ in length"),
                  "each list at one depth has the same number of items");
    return fits;
}

/* A leaf of the test's program; NULL where an item is not known when compiling. */
static Node *test_input(Literal *l) {
    double *values = ARENA_ARRAY(l->e->arena, double, l->items.len + 1);
    for (int i = 0; i < l->items.len; i++) {
        Value item = l->items.data[i];
        if (item.kind == VALUE_BOOL)
            values[i] = item.boolean;
        else if (!const_real(item, &values[i]))
            return NULL;
    }
    ProgInput input = {.name = "tensor", .type = l->type, .span = l->span};
    vec_push(l->e->arena, &l->e->program->inputs, input);
    vec_push(l->e->arena, &l->e->suite->tensors, (const double *)values);
    return node_ref(l->e->graph, OP_INPUT, l->e->program->inputs.len - 1, &l->type);
}

static Node *constant(Literal *l) {
    Elab      *e     = l->e;
    Node     **parts = ARENA_ARRAY(e->arena, Node *, l->items.len + 1);
    const Dim *one   = dim_const(e->dims, 1);
    if (l->items.len > MAX_LITERAL) {
        Diag *diag = sema_error(e, l->span, E0307, "a tensor of %d numbers is too large to write out", l->items.len);
        diag_help(diag, "at most %d; larger tables are inputs or parameters", MAX_LITERAL);
        return NULL;
    }
    for (int i = 0; i < l->items.len; i++) {
        Node *node = convert(e, l->items.data[i], l->type.elem, l->span, "an item of the tensor");
        if (!node) return NULL;
        parts[i] = node_reshape(e->graph, node, 1, &one);
    }
    Node *flat = l->items.len > 1 ? node_concat(e->graph, l->items.len, parts, 0) : parts[0];
    return node_reshape(e->graph, flat, l->type.rank, l->type.dims);
}

Node *tensor_literal(Elab *e, Value list, ElemType elem, Span span) {
    Literal l = {.e = e, .span = span, .whole = true, .truth = true};
    if (!flatten_items(&l, list.list, 0)) return NULL;
    l.type.elem = elem != ELEM_COUNT ? elem : l.truth ? ELEM_BOOL : l.whole ? ELEM_I32 : e->real;
    sema_place(e, span);
    if (!check_size(e, &l.type, span)) return NULL;
    for (int i = 0; i < l.items.len; i++)
        if (!convert(e, l.items.data[i], l.type.elem, span, "an item of the tensor")) return NULL;
    Node *leaf = e->test ? test_input(&l) : NULL;
    return leaf ? leaf : constant(&l);
}
