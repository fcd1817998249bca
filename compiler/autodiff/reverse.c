/* Reverse mode: one sweep a loss, from its node down to all that a GRAD asks for.
 *
 * For each node, in descending id order, the contributions of its users are summed in the order in which they
 * were made and handed to the op's gradient rule. Only nodes on a path from what is asked for to the loss are visited.
 *
 * A gradient has its node's type, except that of a bf16 or f16 node, which stays as wide as those who use the node made it: sums of
 * gradients are never rounded to a narrow type. */
#include "autodiff/sweep.h"

#include "ir/scan.h"

/* ---- which nodes matter --------------------------------------------------------------------------------------------- */

/* Does the gradient of `node` flow into its input i? Below a custom gradient only into its x's; below stop_grad and integers nowhere. */
static bool flows_into(const Node *node, int i) {
    if (node->op == OP_CUSTOM) return i >= 2 && i % 2 == 0;
    return op_gradient[node->op] != grad_zero;
}

/* Marks the nodes under the seeds that have one of `targets` below them, or are one. */
static void mark_wanted(Sweep *s, const SeedVec *seeds, const Map *targets) {
    NodeVec order = {0};
    Map    *seen  = map_new(s->c->arena);
    for (int i = 0; i < seeds->len; i++) graph_post_order(s->c->arena, seeds->data[i].node, seen, &order);
    for (int k = 0; k < order.len; k++) {
        Node *node   = order.data[k];
        bool  wanted = map_has(targets, node);
        for (int i = 0; i < node->n_inputs && !wanted; i++)
            wanted = flows_into(node, i) && map_has(s->wanted, node->inputs[i]);
        if (wanted && elem_is_float(node->type.elem)) map_set(s->wanted, node, node);
    }
}

/* ---- contributions --------------------------------------------------------------------------------------------------- */

void sweep_contribute(Sweep *s, Node *node, Node *g) {
    if (!g || !map_has(s->wanted, node)) return;
    bool fits = elem_is_narrow(node->type.elem)
                    ? type_same_shape(&g->type, &node->type) && !elem_is_narrow(g->type.elem)
                    : type_equal(&g->type, &node->type);
    if (!fits) BUG("a gradient of %s has another type", op_info[node->op].name);
    Node *sum = map_get(s->cotangent, node);
    if (sum && sum->type.elem != g->type.elem) {
        sum = node_cast(s->graph, ELEM_F64, sum);
        g   = node_cast(s->graph, ELEM_F64, g);
    }
    map_set(s->cotangent, node, sum ? node_binary(s->graph, OP_ADD, sum, g) : g);
}

static void note_origin(Diag *d, const Origin *origin) {
    for (int depth = 0; origin && origin->parent && depth < 8; origin = origin->parent, depth++)
        diag_label(d, origin->call, "in %s, made here", origin->what);
}

static void no_gradient(Sweep *s, const Node *node) {
    Diag *d = diag_error(s->c->diags, node->span, E0610,
                         "'%s' has no gradient, but the loss reaches parameters through it", op_info[node->op].name);
    diag_label(d, s->loss->span, "the gradient of this loss is asked for");
    note_origin(d, node->origin);
    diag_help(
        d, "put stop_grad(...) around it if its inputs need not learn, or give the fn that uses it a gradient of its "
           "own: fn f(x: real[...S]) -> real[...S] { ... } gradient (x, g) { ... }");
    s->failed = true;
}

/* gx with the cotangent placeholder replaced by g. It can only be above the x's. */
static void custom_gradient(Sweep *s, Node *node, Node *g) {
    for (int i = 2; i + 1 < node->n_inputs; i += 2) {
        if (!map_has(s->wanted, node->inputs[i])) continue;
        Map *replacement = map_new(s->c->arena);
        for (int k = 2; k < node->n_inputs; k += 2) map_set(replacement, node->inputs[k], node->inputs[k]);
        map_set(replacement, node->inputs[1], node_cast(s->graph, node->inputs[1]->type.elem, g));
        sweep_contribute(s, node->inputs[i], graph_substitute(s->graph, node->inputs[i + 1], replacement));
    }
}

static void visit(Sweep *s, Node *node, Node *g) {
    if (node->n_inputs == 0) return;
    graph_set_place(s->graph, node->span, node->origin);
    GradientRule *rule = op_gradient[node->op];
    if (rule == grad_custom || node->op == OP_SCAN) {
        rule == grad_custom ? custom_gradient(s, node, g) : sweep_scan(s, node);
        return;
    }
    if (node->op ==
        OP_PICK) { /* the SCAN, whose turn comes when all its results have had theirs, looks at their gradients */
        map_set(s->cotangent, node->inputs[0], g);
        return;
    }
    bool asked = false;
    for (int i = 0; i < node->n_inputs; i++) asked |= map_has(s->wanted, node->inputs[i]);
    if (!asked || rule == grad_zero) return;
    if (rule == grad_none) {
        no_gradient(s, node);
        return;
    }
    Node **gin = ARENA_ARRAY(s->c->arena, Node *, node->n_inputs + 1);
    rule(s->graph, node, g, gin);
    for (int i = 0; i < node->n_inputs; i++) sweep_contribute(s, node->inputs[i], gin[i]);
}

Map *sweep_back(Sweep *s, const SeedVec *seeds, const Map *targets) {
    int last     = -1;
    s->wanted    = map_new(s->c->arena);
    s->cotangent = map_new(s->c->arena);
    mark_wanted(s, seeds, targets);
    for (int i = 0; i < seeds->len; i++) {
        sweep_contribute(s, seeds->data[i].node, seeds->data[i].g);
        if (seeds->data[i].node->id > last) last = seeds->data[i].node->id;
    }
    for (int id = last; id >= 0; id--) {
        Node *node = graph_node_at(s->graph, id);
        Node *g    = map_has(s->wanted, node) ? map_get(s->cotangent, node) : NULL;
        if (g) visit(s, node, g);
    }
    return s->cotangent;
}

/* The cotangents of everything that `targets` names, with respect to `loss`. */
static Map *sweep_loss(Compilation *c, Graph *graph, Node *loss, const Map *targets, bool *failed) {
    Sweep    s     = {.c = c, .graph = graph, .loss = loss};
    SeedVec  seeds = {0};
    ElemType elem  = elem_is_narrow(loss->type.elem) ? ELEM_F32 : loss->type.elem;
    graph_set_place(graph, loss->span, loss->origin);
    vec_push(c->arena, &seeds, ((Seed){loss, node_const(graph, elem, 1)}));
    Map *cotangent = sweep_back(&s, &seeds, targets);
    *failed |= s.failed;
    return cotangent;
}

/* ---- replacing the placeholders ------------------------------------------------------------------------------------------ */

typedef struct Ask { /* a loss and all that its gradient is asked for */
    Node *loss;
    Map  *targets, *cotangent;
} Ask;

typedef struct Replace {
    Compilation *c;
    Graph       *graph;
    VEC(Ask) asks;
    NodeVec grads;
    bool    failed;
} Replace;

static Ask *ask_of(Replace *r, Node *loss) {
    for (int i = 0; i < r->asks.len; i++)
        if (r->asks.data[i].loss == loss) return &r->asks.data[i];
    vec_push(r->c->arena, &r->asks, ((Ask){loss, map_new(r->c->arena), NULL}));
    return &vec_last(&r->asks);
}

/* Lists the GRADs under a root that has not been seen. */
static void collect_root(Replace *r, Node **root, Map *seen) {
    NodeVec order = {0};
    graph_post_order(r->c->arena, *root, seen, &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        if (node->op != OP_GRAD) continue;
        vec_push(r->c->arena, &r->grads, node);
        map_set(ask_of(r, node->inputs[0])->targets, node->inputs[1], node);
    }
}

static void replace_root(Replace *r, Node **root, Map *replacement) {
    if (*root) *root = graph_substitute(r->graph, *root, replacement);
}

typedef void RootVisitor(Replace *r, Node **root, Map *map);

static void each_root(Replace *r, Program *program, RootVisitor *visitor, Map *map) {
    for (int i = 0; i < program->slots.len; i++) visitor(r, &program->slots.data[i].init, map);
    for (int f = 0; f < program->fns.len; f++) {
        Fn *fn = program->fns.data[f];
        for (int i = 0; i < fn->results.len; i++) {
            visitor(r, &fn->results.data[i].value, map);
            visitor(r, &fn->results.data[i].weight, map);
        }
        for (int i = 0; i < fn->updates.len; i++) visitor(r, &fn->updates.data[i].value, map);
    }
}

/* CUSTOM and STOP_GRAD have done their work: each becomes its value. */
static Node *strip(Replace *r, Node *node, const Map *done) {
    if (node->op == OP_CUSTOM || node->op == OP_STOP_GRAD) return map_get(done, node->inputs[0]);
    Node **inputs  = ARENA_ARRAY(r->c->arena, Node *, node->n_inputs + 1);
    bool   changed = false;
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = map_get(done, node->inputs[i]);
        changed |= inputs[i] != node->inputs[i];
    }
    if (node->op == OP_SCAN) {
        Scan *scan = node->attr.scan;
        for (int i = 0; i < scan->next.len; i++) scan->next.data[i] = map_get(done, scan->next.data[i]);
        for (int i = 0; i < scan->emits.len; i++) scan->emits.data[i] = map_get(done, scan->emits.data[i]);
    }
    if (!changed) return node;
    graph_set_place(r->graph, node->span, node->origin);
    return graph_node(r->graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

static void strip_root(Replace *r, Node **root, Map *done) {
    NodeVec order = {0};
    graph_post_order_deep(r->c->arena, *root, done, &order);
    for (int i = 0; i < order.len; i++) map_set(done, order.data[i], strip(r, order.data[i], done));
    *root = map_get(done, *root);
}

bool graph_add_gradients(Compilation *c, Program *program) {
    Replace r = {.c = c, .graph = program->graph};
    each_root(&r, program, collect_root, map_new(c->arena));
    for (int i = 0; i < r.asks.len; i++) {
        Ask *ask       = &r.asks.data[i];
        ask->cotangent = sweep_loss(c, r.graph, ask->loss, ask->targets, &r.failed);
    }
    if (r.failed) return false;

    Map *replacement = map_new(c->arena);
    for (int i = 0; i < r.grads.len; i++) {
        Node *grad  = r.grads.data[i];
        Node *value = map_get(ask_of(&r, grad->inputs[0])->cotangent, grad->inputs[1]);
        graph_set_place(r.graph, grad->span, grad->origin);
        value = value ? node_cast(r.graph, grad->type.elem, value) : node_fill(r.graph, &grad->type, 0);
        map_set(replacement, grad, value);
    }
    each_root(&r, program, replace_root, replacement);
    each_root(&r, program, strip_root, map_new(c->arena));
    return true;
}
