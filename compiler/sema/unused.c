/* Syntax-only checks of a module: names that nothing uses, code after a return, dims that look like typos. A name that is
 * misspelt where it should be used is also unused where it is bound; so the first are reported only where nothing else is. */
#include "sema/elab.h"

#include <string.h>

static bool is_used(const Pattern *pattern, const Block *body) {
    bool used = pattern->name.text && block_mentions(body, pattern->name.text);
    for (int i = 0; i < pattern->items.len && !used; i++) used = is_used(&pattern->items.data[i], body);
    return used;
}

static bool is_bound(const Pattern *pattern) {
    return pattern->name.text && pattern->name.text[0] != '_';
}

/* Of a list of names one that is used is enough: a call returns what it returns. */
static void check_pattern(Elab *e, const Pattern *pattern, const Block *body) {
    if (is_used(pattern, body)) return;
    if (is_bound(pattern)) {
        Diag *diag = diag_error(e->diags, pattern->name.span, E0106, "'%s' is never used", pattern->name.text);
        diag_help(diag, "delete it, or call it '_'");
    }
    for (int i = 0; i < pattern->items.len; i++) check_pattern(e, &pattern->items.data[i], body);
}

typedef void (*StmtCheck)(Elab *e, const Block *block, int index, const Block *body);

static void check_let(Elab *e, const Block *block, int index, const Block *body) {
    const Stmt *stmt = block->stmts.data[index];
    if (stmt->kind == STMT_LET) check_pattern(e, &stmt->u.let.target, body);
}

static void check_return(Elab *e, const Block *block, int index, const Block *body) {
    (void)body;
    const Stmt *stmt = block->stmts.data[index];
    if (stmt->kind != STMT_RETURN || index + 1 == block->stmts.len) return;
    Diag *diag = diag_error(e->diags, block->stmts.data[index + 1]->span, E0208, "this is never reached");
    diag_label(diag, stmt->span, "because of this return");
}

/* Every statement of `block`, which is `body` or stands in it. */
static void check_block(Elab *e, const Block *block, const Block *body, StmtCheck check) {
    for (int i = 0; block && i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        check(e, block, i, body);
        switch (stmt->kind) {
        case STMT_IF:
            check_block(e, stmt->u.if_.then_block, body, check);
            check_block(e, stmt->u.if_.else_block, body, check);
            break;
        case STMT_FOR: check_block(e, stmt->u.for_.body, body, check); break;
        case STMT_FIT: check_block(e, stmt->u.fit.body, body, check); break;
        default: break;
        }
    }
}

/* ---- dims of a signature ------------------------------------------------------------------------------------------- */

enum { MAX_SIGNATURE_DIMS = 64, SHORTEST_TYPO = 3 };

typedef struct DimNames {
    const Callable *callable;
    int             count;
    const char     *names[MAX_SIGNATURE_DIMS];
    Span            spans[MAX_SIGNATURE_DIMS];
    int             uses[MAX_SIGNATURE_DIMS];
    bool            adding; /* names in shapes are added; elsewhere they are only counted */
} DimNames;

static bool is_parameter(const Callable *callable, const char *name) {
    for (int i = 0; i < callable->hyper.len; i++)
        if (callable->hyper.data[i].name.text == name) return true;
    for (int i = 0; i < callable->params.len; i++)
        if (callable->params.data[i].name.text == name) return true;
    return false;
}

static bool count_dim(void *context, const char *name, Span span) {
    DimNames *dims = context;
    for (int i = 0; i < dims->count; i++)
        if (dims->names[i] == name) {
            dims->uses[i]++;
            return false;
        }
    if (!dims->adding || dims->count == MAX_SIGNATURE_DIMS || is_parameter(dims->callable, name)) return false;
    dims->names[dims->count]  = name;
    dims->spans[dims->count]  = span;
    dims->uses[dims->count++] = 1;
    return false;
}

static void count_shape(DimNames *dims, const TypeExpr *type) {
    for (int i = 0; type && i < type->shape.len; i++) walk_expr(type->shape.data[i], count_dim, dims);
}

/* A dim that occurs once and nearly reads like one that occurs more often. */
static void check_dims(Elab *e, const Callable *callable) {
    DimNames dims = {.callable = callable, .adding = true};
    for (int i = 0; i < callable->params.len; i++) count_shape(&dims, callable->params.data[i].type);
    for (int i = 0; i < callable->returns.len; i++) count_shape(&dims, callable->returns.data[i]);
    dims.adding = false;
    for (int i = 0; i < callable->hyper.len; i++)
        if (callable->hyper.data[i].default_value) walk_expr(callable->hyper.data[i].default_value, count_dim, &dims);
    walk_block(callable->body, count_dim, &dims);
    for (int i = 0; i < dims.count; i++) {
        const char *others[MAX_SIGNATURE_DIMS];
        int         n = 0;
        for (int k = 0; k < dims.count; k++)
            if (k != i && dims.uses[k] > 1) others[n++] = dims.names[k];
        if (dims.uses[i] > 1 || strlen(dims.names[i]) < SHORTEST_TYPO) continue;
        const char *near = nearest_name(dims.names[i], others, n);
        if (!near) continue;
        Diag *diag = diag_warning(e->diags, dims.spans[i], W0801, "dim '%s' occurs once: is it a typo of '%s'?",
                                  dims.names[i], near);
        diag_help(diag, "two names are two dims, which may differ");
    }
}

static const Callable *callable_of(const Decl *decl) {
    switch (decl->kind) {
    case DECL_FN:
    case DECL_LAYER:
    case DECL_OPTIMIZER:
    case DECL_SCHEDULE:
    case DECL_METRIC:
    case DECL_INITIALISER:
    case DECL_MODEL: return &decl->u.callable;
    default: return NULL;
    }
}

void check_returns_and_dims(Elab *e, const Module *module) {
    for (int i = 0; i < module->decls.len; i++) {
        const Callable *callable = callable_of(module->decls.data[i]);
        if (!callable) continue;
        check_block(e, callable->body, callable->body, check_return);
        check_block(e, callable->grad_body, callable->grad_body, check_return);
        if (module->decls.data[i]->kind != DECL_MODEL) check_dims(e, callable);
    }
}

/* Dims that a model declares and nothing in it mentions. They change nothing, so it is a warning. */
static void warn_of_dims(Elab *e, const Block *body) {
    for (int i = 0; body && i < body->stmts.len; i++) {
        const Stmt *stmt = body->stmts.data[i];
        for (int k = 0; stmt->kind == STMT_DIM && k < stmt->u.dim.dims.len; k++) {
            const Name *name = &stmt->u.dim.dims.data[k].name;
            if (!name->text || block_mentions(body, name->text)) continue;
            Diag *diag = diag_warning(e->diags, name->span, W0803, "dim '%s' is never used", name->text);
            diag_help(diag, "delete it, or write it in the shape of an input: f32[%s, ...]", name->text);
        }
    }
}

void check_unused(Elab *e, const Module *module) {
    for (int i = 0; i < module->decls.len; i++) {
        const Callable *callable = callable_of(module->decls.data[i]);
        if (!callable) continue;
        if (module->decls.data[i]->kind == DECL_MODEL) warn_of_dims(e, callable->body);
        check_block(e, callable->body, callable->body, check_let);
        check_block(e, callable->grad_body, callable->grad_body, check_let);
    }
}
