/* Unification of a signature's dims and packs with an argument's shape.
 *
 * A name in a parameter's shape that is bound already (a hyper-parameter, an earlier argument, an instance dim, a const of
 * the module) must agree; an unbound one is bound. Items that are expressions are compared once their names are
 * bound; one with a single unbound name is solved for it (`2 * D`). */
#include "sema/elab.h"

#include <string.h>

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

/* What makes two sizes one: an assertion where data decides, a layer of its own where the first call has decided. */
static void suggest_size(const Unification *u, Diag *diag, const char *name, const Dim *bound, const Dim *actual) {
    const Binding *binding = env_find(u->env, name);
    suggest_assert(u->e, diag, bound, actual);
    if (!dim_is_const(bound, NULL) || !dim_is_const(actual, NULL)) return;
    if (binding && binding->kind == BIND_KEPT)
        diag_help(diag, "a layer keeps '%s' from its first call: make another layer for tensors of this size", name);
    else
        diag_help(diag, "give both the same '%s' where they are made; a slice takes a part, pad() makes it larger",
                  name);
}

/* Of one axis too few or too many. */
static void suggest_rank(const Unification *u, Diag *diag, int needed) {
    const Type *actual = u->actual;
    int64_t     size;
    if (actual->rank == needed - 1)
        diag_help(diag, "unsqueeze(..., axis = -1) adds an axis of size 1 at the end, axis = 0 in front");
    for (int i = actual->rank - 1; i >= 0 && actual->rank == needed + 1; i--)
        if (dim_is_const(actual->dims[i], &size) && size == 1) {
            diag_help(diag, "squeeze(..., axis = %d) takes the axis of size 1 away", i);
            return;
        }
    if (actual->rank > needed)
        diag_help(diag, "rearrange() makes one axis of several, mean(), max() or a slice take one away");
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
    if (value.kind == VALUE_DIM) suggest_size(u, diag, item->u.name.text, value.dim, u->actual->dims[axis]);
    return false;
}

/* Is one list of dims the other with a 1 after it? The usual mistake about targets. */
static bool differ_by_last_one(const Value *a, const Value *b) {
    if (a->kind != VALUE_LIST || b->kind != VALUE_LIST) return false;
    const List *less = a->list->len < b->list->len ? a->list : b->list, *more = less == a->list ? b->list : a->list;
    int64_t     size;
    if (more->len != less->len + 1) return false;
    for (int i = 0; i < less->len; i++)
        if (!same_value(less->items[i], more->items[i])) return false;
    const Value *last = &more->items[less->len];
    return last->kind == VALUE_DIM && dim_is_const(last->dim, &size) && size == 1;
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
    if (differ_by_last_one(&value, &packed))
        diag_help(diag, "declare both alike, or take the last axis of the longer away: squeeze(..., axis = -1)");
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
        Diag *diag = mismatch(u, -1, "");
        diag_primary(diag, "rank %d, %s%d needed", rank, pack >= 0 ? "at least " : "", n_fixed);
        suggest_rank(u, diag, n_fixed);
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
    if (value.kind == VALUE_TUPLE && u->type->has_shape)
        diag_help(diag, "it is %d values: name each, 'let a, b = ...' ('_' for one that is not used)", value.list->len);
    const char *kind     = u->type->has_shape ? "" : u->type->elem.text;
    bool        callable = !strcmp(kind, "fn") || !strcmp(kind, "layer");
    if (callable && value.kind == VALUE_STRING) diag_help(diag, "a name is written without quotes");
    if (callable && value.kind == VALUE_DIM)
        diag_help(diag, "a layer is given the sizes that it makes: those of what comes in are known from the tensor");
    return false;
}

static bool unify_tensor(const Unification *u, Value *value, bool final) {
    Elab    *e   = u->e;
    bool     any = !strcmp(u->type->elem.text, "any");
    ElemType elem;
    if (value->kind == VALUE_LIST && list_is_numeric(value->list)) {
        Node *literal = tensor_literal(e, *value, any ? ELEM_COUNT : type_elem(e, u->type), u->span);
        if (!literal) return false;
        *value = value_tensor(literal);
    }
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

static bool is_truth_scalar(Value value) {
    return value.kind == VALUE_TENSOR && value.node->type.elem == ELEM_BOOL && !value.node->type.rank;
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
    const ParamKind *kind = param_kind(type->elem.text);
    if (kind)
        return kind->accepts(e, value) || (!strcmp(kind->name, "bool") && is_truth_scalar(*value)) ||
               wrong_kind(&u, *value, kind->needed);
    ElemType elem = type_elem(e, type);
    if (elem != ELEM_COUNT) return unify_scalar(&u, value, elem);
    unknown_kind(e, &type->elem);
    return false;
}
