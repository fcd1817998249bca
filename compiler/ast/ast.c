#include "ast/ast.h"

static const char *const decl_words[] = {
    [DECL_ERROR]       = "error",
    [DECL_IMPORT]      = "import",
    [DECL_CONST]       = "const",
    [DECL_FN]          = "fn",
    [DECL_LAYER]       = "layer",
    [DECL_OPTIMIZER]   = "optimizer",
    [DECL_SCHEDULE]    = "schedule",
    [DECL_METRIC]      = "metric",
    [DECL_INITIALISER] = "initialiser",
    [DECL_MODEL]       = "model",
    [DECL_TEST]        = "test",
};

const char *decl_word(DeclKind kind) {
    return decl_words[kind];
}
