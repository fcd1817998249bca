/* The generated gradient check. For each row of the op table that has a gradient: an output is built over parameters drawn from the
 * row's domain, weighted and summed to a loss, differentiated by graph_add_gradients, and each element of each parameter's gradient is
 * compared, sign and all, with central differences of the interpreter's loss.
 *
 * A row with a gradient that is neither elementwise nor has a builder fails: a new op cannot go unchecked. */
#include "ops/gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "autodiff/autodiff.h"

/* ---- parameters -------------------------------------------------------------------------------------------------------------- */

/* Every value of domain `apart` drawn in a case differs from all others by at least 0.125. */
static double draw_apart(Check *check) {
    int k = check->drawn++;
    return 0.125 * ((k * 37) % 101 - 50) + scratch_real(check->s, 0, 0.02);
}

static double draw(Check *check, Domain domain) {
    Scratch *s = check->s;
    switch (domain) {
    case DOMAIN_any: return scratch_real(s, -2, 2);
    case DOMAIN_positive: return scratch_real(s, 0.4, 2.4);
    case DOMAIN_nonzero: return scratch_real(s, 0.4, 2.4) * (scratch_below(s, 2) ? 1 : -1);
    case DOMAIN_unit: return scratch_real(s, -1, 1);
    case DOMAIN_apart: return draw_apart(check);
    case DOMAIN_none: break;
    }
    BUG("a row with a gradient needs a domain to draw from");
}

Node *check_param(Check *check, Domain domain, int rank, const Dim *const *dims) {
    Type    type   = scratch_type(ELEM_F64, rank, dims);
    Node   *node   = scratch_slot(check->s, &type);
    Tensor *tensor = &check->s->slots[node->attr.ref];
    for (int64_t i = 0; i < tensor->count; i++) tensor->data[i] = draw(check, domain);
    return node;
}

/* ---- elementwise rows need no builder ---------------------------------------------------------------------------------------------- */

/* Shapes, then shapes in which the first, or the last, or every input is expanded from fewer axes. */
static Node *build_elementwise(Check *check, Op op, int variant) {
    const Dim *one = scratch_dim(check->s, 1), *three = scratch_dim(check->s, 3);
    const Dim *shapes[][3] = {{NULL, NULL, NULL},
                              {three, NULL, NULL},
                              {one, three, NULL},
                              {check->n, three, NULL},
                              {check->m, one, check->n}};
    const int  ranks[]     = {0, 1, 2, 2, 3};
    enum { N_SHAPES = 5, N_WAYS = 4 };
    if (variant >= N_SHAPES * N_WAYS) return NULL;
    int   shape = variant / N_WAYS, way = variant % N_WAYS, rank = ranks[shape], arity = op_info[op].arity;
    Type  full = scratch_type(ELEM_F64, rank, shapes[shape]);
    Node *inputs[3];
    for (int i = 0; i < arity; i++) {
        bool expanded = rank > 0 && (way == 3 || (way == 1 && i == 0) || (way == 2 && i == arity - 1));
        int  skipped  = way == 3 ? rank - 1 : 0; /* the new axis: the first, or the last */
        int  first    = expanded && skipped == 0;
        inputs[i]     = check_param(check, op_info[op].domain, expanded ? rank - 1 : rank, shapes[shape] + first);
        if (expanded) inputs[i] = node_expand(check->graph, inputs[i], &full, 1, &skipped);
    }
    return graph_node(check->graph, op, NULL, arity, inputs, NULL);
}

static bool has_gradient(Op op) {
    return op_gradient[op] != grad_none && op_gradient[op] != grad_zero;
}

static Node *build(Check *check, Op op, int variant) {
    Builder *builder = check_builder(op);
    if (builder) return builder(check, variant);
    return op_info[op].class == ELEMENTWISE ? build_elementwise(check, op, variant) : NULL;
}

/* ---- one case ---------------------------------------------------------------------------------------------------------------------- */

/* sum(output * weights), with weights that do not learn. */
static Node *weighted_sum(Check *check, Node *output) {
    Node *weights = scratch_slot(check->s, &output->type);
    Node *product = node_binary(check->graph, OP_MUL, output, weights);
    int   axes[MAX_RANK];
    for (int i = 0; i < output->type.rank; i++) axes[i] = i;
    return node_reduce(check->graph, OP_SUM, product, output->type.rank, axes);
}

static double loss_at(const Scratch *s, const Fn *fn) {
    Arena     *arena = arena_new();
    InterpArgs args  = scratch_args(s);
    Interp    *run   = interp_new(arena, s->program, &args);
    double     loss  = interp_value(run, fn->results.data[0].value).data[0];
    if (interp_error(run)) BUG("%s", interp_error(run));
    arena_free(arena);
    return loss;
}

/* Central differences of fourth order. */
static double difference(const Scratch *s, const Fn *fn, double *x) {
    const double h = 1e-3, at = *x;
    double       f[4];
    const double steps[4] = {-2 * h, -h, h, 2 * h};
    for (int i = 0; i < 4; i++) {
        *x   = at + steps[i];
        f[i] = loss_at(s, fn);
    }
    *x = at;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

static bool agree(double found, double expected) {
    double size = fmax(fabs(found), fabs(expected));
    return fabs(found - expected) <= 1e-6 * fmax(size, 1e-3);
}

/* Compares the gradient of each of the first `n_params` slots; the number of wrong elements. */
static int compare(Scratch *s, const Fn *fn, const char *what, int n_params) {
    InterpArgs args  = scratch_args(s);
    InterpRun  run   = interp_run(s->arena, s->program, fn, &args);
    int        wrong = 0;
    for (int p = 0; p < n_params; p++)
        for (int64_t i = 0; i < s->slots[p].count; i++) {
            double expected = difference(s, fn, &s->slots[p].data[i]), found = run.updates[p].data[i];
            if (agree(found, expected)) continue;
            if (wrong++ == 0)
                printf("FAILED %s: input %d element %lld: gradient %.12g, differences %.12g\n", what, p, (long long)i,
                       found, expected);
        }
    return wrong;
}

/* 1 when the case failed, 0 when it passed, -1 when there is no such variant. */
static int check_case(Op op, int variant, int64_t n, int64_t m) {
    Scratch *s      = scratch_new((uint64_t)op * 1000 + (uint64_t)variant);
    Check    check  = {s, s->graph, scratch_symbol(s, "n", n), scratch_symbol(s, "m", m), 0};
    Node    *output = build(&check, op, variant);
    int      status = -1;
    if (output) {
        int   n_params = s->program->slots.len;
        Node *loss     = weighted_sum(&check, output);
        Fn   *fn       = scratch_fn(s, FN_TRAIN, "train");
        scratch_result(s, fn, loss);
        for (int p = 0; p < n_params; p++) {
            Node *param = node_ref(s->graph, OP_READ, p, &s->program->slots.data[p].type);
            scratch_update(s, fn, p, node_binary(s->graph, OP_GRAD, loss, param));
        }
        if (!graph_add_gradients(&s->c, s->program)) BUG("no gradient");
        program_verify(s->program, "gradients");
        const char *what = arena_printf(s->arena, "%s, variant %d, n = %lld, m = %lld", op_info[op].name, variant,
                                        (long long)n, (long long)m);
        status           = compare(s, fn, what, n_params) > 0;
    }
    scratch_free(s);
    return status;
}

/* All variants under all bindings of the symbolic dims; the number of cases that failed. */
static int check_op(Op op, int *cases) {
    static const int64_t sizes[] = {1, 3};
    int                  failed  = 0;
    for (int i = 0; i < 4; i++)
        for (int variant = 0;; variant++) {
            int status = check_case(op, variant, sizes[i % 2], sizes[i / 2]);
            if (status < 0) break;
            failed += status;
            ++*cases;
        }
    return failed;
}

int main(void) {
    int failed = 0;
    for (Op op = 0; op < OP_COUNT; op++) {
        if (!has_gradient(op)) continue;
        int cases = 0, wrong = check_op(op, &cases);
        if (!cases) printf("FAILED %s has a gradient that nothing checks: add a builder\n", op_info[op].name);
        failed += wrong + (cases == 0);
        printf("%-12s %3d cases%s\n", op_info[op].name, cases, wrong || !cases ? "  FAILED" : "");
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
