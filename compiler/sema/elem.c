/* Numbers becoming graph nodes: element types, promotion, and how literals, dims and hyper-parameters adapt. */
#include "sema/elab.h"

#include <math.h>

bool const_int(Value value, int64_t *result) {
    if (value.kind == VALUE_DIM) return dim_is_const(value.dim, result);
    if (value.kind != VALUE_REAL || value.real != floor(value.real) || fabs(value.real) > 9e15) return false;
    *result = (int64_t)value.real;
    return true;
}

bool const_real(Value value, double *result) {
    int64_t integer;
    if (value.kind == VALUE_DIM && dim_is_const(value.dim, &integer)) {
        *result = (double)integer;
        return true;
    }
    *result = value.kind == VALUE_REAL ? value.real : 0.0;
    return value.kind == VALUE_REAL;
}

Node *scalar_node(Elab *e, Value value) {
    double  real;
    int64_t integer;
    switch (value.kind) {
    case VALUE_SCALAR:
    case VALUE_TENSOR: return value.node;
    case VALUE_BOOL: return node_const(e->graph, ELEM_BOOL, value.boolean);
    case VALUE_DIM:
        return dim_is_const(value.dim, &integer) ? node_const(e->graph, ELEM_I64, (double)integer)
                                                 : node_dim(e->graph, value.dim);
    default: break;
    }
    return const_real(value, &real) ? node_const(e->graph, ELEM_F64, real) : NULL;
}

static Node *mismatch(Elab *e, Value value, ElemType elem, Span span, const char *what) {
    Diag *diag = sema_error(e, span, E0401, "%s is %s, but %s is needed", what, value_describe(e->arena, value),
                            elem_name(elem));
    if (value.kind == VALUE_TENSOR && value.node->type.elem == ELEM_BOOL && elem != ELEM_BOOL)
        diag_help(diag, "convert it with cast(..., %s)", elem == e->real ? "real" : elem_name(elem));
    else if (value.kind == VALUE_TENSOR && elem_is_narrow(elem))
        diag_help(diag, "nothing is rounded to %s by itself: write cast(..., %s)", elem_name(elem), elem_name(elem));
    else if (value.kind == VALUE_TENSOR)
        diag_help(diag, "integers do not convert by themselves: write cast(..., %s)",
                  elem == e->real ? "real" : elem_name(elem));
    return NULL;
}

/* Can the number be written in the type? Floats round, integers do not; none beyond 2^53 can be told from another. */
static bool holds(ElemType elem, double value) {
    static const double top = 9007199254740992.0;
    switch (elem) {
    case ELEM_U8: return value == floor(value) && value >= 0 && value <= UINT8_MAX;
    case ELEM_I32: return value == floor(value) && value >= INT32_MIN && value <= INT32_MAX;
    case ELEM_I64: return value == floor(value) && value >= -top && value <= top;
    default: return true;
    }
}

Node *convert(Elab *e, Value value, ElemType elem, Span span, const char *what) {
    double real;
    if (value.kind == VALUE_POISON) return NULL;
    sema_place(e, span);
    if (value.kind == VALUE_BOOL)
        return elem == ELEM_BOOL ? node_const(e->graph, ELEM_BOOL, value.boolean)
                                 : mismatch(e, value, elem, span, what);
    if (!value_is_numeric(value)) return mismatch(e, value, elem, span, what);
    if (value.kind == VALUE_TENSOR || (value.kind == VALUE_SCALAR && elem == ELEM_BOOL)) {
        ElemType own = value.node->type.elem;
        if (own == elem) return value.node;
        if (value.kind == VALUE_TENSOR && elem_is_float(own) && elem_is_float(elem) && !elem_is_narrow(elem))
            return node_cast(e->graph, elem, value.node);
        return mismatch(e, value, elem, span, what);
    }
    if (elem == ELEM_BOOL) return mismatch(e, value, elem, span, what);
    if (const_real(value, &real)) {
        if (!holds(elem, real)) return mismatch(e, value, elem, span, what);
        return node_const(e->graph, elem, real);
    }
    Node *node = scalar_node(e, value);
    if (elem_is_integer(elem) && elem_is_float(node->type.elem)) return mismatch(e, value, elem, span, what);
    return node_cast(e->graph, elem, node);
}

ElemType computed_elem(const Elab *e, ElemType elem) {
    return elem_is_narrow(elem) ? e->real : elem;
}

Node *computed(Elab *e, Node *node) {
    return node_cast(e->graph, computed_elem(e, node->type.elem), node);
}

/* f64 over f32 over the halves; the two halves meet in f32. */
static ElemType wider(ElemType a, ElemType b) {
    if (a == b) return a;
    if (a == ELEM_F64 || b == ELEM_F64) return ELEM_F64;
    return ELEM_F32;
}

/* Does a literal, dim or hyper-parameter adapt to a tensor of type elem? */
static bool adapts(Value value, ElemType elem) {
    double real;
    if (elem_is_float(elem)) return true;
    if (elem == ELEM_BOOL) return false;
    if (const_real(value, &real)) return holds(elem, real);
    return value.kind == VALUE_DIM || (value.kind == VALUE_SCALAR && elem_is_integer(value.node->type.elem));
}

bool promote(Value a, Value b, ElemType *elem) {
    if (a.kind == VALUE_TENSOR && b.kind == VALUE_TENSOR) {
        ElemType ea = a.node->type.elem, eb = b.node->type.elem;
        bool     floats = elem_is_float(ea) && elem_is_float(eb);
        *elem           = floats ? wider(ea, eb) : ea;
        return floats || ea == eb;
    }
    Value tensor = a.kind == VALUE_TENSOR ? a : b, other = a.kind == VALUE_TENSOR ? b : a;
    *elem = tensor.node->type.elem;
    return adapts(other, *elem);
}

static bool is_narrow(Value value) {
    return value.kind == VALUE_TENSOR && elem_is_narrow(value.node->type.elem);
}

bool promote_computed(const Elab *e, Value a, Value b, ElemType *elem) {
    bool fits = promote(a, b, elem);
    *elem     = is_narrow(a) && is_narrow(b) ? e->real : computed_elem(e, *elem);
    return fits;
}

Node *expand_to(Elab *e, Node *node, const Type *shape) {
    Type type = *shape;
    type.elem = node->type.elem;
    return node->type.rank == 0 && type.rank > 0 ? node_expand_scalar(e->graph, node, &type) : node;
}

/* ---- folding of hyper-parameters ------------------------------------------------------------------------------------------ */

enum { FOLD_DEPTH = 24 };

static void bake(Elab *e, const Slot *slot) {
    const char *key = intern(e->c->names, slot->path);
    if (map_has(e->baked, key)) return;
    map_set(e->baked, key, (void *)(uintptr_t)key);
    e->bakes++;
}

static double fold_op(const Node *node, const double *x, bool *known) {
    switch (node->op) {
    case OP_CAST: return elem_is_integer(node->type.elem) ? trunc(x[0]) : x[0];
    case OP_NEG: return -x[0];
    case OP_ADD: return x[0] + x[1];
    case OP_SUB: return x[0] - x[1];
    case OP_MUL: return x[0] * x[1];
    case OP_DIV: return x[0] / x[1];
    case OP_MIN: return fmin(x[0], x[1]);
    case OP_MAX: return fmax(x[0], x[1]);
    case OP_LT: return x[0] < x[1];
    case OP_LE: return x[0] <= x[1];
    case OP_EQ: return x[0] == x[1];
    case OP_NE: return x[0] != x[1];
    case OP_AND: return x[0] != 0 && x[1] != 0;
    case OP_OR: return x[0] != 0 || x[1] != 0;
    case OP_NOT: return x[0] == 0;
    default: *known = false; return 0.0;
    }
}

static bool fold(Elab *e, const Node *node, int depth, bool bakes, double *result) {
    if (node->type.rank || node->n_inputs > 2 || depth > FOLD_DEPTH) return false;
    if (node->op == OP_CONST) {
        *result = node->attr.value;
        return true;
    }
    if (node->op == OP_READ && e->program->slots.data[node->attr.ref].kind == SLOT_HYPER) {
        *result = e->program->slots.data[node->attr.ref].value;
        if (bakes) bake(e, &e->program->slots.data[node->attr.ref]);
        return true;
    }
    double inputs[2] = {0, 0};
    bool   known     = node->n_inputs > 0;
    for (int i = 0; i < node->n_inputs && known; i++) known = fold(e, node->inputs[i], depth + 1, bakes, &inputs[i]);
    if (known) *result = fold_op(node, inputs, &known);
    return known;
}

bool fold_scalar(Elab *e, const Node *node, double *result) {
    return fold(e, node, 0, true, result);
}

bool peek_scalar(Elab *e, const Node *node, double *result) {
    return fold(e, node, 0, false, result);
}
