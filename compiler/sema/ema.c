/* `ema = d`: beside each parameter that learns a moving average, which evaluations and predictions read in its place.
 *
 * After each update average = d' average + (1 - d') parameter, with d' = min(d, (1 + t) / (10 + t)) and t the steps done:
 * so that the start does not linger in it (Abadi et al., TensorFlow's ExponentialMovingAverage with num_updates). */
#include "sema/train.h"

static const char *average_path(Elab *e, int param) {
    return intern(e->c->names, arena_printf(e->arena, "ema/%s", e->program->slots.data[param].path));
}

int average_slot(Elab *e, int param) {
    return e->program->train.ema > 0 ? slot_find(e, average_path(e, param)) : -1;
}

static int make_average(Elab *e, int param) {
    const Slot *slot  = &e->program->slots.data[param];
    const Type  type  = slot->type;
    Node       *init  = slot->init;
    int         found = slot_find(e, average_path(e, param));
    if (found >= 0 && e->program->slots.data[found].kind == SLOT_EMA) return found;
    if (found >= 0) {
        Diag *diag =
            sema_error(e, e->program->slots.data[found].span, E0103,
                       "'%s' is also the average that 'ema' keeps of '%s'", average_path(e, param), slot->path);
        diag_help(diag, "give the part another name than 'ema'");
        return -1;
    }
    found                               = slot_new(e, SLOT_EMA, average_path(e, param), &type, slot->span);
    e->program->slots.data[found].init  = init;
    e->program->slots.data[found].param = param;
    return found;
}

static Node *decay(Elab *e) {
    Node *t      = node_cast(e->graph, ELEM_F64, steps_done(e));
    Node *early  = node_binary(e->graph, OP_DIV, node_binary(e->graph, OP_ADD, t, node_const(e->graph, ELEM_F64, 1)),
                               node_binary(e->graph, OP_ADD, t, node_const(e->graph, ELEM_F64, 10)));
    Node *target = node_const(e->graph, ELEM_F64, e->program->train.ema);
    return node_binary(e->graph, OP_MIN, target, early);
}

/* average + (1 - d) (parameter - average) */
static Node *averaged(Elab *e, Node *average, Node *parameter, Node *keep) {
    Node *rate = node_binary(e->graph, OP_SUB, node_const(e->graph, ELEM_F64, 1), keep);
    rate       = node_expand_scalar(e->graph, node_cast(e->graph, average->type.elem, rate), &average->type);
    Node *step = node_binary(e->graph, OP_MUL, rate, node_binary(e->graph, OP_SUB, parameter, average));
    return node_binary(e->graph, OP_ADD, average, step);
}

void update_averages(Elab *e, Fn *fn) {
    int n = fn->updates.len;
    for (int i = 0; e->program->train.ema > 0 && i < n; i++) {
        Update update = fn->updates.data[i];
        if (e->program->slots.data[update.slot].kind != SLOT_PARAM) continue;
        int slot = make_average(e, update.slot);
        if (slot < 0) return;
        fn_update(e, fn, slot, averaged(e, slot_read(e, slot), update.value, decay(e)));
    }
}
