/* Syntax-only checks of a module: names that nothing uses, code after a return. */
#include "sema/elab.h"

#include <string.h>

static void check_pattern(Elab *e, const Pattern *pattern, const Block *body) {
    if (pattern->name.text && pattern->name.text[0] != '_' && !block_mentions(body, pattern->name.text)) {
        Diag *diag = diag_error(e->diags, pattern->name.span, E0106, "'%s' is never used", pattern->name.text);
        diag_help(diag, "delete it, or call it '_'");
    }
    for (int i = 0; i < pattern->items.len; i++) check_pattern(e, &pattern->items.data[i], body);
}

static void check_block(Elab *e, const Block *block, const Block *body) {
    for (int i = 0; block && i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        switch (stmt->kind) {
        case STMT_LET: check_pattern(e, &stmt->u.let.target, body); break;
        case STMT_RETURN:
            if (i + 1 < block->stmts.len) {
                Diag *diag = diag_error(e->diags, block->stmts.data[i + 1]->span, E0208, "this is never reached");
                diag_label(diag, stmt->span, "because of this return");
            }
            break;
        case STMT_IF:
            check_block(e, stmt->u.if_.then_block, body);
            check_block(e, stmt->u.if_.else_block, body);
            break;
        case STMT_FOR: check_block(e, stmt->u.for_.body, body); break;
        case STMT_FIT: check_block(e, stmt->u.fit.body, body); break;
        default: break;
        }
    }
}

void check_unused(Elab *e, const Module *module) {
    for (int i = 0; i < module->decls.len; i++) {
        const Decl *decl = module->decls.data[i];
        switch (decl->kind) {
        case DECL_FN:
        case DECL_LAYER:
        case DECL_OPTIMIZER:
        case DECL_SCHEDULE:
        case DECL_METRIC:
        case DECL_INITIALISER:
        case DECL_MODEL:
            check_block(e, decl->u.callable.body, decl->u.callable.body);
            check_block(e, decl->u.callable.grad_body, decl->u.callable.grad_body);
            break;
        default: break;
        }
    }
}
