/* Reverse mode: values at corners, which the generated gradient check cannot draw, and the size of what is made. Its semantics are
 * tests/unit/test_autodiff.c's.
 *
 * The numbers at corners are PyTorch's (2.13): torch.autograd.grad(f(x).sum(), x). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/autodiff.h"
#include "interp/scratch.h"

static bool check(bool ok, const char *what) {
    if (!ok) printf("FAILED %s\n", what);
    return ok;
}

/* ---- short spellings ------------------------------------------------------------------------------------------------------ */

static Node *vector(Scratch *s, int count) {
    Type type = scratch_type(ELEM_F64, 1, (const Dim *const[]){scratch_dim(s, count)});
    return scratch_slot(s, &type);
}

static Node *total(Scratch *s, Node *node) {
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    return node_reduce(s->graph, OP_SUM, node, node->type.rank, all);
}

static Node *mul(Scratch *s, Node *a, Node *b) {
    return node_binary(s->graph, OP_MUL, a, b);
}

static Node *fill(Scratch *s, const Node *like, double value) {
    return node_fill(s->graph, &like->type, value);
}

/* A function whose updates are the gradients of the loss by its first slots. */
static Fn *gradients(Scratch *s, Node *loss, int n_slots) {
    Fn *fn = scratch_fn(s, FN_TRAIN, "train");
    scratch_result(s, fn, loss);
    for (int i = 0; i < n_slots; i++) {
        Node *slot = node_ref(s->graph, OP_READ, i, &s->program->slots.data[i].type);
        scratch_update(s, fn, i, node_binary(s->graph, OP_GRAD, loss, slot));
    }
    return fn;
}

static InterpRun run(Scratch *s, const Fn *fn) {
    static InterpArgs args;
    args = scratch_args(s);
    return interp_run(s->arena, s->program, fn, &args);
}

/* Differentiates; the gradients. */
static InterpRun differentiate(Scratch *s, Node *loss, int n_slots) {
    Fn *fn = gradients(s, loss, n_slots);
    if (!graph_add_gradients(&s->c, s->program)) BUG("no gradient");
    program_verify(s->program, "graph_add_gradients");
    return run(s, fn);
}

/* ---- corners ----------------------------------------------------------------------------------------------------------------- */

enum { MAX_CORNER = 7 };

typedef struct Corner {
    Op     op;
    int    count; /* elements of each operand */
    double in[2][MAX_CORNER], gradient[2][MAX_CORNER];
} Corner;

static const Corner corners[] = {
    {OP_ABS, 3, {{0, -1, 2}}, {{0, -1, 1}}},
    {OP_SIGN, 2, {{0, 1}}, {{0, 0}}},
    {OP_SQRT, 2, {{0, 4}}, {{INFINITY, 0.25}}},
    {OP_RSQRT, 2, {{4, 0.25}}, {{-0.0625, -4}}},
    {OP_EXPM1, 2, {{1e-9, -1}}, {{1.000000001, 0.36787944117144233}}},
    {OP_LOG1P, 2, {{-0.5, 1}}, {{2, 0.5}}},
    {OP_TANH, 2, {{0.5, -30}}, {{0.7864477329659274, 0}}},
    {OP_ERFC, 2, {{0.5, 6}}, {{-0.8787825789354448, -2.617301239249265e-16}}},
    {OP_DIV, 2, {{1, -3}, {2, 4}}, {{0.5, 0.25}, {-0.25, 0.1875}}},
    {OP_MAX, 3, {{1, 2, -0.0}, {1, 1, 0}}, {{0.5, 1, 0.5}, {0.5, 0, 0.5}}},
    {OP_MIN, 3, {{1, 2, 1}, {1, 1, 3}}, {{0.5, 0, 1}, {0.5, 1, 0}}},
    {OP_POW,
     7,
     {{0, 0, 0, 2, -2, -2, 0}, {0, 1, 2, 0, 2, 3, 0.5}},
     {{0, 1, 0, 0, -4, 12, INFINITY}, {0, 0, 0, 0.6931471805599453, NAN, NAN, 0}}},
};

static bool same(double a, double b) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= 1e-12 * fabs(b);
}

static bool check_corner(const Corner *corner) {
    Scratch *s     = scratch_new(1);
    int      arity = op_info[corner->op].arity;
    Node    *in[2];
    bool     ok = true;
    for (int i = 0; i < arity; i++) {
        in[i] = vector(s, corner->count);
        memcpy(s->slots[i].data, corner->in[i], sizeof(double) * (size_t)corner->count);
    }
    Node     *loss  = total(s, graph_node(s->graph, corner->op, NULL, arity, in, NULL));
    InterpRun found = differentiate(s, loss, arity);
    for (int i = 0; i < arity; i++)
        for (int k = 0; k < corner->count; k++)
            if (!same(found.updates[i].data[k], corner->gradient[i][k])) {
                printf("FAILED %s: input %d element %d: gradient %.17g, PyTorch %.17g\n", op_info[corner->op].name, i,
                       k, found.updates[i].data[k], corner->gradient[i][k]);
                ok = false;
            }
    scratch_free(s);
    return ok;
}

static bool corners_agree(void) {
    bool ok = true;
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) ok &= check_corner(&corners[i]);
    return ok;
}

/* torch.amax shares among equal elements. */
static bool maximum_is_shared(void) {
    Scratch  *s    = scratch_new(1);
    Node     *x    = vector(s, 3);
    const int axis = 0;
    double    in[] = {3, 1, 3};
    memcpy(s->slots[0].data, in, sizeof in);
    const double *g  = differentiate(s, node_reduce(s->graph, OP_REDUCE_MAX, x, 1, &axis), 1).updates[0].data;
    bool          ok = check(g[0] == 0.5 && g[1] == 0 && g[2] == 0.5, "equal maxima share the gradient");
    scratch_free(s);
    return ok;
}

/* ---- what needs no gradient ------------------------------------------------------------------------------------------------ */

/* MOD has no gradient, but here none is asked for. */
static bool unneeded_gradient_is_none(void) {
    Scratch  *s = scratch_new(7);
    Node     *x = vector(s, 2), *y = vector(s, 2);
    Node     *z  = node_binary(s->graph, OP_MOD, y, fill(s, y, 2));
    InterpRun r  = differentiate(s, total(s, mul(s, x, z)), 1);
    bool      ok = r.updates[0].count == 2 && diags_error_count(s->c.diags) == 0;
    scratch_free(s);
    return check(ok, "an op without a gradient where none is needed");
}

/* ---- size ------------------------------------------------------------------------------------------------------------------------------- */

/* A chain of layers h = tanh(h w): one sweep makes a fixed number of nodes a layer. */
static bool size_is_linear(void) {
    enum { DEPTH = 2000 };
    Scratch *s = scratch_new(8);
    Node    *x = vector(s, 2), *h = x;
    for (int i = 0; i < DEPTH; i++) h = node_unary(s->graph, OP_TANH, mul(s, h, fill(s, h, 1 + 1e-9 * i)));
    Node *loss   = total(s, mul(s, h, h));
    int   before = graph_node_count(s->graph);
    differentiate(s, loss, 1);
    int after = graph_node_count(s->graph);
    scratch_free(s);
    return check(after < 6 * before, "a gradient's size is linear in the loss's");
}

/* Many gradients of one loss share one sweep. */
static bool sweep_is_shared(void) {
    Scratch *s   = scratch_new(9);
    Node    *sum = vector(s, 2);
    for (int i = 1; i < 50; i++) sum = node_unary(s->graph, OP_TANH, mul(s, sum, vector(s, 2)));
    Node *loss   = total(s, sum);
    int   before = graph_node_count(s->graph);
    differentiate(s, loss, 50);
    int after = graph_node_count(s->graph);
    scratch_free(s);
    return check(after < 8 * before, "all gradients of a loss come from one sweep");
}

typedef bool Test(void);

int main(void) {
    static Test *const tests[] = {corners_agree, maximum_is_shared, unneeded_gradient_is_none, size_is_linear,
                                  sweep_is_shared};
    int                failed = 0, count = (int)(sizeof tests / sizeof *tests);
    for (int i = 0; i < count; i++) failed += !tests[i]();
    printf("%d tests, %d failed\n", count, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
