/* Loss scaling in `precision = mixed(f16)`: gradients are taken of the loss times a power of two and divided by it again, so that
 * small ones are no zeros in f16. A step in which one of them is not finite changes neither parameters nor an optimizer's state nor
 * counts as a step, and halves the scale; 2000 good steps in a row double it (Micikevicius et al., "Mixed Precision Training", 2018; the
 * numbers are those of PyTorch's GradScaler).
 *
 * Each minimize line has a scale of its own, in slots beside its optimizer's: they are saved and resumed with it. */
#include "sema/train.h"

static const double START = 65536, GROWTH = 2, BACKOFF = 0.5, GROWTH_INTERVAL = 2000;

/* The scale grows to LARGEST at most. From LEAST on down what is not finite is no matter of f16's range: the step is made, and the next
 * loss, which is not finite either, ends the training with a report of what was the first. */
static const double LARGEST = 0x1p126, LEAST = 0x1p-16;

static int scale_slot(Elab *e, const char *prefix, const char *name, ElemType elem, double start, Span span) {
    const char *path  = intern(e->c->names, arena_printf(e->arena, "%s/%s", prefix, name));
    int         found = slot_find(e, path);
    Type        type  = {.elem = elem};
    if (found >= 0 && e->program->slots.data[found].kind == SLOT_OPTIMIZER) return found;
    if (found >= 0) {
        Diag *diag = sema_error(e, e->program->slots.data[found].span, E0103,
                                "'%s' is also what loss scaling keeps in mixed(f16)", path);
        diag_help(diag, "give the part another name than '%s'", prefix);
        return found;
    }
    found                              = slot_new(e, SLOT_OPTIMIZER, path, &type, span);
    e->program->slots.data[found].init = node_const(e->graph, elem, start);
    return found;
}

void loss_scale_begin(Elab *e, const MinimizeLine *line) {
    const char *prefix = line->rules.data[0].prefix;
    e->loss_scale      = (LossScale){0};
    if (e->products != ELEM_F16) return;
    e->loss_scale = (LossScale){
        .active  = true,
        .scale   = scale_slot(e, prefix, "loss_scale", ELEM_F32, START, line->span),
        .good    = scale_slot(e, prefix, "good_steps", ELEM_I64, 0, line->span),
        .skipped = scale_slot(e, prefix, "skipped_steps", ELEM_I64, 0, line->span),
    };
}

static Node *count(Elab *e, double value) {
    return node_const(e->graph, ELEM_I64, value);
}

Node *steps_done(Elab *e) {
    Type  type = {.elem = ELEM_I64};
    Node *step = node_ref(e->graph, OP_RUNTIME, RUNTIME_STEP, &type);
    return e->loss_scale.active ? node_binary(e->graph, OP_SUB, step, slot_read(e, e->loss_scale.skipped)) : step;
}

Node *loss_gradient(Elab *e, Node *loss, Node *of) {
    Node *inputs[2] = {loss, of};
    if (e->loss_scale.active) inputs[0] = node_binary(e->graph, OP_MUL, loss, slot_read(e, e->loss_scale.scale));
    return graph_node(e->graph, OP_GRAD, NULL, 2, inputs, NULL);
}

StepCheck check_step(Elab *e, const Trainee *trainees, int n) {
    Graph *g   = e->graph;
    Node  *bad = NULL;
    for (int i = 0; e->loss_scale.active && i < n; i++) {
        Node *here = count_nonfinite(e, trainees[i].gradient);
        bad        = bad ? node_binary(g, OP_ADD, bad, here) : here;
    }
    if (!bad) return (StepCheck){NULL, NULL};
    Node *scale  = slot_read(e, e->loss_scale.scale);
    Node *finite = node_binary(g, OP_EQ, bad, node_const(g, e->real, 0));
    Node *least  = node_binary(g, OP_LE, scale, node_const(g, scale->type.elem, LEAST));
    return (StepCheck){finite, node_binary(g, OP_OR, finite, least)};
}

/* Waiting for the check, an update computes nothing before it, which would all have to be kept. */
void unscale_gradients(Elab *e, Trainee *trainees, int n, const StepCheck *check) {
    if (!e->loss_scale.active || !n) return;
    Graph *graph = e->graph;
    Node  *scale = slot_read(e, e->loss_scale.scale), *one = node_const(graph, scale->type.elem, 1);
    Node  *inverse = node_binary(graph, OP_DIV, one, scale);
    if (check) inverse = node_select(graph, check->made, inverse, node_const(graph, scale->type.elem, 0));
    for (int i = 0; i < n; i++) {
        Node *g              = trainees[i].gradient;
        Node *factor         = expand_to(e, node_cast(graph, g->type.elem, inverse), &g->type);
        trainees[i].gradient = node_binary(graph, OP_MUL, g, factor);
    }
}

static void update_scale(Elab *e, Fn *fn, const StepCheck *check) {
    Graph *g     = e->graph;
    Node  *scale = slot_read(e, e->loss_scale.scale), *good = slot_read(e, e->loss_scale.good),
         *skipped = slot_read(e, e->loss_scale.skipped), *next = node_binary(g, OP_ADD, good, count(e, 1));
    Node *grows   = node_binary(g, OP_EQ, next, count(e, GROWTH_INTERVAL));
    Node *larger  = node_binary(g, OP_MUL, scale, node_const(g, scale->type.elem, GROWTH));
    Node *smaller = node_binary(g, OP_MUL, scale, node_const(g, scale->type.elem, BACKOFF));
    larger        = node_binary(g, OP_MIN, larger, node_const(g, scale->type.elem, LARGEST));
    fn_update(e, fn, e->loss_scale.scale, node_select(g, check->finite, node_select(g, grows, larger, scale), smaller));
    fn_update(e, fn, e->loss_scale.good,
              node_select(g, check->finite, node_select(g, grows, count(e, 0), next), count(e, 0)));
    fn_update(e, fn, e->loss_scale.skipped,
              node_select(g, check->made, skipped, node_binary(g, OP_ADD, skipped, count(e, 1))));
}

void skip_unless_made(Elab *e, Fn *fn, const StepCheck *check) {
    if (!check->made) return;
    for (int i = 0; i < fn->updates.len; i++) {
        Update *update = &fn->updates.data[i];
        Type    flags  = update->value->type;
        flags.elem     = ELEM_BOOL;
        Node *made     = expand_to(e, check->made, &flags);
        update->value  = node_select(e->graph, made, update->value, slot_read(e, update->slot));
    }
    update_scale(e, fn, check);
}
