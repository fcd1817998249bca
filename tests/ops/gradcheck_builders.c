/* Outputs of the ops whose attributes or operand types need choosing: several variants each. */
#include "ops/gradcheck_builders.h"

#define DIMS(...)                                                                                                      \
    (const Dim *const[]) {                                                                                             \
        __VA_ARGS__                                                                                                    \
    }
#define AXES(...)                                                                                                      \
    (const int[]) {                                                                                                    \
        __VA_ARGS__                                                                                                    \
    }

static const Dim *size(Check *check, int64_t value) {
    return scratch_dim(check->s, value);
}

static Node *any(Check *check, int rank, const Dim *const *dims) {
    return check_param(check, DOMAIN_any, rank, dims);
}

static const Dim *plus(Check *check, const Dim *a, int64_t b) {
    return dim_add(check->s->dims, a, size(check, b));
}

/* ---- elementwise with a type to choose ------------------------------------------------------------------------------------------------- */

static Node *build_cast(Check *check, int variant) {
    if (variant > 1) return NULL;
    Node *x = any(check, variant, DIMS(check->n));
    return node_cast(check->graph, ELEM_F64, node_cast(check->graph, ELEM_F32, x));
}

/* select(a < b, a, b), with operands far apart */
static Node *build_select(Check *check, int variant) {
    if (variant > 2) return NULL;
    const Dim *const *dims = DIMS(check->n, size(check, 2));
    Node             *a    = check_param(check, DOMAIN_apart, variant, dims);
    Node             *b    = check_param(check, DOMAIN_apart, variant, dims);
    return node_select(check->graph, node_binary(check->graph, OP_LT, a, b), a, b);
}

/* ---- reductions -------------------------------------------------------------------------------------------------------------------------- */

static Node *build_reduction(Check *check, Op op, Domain domain, int variant) {
    static const struct {
        int n, axes[3];
    } choices[]   = {{1, {0}}, {1, {1}}, {1, {2}}, {2, {0, 1}}, {2, {0, 2}}, {2, {1, 2}}, {3, {0, 1, 2}}};
    int n_choices = (int)(sizeof choices / sizeof *choices);
    if (variant > n_choices) return NULL;
    if (variant == n_choices) { /* equal elements: x repeated and reduced along the copies */
        Node *x    = check_param(check, domain, 1, DIMS(check->n));
        Type  type = scratch_type(ELEM_F64, 2, DIMS(size(check, 3), check->n));
        return node_reduce(check->graph, op, node_expand(check->graph, x, &type, 1, AXES(0)), 1, AXES(0));
    }
    Node *x = check_param(check, domain, 3, DIMS(check->n, size(check, 2), check->m));
    return node_reduce(check->graph, op, x, choices[variant].n, choices[variant].axes);
}

static Node *build_sum(Check *check, int variant) {
    return build_reduction(check, OP_SUM, DOMAIN_any, variant);
}

static Node *build_reduce_max(Check *check, int variant) {
    return build_reduction(check, OP_REDUCE_MAX, DOMAIN_apart, variant);
}

/* ---- movement ------------------------------------------------------------------------------------------------------------------------------ */

static Node *build_reshape(Check *check, int variant) {
    Graph     *graph = check->graph;
    const Dim *both  = dim_mul(check->s->dims, check->n, check->m);
    switch (variant) {
    case 0: return node_reshape(graph, any(check, 2, DIMS(check->n, check->m)), 1, DIMS(both));
    case 1: return node_reshape(graph, any(check, 1, DIMS(size(check, 6))), 2, DIMS(size(check, 2), size(check, 3)));
    case 2: return node_reshape(graph, any(check, 0, NULL), 2, DIMS(size(check, 1), size(check, 1)));
    case 3: return node_reshape(graph, any(check, 2, DIMS(size(check, 1), check->n)), 1, DIMS(check->n));
    default: return NULL;
    }
}

static Node *build_permute(Check *check, int variant) {
    static const int orders[][3] = {{1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    if (variant > 4) return NULL;
    return node_permute(check->graph, any(check, 3, DIMS(check->n, size(check, 2), check->m)), orders[variant]);
}

static Node *build_expand(Check *check, int variant) {
    Graph *graph = check->graph;
    Type   type  = scratch_type(ELEM_F64, 3, DIMS(check->n, size(check, 2), check->m));
    switch (variant) {
    case 0: return node_expand_scalar(graph, any(check, 0, NULL), &type);
    case 1: return node_expand(graph, any(check, 2, DIMS(type.dims[1], type.dims[2])), &type, 1, AXES(0));
    case 2: return node_expand(graph, any(check, 2, DIMS(type.dims[0], type.dims[2])), &type, 1, AXES(1));
    case 3: return node_expand(graph, any(check, 1, DIMS(type.dims[1])), &type, 2, AXES(0, 2));
    case 4: return node_expand(graph, any(check, 1, DIMS(type.dims[0])), &type, 2, AXES(1, 2));
    default: return NULL;
    }
}

static Node *build_slice(Check *check, int variant) {
    if (variant > 2) return NULL;
    const Dim *const *full    = DIMS(plus(check, check->n, 3), size(check, 4));
    const Dim *const *offsets = DIMS(size(check, variant), size(check, variant == 1 ? 3 : 0));
    Type type = scratch_type(ELEM_F64, 2, DIMS(plus(check, check->n, 1), size(check, variant == 1 ? 1 : 2)));
    return node_slice(check->graph, any(check, 2, full), offsets, &type);
}

static Node *build_pad(Check *check, int variant) {
    if (variant > 2) return NULL;
    Type              type    = scratch_type(ELEM_F64, 2, DIMS(plus(check, check->n, 3), size(check, 4)));
    const Dim *const *offsets = DIMS(size(check, variant), size(check, variant == 1 ? 1 : 0));
    return node_pad(check->graph, any(check, 2, DIMS(plus(check, check->n, 1), size(check, 2))), offsets, &type);
}

static Node *build_concat(Check *check, int variant) {
    const Dim *three = size(check, 3);
    if (variant == 0) {
        Node *parts[] = {any(check, 1, DIMS(check->n)), any(check, 1, DIMS(three)), any(check, 1, DIMS(check->m))};
        return node_concat(check->graph, 3, parts, 0);
    }
    if (variant == 1) {
        Node *parts[] = {any(check, 2, DIMS(three, check->n)), any(check, 2, DIMS(three, check->m))};
        return node_concat(check->graph, 2, parts, 1);
    }
    if (variant > 2) return NULL;
    Node *x = any(check, 2, DIMS(check->n, three)); /* one input twice */
    return node_concat(check->graph, 2, (Node *[]){x, x}, 0);
}

/* Windows, a convolution's other direction, a flip, every second element, zeros in between. */
static Node *build_slide(Check *check, int variant) {
    static const struct {
        int step, dilation, before, divisor, more; /* more: what the result's axis has beyond n */
    } ways[] = {{1, 1, 0, 1, 0}, {1, 2, 1, 1, 0}, {2, 1, 1, 1, 1},  {1, -1, -1, 1, 1}, {1, -1, -1, 2, 3},
                {3, 0, 0, 1, 0}, {1, 0, 1, 3, 4}, {2, -1, 3, 3, 5}, {-1, 0, 0, 1, 0},  {-2, 1, -3, 1, 1}};
    if (variant >= (int)(sizeof ways / sizeof *ways)) return NULL;
    Node *x     = any(check, 3, DIMS(plus(check, check->n, 2), size(check, 2), size(check, 3)));
    Slide slide = {.axis     = 0,
                   .by       = 2,
                   .step     = ways[variant].step,
                   .dilation = ways[variant].dilation,
                   .divisor  = ways[variant].divisor,
                   .before   = size(check, ways[variant].before)};
    if (variant == 8) slide.before = dim_sub(check->s->dims, size(check, -1), check->n); /* 1 - (n + 2) */
    return node_slide(check->graph, x, &slide, plus(check, check->n, ways[variant].more));
}

/* ---- by index -------------------------------------------------------------------------------------------------------------------------------- */

/* 0, 1, 0, 1 ...: rows that repeat. */
static Node *indices(Check *check, int rank, const Dim *const *dims) {
    Type  type = scratch_type(ELEM_I32, rank, dims);
    Node *iota = rank ? node_iota(check->graph, &type, rank - 1) : node_const(check->graph, ELEM_I32, 1);
    return rank ? node_binary(check->graph, OP_MOD, iota, node_fill(check->graph, &type, 2)) : iota;
}

static Node *build_gather(Check *check, int variant) {
    const Dim *rows = size(check, 3);
    switch (variant) {
    case 0: return node_gather(check->graph, any(check, 1, DIMS(rows)), indices(check, 0, NULL));
    case 1: return node_gather(check->graph, any(check, 2, DIMS(rows, check->n)), indices(check, 1, DIMS(check->m)));
    case 2:
        return node_gather(check->graph, any(check, 1, DIMS(rows)), indices(check, 2, DIMS(check->n, size(check, 3))));
    case 3:
        return node_gather(check->graph, any(check, 3, DIMS(rows, check->n, check->m)),
                           indices(check, 2, DIMS(check->n, check->m)));
    default: return NULL;
    }
}

static Node *build_scatter_add(Check *check, int variant) {
    const Dim *rows = size(check, 3);
    switch (variant) {
    case 0:
        return node_scatter_add(check->graph, any(check, 1, DIMS(check->n)), indices(check, 1, DIMS(check->n)), rows);
    case 1:
        return node_scatter_add(check->graph, any(check, 3, DIMS(check->m, size(check, 3), check->n)),
                                indices(check, 2, DIMS(check->m, size(check, 3))), rows);
    case 2: return node_scatter_add(check->graph, any(check, 1, DIMS(check->n)), indices(check, 0, NULL), rows);
    default: return NULL;
    }
}

/* ---- contraction ------------------------------------------------------------------------------------------------------------------------------- */

typedef struct DotCase {
    int     left_rank, right_rank;
    int     left[4], right[4]; /* which dims: 0 is n, 1 is m, else that constant */
    DotAxes axes;
} DotCase;

static const DotCase dots[] = {
    {2, 2, {0, 4}, {4, 1}, {0, 1, {0}, {0}, {1}, {0}}},                         /* matrix product */
    {2, 2, {4, 0}, {4, 1}, {0, 1, {0}, {0}, {0}, {0}}},                         /* left transposed */
    {2, 2, {0, 4}, {1, 4}, {0, 1, {0}, {0}, {1}, {1}}},                         /* right transposed */
    {1, 1, {4}, {4}, {0, 1, {0}, {0}, {0}, {0}}},                               /* inner product */
    {1, 1, {0}, {1}, {0, 0, {0}, {0}, {0}, {0}}},                               /* outer product */
    {2, 1, {0, 4}, {4}, {0, 1, {0}, {0}, {1}, {0}}},                            /* matrix by vector */
    {1, 2, {4}, {4, 0}, {0, 1, {0}, {0}, {0}, {0}}},                            /* vector by matrix */
    {3, 3, {0, 2, 4}, {0, 4, 3}, {1, 1, {0}, {0}, {2}, {1}}},                   /* one batch axis */
    {3, 3, {2, 0, 4}, {4, 3, 0}, {1, 1, {1}, {2}, {2}, {0}}},                   /* batch axes in the middle and last */
    {4, 4, {0, 1, 2, 4}, {1, 0, 4, 3}, {2, 1, {0, 1}, {1, 0}, {3}, {2}}},       /* two batch axes, crossed */
    {3, 3, {0, 2, 4}, {4, 2, 1}, {0, 2, {0}, {0}, {1, 2}, {1, 0}}},             /* two contracted, in another order */
    {3, 3, {2, 0, 4}, {1, 4, 2}, {0, 2, {0}, {0}, {2, 0}, {1, 2}}},             /* contracted around a free axis */
    {4, 4, {2, 0, 3, 4}, {4, 2, 0, 3}, {1, 3, {1}, {2}, {3, 0, 2}, {0, 1, 3}}}, /* three contracted, no free axis */
    {2, 3, {0, 4}, {1, 4, 2}, {0, 1, {0}, {0}, {1}, {1}}},                      /* contracted axis between free ones */
    {4, 3, {4, 2, 0, 3}, {0, 4, 1}, {1, 1, {2}, {0}, {0}, {1}}}, /* two left free axes around the batch */
    {2, 2, {0, 1}, {0, 1}, {2, 0, {0, 1}, {0, 1}, {0}, {0}}},    /* all batch: a product by element */
    {0, 2, {0}, {0, 3}, {0, 0, {0}, {0}, {0}, {0}}},             /* a scalar operand */
};

static Node *build_dot(Check *check, int variant) {
    int count = (int)(sizeof dots / sizeof *dots);
    if (variant > count) return NULL;
    if (variant == count) { /* one operand on both sides */
        Node   *x    = any(check, 2, DIMS(check->n, size(check, 4)));
        DotAxes axes = {0, 1, {0}, {0}, {1}, {1}};
        return node_dot(check->graph, x, x, &axes);
    }
    const DotCase *dot = &dots[variant];
    const Dim     *left[4], *right[4];
    for (int i = 0; i < 4; i++) {
        const Dim *symbols[] = {check->n, check->m};
        left[i]              = dot->left[i] < 2 ? symbols[dot->left[i]] : size(check, dot->left[i]);
        right[i]             = dot->right[i] < 2 ? symbols[dot->right[i]] : size(check, dot->right[i]);
    }
    Node *a = any(check, dot->left_rank, left);
    return node_dot(check->graph, a, any(check, dot->right_rank, right), &dot->axes);
}

/* ---- custom gradients ------------------------------------------------------------------------------------------------------------------------- */

/* x^2 y with the gradients g 2 x y and g x^2, the cotangent being used twice in the second as g/2 + g/2. */
static Node *build_custom(Check *check, int variant) {
    if (variant > 1) return NULL;
    Graph            *graph = check->graph;
    const Dim *const *dims  = DIMS(check->n);
    Node             *x = any(check, variant, dims), *y = any(check, variant, dims);
    Node             *g      = node_ref(graph, OP_COTANGENT, 0, &x->type);
    Node             *square = node_binary(graph, OP_MUL, x, x), *value = node_binary(graph, OP_MUL, square, y);
    Node *twice    = node_binary(graph, OP_MUL, node_fill(graph, &x->type, 2), node_binary(graph, OP_MUL, x, y));
    Node *half     = node_binary(graph, OP_MUL, g, node_fill(graph, &x->type, 0.5));
    Node *inputs[] = {value, g,
                      x,     node_binary(graph, OP_MUL, g, twice),
                      y,     node_binary(graph, OP_MUL, node_binary(graph, OP_ADD, half, half), square)};
    return graph_node(graph, OP_CUSTOM, NULL, 6, inputs, NULL);
}

Builder *check_builder(Op op) {
    static Builder *const builders[OP_COUNT] = {
        [OP_CAST] = build_cast,       [OP_SELECT] = build_select,
        [OP_SUM] = build_sum,         [OP_REDUCE_MAX] = build_reduce_max,
        [OP_RESHAPE] = build_reshape, [OP_PERMUTE] = build_permute,
        [OP_EXPAND] = build_expand,   [OP_SLICE] = build_slice,
        [OP_PAD] = build_pad,         [OP_CONCAT] = build_concat,
        [OP_GATHER] = build_gather,   [OP_SCATTER_ADD] = build_scatter_add,
        [OP_DOT] = build_dot,         [OP_CUSTOM] = build_custom,
        [OP_SLIDE] = build_slide,     [OP_SCAN] = build_scan,
        [OP_PICK] = build_pick,
    };
    return builders[op];
}
