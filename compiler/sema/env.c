/* Environments: the local names of one activation, innermost first. */
#include "sema/elab.h"

Env *env_new(Elab *e, Env *parent, Scope *scope) {
    Env *env    = ARENA_NEW(e->arena, Env);
    env->parent = parent;
    env->scope  = scope;
    return env;
}

Binding *env_bind(Elab *e, Env *env, const char *name, Span span, Value value) {
    Binding binding = {.name = name, .span = span, .kind = BIND_VALUE, .value = value, .slot = -1};
    vec_push(e->arena, &env->names, binding);
    return &vec_last(&env->names);
}

Binding *env_find(Env *env, const char *name) {
    for (; env; env = env->parent)
        for (int i = env->names.len - 1; i >= 0; i--)
            if (env->names.data[i].name == name) return &env->names.data[i];
    return NULL;
}
