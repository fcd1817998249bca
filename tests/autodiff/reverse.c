/* Reverse mode: the values at corners, which the generated gradient check cannot draw; what gets no gradient; the size of what is made.
 *
 * The numbers at corners are PyTorch's (2.13): torch.autograd.grad(f(x).sum(), x). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/autodiff.h"
#include "interp/scratch.h"
#include "opt/opt.h"

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

/* ---- what a gradient flows through ------------------------------------------------------------------------------------------------ */

/* d (stop(x) x) = x */
static bool stop_grad_stops(void) {
    Scratch  *s  = scratch_new(2);
    Node     *x  = vector(s, 4);
    InterpRun r  = differentiate(s, total(s, mul(s, node_unary(s->graph, OP_STOP_GRAD, x), x)), 1);
    bool      ok = true;
    for (int i = 0; i < 4; i++) ok &= r.updates[0].data[i] == s->slots[0].data[i];
    scratch_free(s);
    return check(ok, "stop_grad stops the gradient");
}

static bool unreached_is_zero(void) {
    Scratch *s = scratch_new(3);
    Node    *x = vector(s, 4), *y = vector(s, 3);
    Node *sign   = node_cast(s->graph, ELEM_F64, node_cast(s->graph, ELEM_I32, y)); /* nothing flows through integers */
    InterpRun r  = differentiate(s, node_binary(s->graph, OP_ADD, total(s, x), total(s, sign)), 2);
    bool      ok = r.updates[1].count == 3;
    for (int i = 0; i < 3; i++) ok &= r.updates[1].data[i] == 0;
    for (int i = 0; i < 4; i++) ok &= r.updates[0].data[i] == 1;
    scratch_free(s);
    return check(ok, "what the loss does not reach has a zero gradient");
}

/* Two losses over one x in one function. */
static bool losses_are_apart(void) {
    Scratch *s  = scratch_new(4);
    Node    *x  = vector(s, 2);
    Fn      *fn = gradients(s, total(s, mul(s, x, x)), 1);
    scratch_update(s, fn, 0, node_binary(s->graph, OP_GRAD, total(s, x), x));
    bool      ok = graph_add_gradients(&s->c, s->program);
    InterpRun r  = run(s, fn);
    for (int i = 0; i < 2; i++) ok &= r.updates[0].data[i] == 2 * s->slots[0].data[i] && r.updates[1].data[i] == 1;
    scratch_free(s);
    return check(ok, "each loss has its own gradient");
}

/* x with the gradient c g, and inside it another custom node with the gradient d g; both are asked for. */
static bool custom_in_custom(void) {
    Scratch  *s  = scratch_new(5);
    Node     *x  = vector(s, 2);
    Node     *g1 = node_ref(s->graph, OP_COTANGENT, 0, &x->type), *g2 = node_ref(s->graph, OP_COTANGENT, 1, &x->type);
    Node     *inner[] = {mul(s, x, x), g1, x, mul(s, g1, fill(s, x, 3))};
    Node     *first   = graph_node(s->graph, OP_CUSTOM, NULL, 4, inner, NULL);
    Node     *outer[] = {node_unary(s->graph, OP_NEG, first), g2, first, mul(s, g2, fill(s, x, 5))};
    Node     *second  = graph_node(s->graph, OP_CUSTOM, NULL, 4, outer, NULL);
    InterpRun r       = differentiate(s, total(s, second), 1);
    bool      ok      = r.updates[0].data[0] == 15 && r.updates[0].data[1] == 15;
    for (int i = 0; i < graph_node_count(s->graph); i++) {
        const Node *node = graph_node_at(s->graph, i);
        for (int u = 0; u < s->program->fns.data[0]->updates.len; u++)
            ok &= s->program->fns.data[0]->updates.data[u].value != node || node->op != OP_CUSTOM;
    }
    double square = s->slots[0].data[0] * s->slots[0].data[0] + s->slots[0].data[1] * s->slots[0].data[1];
    ok &= same(r.results[0].data[0], -square);
    scratch_free(s);
    return check(ok, "a custom gradient within another");
}

/* ---- errors --------------------------------------------------------------------------------------------------------------------------- */

static bool missing_gradient_is_an_error(void) {
    Scratch *s      = scratch_new(6);
    Span     file   = {diags_add_source(s->c.diags, "m.nnet", "let y = x % 2\n", 14), 8, 13};
    Span     call   = {file.file, 0, 3};
    Origin   model  = {NULL, "", "model 'M'", {0, 0, 0}};
    Origin   origin = {&model, "wrap", "layer 'wrap'", call};
    Node    *x      = vector(s, 2);
    graph_set_place(s->graph, file, &origin);
    Node *y = node_binary(s->graph, OP_MOD, x, fill(s, x, 2));
    gradients(s, total(s, y), 1);
    bool   ok   = !graph_add_gradients(&s->c, s->program) && diags_error_count(s->c.diags) == 1;
    char  *text = NULL;
    size_t size;
    FILE  *out = open_memstream(&text, &size);
    diags_render(s->c.diags, out, DIAG_HUMAN, false);
    fclose(out);
    ok &= strstr(text, "E0610") && strstr(text, "m.nnet:1:9") && strstr(text, "in layer 'wrap'");
    if (!ok) fputs(text, stdout);
    free(text);
    scratch_free(s);
    return check(ok, "an op without a gradient is an error at its place");
}

/* The same op where no gradient is asked for. */
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

/* A chain of `depth` layers h = tanh(h w_i): one sweep makes a fixed number of nodes a layer. */
static bool size_is_linear(void) {
    enum { DEPTH = 10000 };
    Scratch *s = scratch_new(8);
    Node    *x = vector(s, 2), *h = x;
    for (int i = 0; i < DEPTH; i++) h = node_unary(s->graph, OP_TANH, mul(s, h, fill(s, h, 1 + 1e-9 * i)));
    Node     *loss   = total(s, mul(s, h, h));
    int       before = graph_node_count(s->graph);
    InterpRun r      = differentiate(s, loss, 1);
    int       after  = graph_node_count(s->graph);
    bool      ok     = check(after < 6 * before, "a gradient's size is linear in the loss's");
    graph_optimise(&s->c, s->program);
    InterpRun again = run(s, s->program->fns.data[0]);
    ok &= check(same(r.updates[0].data[0], again.updates[0].data[0]), "a deep graph is optimised");
    scratch_free(s);
    return ok;
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
    static Test *const tests[] = {corners_agree,
                                  maximum_is_shared,
                                  stop_grad_stops,
                                  unreached_is_zero,
                                  losses_are_apart,
                                  custom_in_custom,
                                  missing_gradient_is_an_error,
                                  unneeded_gradient_is_none,
                                  size_is_linear,
                                  sweep_is_shared};
    int                failed = 0, count = (int)(sizeof tests / sizeof *tests);
    for (int i = 0; i < count; i++) failed += !tests[i]();
    printf("%d tests, %d failed\n", count, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
