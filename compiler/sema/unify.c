/* Types of signatures: evaluation of shapes, and unification of a signature's dims and packs with an argument's shape.
 *
 * A name in a parameter's shape that is bound already (a hyper-parameter, an earlier argument, an instance dim, a const of
 * the module) must agree; an unbound one is bound. Items that are expressions are compared once their names are
 * bound; one with a single unbound name is solved for it (`2 * D`). */
#include "sema/elab.h"

#include <string.h>

const char *type_expr_print(Elab *e, const TypeExpr *type) {
    size_t      length;
    const char *text = diags_source_text(e->diags, type->span.file, &length);
    if (!text || type->span.end > length || type->span.end < type->span.begin) return type->elem.text;
    return arena_strndup(e->arena, text + type->span.begin, type->span.end - type->span.begin);
}

ElemType type_elem(Elab *e, const TypeExpr *type) {
    if (!type->elem.text) return ELEM_COUNT;
    if (!strcmp(type->elem.text, "real")) return e->real;
    return elem_parse(type->elem.text);
}

bool check_size(Elab *e, const Type *type, Span span) {
    int64_t elements = 1;
    for (int i = 0; i < type->rank; i++) {
        int64_t size;
        if (!dim_is_const(type->dims[i], &size)) continue;
        if (size < 0) {
            sema_error(e, span, E0307, "axis %d of %s is negative", i, shape_print(e->arena, type));
            return false;
        }
        if (size && elements > MAX_ELEMENTS / size) {
            sema_error(e, span, E0307, "%s has too many elements", shape_print(e->arena, type));
            return false;
        }
        elements *= size ? size : 1;
    }
    return true;
}

/* ---- dims from expressions ------------------------------------------------------------------------------------------------- */

static const Dim *value_to_dim(Elab *e, Value value, Span span, const char *what) {
    int64_t integer;
    double  real;
    if (value.kind == VALUE_POISON) return NULL;
    if (value.kind == VALUE_DIM) return value.dim;
    if (const_int(value, &integer)) return dim_const(e->dims, integer);
    if (value.kind == VALUE_SCALAR && fold_scalar(e, value.node, &real) && const_int(value_real(real), &integer))
        return dim_const(e->dims, integer);
    sema_error(e, span, E0502, "%s must be an integer known when compiling, not %s", what,
               value_describe(e->arena, value));
    return NULL;
}

const Dim *eval_dim(Elab *e, Env *env, const Expr *expr, const char *what) {
    return value_to_dim(e, eval_expr(e, env, expr), expr->span, what);
}

static bool too_many_axes(Elab *e, Span span) {
    sema_error(e, span, E0307, "a tensor has at most %d axes", MAX_RANK);
    return false;
}

static bool push_dim(Elab *e, Type *type, const Dim *dim, Span span) {
    if (!dim) return false;
    if (type->rank == MAX_RANK) return too_many_axes(e, span);
    type->dims[type->rank++] = dim;
    return true;
}

/* A shape's item: a dim, or a pack's dims. */
static bool push_item(Elab *e, Env *env, Type *type, const Expr *item) {
    Value value;
    if (item->kind == EXPR_NAME && !env_find(env, item->u.name.text) &&
        !scope_lookup(e, env->scope, item->u.name.text, &value))
        return scope_unknown(e, env, item->u.name.text, item->span, "dim").kind != VALUE_POISON;
    value = eval_expr(e, env, item);
    if (value.kind != VALUE_LIST) return push_dim(e, type, value_to_dim(e, value, item->span, "a dim"), item->span);
    for (int i = 0; i < value.list->len; i++)
        if (!push_dim(e, type, value_to_dim(e, value.list->items[i], item->span, "a dim"), item->span)) return false;
    return true;
}

bool eval_type(Elab *e, Env *env, const TypeExpr *type, Type *result) {
    *result = (Type){.elem = type_elem(e, type)};
    if (result->elem == ELEM_COUNT) {
        const char *names[ELEM_COUNT + 1];
        for (int i = 0; i < ELEM_COUNT; i++) names[i] = elem_name((ElemType)i);
        names[ELEM_COUNT] = "real";
        Diag       *diag  = sema_error(e, type->elem.span, E0101, "'%s' is not an element type", type->elem.text);
        const char *near  = nearest_name(type->elem.text, names, ELEM_COUNT + 1);
        if (near) diag_help(diag, "did you mean '%s'?", near);
        return false;
    }
    if (result->elem == ELEM_BF16 || result->elem == ELEM_F16) {
        sema_error(e, type->elem.span, E0601, "%s tensors need a later version of nnc", type->elem.text);
        return false;
    }
    for (int i = 0; i < type->shape.len; i++)
        if (!push_item(e, env, result, type->shape.data[i])) return false;
    return check_size(e, result, type->span);
}

/* ---- unification ---------------------------------------------------------------------------------------------------------- */

typedef struct Unification {
    Elab           *e;
    Env            *env;
    const TypeExpr *type;
    const Type     *actual;
    Span            span; /* the argument */
    const char     *what;
} Unification;

/* A name of a signature: bound in the call, or an integer const of the module. */
static bool known_dim(Elab *e, Env *env, const char *name, Value *value, Span *bound_at) {
    Binding *binding = env_find(env, name);
    if (binding) {
        *value    = binding->value;
        *bound_at = binding->span;
        return true;
    }
    const Decl *decl = map_get(env->scope->decls, name);
    if (!decl || decl->kind != DECL_CONST) return false;
    *bound_at = decl->name.span;
    return scope_lookup(e, env->scope, name, value) && value->kind == VALUE_DIM;
}

static Diag *mismatch(const Unification *u, int axis, const char *why) {
    Elab *e    = u->e;
    Diag *diag = sema_error(e, u->span, E0302, "%s is %s, but %s is needed", u->what, type_print(e->arena, u->actual),
                            type_expr_print(e, u->type));
    if (axis >= 0) diag_primary(diag, "axis %d is %s%s", axis, dim_print(e->arena, u->actual->dims[axis]), why);
    return diag;
}

static bool unify_name(const Unification *u, const Expr *item, int axis) {
    Value value;
    Span  bound_at;
    if (!known_dim(u->e, u->env, item->u.name.text, &value, &bound_at)) {
        env_bind(u->e, u->env, item->u.name.text, u->span, value_dim(u->actual->dims[axis]));
        return true;
    }
    if (value.kind == VALUE_POISON) return false;
    if (value.kind == VALUE_DIM && value.dim == u->actual->dims[axis]) return true;
    Diag *diag = mismatch(u, axis, "");
    diag_label(diag, bound_at, "'%s' is %s", item->u.name.text,
               value.kind == VALUE_DIM ? dim_print(u->e->arena, value.dim) : value_describe(u->e->arena, value));
    if (value.kind == VALUE_DIM) suggest_assert(u->e, diag, value.dim, u->actual->dims[axis]);
    return false;
}

static bool unify_pack(const Unification *u, const Expr *item, int axis, int count) {
    Value packed = value_shape(u->e->arena, count, u->actual->dims + axis);
    Value value;
    Span  bound_at;
    if (!known_dim(u->e, u->env, item->u.name.text, &value, &bound_at)) {
        env_bind(u->e, u->env, item->u.name.text, u->span, packed);
        return true;
    }
    if (value.kind == VALUE_POISON) return false;
    if (same_value(value, packed)) return true;
    Diag *diag = mismatch(u, -1, "");
    diag_primary(diag, "'%s' is %s here", item->u.name.text, value_describe(u->e->arena, packed));
    diag_label(diag, bound_at, "'%s' is %s", item->u.name.text, value_describe(u->e->arena, value));
    return false;
}

typedef struct Unbound {
    Elab       *e;
    Env        *env;
    const char *name; /* the last one met */
    int         count;
} Unbound;

static bool count_unbound(void *context, const char *name, Span span) {
    Unbound *unbound = context;
    Value    value;
    Span     bound_at;
    (void)span;
    if (!known_dim(unbound->e, unbound->env, name, &value, &bound_at)) {
        unbound->name = name;
        unbound->count++;
    }
    return false;
}

static int unbound_names(Elab *e, Env *env, const Expr *expr) {
    Unbound unbound = {e, env, NULL, 0};
    walk_expr(expr, count_unbound, &unbound);
    return unbound.count;
}

/* Solves expr == target for the one unbound name in expr, through +, - and *. */
static bool solve(const Unification *u, const Expr *expr, const Dim *target) {
    Elab *e = u->e;
    if (expr->kind == EXPR_NAME) {
        env_bind(e, u->env, expr->u.name.text, u->span, value_dim(target));
        return true;
    }
    if (expr->kind != EXPR_BINARY) return false;
    const Expr *left = expr->u.binary.left, *right = expr->u.binary.right;
    bool        in_left = unbound_names(e, u->env, left) > 0;
    const Dim  *known = eval_dim(e, u->env, in_left ? right : left, "a dim"), *next = NULL;
    if (!known) return false;
    switch (expr->u.binary.op) {
    case BIN_ADD: next = dim_sub(e->dims, target, known); break;
    case BIN_SUB: next = in_left ? dim_add(e->dims, target, known) : dim_sub(e->dims, known, target); break;
    case BIN_MUL:
        if (known == dim_const(e->dims, 0)) return false;
        next = dim_floordiv(e->dims, target, known);
        if (!next || dim_mul(e->dims, next, known) != target) return false;
        break;
    default: return false;
    }
    return next && solve(u, in_left ? left : right, next);
}

static bool unify_expression(const Unification *u, const Expr *item, int axis) {
    const Dim *actual  = u->actual->dims[axis];
    int        unbound = unbound_names(u->e, u->env, item);
    if (unbound == 1) {
        if (solve(u, item, actual)) return true;
        mismatch(u, axis, "");
        return false;
    }
    if (unbound > 1) {
        sema_error(u->e, item->span, E0305, "cannot infer the dims of this shape from its arguments");
        return false;
    }
    const Dim *needed = eval_dim(u->e, u->env, item, "a dim");
    if (!needed) return false;
    if (needed == actual) return true;
    Diag *diag = mismatch(u, axis, "");
    diag_label(diag, item->span, "this is %s", dim_print(u->e->arena, needed));
    return false;
}

static int find_pack(const ExprVec *shape) {
    for (int i = 0; i < shape->len; i++)
        if (shape->data[i]->kind == EXPR_PACK) return i;
    return -1;
}

static bool unify_shape(const Unification *u) {
    const ExprVec *shape = &u->type->shape;
    int            pack = find_pack(shape), rank = u->actual->rank, n_fixed = shape->len - (pack >= 0);
    if (rank < n_fixed || (pack < 0 && rank != n_fixed)) {
        diag_primary(mismatch(u, -1, ""), "rank %d, %s%d needed", rank, pack >= 0 ? "at least " : "", n_fixed);
        return false;
    }
    int n_packed = rank - n_fixed;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < shape->len; i++) {
            const Expr *item = shape->data[i];
            int         axis = pack >= 0 && i > pack ? i + n_packed - 1 : i;
            bool        name = item->kind == EXPR_NAME || item->kind == EXPR_PACK;
            if (name != (pass == 0)) continue;
            if (item->kind == EXPR_PACK ? !unify_pack(u, item, axis, n_packed)
                : name                  ? !unify_name(u, item, axis)
                                        : !unify_expression(u, item, axis))
                return false;
        }
    }
    return true;
}

static bool wrong_kind(const Unification *u, Value value, const char *needed) {
    Diag *diag = sema_error(u->e, u->span, E0206, "%s is %s, but %s is needed", u->what,
                            value_describe(u->e->arena, value), needed);
    if (value.kind == VALUE_LAYER && u->type->has_shape)
        diag_help(diag, "the layer has not been applied: pass it a tensor with '|>' or layer(...)(x)");
    return false;
}

static bool unify_tensor(const Unification *u, Value *value, bool final) {
    Elab    *e   = u->e;
    bool     any = !strcmp(u->type->elem.text, "any");
    ElemType elem;
    if (value->kind == VALUE_TENSOR) {
        elem       = any ? value->node->type.elem : type_elem(e, u->type);
        Node *node = convert(e, *value, elem, u->span, u->what);
        if (!node) return false;
        Unification shaped = *u;
        Type        actual = node->type;
        shaped.actual      = &actual;
        if (!unify_shape(&shaped)) return false;
        value->node = node;
        return true;
    }
    if (!value_is_numeric(*value))
        return wrong_kind(u, *value, arena_printf(e->arena, "a tensor %s", type_expr_print(e, u->type)));
    if (!final) return true;
    Type type = {.elem = any ? e->real : type_elem(e, u->type)};
    for (int i = 0; i < u->type->shape.len; i++) {
        const Expr *item = u->type->shape.data[i];
        Value       bound;
        Span        at;
        if (item->kind == EXPR_PACK && !known_dim(e, u->env, item->u.name.text, &bound, &at)) {
            env_bind(e, u->env, item->u.name.text, u->span, value_list(e->arena, VALUE_LIST, 0, NULL));
            continue;
        }
        if (item->kind == EXPR_NAME && !known_dim(e, u->env, item->u.name.text, &bound, &at))
            return wrong_kind(u, *value, arena_printf(e->arena, "a tensor %s", type_expr_print(e, u->type)));
        if (!push_item(e, u->env, &type, item)) return false;
    }
    Node *node = convert(e, *value, type.elem, u->span, u->what);
    if (!node) return false;
    *value = value_tensor(expand_to(e, node, &type));
    return true;
}

/* ---- kinds of parameters that are not tensors ---------------------------------------------------------------------------------- */

static bool is_int(Elab *e, Value *value) {
    int64_t integer;
    double  real;
    if (value->kind == VALUE_DIM) return true;
    if (value->kind == VALUE_SCALAR && fold_scalar(e, value->node, &real)) *value = value_real(real);
    if (!const_int(*value, &integer)) return false;
    *value = value_dim(dim_const(e->dims, integer));
    return true;
}

static bool is_steps(Elab *e, Value *value) {
    (void)e;
    return value->kind == VALUE_DIM || value->kind == VALUE_REAL || value->kind == VALUE_SCALAR;
}

static bool is_bool(Elab *e, Value *value) {
    (void)e;
    return value->kind == VALUE_BOOL;
}

static bool is_string(Elab *e, Value *value) {
    (void)e;
    return value->kind == VALUE_STRING;
}

static bool is_list(Elab *e, Value *value) {
    (void)e;
    return value->kind == VALUE_LIST;
}

static bool is_dims(Elab *e, Value *value) {
    if (value->kind == VALUE_DIM) *value = value_list(e->arena, VALUE_LIST, 1, value);
    if (value->kind != VALUE_LIST) return false;
    for (int i = 0; i < value->list->len; i++) {
        Value item = value->list->items[i];
        if (!is_int(e, &item)) return false;
    }
    return true;
}

static bool is_callable(Elab *e, Value *value) {
    (void)e;
    return value_is_callable(*value);
}

static bool is_declared(Value value, DeclKind kind) {
    return value.kind == VALUE_FN && value.fn->decl && value.fn->decl->kind == kind;
}

static bool is_schedule(Elab *e, Value *value) {
    (void)e;
    return is_declared(*value, DECL_SCHEDULE) || value->kind == VALUE_REAL || value->kind == VALUE_DIM ||
           value->kind == VALUE_SCALAR;
}

static bool is_optimizer(Elab *e, Value *value) {
    (void)e;
    return is_declared(*value, DECL_OPTIMIZER);
}

static bool is_initialiser(Elab *e, Value *value) {
    (void)e;
    return value_is_callable(*value) || value_is_numeric(*value);
}

static bool is_elem(Elab *e, Value *value) {
    (void)e;
    return value->kind == VALUE_ELEM;
}

static bool is_any(Elab *e, Value *value) {
    (void)e, (void)value;
    return true;
}

typedef struct KindRow {
    const char *name;
    bool (*accepts)(Elab *e, Value *value);
    const char *needed;
} KindRow;

static const KindRow kinds[] = {
    {"int", is_int, "an integer known when compiling"},
    {"dim", is_int, "a dim"},
    {"steps", is_steps, "a number of steps"},
    {"bool", is_bool, "true or false"},
    {"string", is_string, "a string"},
    {"list", is_list, "a list"},
    {"dims", is_dims, "a list of dims"},
    {"shape", is_dims, "a list of dims"},
    {"layer", is_callable, "a layer"},
    {"fn", is_callable, "a fn or layer"},
    {"schedule", is_schedule, "a schedule"},
    {"optimizer", is_optimizer, "an optimizer"},
    {"initialiser", is_initialiser, "an initialiser"},
    {"initializer", is_initialiser, "an initialiser"},
    {"type", is_elem, "an element type"},
    {"any", is_any, "a value"},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* `real`, `i64`: one number, known when compiling or not. */
static bool unify_scalar(const Unification *u, Value *value, ElemType elem) {
    if (value->kind == VALUE_TENSOR) {
        if (value->node->type.rank) return wrong_kind(u, *value, "a single number");
        Node *node = convert(u->e, *value, elem, u->span, u->what);
        if (node && node != value->node) value->node = node;
        return node != NULL;
    }
    if (!value_is_numeric(*value)) return wrong_kind(u, *value, "a number");
    int64_t integer;
    if (elem_is_integer(elem) && value->kind == VALUE_REAL && !const_int(*value, &integer))
        return wrong_kind(u, *value, "an integer");
    if (elem_is_float(elem) && value->kind == VALUE_DIM && dim_is_const(value->dim, &integer))
        *value = value_real((double)integer);
    return true;
}

bool unify(Elab *e, Env *env, const TypeExpr *type, Value *value, Span span, const char *what, bool final) {
    if (!type || !type->elem.text) return true;
    if (value->kind == VALUE_POISON) return false;
    Unification u = {e, env, type, NULL, span, what};
    sema_place(e, span);
    if (type->has_shape) {
        if (type_elem(e, type) == ELEM_COUNT && strcmp(type->elem.text, "any")) {
            Type unused;
            return eval_type(e, env, type, &unused); /* reports the name */
        }
        return unify_tensor(&u, value, final);
    }
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].name, type->elem.text))
            return kinds[i].accepts(e, value) ||
                   (!strcmp(kinds[i].name, "bool") && value->kind == VALUE_TENSOR &&
                    value->node->type.elem == ELEM_BOOL && !value->node->type.rank) ||
                   wrong_kind(&u, *value, kinds[i].needed);
    ElemType elem = type_elem(e, type);
    if (elem != ELEM_COUNT) return unify_scalar(&u, value, elem);
    const char *names[N_KINDS];
    for (int i = 0; i < N_KINDS; i++) names[i] = kinds[i].name;
    Diag       *diag = sema_error(e, type->elem.span, E0101, "unknown type '%s'", type->elem.text);
    const char *near = nearest_name(type->elem.text, names, N_KINDS);
    if (near) diag_help(diag, "did you mean '%s'?", near);
    return false;
}
