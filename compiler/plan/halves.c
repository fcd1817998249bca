/* Where half of a table does not matter; see halves.h. */
#include "plan/halves.h"

#include <math.h>

enum { DEPTH = 16 };

/* ---- axes through movement ops ---------------------------------------------------------------------------------------- */

static bool is_new_axis(const Node *expand, int axis) {
    for (int i = 0; i < expand->attr.axes.count; i++)
        if (expand->attr.axes.axes[i] == axis) return true;
    return false;
}

/* The axis of a movement op's result that is axis `axis` of its input. */
static int axis_above(const Node *node, int axis) {
    if (node->op == OP_PERMUTE) {
        for (int i = 0; i < node->type.rank; i++)
            if (node->attr.axes.axes[i] == axis) return i;
    }
    if (node->op == OP_EXPAND) {
        for (int i = 0, at = 0; i < node->type.rank; i++)
            if (!is_new_axis(node, i) && at++ == axis) return i;
    }
    return axis;
}

static bool moves_axes(const Node *node) {
    return node->op == OP_PERMUTE || node->op == OP_EXPAND || node->op == OP_DYNAMIC_SLICE;
}

/* A later start of an axis that runs from a start already is not followed. */
static bool add_start(const Node *slice, int axis, Node **start) {
    if (slice->op != OP_DYNAMIC_SLICE || slice->attr.axis != axis) return true;
    if (*start) return false;
    *start = slice->inputs[1];
    return true;
}

bool half_above(const Node *node, Half *half) {
    if (!add_start(node, half->low, &half->low_start) || !add_start(node, half->high, &half->high_start)) return false;
    half->low  = axis_above(node, half->low);
    half->high = axis_above(node, half->high);
    return true;
}

/* ---- where values are what ----------------------------------------------------------------------------------------------- */

/* An integer that counts along one axis. */
static bool is_position(const Node *node, int *axis, Node **start, int depth) {
    if (!depth) return false;
    if (node->op == OP_IOTA) {
        *axis  = node->attr.axis;
        *start = NULL;
        return true;
    }
    if (node->op == OP_CAST && elem_is_integer(node->type.elem))
        return is_position(node->inputs[0], axis, start, depth - 1);
    if (!moves_axes(node) || !is_position(node->inputs[0], axis, start, depth - 1)) return false;
    if (!add_start(node, *axis, start)) return false;
    *axis = axis_above(node, *axis);
    return true;
}

/* False outside of the half. */
static bool is_true_in(const Node *node, Half *half, int depth) {
    if (!depth) return false;
    if (node->op == OP_LE || node->op == OP_LT)
        return is_position(node->inputs[0], &half->low, &half->low_start, depth) &&
               is_position(node->inputs[1], &half->high, &half->high_start, depth) && half->low != half->high;
    if (node->op == OP_AND)
        return is_true_in(node->inputs[0], half, depth - 1) || is_true_in(node->inputs[1], half, depth - 1);
    return moves_axes(node) && is_true_in(node->inputs[0], half, depth - 1) && half_above(node, half);
}

static bool is_fill(const Node *node, double value) {
    while (node->op == OP_EXPAND || node->op == OP_CAST) node = node->inputs[0];
    return node->op == OP_CONST && node->attr.value == value;
}

/* `value` outside of the half: 0, or minus infinity. */
static bool outside(const Node *node, double value, Half *half, int depth) {
    if (!depth) return false;
    if (node->op == OP_SELECT && is_fill(node->inputs[2], value)) return is_true_in(node->inputs[0], half, DEPTH);
    if (moves_axes(node)) return outside(node->inputs[0], value, half, depth - 1) && half_above(node, half);
    if (value != 0) return node->op == OP_SUB && outside(node->inputs[0], value, half, depth - 1);
    switch (node->op) {
    case OP_EXP: return outside(node->inputs[0], -INFINITY, half, depth - 1);
    case OP_MUL: return outside(node->inputs[0], 0, half, depth - 1) || outside(node->inputs[1], 0, half, depth - 1);
    case OP_DIV:
    case OP_NEG:
    case OP_CAST: return elem_is_float(node->type.elem) && outside(node->inputs[0], 0, half, depth - 1);
    default: return false;
    }
}

/* ---- where values are not looked at ----------------------------------------------------------------------------------------- */

static void add_user(Halves *h, Node *input, Node *user) {
    NodeVec *users = map_get(h->users, input);
    if (!users) map_set(h->users, input, users = ARENA_NEW(h->f->c->arena, NodeVec));
    vec_push(h->f->c->arena, users, user);
}

/* A root is used by nobody known: by itself. */
Halves halves_new(Fuse *f) {
    Halves halves = {f, map_new(f->c->arena)}, *h = &halves;
    for (int i = 0; i < f->nodes.len; i++)
        for (int k = 0; k < f->nodes.data[i]->n_inputs; k++) add_user(h, f->nodes.data[i]->inputs[k], f->nodes.data[i]);
    for (int i = 0; i < f->fn->results.len; i++) {
        add_user(h, f->fn->results.data[i].value, f->fn->results.data[i].value);
        if (f->fn->results.data[i].weight) add_user(h, f->fn->results.data[i].weight, f->fn->results.data[i].weight);
    }
    for (int i = 0; i < f->fn->updates.len; i++)
        add_user(h, f->fn->updates.data[i].value, f->fn->updates.data[i].value);
    return halves;
}

bool half_is(const Half *a, const Half *b) {
    return a->low == b->low && a->high == b->high && a->low_start == b->low_start && a->high_start == b->high_start;
}

static bool unseen(Halves *h, const Node *node, Half *half, int depth);

/* Whether `user` looks at nothing of `node` outside of the half. */
static bool is_unseen_by(Halves *h, const Node *node, const Node *user, Half *half, int depth) {
    if (op_info[user->op].class != ELEMENTWISE || user == node) return false;
    if (user->op == OP_SELECT && user->inputs[1] == node && user->inputs[2] != node)
        return is_true_in(user->inputs[0], half, DEPTH);
    if (user->op == OP_MUL && user->inputs[0] != user->inputs[1] &&
        outside(user->inputs[user->inputs[0] == node], 0, half, DEPTH))
        return true;
    return unseen(h, user, half, depth - 1);
}

static bool unseen(Halves *h, const Node *node, Half *half, int depth) {
    const NodeVec *users = map_get(h->users, node);
    if (!depth || !users) return false;
    for (int i = 0; i < users->len; i++) {
        Half here;
        if (!is_unseen_by(h, node, users->data[i], &here, depth)) return false;
        if (i && !half_is(&here, half)) return false;
        *half = here;
    }
    return users->len > 0;
}

bool has_masks(const Fuse *f) {
    Half half;
    for (int i = 0; i < f->nodes.len; i++) {
        const Node *node = f->nodes.data[i];
        if ((node->op == OP_LE || node->op == OP_LT) && is_true_in(node, &half, DEPTH)) return true;
    }
    return false;
}

bool half_outside(const Node *node, double value, Half *half) {
    return outside(node, value, half, DEPTH);
}

bool half_unseen(Halves *h, const Node *node, Half *half) {
    return unseen(h, node, half, DEPTH);
}
