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
