/* FN_GRADIENTS: for each minimize line, its loss as training sees it and the gradient of that loss with respect to every
 * parameter the line trains and to every input of real numbers. Clipping, accumulation and freezing are steps behind the
 * gradient and take no part. */
#include "sema/train.h"

#include <string.h>

static void add_gradient(Elab *e, Fn *fn, Node *loss, Node *of, const char *name, int slot) {
    Node  *inputs[2] = {loss, of};
    Result result    = {.name  = name,
                        .value = graph_node(e->graph, OP_GRAD, NULL, 2, inputs, NULL),
                        .role  = ROLE_GRADIENT,
                        .slot  = slot};
    vec_push(e->arena, &fn->results, result);
}

/* ---- what stop_grad holds -------------------------------------------------------------------------------------------- */

/* The value behind a stop_grad is a constant to the gradient, and must be one to whoever compares it with slopes: it becomes
 * an input of the function, which the function `held` computes. */
static void hold(Elab *e, Fn **held, Node *node, Map *replacement) {
    int known = -1;
    if (!*held) *held = fn_add(e, FN_PREDICT, HELD_FN);
    for (int i = 0; i < (*held)->results.len; i++)
        if ((*held)->results.data[i].value == node->inputs[0]) known = i;
    if (known < 0) {
        const char *name  = arena_printf(e->arena, HELD_INPUT "%d", (*held)->results.len + 1);
        ProgInput   input = {.name = name, .type = node->type, .span = node->span};
        vec_push(e->arena, &e->program->inputs, input);
        fn_result(e, *held, name, node->inputs[0], NULL);
        known = (*held)->results.len - 1;
    }
    int index = 0;
    while (e->program->inputs.data[index].name != (*held)->results.data[known].name) index++;
    map_set(replacement, node, node_ref(e->graph, OP_INPUT, index, &node->type));
}

static Fn *held_function(Elab *e) {
    for (int i = 0; i < e->program->fns.len; i++)
        if (!strcmp(e->program->fns.data[i]->name, HELD_FN)) return e->program->fns.data[i];
    return NULL;
}

static Node *with_held(Elab *e, Node *loss) {
    Map    *replacement = map_new(e->arena);
    NodeVec order       = {0};
    Fn     *held        = held_function(e);
    bool    any         = false;
    graph_post_order(e->arena, loss, map_new(e->arena), &order);
    for (int i = 0; i < order.len; i++)
        if (order.data[i]->op == OP_STOP_GRAD) hold(e, &held, order.data[i], replacement), any = true;
    return any ? graph_substitute(e->graph, loss, replacement) : loss;
}

/* ---- the function ---------------------------------------------------------------------------------------------------- */

void gradients_function(Elab *e, const MinimizeLine *line, int index) {
    int         n_inputs = e->program->inputs.len; /* held values are none of the model's */
    bool       *reached  = ARENA_ARRAY(e->arena, bool, e->program->slots.len + 1);
    const char *name     = index ? arena_printf(e->arena, "gradients_%d", index + 1) : "gradients";
    sema_place(e, line->span);
    Node       *loss   = with_held(e, line->loss.node);
    const bool *inputs = reach_inputs(e, loss);
    Fn         *fn     = fn_add(e, FN_GRADIENTS, name);
    reach_slots(e, loss, reached);
    fn_result(e, fn, line->name, loss, NULL);
    for (int i = 0; i < e->program->slots.len; i++) {
        const Slot *slot = &e->program->slots.data[i];
        if (slot->kind == SLOT_PARAM && reached[i] && elem_is_float(slot->type.elem) && line_selects(e, line, i))
            add_gradient(e, fn, loss, slot_read(e, i), slot->path, i);
    }
    for (int i = 0; i < n_inputs; i++) {
        const ProgInput *input = &e->program->inputs.data[i];
        if (input->is_target || !inputs[i] || !elem_is_float(input->type.elem) || elem_is_narrow(input->type.elem))
            continue;
        if (strncmp(input->name, HELD_INPUT, strlen(HELD_INPUT)))
            add_gradient(e, fn, loss, node_ref(e->graph, OP_INPUT, i, &input->type), input->name, -1);
    }
}
