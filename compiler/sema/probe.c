/* The PROBE function of a program that reports: on one training batch it says where values stop being finite, in the order
 * in which the forward pass meets them (inputs, then each layer's parameters before its output, then the losses), how large
 * each parameter's gradient is, before clipping, and what schedules give. */
#include "sema/train.h"

#include <float.h>

static Node *all_axes(Elab *e, Node *x) {
    int axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) axes[i] = i;
    return node_reduce(e->graph, OP_SUM, x, x->type.rank, axes);
}

/* How many values are not finite: not |x| <= the largest number. */
Node *count_nonfinite(Elab *e, Node *x) {
    ElemType elem = elem_is_narrow(x->type.elem) ? ELEM_F32 : x->type.elem;
    Type     real = {.elem = e->real, .rank = x->type.rank};
    x             = node_cast(e->graph, elem, x);
    for (int i = 0; i < real.rank; i++) real.dims[i] = x->type.dims[i];
    Node *limit = node_fill(e->graph, &x->type, elem == ELEM_F64 ? DBL_MAX : (double)FLT_MAX);
    Node *fine  = node_binary(e->graph, OP_LE, node_unary(e->graph, OP_ABS, x), limit);
    Node *count = node_select(e->graph, fine, node_fill(e->graph, &real, 0), node_fill(e->graph, &real, 1));
    return all_axes(e, count);
}

static void add_count(Elab *e, Fn *fn, const char *name, Node *of, int slot) {
    if (!elem_is_float(of->type.elem)) return;
    Result result = {.name = name, .value = count_nonfinite(e, of), .role = ROLE_NONFINITE, .slot = slot};
    vec_push(e->arena, &fn->results, result);
}

static void add_inputs(Elab *e, Fn *fn, Node *loss) {
    const bool *inputs = reach_inputs(e, loss);
    for (int i = 0; i < e->program->inputs.len; i++) {
        const ProgInput *input = &e->program->inputs.data[i];
        if (inputs[i]) add_count(e, fn, input->name, node_ref(e->graph, OP_INPUT, i, &input->type), -1);
    }
}

static void add_params(Elab *e, Fn *fn, const char *prefix, bool *waiting) {
    for (int i = 0; i < e->program->slots.len; i++) {
        if (!waiting[i] || !path_within(e->program->slots.data[i].path, prefix)) continue;
        waiting[i] = false;
        if (e->program->slots.data[i].kind == SLOT_PARAM)
            add_count(e, fn, e->program->slots.data[i].path, slot_read(e, i), i);
    }
}

static void add_outputs(Elab *e, Fn *fn, const char *path, const Value *value, const bool *marks, int limit) {
    if (value->kind == VALUE_TENSOR && value->node->id <= limit && marks[value->node->id])
        add_count(e, fn, path, value->node, -1);
    for (int i = 0; value->kind == VALUE_TUPLE && i < value->list->len; i++)
        add_outputs(e, fn, path, &value->list->items[i], marks, limit);
}

static void add_norms(Elab *e, Fn *fn, const Trainee *trainees, int n) {
    for (int i = 0; i < n; i++) {
        Trainee plain = trainees[i];
        unscale_gradients(e, &plain, 1, NULL);
        Node  *g      = node_cast(e->graph, e->real, plain.gradient);
        Node  *square = all_axes(e, node_binary(e->graph, OP_MUL, g, g));
        Result result = {.name  = e->program->slots.data[trainees[i].slot].path,
                         .value = node_unary(e->graph, OP_SQRT, square),
                         .role  = ROLE_GRADIENT_NORM,
                         .slot  = trainees[i].slot};
        vec_push(e->arena, &fn->results, result);
    }
}

Fn *probe_function(Elab *e, const MinimizeLine *line, const char *suffix, const Trainee *trainees, int n) {
    Fn   *fn      = fn_add(e, FN_PROBE, arena_printf(e->arena, "probe%s", suffix));
    Node *loss    = line->loss.node;
    bool *waiting = ARENA_ARRAY(e->arena, bool, e->program->slots.len + 1), *marks = reach_marks(e, loss);
    reach_slots(e, loss, waiting);
    sema_place(e, line->span);
    add_inputs(e, fn, loss);
    for (int i = 0; i < e->calls.len; i++) {
        add_params(e, fn, e->calls.data[i].layer->path, waiting);
        add_outputs(e, fn, e->calls.data[i].layer->path, &e->calls.data[i].result, marks, loss->id);
    }
    add_params(e, fn, "", waiting);
    for (int i = 0; i < e->losses.len; i++) {
        Node *value = e->losses.data[i].value.node;
        if (value->id <= loss->id && marks[value->id]) add_count(e, fn, e->losses.data[i].name, value, -1);
    }
    add_count(e, fn, line->name, loss, -1);
    add_norms(e, fn, trainees, n);
    return fn;
}

/* The values at this step of the hyper-parameters that schedules drive. */
void probe_schedules(Elab *e, Fn *fn) {
    for (int i = 0; i < e->scheduled.len; i++) {
        const NamedValue *scheduled = &e->scheduled.data[i];
        Node             *node      = convert(e, scheduled->value, ELEM_F64, scheduled->span, "a schedule's value");
        if (node && node->type.rank == 0) fn_result(e, fn, scheduled->name, node, NULL);
    }
}
