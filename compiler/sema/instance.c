/* Layers. A constructor records its arguments; its first call gives it a path, binds its instance dims (those in its
 * params' and states' types) and makes its slots. Calling it again shares them; all other dims bind anew.
 *
 * Slots are found by path, so that the modes share them. `current` holds a slot's value at this point of the
 * function: state is read and written in program order while the graph itself stays pure. */
#include "sema/elab.h"

#include <string.h>

#include "sema/assertion.h"
#include "sema/scan.h"

Layer *layer_new(Elab *e, const Function *fn, Span span) {
    Layer *layer = ARENA_NEW(e->arena, Layer);
    layer->fn    = fn;
    layer->span  = span;
    layer->slots = map_new(e->arena);
    return layer;
}

Value chain_new(Elab *e, int n, const Value *items, Span span) {
    Layer *layer    = layer_new(e, NULL, span);
    layer->children = *value_list(e->arena, VALUE_LIST, n, items).list;
    return value_layer(layer);
}

void layer_name(Elab *e, Layer *layer, Name name) {
    if (layer->name || layer->path || !name.text) return;
    layer->name      = name.text;
    layer->name_span = name.span;
    layer->scope     = e->frame->path;
}

void layer_name_inside(Elab *e, Layer *layer, Name name) {
    bool named = layer->name || layer->path;
    layer_name(e, layer, name);
    if (!named) layer->scope = NULL;
}

static const char *join_path(Elab *e, const char *prefix, const char *name) {
    return intern(e->c->names, *prefix ? arena_printf(e->arena, "%s/%s", prefix, name) : name);
}

/* Named layers get prefix/name, others prefix/layer, prefix/layer_1, ... */
static bool assign_path(Elab *e, Layer *layer) {
    const char *prefix = layer->name && layer->scope ? layer->scope : e->frame->path;
    const char *base   = layer->name ? layer->name : layer->fn->decl->name.text;
    const char *path   = join_path(e, prefix, base);
    Layer      *taken  = map_get(e->frame->taken, path);
    if (taken && layer->name) {
        Diag *diag = sema_error(e, layer->name_span, E0103, "two layers are called '%s'", path);
        diag_label(diag, taken->name ? taken->name_span : taken->span, "the first one");
        diag_help(diag, "give one of them another name");
        return false;
    }
    for (int i = 1; taken; i++) {
        path  = join_path(e, prefix, arena_printf(e->arena, "%s_%d", base, i));
        taken = map_get(e->frame->taken, path);
    }
    map_set(e->frame->taken, path, layer);
    layer->path = path;
    return true;
}

/* A layer that has its path keeps it, and nothing else gets it in this activation. */
static void keep_path(Elab *e, Layer *layer) {
    if (!map_has(e->frame->taken, layer->path)) map_set(e->frame->taken, layer->path, layer);
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------------- */

static bool stores_mention(const Block *block, const char *name) {
    for (int i = 0; block && i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        if (stmt->kind == STMT_IF &&
            (stores_mention(stmt->u.if_.then_block, name) || stores_mention(stmt->u.if_.else_block, name)))
            return true;
        if ((stmt->kind != STMT_PARAM && stmt->kind != STMT_STATE) || !stmt->u.store.type) continue;
        for (int k = 0; k < stmt->u.store.type->shape.len; k++)
            if (expr_mentions(stmt->u.store.type->shape.data[k], name)) return true;
    }
    return false;
}

/* After the first call: what the signature bound and the stores' types mention belongs to the instance. */
static void keep_instance_dims(Elab *e, Layer *layer, const Env *env, int from) {
    for (int i = from; i < env->names.len; i++) {
        const Binding *binding = &env->names.data[i];
        if (binding->value.kind != VALUE_DIM && binding->value.kind != VALUE_LIST) continue;
        if (!stores_mention(layer->fn->decl->u.callable.body, binding->name)) continue;
        DimBinding dim = {binding->name, binding->value, binding->span};
        vec_push(e->arena, &layer->dims, dim);
    }
}

static Value run_layer(Elab *e, Layer *layer, Env *env, Call *call) {
    Origin *origin = ARENA_NEW(e->arena, Origin);
    *origin = (Origin){e->frame->origin, layer->path, arena_printf(e->arena, "layer '%s'", layer->fn->decl->name.text),
                       call->span};
    Frame frame = {.kind   = FRAME_LAYER,
                   .decl   = layer->fn->decl,
                   .layer  = layer,
                   .path   = layer->path,
                   .call   = call->span,
                   .taken  = map_new(e->arena),
                   .origin = origin};
    frame_push(e, &frame);
    bind_late_hypers(e, layer->fn, env);
    bool outside = e->training; /* of this layer */
    e->training  = outside && !layer_frozen(e, layer->path);
    Flow flow    = exec_block(e, env, layer->fn->decl->u.callable.body);
    e->training  = outside;
    Value value  = value_poison();
    if (flow.returned)
        value = check_returns(e, layer->fn, env, flow.value, flow.span);
    else if (!e->exhausted)
        no_result(e, layer->fn, call->span);
    frame_pop(e, &frame);
    return value;
}

static Value apply_declared(Elab *e, Layer *layer, Call *call) {
    const Callable *callable = &layer->fn->decl->u.callable;
    const char     *what     = arena_printf(e->arena, "layer '%s'", layer->fn->decl->name.text);
    Value          *values   = ARENA_ARRAY(e->arena, Value, callable->params.len + 1);
    Span           *spans    = ARENA_ARRAY(e->arena, Span, callable->params.len + 1);
    if (!bind_arguments(e, what, &callable->params, call, 0, values, spans)) return value_poison();
    if (layer->path)
        keep_path(e, layer);
    else if (!assign_path(e, layer))
        return value_poison();
    if (!call_enter(e, call->span)) return value_poison();
    Env *env = bind_hypers(e, layer->fn);
    for (int i = 0; i < layer->dims.len; i++)
        env_bind(e, env, layer->dims.data[i].name, layer->dims.data[i].span, layer->dims.data[i].value)->kind =
            BIND_KEPT;
    int   from   = env->names.len;
    Value result = value_poison();
    if (bind_tensors(e, layer->fn, env, values, spans, call->span)) {
        if (!layer->call_count++) keep_instance_dims(e, layer, env, from);
        result           = run_layer(e, layer, env, call);
        LayerCall record = {layer, result, e->scan != NULL};
        vec_push(e->arena, &e->calls, record);
    }
    e->call_depth--;
    return result;
}

/* Each child takes what the one before gave; a named chain adds its name to their paths. */
static Value apply_chain(Elab *e, Layer *layer, Call *call) {
    const char *outer = e->frame->path;
    if (layer->name && !layer->path && !assign_path(e, layer)) return value_poison();
    if (!layer->name) layer->path = outer;
    if (!call_enter(e, call->span)) return value_poison();
    Value value = value_poison();
    if (call->n == 1)
        value = call->args[0].value;
    else {
        Value *items = ARENA_ARRAY(e->arena, Value, call->n + 1);
        for (int i = 0; i < call->n; i++) items[i] = call->args[i].value;
        value = value_list(e->arena, VALUE_TUPLE, call->n, items);
    }
    ChainCall chain = {e->chain_call, e->frame, layer, call->span};
    e->chain_call   = &chain;
    e->frame->path  = layer->path;
    for (int i = 0; i < layer->children.len; i++) {
        Value child = layer->children.items[i];
        Span  made  = child.kind == VALUE_LAYER ? child.layer->span : call->span;
        value       = apply_to(e, child, value, NULL, i || !call->n ? made : call->args[0].span, made);
    }
    e->frame->path = outer;
    e->chain_call  = chain.parent;
    e->call_depth--;
    return value;
}

Value apply_layer(Elab *e, Layer *layer, Call *call) {
    return layer->fn ? apply_declared(e, layer, call) : apply_chain(e, layer, call);
}

/* ---- slots ------------------------------------------------------------------------------------------------------------------------ */

int slot_find(Elab *e, const char *path) {
    return (int)(uintptr_t)map_get(e->slot_by_path, path) - 1;
}

int slot_new(Elab *e, SlotKind kind, const char *path, const Type *type, Span span) {
    Slot slot = {.kind = kind, .path = path, .type = *type, .param = -1, .span = span};
    vec_push(e->arena, &e->program->slots, slot);
    int index = e->program->slots.len - 1;
    map_set(e->slot_by_path, path, (void *)(uintptr_t)(index + 1));
    return index;
}

Node *slot_read(Elab *e, int slot) {
    bool learned = e->program->slots.data[slot].kind == SLOT_PARAM && (e->mode == MODE_EVAL || e->mode == MODE_PREDICT);
    int  average = learned ? average_slot(e, slot) : -1;
    if (average >= 0) slot = average;
    return node_ref(e->graph, OP_READ, slot, &e->program->slots.data[slot].type);
}

static void room_for(Elab *e, int slot) {
    while (e->current.len <= slot) vec_push(e->arena, &e->current, NULL);
}

Node *slot_current(Elab *e, int slot) {
    room_for(e, slot);
    scan_carry_slot(e, slot);
    return e->current.data[slot] ? e->current.data[slot] : slot_read(e, slot);
}

Value layer_field(Elab *e, Layer *layer, Name field) {
    int slot = (int)(uintptr_t)map_get(layer->slots, field.text) - 1;
    if (slot >= 0) return value_tensor(slot_current(e, slot));
    const char *name = layer->fn ? layer->fn->decl->name.text : "chain";
    Diag       *diag = sema_error(e, field.span, E0107, "layer '%s' has no parameter '%s'", name, field.text);
    if (!layer->call_count) diag_help(diag, "a layer gets its parameters at its first call");
    return value_poison();
}

RandomKey draw_key(Elab *e, Span place) {
    (void)place;
    const char *path  = intern(e->c->names, e->frame->path);
    uintptr_t   count = (uintptr_t)map_get(e->draws, path);
    map_set(e->draws, path, (void *)(count + 1));
    return (RandomKey){hash_bytes(HASH_SEED, path, strlen(path)), (uint32_t)count};
}

/* ---- param and state --------------------------------------------------------------------------------------------------------------- */

static const Dim *product(Elab *e, const Dim *const *dims, int n) {
    const Dim *result = dim_const(e->dims, 1);
    for (int i = 0; i < n && result; i++) result = dim_mul(e->dims, result, dims[i]);
    return result ? result : dim_const(e->dims, 1);
}

/* Fans as Keras computes them: the last two dims, times the receptive field of the others. */
static void default_fans(Elab *e, const Type *type, const Dim **in, const Dim **out) {
    const Dim *const *dims = type->dims;
    int               rank = type->rank;
    const Dim        *one  = dim_const(e->dims, 1);
    if (rank < 2) {
        *in = *out = rank ? dims[0] : one;
        return;
    }
    const Dim *field = product(e, dims, rank - 2);
    *in              = dim_mul(e->dims, field, dims[rank - 2]);
    *out             = dim_mul(e->dims, field, dims[rank - 1]);
    if (!*in) *in = one;
    if (!*out) *out = one;
}

static bool store_fans(Elab *e, Env *env, const Stmt *stmt, const Type *type, const Dim **in, const Dim **out) {
    default_fans(e, type, in, out);
    if (!stmt->u.store.fan_in) return true;
    *in  = eval_dim(e, env, stmt->u.store.fan_in, "a fan");
    *out = eval_dim(e, env, stmt->u.store.fan_out, "a fan");
    return *in && *out;
}

static Value call_initialiser(Elab *e, Value init, const Type *type, const Dim *in, const Dim *out, Span span) {
    Argument args[3] = {{.value = value_shape(e->arena, type->rank, type->dims), .span = span},
                        {.value = value_dim(in), .span = span},
                        {.value = value_dim(out), .span = span}};
    Call     call    = {.span = span, .callee = span, .n = 3, .args = args};
    if (init.kind == VALUE_FN && init.fn->decl) {
        const Callable *callable = &init.fn->decl->u.callable;
        Call            empty    = {.span = span, .callee = span};
        if (callable->has_hyper && !init.fn->bound) init = construct(e, init.fn, &empty);
        if (init.kind == VALUE_FN && callable->params.len < call.n) call.n = callable->params.len;
    }
    return apply_value(e, init, &call);
}

/* The value a slot starts with: an initialiser's, or a number everywhere. */
static Node *initial_value(Elab *e, Env *env, const Stmt *stmt, const Type *type, const char *path) {
    const Dim *in, *out;
    if (!stmt->u.store.init) {
        Diag *diag = sema_error(e, stmt->span, E0204, "'%s' needs an initial value", stmt->u.store.name.text);
        diag_help(diag, "write '= zeros()' or another initialiser at its end");
        return NULL;
    }
    Span span = stmt->u.store.init->span;
    if (!store_fans(e, env, stmt, type, &in, &out)) return NULL;
    Frame             frame = {.kind = FRAME_INIT, .decl = e->frame->decl, .path = path, .call = stmt->span};
    struct ScanScope *scan  = e->scan; /* a first value is made once, not in each step */
    e->scan                 = NULL;
    frame_push(e, &frame);
    Value value = eval_expr(e, env, stmt->u.store.init);
    if (value_is_callable(value)) value = call_initialiser(e, value, type, in, out, span);
    frame_pop(e, &frame);
    e->scan          = scan;
    const char *what = arena_printf(e->arena, "the initial value of '%s'", stmt->u.store.name.text);
    Node       *node = value.kind == VALUE_POISON ? NULL : convert(e, value, type->elem, span, what);
    if (!node) return NULL;
    node = expand_to(e, node, type);
    if (type_same_shape(&node->type, type)) return node;
    sema_error(e, span, E0302, "%s is %s, but %s is needed", what, type_print(e->arena, &node->type),
               type_print(e->arena, type));
    return NULL;
}

static bool fit_assigns(const Block *block, const char *name) {
    for (int i = 0; block && i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        if (stmt->kind == STMT_FIT && block_mentions(stmt->u.fit.body, name)) return true;
        if (stmt->kind == STMT_IF &&
            (fit_assigns(stmt->u.if_.then_block, name) || fit_assigns(stmt->u.if_.else_block, name)))
            return true;
    }
    return false;
}

static SlotKind store_kind(const Frame *frame, const Stmt *stmt) {
    if (stmt->kind == STMT_PARAM) return SLOT_PARAM;
    if (frame->kind == FRAME_OPTIMIZER) return SLOT_OPTIMIZER;
    if (frame->kind == FRAME_METRIC) return SLOT_METRIC;
    return frame->decl && fit_assigns(frame->decl->u.callable.body, stmt->u.store.name.text) ? SLOT_FIT : SLOT_STATE;
}

static const char *store_path(Elab *e, const char *name) {
    const Frame *frame = e->frame;
    const char  *path  = frame->slot_prefix ? frame->slot_prefix : frame->path;
    path               = join_path(e, path, name);
    return frame->slot_suffix ? join_path(e, path, frame->slot_suffix) : path;
}

static bool store_type(Elab *e, Env *env, const Stmt *stmt, Type *type) {
    *type = (Type){.elem = e->real};
    if (!stmt->u.store.type) return true;
    if (!eval_type(e, env, stmt->u.store.type, type)) return false;
    if (!elem_is_narrow(type->elem)) return true;
    Diag *diag = sema_error(e, stmt->u.store.type->elem.span, E0401, "parameters and state are not kept in %s",
                            elem_name(type->elem));
    diag_help(diag, "write real here, and cast(..., %s) where it is used", elem_name(type->elem));
    return false;
}

static int make_slot(Elab *e, Env *env, const Stmt *stmt) {
    Type        type;
    const char *path = store_path(e, stmt->u.store.name.text);
    if (!store_type(e, env, stmt, &type)) return -1;
    if (!check_not_empty(e, &type, stmt->u.store.type ? stmt->u.store.type->span : stmt->span)) return -1;
    int known = slot_find(e, path);
    if (known >= 0) {
        if (type_equal(&e->program->slots.data[known].type, &type)) return known;
        Diag *diag = sema_error(e, stmt->span, E0103, "'%s' is %s here and %s elsewhere", path,
                                type_print(e->arena, &type), type_print(e->arena, &e->program->slots.data[known].type));
        diag_label(diag, e->program->slots.data[known].span, "first made here");
        return -1;
    }
    for (int i = 0; i < type.rank; i++)
        if (!dim_is_const(type.dims[i], NULL)) {
            Diag *diag = sema_error(e, stmt->span, E0302, "'%s' is %s: its shape depends on the data",
                                    stmt->u.store.name.text, type_print(e->arena, &type));
            diag_help(diag, "parameters and state have shapes known when compiling");
            return -1;
        }
    Node *init = initial_value(e, env, stmt, &type, path);
    if (!init) return -1;
    int slot                           = slot_new(e, store_kind(e->frame, stmt), path, &type, stmt->u.store.name.span);
    e->program->slots.data[slot].init  = init;
    e->program->slots.data[slot].param = e->frame->kind == FRAME_OPTIMIZER ? e->frame->param : -1;
    return slot;
}

void exec_store(Elab *e, Env *env, const Stmt *stmt) {
    const Name *name = &stmt->u.store.name;
    FrameKind   kind = e->frame->kind;
    bool        fits = stmt->kind == STMT_PARAM ? kind == FRAME_LAYER || kind == FRAME_MODEL
                                                : kind != FRAME_FN && kind != FRAME_SCHEDULE && kind != FRAME_INIT;
    if (!fits)
        sema_error(e, stmt->span, E0608, "'%s' does not belong in a %s", stmt->kind == STMT_PARAM ? "param" : "state",
                   decl_word(e->frame->decl->kind));
    int      slot    = fits ? make_slot(e, env, stmt) : -1;
    Binding *binding = env_bind(e, env, name->text, name->span, value_poison());
    if (slot < 0) return;
    binding->kind = stmt->kind == STMT_PARAM ? BIND_SLOT : BIND_STATE;
    binding->slot = slot;
    if (e->frame->layer) map_set(e->frame->layer->slots, name->text, (void *)(uintptr_t)(slot + 1));
}

/* ---- := ------------------------------------------------------------------------------------------------------------------------------ */

static Node *fit_type(Elab *e, Value value, const Type *type, Span span, const char *name) {
    const char *what = arena_printf(e->arena, "the new value of '%s'", name);
    Node       *node = value.kind == VALUE_POISON ? NULL : convert(e, value, type->elem, span, what);
    if (!node) return NULL;
    node = expand_to(e, node, type);
    if (type_same_shape(&node->type, type)) return node;
    sema_error(e, span, E0302, "%s is %s, but it holds %s", what, type_print(e->arena, &node->type),
               type_print(e->arena, type));
    return NULL;
}

static void assign_error(Elab *e, const Stmt *stmt, const Binding *binding) {
    const Name *name = &stmt->u.bind.name;
    Diag       *diag = sema_error(e, name->span, E0508, "'%s' cannot be assigned", name->text);
    diag_label(diag, binding->span, "bound here");
    diag_help(diag, binding->kind == BIND_SLOT
                        ? "only optimizers change parameters"
                        : "only state, var and an optimizer's first parameter can: declare it with 'var'");
}

void exec_assign(Elab *e, Env *env, const Stmt *stmt) {
    const Name *name    = &stmt->u.bind.name;
    Binding    *binding = env_find(env, name->text);
    if (!binding && test_sets_mode(e, env, stmt)) return;
    if (!binding) {
        scope_unknown(e, env, name->text, name->span, "name");
        return;
    }
    Value value = eval_expr(e, env, stmt->u.bind.value);
    Span  span  = stmt->u.bind.value->span;
    binding     = env_find(env, name->text);
    if (binding->kind == BIND_STATE) {
        Node *node = fit_type(e, value, &e->program->slots.data[binding->slot].type, span, name->text);
        room_for(e, binding->slot);
        scan_carry_slot(e, binding->slot);
        if (node && !e->frame->read_only) e->current.data[binding->slot] = node;
    } else if (binding->kind == BIND_VAR) {
        if (!scan_may_assign(e, env, name, binding)) return;
        if (binding->value.kind == VALUE_TENSOR) {
            Node *node     = fit_type(e, value, &binding->value.node->type, span, name->text);
            binding->value = node ? value_tensor(node) : value_poison();
        } else if (binding->value.kind != VALUE_POISON)
            binding->value = value;
    } else if (binding->kind == BIND_SLOT || binding->value.kind != VALUE_POISON)
        assign_error(e, stmt, binding);
}
