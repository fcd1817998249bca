/* Nodes by op, values by node. */
#include "interp/interp.h"

#include "interp/internal.h"
#include "interp/philox.h"
#include "ops/random.h"

/* ---- sources -------------------------------------------------------------------------------------------------------------- */

static void source_const(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)interp, (void)in;
    out->data[0] = node->attr.value;
}

static void source_dim(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    int64_t value;
    if (!dim_eval(node->attr.dim, interp->args->symbols, &value)) BUG("node %d: dim", node->id);
    out->data[0] = (double)value;
}

static void source_runtime(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    out->data[0] = (double)interp->args->runtime[node->attr.ref];
}

static void source_iota(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    int64_t strides[MAX_RANK] = {0}, count;
    strides[node->attr.axis]  = 1;
    int64_t *index            = box_offsets(interp->arena, out->rank, out->dims, strides, &count);
    for (int64_t i = 0; i < count; i++) out->data[i] = (double)index[i];
}

static void source_random(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    uint64_t key       = random_key(node->attr.random);
    bool     is_double = out->elem == ELEM_F64;
    for (int64_t i = 0; i < out->count; i++)
        out->data[i] = (node->op == OP_UNIFORM ? philox_uniform : philox_normal)(is_double, interp->args->seed, key,
                                                                                 interp->args->pass, (uint64_t)i);
}

/* What the caller gave, checked against the node's type. */
static void source_given(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    const Tensor *table = node->op == OP_INPUT ? interp->args->inputs : interp->args->slots;
    const Tensor *given = &table[node->attr.ref];
    if (!given->data) BUG("%s %d was not given", op_info[node->op].name, node->attr.ref);
    if (given->elem != out->elem || given->count != out->count)
        BUG("%s %d does not fit its type", op_info[node->op].name, node->attr.ref);
    out->data = given->data;
}

/* stop_grad and custom are their first input. */
static void first_input(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)interp, (void)node;
    out->data = in[0]->data;
}

/* ---- all ops ------------------------------------------------------------------------------------------------------------------ */

static InterpRule *const rules[OP_COUNT] = {
    [OP_INPUT]         = source_given,
    [OP_READ]          = source_given,
    [OP_RUNTIME]       = source_runtime,
    [OP_CONST]         = source_const,
    [OP_DIM]           = source_dim,
    [OP_IOTA]          = source_iota,
    [OP_UNIFORM]       = source_random,
    [OP_NORMAL]        = source_random,
    [OP_CUSTOM]        = first_input,
    [OP_STOP_GRAD]     = first_input,
    [OP_AGAIN]         = first_input,
    [OP_SUM]           = interp_reduce,
    [OP_REDUCE_MAX]    = interp_reduce,
    [OP_ARGMAX]        = interp_argmax,
    [OP_RESHAPE]       = interp_reshape,
    [OP_PERMUTE]       = interp_permute,
    [OP_EXPAND]        = interp_expand,
    [OP_SLICE]         = interp_slice,
    [OP_DYNAMIC_SLICE] = interp_dynamic_slice,
    [OP_PAD]           = interp_pad,
    [OP_CONCAT]        = interp_concat,
    [OP_SLIDE]         = interp_slide,
    [OP_GATHER]        = interp_gather,
    [OP_SCATTER_ADD]   = interp_scatter_add,
    [OP_DOT]           = interp_dot,
    [OP_SCAN]          = interp_scan,
    [OP_PICK]          = interp_pick,
};

Interp *interp_new(Arena *arena, const Program *program, const InterpArgs *args) {
    Interp *interp  = ARENA_NEW(arena, Interp);
    interp->arena   = arena;
    interp->program = program;
    interp->args    = args;
    interp->values  = map_new(arena);
    interp->results = map_new(arena);
    return interp;
}

const char *interp_error(const Interp *interp) {
    return interp->error;
}

void interp_give(Interp *interp, const Node *node, Tensor value) {
    Tensor *copy = ARENA_NEW(interp->arena, Tensor);
    *copy        = value;
    map_set(interp->values, node, copy);
}

static void evaluate(Interp *interp, const Node *node) {
    const Tensor **in  = ARENA_ARRAY(interp->arena, const Tensor *, node->n_inputs + 1);
    Tensor        *out = ARENA_NEW(interp->arena, Tensor);
    for (int i = 0; i < node->n_inputs; i++) in[i] = map_get(interp->values, node->inputs[i]);
    *out             = tensor_new(interp->arena, &node->type, interp->args->symbols);
    InterpRule *rule = op_lower[node->op] ? interp_elementwise : rules[node->op];
    if (!rule) BUG("the interpreter knows no %s", op_info[node->op].name);
    rule(interp, node, in, out);
    map_set(interp->values, node, out);
}

Tensor interp_value(Interp *interp, Node *root) {
    NodeVec stack = {0}; /* not recursion: a graph may be deeper than the machine's stack */
    vec_push(interp->arena, &stack, root);
    while (stack.len) {
        const Node *node     = vec_last(&stack);
        Node       *missing  = NULL;
        int         n_inputs = node->op == OP_CUSTOM ? 1 : node->n_inputs; /* its gradients stand apart */
        if (!map_has(interp->values, node))
            for (int i = 0; i < n_inputs && !missing; i++)
                if (!map_has(interp->values, node->inputs[i])) missing = node->inputs[i];
        if (missing) {
            vec_push(interp->arena, &stack, missing);
            continue;
        }
        if (!map_has(interp->values, node)) evaluate(interp, node);
        stack.len--;
    }
    return *(Tensor *)map_get(interp->values, root);
}

InterpRun interp_run(Arena *arena, const Program *program, const Fn *fn, const InterpArgs *args) {
    Interp   *interp = interp_new(arena, program, args);
    InterpRun run;
    run.results = ARENA_ARRAY(arena, Tensor, fn->results.len + 1);
    run.weights = ARENA_ARRAY(arena, Tensor, fn->results.len + 1);
    run.updates = ARENA_ARRAY(arena, Tensor, fn->updates.len + 1);
    for (int i = 0; i < fn->results.len; i++) {
        run.results[i] = interp_value(interp, fn->results.data[i].value);
        if (fn->results.data[i].weight) run.weights[i] = interp_value(interp, fn->results.data[i].weight);
    }
    for (int i = 0; i < fn->updates.len; i++) run.updates[i] = interp_value(interp, fn->updates.data[i].value);
    run.error = interp->error;
    return run;
}
