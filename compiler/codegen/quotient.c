/* Quotients beside square roots. An optimizer's step divides by a square root and a small number more, as in m / (sqrt(v) + eps). Both
 * run on the one unit that divides, 10 clocks each for 16 lanes on Zen 4, while those of multiply-adds wait. So the quotient is
 * computed there, from an estimate of the divisor's inverse. The number more is taken to keep the divisor away from 0: what is
 * divided by 0 nevertheless gives NaN, and not an infinity, where it is not 0. */
#include "codegen/emit.h"

#include "codegen/vmath.h"

static bool holds_root(const Node *node) {
    if (node->op == OP_SQRT) return true;
    return node->op == OP_MUL && (holds_root(node->inputs[0]) || holds_root(node->inputs[1]));
}

/* x sqrt(y) + c with one c for all */
static bool is_root_and_more(const Node *node) {
    if (node->op != OP_ADD) return false;
    for (int i = 0; i < 2; i++) {
        const Node *more = node->inputs[i];
        if (more->op == OP_EXPAND && !more->inputs[0]->type.rank && holds_root(node->inputs[1 - i])) return true;
    }
    return false;
}

Value quotient(KernelEmit *k, const Node *node, Value x, Value y) {
    bool fits = node->type.elem == ELEM_F32 && value_is_vector(y->v) && is_root_and_more(node->inputs[1]);
    if (!fits || !vmath_has_quotient(k->e->target, LLVMTypeOf(y->v))) return NULL;
    Scope *scope = scope_deeper(x->scope, y->scope);
    return value_new(k, vmath_quotient(scope->b, k->e->target, value_vector(k, x), y->v), scope);
}
