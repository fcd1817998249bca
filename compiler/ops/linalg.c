/* Contraction: C[batch, left free, right free] = sum over the contracted axes of A B. Its gradients are contractions of the
 * same kind, permuted into the operands' axis order. */
#include "ops/rules.h"

typedef struct Side { /* one operand's axes, by role */
    int n_batch, n_contract, n_free;
    int batch[MAX_RANK], contract[MAX_RANK], free[MAX_RANK];
} Side;

static Side side_of(const Node *operand, const DotAxes *dot, bool left) {
    Side     side = {.n_batch = dot->n_batch, .n_contract = dot->n_contract};
    unsigned used = 0;
    for (int i = 0; i < dot->n_batch; i++)
        used |= 1u << (side.batch[i] = left ? dot->left_batch[i] : dot->right_batch[i]);
    for (int i = 0; i < dot->n_contract; i++)
        used |= 1u << (side.contract[i] = left ? dot->left_contract[i] : dot->right_contract[i]);
    for (int i = 0; i < operand->type.rank; i++)
        if (!(used >> i & 1)) side.free[side.n_free++] = i;
    return side;
}

/* g contracted with `other` over other's free axes has the axes (batch, this free, other's contracted); or, with g on the right,
 * (batch, other's contracted, this free). The permutation puts them where `this` has them. */
static Node *grad_operand(Graph *graph, Node *g, Node *other, const Side *this, const Side *that, bool this_is_left) {
    DotAxes dot = {.n_batch = (int8_t)this->n_batch, .n_contract = (int8_t)that->n_free};
    int g_free  = this_is_left ? this->n_batch + this->n_free : this->n_batch; /* where other's free axes start in g */
    int8_t *g_batch = this_is_left ? dot.left_batch : dot.right_batch,
           *o_batch = this_is_left ? dot.right_batch : dot.left_batch;
    int8_t *g_con   = this_is_left ? dot.left_contract : dot.right_contract;
    int8_t *o_con   = this_is_left ? dot.right_contract : dot.left_contract;
    for (int i = 0; i < this->n_batch && i < MAX_RANK; i++) g_batch[i] = (int8_t)i, o_batch[i] = (int8_t)that->batch[i];
    for (int i = 0; i < that->n_free && i < MAX_RANK; i++) {
        g_con[i] = (int8_t)(g_free + i);
        o_con[i] = (int8_t)that->free[i];
    }
    Node *product = this_is_left ? node_dot(graph, g, other, &dot) : node_dot(graph, other, g, &dot);

    /* Other's contracted axes come in the order in which they stand in `other`. */
    int order[MAX_RANK], n = 0;
    for (int axis = 0; axis < MAX_RANK; axis++)
        for (int i = 0; i < that->n_contract; i++)
            if (that->contract[i] == axis) order[n++] = i;
    int axes[MAX_RANK], at = 0;
    for (int i = 0; i < this->n_batch; i++) axes[this->batch[i]] = at++;
    if (this_is_left)
        for (int i = 0; i < this->n_free; i++) axes[this->free[i]] = at++;
    for (int i = 0; i < n; i++) axes[this->contract[order[i]]] = at++;
    if (!this_is_left)
        for (int i = 0; i < this->n_free; i++) axes[this->free[i]] = at++;
    return node_permute(graph, product, axes);
}

/* dA = g B', dB = A' g */
GRADIENT(dot) {
    Node *a = node->inputs[0], *b = node->inputs[1];
    Side  left = side_of(a, &node->attr.dot, true), right = side_of(b, &node->attr.dot, false);
    gin[0] = grad_operand(graph, g, b, &left, &right, true);
    gin[1] = grad_operand(graph, g, a, &right, &left, false);
}
