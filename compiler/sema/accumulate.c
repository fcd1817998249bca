/* `accumulate = n`: n batches make one step, as if they were one.
 *
 * A loss is a sum of terms T_k, each a mean weighted by w_k, so over batches b
 *     T_k = sum_b w_kb T_kb / sum_b w_kb,    grad T_k = sum_b w_kb grad T_kb / sum_b w_kb.
 * The ACCUMULATE function adds w_kb and w_kb grad T_kb to slots, one set for each distinct weight; the TRAIN function divides
 * and clears them. Lines and phases share the slots: each leaves them empty. */
#include "sema/train.h"

enum { MAX_GROUPS = 16 };

typedef struct WeightGroup { /* terms that weigh the same */
    Node *value, *weight;    /* rank 0, real */
} WeightGroup;

static int find_groups(Elab *e, const Value *loss, WeightGroup *groups) {
    const LossTerms *terms = loss->terms;
    int              n     = 0;
    for (int i = 0; i < (terms ? terms->len : 1); i++) {
        Node *value  = node_cast(e->graph, e->real, terms ? terms->values[i] : loss->node);
        Node *weight = terms ? terms->weights[i] : loss->weight;
        weight       = node_cast(e->graph, e->real, weight ? weight : sample_count(e));
        int at       = 0;
        while (at < n && groups[at].weight != weight) at++;
        groups[at] = (WeightGroup){at < n ? node_binary(e->graph, OP_ADD, groups[at].value, value) : value, weight};
        if (at == n) n++;
    }
    return n;
}

static int sum_slot(Elab *e, int group, const char *path, const Type *type, int param, Span span) {
    const char *prefix = group ? arena_printf(e->arena, "accumulate_%d", group + 1) : "accumulate";
    const char *full   = intern(e->c->names, arena_printf(e->arena, "%s/%s", prefix, path));
    int         slot   = slot_find(e, full);
    if (slot >= 0) return slot;
    slot                               = slot_new(e, SLOT_GRADIENT, full, type, span);
    e->program->slots.data[slot].init  = node_fill(e->graph, type, 0);
    e->program->slots.data[slot].param = param;
    return slot;
}

static Node *scaled(Elab *e, Op op, Node *x, Node *scalar) {
    return node_binary(e->graph, op, x,
                       node_expand_scalar(e->graph, node_cast(e->graph, x->type.elem, scalar), &x->type));
}

/* The group's share of a parameter's gradient: added up in `fn`; what is returned is its mean, 0 where nothing weighs. */
static Node *add_up(Elab *e, Fn *fn, int index, const WeightGroup *group, Node *weights, const Trainee *trainee) {
    const Slot *param = &e->program->slots.data[trainee->slot];
    const Type  type  = param->type;
    Node       *g     = loss_gradient(e, group->value, slot_read(e, trainee->slot));
    int         slot  = sum_slot(e, index, param->path, &type, trainee->slot, param->span);
    Node       *sum   = slot_read(e, slot);
    fn_update(e, fn, slot, node_binary(e->graph, OP_ADD, sum, scaled(e, OP_MUL, g, group->weight)));
    Node *none   = node_binary(e->graph, OP_EQ, weights, node_const(e->graph, e->real, 0));
    Node *divide = node_select(e->graph, none, node_const(e->graph, e->real, 1), weights);
    return scaled(e, OP_DIV, sum, divide);
}

Fn *accumulate_function(Elab *e, const MinimizeLine *line, const char *name, Trainee *trainees, int n) {
    WeightGroup groups[MAX_GROUPS];
    int         n_groups = find_groups(e, &line->loss, groups);
    Fn         *fn       = fn_add(e, FN_ACCUMULATE, name);
    Type        scalar   = {.elem = e->real};
    for (int k = 0; k < n; k++) trainees[k].gradient = NULL;
    for (int i = 0; i < n_groups; i++) {
        int   slot    = sum_slot(e, i, "weight", &scalar, -1, line->span);
        Node *weights = slot_read(e, slot);
        bool *reached = ARENA_ARRAY(e->arena, bool, e->program->slots.len + n + 1);
        reach_slots(e, groups[i].value, reached);
        fn_update(e, fn, slot, node_binary(e->graph, OP_ADD, weights, groups[i].weight));
        for (int k = 0; k < n; k++) {
            if (!reached[trainees[k].slot]) continue;
            Node *mean           = add_up(e, fn, i, &groups[i], weights, &trainees[k]);
            Node *before         = trainees[k].gradient;
            trainees[k].gradient = before ? node_binary(e->graph, OP_ADD, before, mean) : mean;
        }
    }
    return fn;
}

void clear_accumulated(Elab *e, Fn *fn) {
    for (int i = 0; i < fn->accumulate->updates.len; i++) {
        int slot = fn->accumulate->updates.data[i].slot;
        if (e->program->slots.data[slot].kind == SLOT_GRADIENT)
            fn_update(e, fn, slot, e->program->slots.data[slot].init);
    }
}
