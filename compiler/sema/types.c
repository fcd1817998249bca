/* Types in signatures and declarations: dims from expressions, shapes, sizes, and the kinds of parameters that are not
 * tensors (int, bool, layer, ...). */
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

/* A dim's size, as far as the program text decides it: of a polynomial the sum of its coefficients. */
static int64_t known_size(const Dim *dim) {
    int64_t size = 0;
    if (dim_is_const(dim, &size)) return size;
    for (int i = 0; i < dim_term_count(dim); i++) {
        int64_t coefficient = dim_term(dim, i)->coefficient;
        if (coefficient <= -MAX_ELEMENTS || coefficient >= MAX_ELEMENTS) return MAX_ELEMENTS + 1;
        size += coefficient < 0 ? -coefficient : coefficient;
        if (size > MAX_ELEMENTS) return size;
    }
    return size;
}

bool check_size(Elab *e, const Type *type, Span span) {
    int64_t elements = 1;
    for (int i = 0; i < type->rank; i++) {
        int64_t size = known_size(type->dims[i]);
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

bool check_not_empty(Elab *e, const Type *type, Span span) {
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] == dim_const(e->dims, 0)) {
            sema_error(e, span, E0307, "axis %d of %s has no elements", i, shape_print(e->arena, type));
            return false;
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
bool push_item(Elab *e, Env *env, Type *type, const Expr *item) {
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

/* What other languages' names of element types are here; NULL: no such name. */
static const char *elsewhere_called(const char *name) {
    static const char *const names[][2] = {
        {"float", "real"}, {"float32", "f32"},   {"float64", "f64"}, {"double", "f64"}, {"float16", "f16"},
        {"half", "f16"},   {"bfloat16", "bf16"}, {"int", "i32"},     {"int32", "i32"},  {"int64", "i64"},
        {"long", "i64"},   {"uint8", "u8"},      {"byte", "u8"},     {"char", "u8"},    {"boolean", "bool"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i][0], name)) return names[i][1];
    return NULL;
}

bool eval_type(Elab *e, Env *env, const TypeExpr *type, Type *result) {
    *result = (Type){.elem = type_elem(e, type)};
    if (result->elem == ELEM_COUNT) {
        const char *names[ELEM_COUNT + 1];
        for (int i = 0; i < ELEM_COUNT; i++) names[i] = elem_name((ElemType)i);
        names[ELEM_COUNT] = "real";
        Diag       *diag  = sema_error(e, type->elem.span, E0101, "'%s' is not an element type", type->elem.text);
        const char *near  = elsewhere_called(type->elem.text);
        if (!near) near = nearest_name(type->elem.text, names, ELEM_COUNT + 1);
        if (near) diag_help(diag, "did you mean '%s'?", near);
        return false;
    }
    for (int i = 0; i < type->shape.len; i++)
        if (!push_item(e, env, result, type->shape.data[i])) return false;
    return check_size(e, result, type->span);
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

static const ParamKind kinds[] = {
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

const ParamKind *param_kind(const char *name) {
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

void unknown_kind(Elab *e, const Name *name) {
    const char *names[N_KINDS];
    for (int i = 0; i < N_KINDS; i++) names[i] = kinds[i].name;
    Diag       *diag = sema_error(e, name->span, E0101, "unknown type '%s'", name->text);
    const char *near = nearest_name(name->text, names, N_KINDS);
    if (near) diag_help(diag, "did you mean '%s'?", near);
}
