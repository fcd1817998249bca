/* Modules: declarations, imports, the prelude, and the search for a name.
 *
 * A name is looked for among the module's own declarations, then the open imports (`import a.b` without `as`; through
 * modules of the library they are followed further, so that std.nn can be made of parts), the builtins, the prelude. */
#include "sema/elab.h"

#include "ast/parse.h"
#include "embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Scope *load_import(Elab *e, const Scope *from, const NameVec *path, Span span);

static const char *folder_of(Elab *e, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(e->arena, path, (size_t)(slash - path)) : ".";
}

static void add_import(Elab *e, Scope *scope, const Decl *decl) {
    const NameVec *path     = &decl->u.import.path;
    Scope         *imported = load_import(e, scope, path, decl->span);
    if (!imported) return;
    const Name *alias  = &decl->u.import.alias;
    Import      import = {imported, alias->text ? alias->text : path->data[path->len - 1].text, !alias->text};
    vec_push(e->arena, &scope->imports, import);
}

static void add_decl(Elab *e, Scope *scope, Decl *decl) {
    const Decl *earlier = map_get(scope->decls, decl->name.text);
    if (earlier) {
        Diag *diag = diag_error(e->diags, decl->name.span, E0102, "'%s' is declared twice", decl->name.text);
        diag_label(diag, earlier->name.span, "first declared here");
        return;
    }
    map_set(scope->decls, decl->name.text, decl);
}

static void scope_fill(Elab *e, Scope *scope) {
    scope->loading = true;
    vec_push(e->arena, &e->loading, scope);
    for (int i = 0; i < scope->module->decls.len; i++) {
        Decl *decl = scope->module->decls.data[i];
        if (decl->kind == DECL_IMPORT)
            add_import(e, scope, decl);
        else if (decl->kind != DECL_ERROR && decl->kind != DECL_TEST && decl->name.text)
            add_decl(e, scope, decl);
    }
    e->loading.len--;
    scope->loading = false;
    check_returns_and_dims(e, scope->module);
    vec_push(e->arena, &e->scopes, scope);
}

static Scope *scope_new(Elab *e, Module *module, const char *name, const char *folder, bool is_std) {
    Scope *scope  = ARENA_NEW(e->arena, Scope);
    scope->name   = name;
    scope->folder = folder;
    scope->is_std = is_std;
    scope->module = module;
    scope->decls  = map_new(e->arena);
    scope->consts = map_new(e->arena);
    return scope;
}

Scope *scope_of_module(Elab *e, Module *module, const char *path) {
    Scope *scope = scope_new(e, module, path, folder_of(e, path), false);
    map_set(e->modules, intern(e->c->names, path), scope);
    scope_fill(e, scope);
    return scope;
}

/* ---- finding files ------------------------------------------------------------------------------------------------------ */

static char *read_file(Elab *e, const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char  *text = arena_alloc(e->arena, 1);
    size_t used = 0, room = 0;
    bool   fine = true;
    for (;;) {
        if (used == room) {
            size_t grown = room ? room * 2 : 1 << 14;
            if (grown > MAX_IMPORT_FILE * 2u) {
                fine = false;
                break;
            }
            char *larger = arena_alloc(e->arena, grown + 1);
            memcpy(larger, text, used);
            text = larger;
            room = grown;
        }
        size_t n = fread(text + used, 1, room - used, file);
        if (!n) break;
        used += n;
    }
    fine = fine && !ferror(file);
    fclose(file);
    text[used] = 0;
    *length    = used;
    return fine ? text : NULL;
}

static Scope *parse_scope(Elab *e, const char *key, const char *path, const char *text, size_t length, bool is_std) {
    if (e->n_modules++ > MAX_MODULES) return NULL;
    int     before = diags_error_count(e->diags);
    Module *module = ast_parse(e->c, diags_add_source(e->diags, path, text, length));
    Scope  *scope  = scope_new(e, module, key, folder_of(e, path), is_std);
    map_set(e->modules, key, scope);
    if (diags_error_count(e->diags) == before) scope_fill(e, scope);
    return scope;
}

Scope *scope_load_file(Elab *e, const char *path) {
    const char *key   = intern(e->c->names, path);
    Scope      *known = map_get(e->modules, key);
    if (known) return known;
    size_t length;
    char  *text = read_file(e, path, &length);
    return text ? parse_scope(e, key, path, text, length, false) : NULL;
}

/* std.a.b is stdlib/a/b.nnet: in --stdlib DIR where given, else among the embedded files. */
static Scope *load_std(Elab *e, const char *relative) {
    const char *key   = intern(e->c->names, arena_printf(e->arena, "<std>/%s", relative));
    Scope      *known = map_get(e->modules, key);
    if (known) return known;
    if (e->c->options.stdlib_dir) {
        const char *path = arena_printf(e->arena, "%s/%s", e->c->options.stdlib_dir, relative);
        size_t      length;
        char       *text = read_file(e, path, &length);
        return text ? parse_scope(e, key, path, text, length, true) : NULL;
    }
    for (const EmbeddedFile *file = embedded_stdlib; file->path; file++)
        if (!strcmp(file->path, relative))
            return parse_scope(e, key, arena_printf(e->arena, "std/%s", relative), file->text, file->length, true);
    return NULL;
}

static const char *import_path(Elab *e, const NameVec *path, int from, const char *separator) {
    const char *text = "";
    for (int i = from; i < path->len; i++)
        text = arena_printf(e->arena, "%s%s%s", text, i > from ? separator : "", path->data[i].text);
    return text;
}

static bool report_cycle(Elab *e, Scope *scope, Span span) {
    if (!scope->loading || scope->is_std) return false;
    Diag *diag = diag_error(e->diags, span, E0105, "import cycle: '%s' is still being read", scope->name);
    for (int i = 0; i < e->loading.len; i++) diag_note(diag, "%s imports", e->loading.data[i]->name);
    diag_help(diag, "move what both files need into a third one");
    return true;
}

static Scope *load_import(Elab *e, const Scope *from, const NameVec *path, Span span) {
    if (!path->len || !path->data[0].text) return NULL;
    Scope *scope = NULL;
    if (!strcmp(path->data[0].text, "std") && path->len > 1) {
        scope = load_std(e, arena_printf(e->arena, "%s.nnet", import_path(e, path, 1, "/")));
    } else {
        const char *relative = arena_printf(e->arena, "%s.nnet", import_path(e, path, 0, "/"));
        scope                = scope_load_file(e, arena_printf(e->arena, "%s/%s", from->folder, relative));
        for (int i = 0; !scope && i < e->c->options.n_include_dirs; i++)
            scope = scope_load_file(e, arena_printf(e->arena, "%s/%s", e->c->options.include_dirs[i], relative));
    }
    if (scope) return report_cycle(e, scope, span) ? NULL : scope;
    Diag *diag = diag_error(e->diags, span, E0104, "cannot find module '%s'", import_path(e, path, 0, "."));
    diag_help(diag, "imports are relative to the importing file, then to each -I folder; the library's begin with std");
    return NULL;
}

bool scope_load_prelude(Elab *e) {
    e->prelude = load_std(e, "nn.nnet");
    return e->prelude != NULL;
}

/* ---- finding names ------------------------------------------------------------------------------------------------------ */

static const Decl *find_decl(Elab *e, Scope *scope, const char *name, Scope **owner) {
    if (scope->visit == e->visit) return NULL;
    scope->visit     = e->visit;
    const Decl *decl = map_get(scope->decls, name);
    if (decl) {
        *owner = scope;
        return decl;
    }
    for (int i = 0; i < scope->imports.len; i++) {
        const Import *import = &scope->imports.data[i];
        if (!import->open) continue;
        decl = map_get(import->scope->decls, name);
        if (decl) {
            *owner = import->scope;
            return decl;
        }
        decl = import->scope->is_std ? find_decl(e, import->scope, name, owner) : NULL;
        if (decl) return decl;
    }
    return NULL;
}

bool scope_has_alias(Elab *e, Scope *scope, const char *name) {
    Scope *owner = NULL;
    e->visit++;
    const Decl *decl = find_decl(e, scope, name, &owner);
    if (!decl && e->prelude) {
        e->visit++;
        decl = find_decl(e, e->prelude, name, &owner);
    }
    return decl && owner->is_std && decl->kind == DECL_CONST && decl->u.constant.value->kind == EXPR_NAME;
}

typedef struct ConstEntry {
    Value value;
    bool  evaluating;
} ConstEntry;

static Value const_value(Elab *e, Scope *scope, const Decl *decl) {
    ConstEntry *entry = map_get(scope->consts, decl);
    if (entry && entry->evaluating) {
        sema_error(e, decl->name.span, E0506, "const '%s' is defined by itself", decl->name.text);
        return value_poison();
    }
    if (entry) return entry->value;
    if (!call_enter(e, decl->span)) return value_poison();
    entry             = ARENA_NEW(e->arena, ConstEntry);
    entry->evaluating = true;
    map_set(scope->consts, decl, entry);
    Value value = eval_expr(e, env_new(e, NULL, scope), decl->u.constant.value);
    e->call_depth--;
    *entry = (ConstEntry){value, false};
    if (value.kind == VALUE_TENSOR || value.kind == VALUE_SCALAR)
        map_set(scope->consts, decl, NULL); /* nodes belong to one graph */
    return value;
}

static Value decl_value(Elab *e, Scope *scope, const Decl *decl) {
    if (decl->kind == DECL_CONST) return const_value(e, scope, decl);
    Function *fn = map_get(scope->consts, decl);
    if (!fn) {
        fn  = ARENA_NEW(e->arena, Function);
        *fn = (Function){.decl = decl, .scope = scope, .span = decl->name.span};
        map_set(scope->consts, decl, fn);
    }
    return value_fn(fn);
}

static bool lookup_in(Elab *e, Scope *scope, const char *name, Value *value) {
    Scope *owner = NULL;
    e->visit++;
    const Decl *decl = find_decl(e, scope, name, &owner);
    if (decl) *value = decl_value(e, owner, decl);
    return decl != NULL;
}

bool scope_lookup(Elab *e, Scope *scope, const char *name, Value *value) {
    if (lookup_in(e, scope, name, value)) return true;
    for (int i = 0; i < scope->imports.len; i++)
        if (scope->imports.data[i].name == name) {
            *value = (Value){.kind = VALUE_MODULE, .module = scope->imports.data[i].scope};
            return true;
        }
    if (builtin_lookup(e, name, value)) return true;
    return e->prelude && lookup_in(e, e->prelude, name, value);
}

bool scope_lookup_member(Elab *e, Scope *scope, const char *name, Value *value) {
    return lookup_in(e, scope, name, value);
}

/* ---- suggestions -------------------------------------------------------------------------------------------------------- */

typedef VEC(const char *) Candidates;

static void collect_scope(Elab *e, Scope *scope, Candidates *names) {
    if (!scope || scope->visit == e->visit) return;
    scope->visit = e->visit;
    for (int i = 0; i < scope->module->decls.len; i++) {
        const Decl *decl = scope->module->decls.data[i];
        if (decl->kind != DECL_IMPORT && decl->kind != DECL_ERROR && decl->kind != DECL_TEST && decl->name.text)
            vec_push(e->arena, names, decl->name.text);
    }
    for (int i = 0; i < scope->imports.len; i++) {
        if (scope->imports.data[i].open) collect_scope(e, scope->imports.data[i].scope, names);
        vec_push(e->arena, names, scope->imports.data[i].name);
    }
}

Value scope_unknown(Elab *e, Env *env, const char *name, Span span, const char *what) {
    Candidates names = {0};
    for (Env *at = env; at; at = at->parent) {
        for (int i = 0; i < at->names.len; i++) vec_push(e->arena, &names, at->names.data[i].name);
    }
    bool is_dim = !strcmp(what, "dim"); /* no function is one */
    e->visit++;
    if (env && !is_dim) collect_scope(e, env->scope, &names);
    if (!is_dim) {
        collect_scope(e, e->prelude, &names);
        for (int i = 0; i < builtin_table_len(); i++) vec_push(e->arena, &names, builtin_name_at(i));
        vec_push(e->arena, &names, "true");
        vec_push(e->arena, &names, "false");
    }
    Diag       *diag = sema_error(e, span, E0101, "unknown %s '%s'", what, name);
    const char *near = nearest_name(name, names.data, names.len);
    if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else if (is_dim && !strcmp(name, "None")) /* Keras's word for any number of samples */
        diag_help(diag, "the number of samples is a dim with a name: 'dim batch', then [batch, ...]");
    else if (is_dim && e->frame && e->frame->kind == FRAME_MODEL)
        diag_help(diag, "declare it: dim %s", name);
    return value_poison();
}
