/* `scan xt in x over axis 1 carry h = h0 { ... emit h }`: a loop at run time whose body is elaborated once.
 *
 * Inside, sources and carries are bound to LOCALs of the loop (ir/scan.h). Layer state that the body touches is a carry that nobody
 * wrote down; random numbers are drawn for all steps outside, and each step takes its slice, so that every step has its own. */
#include "sema/scan.h"

#include <string.h>

#include "ir/scan.h"

typedef struct CarriedSlot { /* layer state that the body reads */
    int   slot;
    Node *before, *local; /* Elab.current outside; the carry */
} CarriedSlot;

struct ScanScope {
    ScanScope *parent;
    Scan      *scan;
    Env       *env;   /* of the body */
    NodeVec    inits; /* by carry */
    NodeVec    wholes;
    VEC(CarriedSlot) slots;
    int axis; /* along which emits are stacked */
};

/* ---- what the body touches ------------------------------------------------------------------------------------------------ */

Node *scan_random(Elab *e, Op op, const Type *type, RandomKey key, Span span) {
    ScanScope *scope = e->scan;
    if (!scope) return node_random(e->graph, op, type, key);
    if (type->rank == MAX_RANK) {
        sema_error(e, span, E0307, "a tensor has at most %d axes, and random numbers in a loop have one more",
                   MAX_RANK);
        return NULL;
    }
    Type all    = scan_stack_type(scope->scan->length, type);
    e->scan     = scope->parent;
    Node *whole = scan_random(e, op, &all, key, span);
    e->scan     = scope;
    if (!whole) return NULL;
    vec_push(e->arena, &scope->wholes, whole);
    return scan_slice(e->graph, scope->scan, &all);
}

static bool changes(SlotKind kind) {
    return kind == SLOT_STATE || kind == SLOT_FIT || kind == SLOT_OPTIMIZER || kind == SLOT_METRIC;
}

void scan_carry_slot(Elab *e, int slot) {
    ScanScope *scope = e->scan;
    if (!scope || !changes(e->program->slots.data[slot].kind)) return;
    for (int i = 0; i < scope->slots.len; i++)
        if (scope->slots.data[i].slot == slot) return;
    Node *before = e->current.data[slot];
    e->scan      = scope->parent;
    Node *init   = slot_current(e, slot);
    e->scan      = scope;
    Node *local  = scan_carry(e->graph, scope->scan, &init->type);
    vec_push(e->arena, &scope->inits, init);
    vec_push(e->arena, &scope->slots, ((CarriedSlot){slot, before, local}));
    e->current.data[slot] = local;
}

static bool binds(const Env *env, const Name *name) {
    for (int i = 0; i < env->names.len; i++)
        if (env->names.data[i].name == name->text) return true;
    return false;
}

bool scan_may_assign(Elab *e, const Env *env, const Name *name, const Binding *binding) {
    bool outside = false;
    if (!e->scan || binding->kind != BIND_VAR) return true;
    for (; env && !binds(env, name); env = env->parent) outside |= env == e->scan->env;
    if (!outside) return true;
    Diag *diag =
        sema_error(e, name->span, E0508, "'%s' is made outside of this loop, which runs many times", name->text);
    diag_label(diag, binding->span, "made here");
    diag_help(diag, "let the loop carry it: 'scan ... carry %s = %s { ... }' gives its last value", name->text,
              name->text);
    return false;
}

void exec_emit(Elab *e, Env *env, const Stmt *stmt) {
    Value value = eval_expr(e, env, stmt->u.expr.value);
    bool  many  = value.kind == VALUE_TUPLE;
    int   n     = many ? value.list->len : 1;
    for (int i = 0; i < n; i++) {
        Value item = many ? value.list->items[i] : value;
        if (item.kind == VALUE_POISON) {
            e->scan->scan->length = NULL; /* no loop to be made of this */
            continue;
        }
        Node *node = item.kind == VALUE_TENSOR ? item.node : convert(e, item, e->real, stmt->span, "what is emitted");
        if (node && node->type.rank == MAX_RANK)
            sema_error(e, stmt->span, E0307, "a tensor has at most %d axes, and what is emitted gets one more",
                       MAX_RANK);
        else if (node)
            vec_push(e->arena, &e->scan->scan->emits, node);
    }
}

/* ---- sources ---------------------------------------------------------------------------------------------------------------- */

typedef struct ScanInput {
    Node      *whole;        /* its sliced axis first; NULL: a range */
    const Dim *length, *low; /* low: of a range */
    int        axis;
} ScanInput;

static bool eval_range(Elab *e, Env *env, const ScanSource *source, ScanInput *input) {
    input->low      = eval_dim(e, env, source->value, "the start of a range");
    const Dim *high = eval_dim(e, env, source->range_end, "the end of a range");
    if (!input->low || !high) return false;
    int64_t length;
    input->length = dim_sub(e->dims, high, input->low);
    if (input->length && (!dim_is_const(input->length, &length) || length >= 0)) return true;
    sema_error(e, source->value->span, E0507, "a range of a loop runs upwards: write 'b..a reverse' to run it down");
    return false;
}

static bool eval_sliced(Elab *e, Env *env, const ScanSource *source, ScanInput *input) {
    Value   value = eval_expr(e, env, source->value);
    int64_t axis;
    if (value.kind == VALUE_POISON || !eval_count(e, env, source->axis, "the axis of a loop", &axis)) return false;
    if (value.kind != VALUE_TENSOR || !value.node->type.rank) {
        sema_error(e, source->value->span, E0502, "a loop runs over an axis of a tensor, not over %s",
                   value_describe(e->arena, value));
        return false;
    }
    const Type *type = &value.node->type;
    if (axis < -type->rank || axis >= type->rank) {
        sema_error(e, source->axis->span, E0304, "%s has no axis %d", type_print(e->arena, type), (int)axis);
        return false;
    }
    int order[MAX_RANK], n = 0;
    input->axis = (int)(axis < 0 ? axis + type->rank : axis);
    order[n++]  = input->axis;
    for (int i = 0; i < type->rank; i++)
        if (i != input->axis) order[n++] = i;
    input->length = type->dims[input->axis];
    input->whole  = node_permute(e->graph, value.node, order);
    return true;
}

static bool same_length(Elab *e, const ScanSource *source, const ScanInput *input, const ScanSource *first,
                        const Dim *length) {
    if (input->length == length) return true;
    Diag *diag = sema_error(e, source->value->span, E0301, "the loop runs over %s here and over %s there",
                            dim_print(e->arena, input->length), dim_print(e->arena, length));
    diag_label(diag, first->value->span, "%s steps", dim_print(e->arena, length));
    suggest_assert(e, diag, input->length, length);
    return false;
}

/* `reverse` after the last source turns the whole loop round. */
static bool direction(Elab *e, const ScanSourceVec *sources) {
    bool reverse = vec_last(sources).reverse;
    for (int i = 0; i < sources->len; i++) {
        if (!sources->data[i].reverse || reverse) continue;
        Diag *diag = sema_error(e, sources->data[i].name.span, E0608, "one source cannot run against the others");
        diag_help(
            diag,
            "'reverse' stands after the last source and turns the whole loop round; flip(x, axis) turns one tensor");
    }
    return reverse;
}

static void bind_source(Elab *e, ScanScope *scope, const ScanSource *source, const ScanInput *input) {
    Value value;
    if (input->whole) {
        vec_push(e->arena, &scope->wholes, input->whole);
        value = value_tensor(scan_slice(e->graph, scope->scan, &input->whole->type));
    } else {
        Node *index = scope->scan->index;
        value       = value_scalar(node_binary(e->graph, OP_ADD, index, node_dim(e->graph, input->low)));
    }
    env_bind(e, scope->env, source->name.text, source->name.span, value);
}

/* False after a report. */
static bool open_scope(Elab *e, Env *env, const Expr *expr, ScanScope *scope) {
    const ScanSourceVec *sources = &expr->u.scan.sources;
    ScanInput           *inputs  = ARENA_ARRAY(e->arena, ScanInput, sources->len);
    int                  leading = -1;
    bool                 fits    = true;
    for (int i = 0; i < sources->len; i++) {
        const ScanSource *source = &sources->data[i];
        fits &= source->range_end ? eval_range(e, env, source, &inputs[i]) : eval_sliced(e, env, source, &inputs[i]);
        if (fits) fits &= same_length(e, source, &inputs[i], &sources->data[0], inputs[0].length);
        if (leading < 0 && !source->range_end) leading = i;
    }
    if (!fits) return false;
    scope->scan = scan_new(e->graph, inputs[0].length, direction(e, sources));
    scope->env  = env_new(e, env, env->scope);
    scope->axis = leading < 0 ? 0 : inputs[leading].axis;
    for (int i = 0; i < sources->len; i++) bind_source(e, scope, &sources->data[i], &inputs[i]);
    return true;
}

/* ---- carries ------------------------------------------------------------------------------------------------------------------ */

static Node *first_value(Elab *e, Env *env, const Arg *carry) {
    Value value = eval_expr(e, env, carry->value);
    if (value.kind == VALUE_TENSOR || value.kind == VALUE_POISON) return value.kind ? value.node : NULL;
    return convert(e, value, e->real, carry->value->span, "the first value of a carry");
}

static bool bind_carries(Elab *e, Env *env, const ArgVec *carries, ScanScope *scope) {
    bool fits = true;
    for (int i = 0; i < carries->len; i++) {
        const Arg *carry = &carries->data[i];
        Node      *init  = first_value(e, env, carry);
        if (!carry->name.text) {
            sema_error(e, carry->value->span, E0204, "a carry has a name: 'carry h = h0'");
            init = NULL;
        }
        fits &= init != NULL;
        if (!init) continue;
        vec_push(e->arena, &scope->inits, init);
        Node    *local   = scan_carry(e->graph, scope->scan, &init->type);
        Binding *binding = env_bind(e, scope->env, carry->name.text, carry->name.span, value_tensor(local));
        binding->kind    = BIND_VAR;
    }
    return fits;
}

/* The values at the end of a step. */
static bool close_carries(Elab *e, const ArgVec *carries, ScanScope *scope) {
    for (int i = 0; i < carries->len; i++) {
        const Binding *binding = env_find(scope->env, carries->data[i].name.text);
        if (binding->value.kind != VALUE_TENSOR) return false;
        scope->scan->next.data[i] = binding->value.node;
    }
    for (int i = 0; i < scope->slots.len; i++)
        scope->scan->next.data[carries->len + i] = e->current.data[scope->slots.data[i].slot];
    return true;
}

static void update_slots(Elab *e, const ScanScope *scope, int first, Node *node) {
    for (int i = 0; i < scope->slots.len; i++) {
        const CarriedSlot *carried     = &scope->slots.data[i];
        bool               changed     = node && scope->scan->next.data[first + i] != carried->local;
        e->current.data[carried->slot] = changed ? scan_pick(e->graph, node, first + i) : carried->before;
    }
}

/* ---- the value -------------------------------------------------------------------------------------------------------------------- */

/* An emit's pieces along the axis that the loop runs over, or the last one it has. */
static Node *stacked(Elab *e, const ScanScope *scope, Node *pick) {
    int order[MAX_RANK], rank = pick->type.rank, axis = scope->axis < rank ? scope->axis : rank - 1;
    for (int i = 0; i < rank; i++) order[i] = i < axis ? i + 1 : i == axis ? 0 : i;
    return node_permute(e->graph, pick, order);
}

/* (emits..., (carries...)), without parentheses around one. */
static Value results(Elab *e, const ScanScope *scope, Node *node, int n_carries) {
    int    n_emits = scope->scan->emits.len, all = scope->scan->carries.len, n = 0;
    Value *values = ARENA_ARRAY(e->arena, Value, n_emits + 1), *carries = ARENA_ARRAY(e->arena, Value, n_carries + 1);
    for (int i = 0; i < n_emits; i++) values[n++] = value_tensor(stacked(e, scope, scan_pick(e->graph, node, all + i)));
    for (int i = 0; i < n_carries; i++) carries[i] = value_tensor(scan_pick(e->graph, node, i));
    if (n_carries == 1) values[n++] = carries[0];
    if (n_carries > 1) values[n++] = value_list(e->arena, VALUE_TUPLE, n_carries, carries);
    return n == 1 ? values[0] : value_list(e->arena, VALUE_TUPLE, n, values);
}

Value eval_scan(Elab *e, Env *env, const Expr *expr) {
    ScanScope     scope   = {.parent = e->scan};
    const ArgVec *carries = &expr->u.scan.carries;
    bool          fits    = open_scope(e, env, expr, &scope);
    if (!fits || !bind_carries(e, env, carries, &scope)) return value_poison();
    const Dim *length = scope.scan->length;
    e->scan           = &scope;
    exec_block(e, scope.env, expr->u.scan.body);
    fits    = close_carries(e, carries, &scope) && scope.scan->length == length && !e->exhausted;
    e->scan = scope.parent;
    if (fits && !carries->len && !scope.scan->emits.len) {
        Diag *diag = sema_error(e, expr->span, E0207, "this loop has no result");
        diag_help(diag, "'emit' gives a value of each step, 'carry' one that goes from step to step");
        fits = false;
    }
    sema_place(e, expr->span);
    Node *node = fits ? scan_node(e->graph, scope.scan, &scope.inits, &scope.wholes) : NULL;
    update_slots(e, &scope, carries->len, node);
    return node ? results(e, &scope, node, carries->len) : value_poison();
}
