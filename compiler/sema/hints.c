/* Hints from what was written to what was meant: another callable that takes the arguments as they are, the name that a thing
 * has here. They know no name of the library; they look through its declarations. */
#include "sema/elab.h"

#include <string.h>

/* ---- arguments that another callable takes --------------------------------------------------------------------------- */

bool elem_suits(Elab *e, const ParamDecl *param, Value value) {
    ElemType need = param->type ? type_elem(e, param->type) : ELEM_COUNT;
    if (value.kind != VALUE_TENSOR || need == ELEM_COUNT) return true;
    return elem_is_float(need) == elem_is_float(value.node->type.elem);
}

/* The axes that the pack of a shape takes of a tensor's; -1: the shape has none. False: the rank does not fit. */
static bool rank_suits(const ParamDecl *param, Value value, const char **pack, int *n_packed) {
    *pack     = NULL;
    *n_packed = -1;
    if (!param->type || value.kind != VALUE_TENSOR) return true;
    const ExprVec *shape = &param->type->shape;
    for (int i = 0; i < shape->len; i++)
        if (shape->data[i]->kind == EXPR_PACK) *pack = shape->data[i]->u.name.text;
    int rank = value.node->type.rank, fixed = shape->len - (*pack != NULL);
    if (*pack) *n_packed = rank - fixed;
    return *pack ? rank >= fixed : rank == fixed;
}

static bool is_tensor_param(const ParamDecl *param) {
    return param->type && param->type->has_shape;
}

/* Would element types and ranks do, tensor for tensor? Packs of one name take equally many axes. */
static bool takes(Elab *e, const Decl *decl, const Value *tensors, int n) {
    const ParamDeclVec *params   = &decl->u.callable.params;
    const char         *first    = NULL;
    int                 n_packed = -1, at = 0;
    for (int i = 0; i < params->len; i++) {
        const char *pack;
        int         count;
        if (!is_tensor_param(&params->data[i])) continue;
        if (at == n || !elem_suits(e, &params->data[i], tensors[at])) return false;
        if (!rank_suits(&params->data[i], tensors[at++], &pack, &count)) return false;
        if (pack && !first) first = pack, n_packed = count;
        if (pack && pack == first && count != n_packed) return false;
    }
    return at == n;
}

static bool contains(const char *a, const char *b) {
    return strstr(a, b) || strstr(b, a);
}

static const Decl *alternative_in(Elab *e, const Scope *scope, const Decl *decl, const Value *tensors, int n) {
    for (int i = 0; i < scope->module->decls.len; i++) {
        const Decl *other = scope->module->decls.data[i];
        if (other != decl && other->kind == decl->kind && contains(other->name.text, decl->name.text) &&
            takes(e, other, tensors, n))
            return other;
    }
    return NULL;
}

const Decl *alternative_callable(Elab *e, const Function *fn, const Value *values) {
    const ParamDeclVec *params  = &fn->decl->u.callable.params;
    Value              *tensors = ARENA_ARRAY(e->arena, Value, params->len + 1);
    int                 n       = 0;
    for (int i = 0; i < params->len; i++)
        if (is_tensor_param(&params->data[i])) tensors[n++] = values[i];
    const Decl *found = alternative_in(e, fn->scope, fn->decl, tensors, n);
    for (int i = 0; i < e->scopes.len && !found; i++)
        if (e->scopes.data[i]->is_std) found = alternative_in(e, e->scopes.data[i], fn->decl, tensors, n);
    return found;
}

/* ---- names that hide a callable ---------------------------------------------------------------------------------------- */

Value eval_callee(Elab *e, Env *env, const Expr *callee) {
    Value value = eval_expr(e, env, callee), hidden;
    if (callee->kind != EXPR_NAME || value.kind == VALUE_POISON || value_is_callable(value)) return value;
    const char    *name    = callee->u.name.text;
    const Binding *binding = env_find(env, name);
    while (env->parent) env = env->parent;
    if (!binding || !scope_lookup(e, env->scope, name, &hidden) || !value_is_callable(hidden)) return value;
    const char *what = value_describe(e->arena, hidden);
    Diag       *diag = sema_error(e, callee->span, E0201, "'%s' is %s here, which cannot be called", name,
                                  value_describe(e->arena, value));
    diag_label(diag, binding->span, "hides the %s", what);
    diag_help(diag, "give it another name");
    return value_poison();
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

/* `layer f(x: real[B, D])`: its tensors stand where its hyper-parameters belong. */
bool has_tensor_list(Elab *e, const Decl *decl) {
    const ParamDeclVec *hyper = &decl->u.callable.hyper;
    if (decl->kind != DECL_LAYER || decl->u.callable.params.len) return true;
    for (int i = 0; i < hyper->len; i++) {
        if (!hyper->data[i].type || !hyper->data[i].type->has_shape) continue;
        Diag *diag =
            sema_error(e, hyper->data[i].span, E0204, "layer '%s' has no list for its tensors", decl->name.text);
        diag_help(diag, "a layer has two lists, what it is made with and what it is applied to: layer %s()(%s: ...)",
                  decl->name.text, hyper->data[i].name.text);
        return false;
    }
    return true;
}

/* ---- names of other libraries ----------------------------------------------------------------------------------------- */

void tell_alias(Elab *e, const Env *env, const Expr *name, Value value) {
    while (env->parent) env = env->parent;
    if (env->scope->is_std || value.kind != VALUE_FN || !value.fn->decl || map_has(e->told, name)) return;
    const char *written = name->u.name.text, *here = value.fn->decl->name.text;
    if (!scope_has_alias(e, env->scope, written)) return;
    map_set(e->told, name, (void *)name);
    Diag *diag = diag_warning(e->diags, name->span, W0802, "'%s' is called '%s' here", written, here);
    diag_help(diag, "write %s", here);
}
