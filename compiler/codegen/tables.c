/* The description that a compiled model exports: the constants of runtime/nnrt.h, field by field. */
#include "base/map.h"
#include "codegen/api.h"
#include "codegen/emit.h"

#include <ctype.h>
#include <string.h>

#include "nnrt.h"

typedef struct Tables {
    Emit *e;
    VEC(const Dim *) shape_dims; /* in the order of shapes() */
    Map *strings;
} Tables;

typedef struct Fields {
    LLVMValueRef at[32];
    unsigned     n;
} Fields;

/* ---- constants --------------------------------------------------------------------------------------------------------------- */

static void put(Fields *f, LLVMValueRef value) {
    f->at[f->n++] = value;
}

static void put_i32(Tables *t, Fields *f, int64_t value) {
    put(f, LLVMConstInt(t->e->t_i32, (unsigned long long)value, true));
}

static void put_i64(Tables *t, Fields *f, int64_t value) {
    put(f, LLVMConstInt(t->e->t_i64, (unsigned long long)value, true));
}

static void put_f64(Tables *t, Fields *f, double value) {
    put(f, LLVMConstReal(t->e->t_f64, value));
}

static LLVMValueRef close(Tables *t, Fields *f) {
    return LLVMConstStructInContext(t->e->context, f->at, f->n, false);
}

static LLVMValueRef constant_global(Tables *t, LLVMValueRef value) {
    LLVMValueRef global = LLVMAddGlobal(t->e->module, LLVMTypeOf(value), "");
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

static LLVMValueRef text(Tables *t, const char *string) {
    if (!string) return LLVMConstNull(t->e->t_ptr);
    const char  *key   = intern(t->e->c->names, string);
    LLVMValueRef known = map_get(t->strings, key);
    if (known) return known;
    known = constant_global(t, LLVMConstStringInContext2(t->e->context, string, strlen(string), false));
    map_set(t->strings, key, known);
    return known;
}

/* A pointer to an array of equal constants; NULL for none. */
static LLVMValueRef array(Tables *t, LLVMValueRef *values, int count) {
    if (!count) return LLVMConstNull(t->e->t_ptr);
    return constant_global(t, LLVMConstArray2(LLVMTypeOf(values[0]), values, (uint64_t)count));
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------------- */

static int symbol_of(const DimTable *table, const Dim *dim) {
    for (int i = 0; i < dim_symbol_count(table); i++)
        if (dim_symbol(table, i) == dim) return i;
    return -1;
}

static LLVMValueRef tensor(Tables *t, const char *name, const Type *type) {
    Emit   *e = t->e;
    Fields  f = {0};
    int64_t symbols[MAX_RANK];
    put(&f, text(t, name));
    put_i32(t, &f, (int)type->elem);
    put_i32(t, &f, type->rank);
    put_i32(t, &f, t->shape_dims.len);
    put_i32(t, &f, 0);
    LLVMValueRef axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) {
        symbols[i] = i < type->rank ? symbol_of(graph_dims(e->program->graph), type->dims[i]) : -1;
        axes[i]    = LLVMConstInt(e->t_i32, (unsigned long long)symbols[i], true);
        if (i < type->rank) vec_push(e->arena, &t->shape_dims, type->dims[i]);
    }
    put(&f, LLVMConstArray2(e->t_i32, axes, MAX_RANK));
    put(&f, text(t, shape_print(e->arena, type)));
    return close(t, &f);
}

static LLVMValueRef dims_table(Tables *t) {
    const DimTable *table  = graph_dims(t->e->program->graph);
    int             count  = dim_symbol_count(table);
    LLVMValueRef   *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, count + 1);
    for (int i = 0; i < count; i++) {
        const ProgDim *found = NULL;
        for (int k = 0; k < t->e->program->dims.len; k++)
            if (t->e->program->dims.data[k].dim == dim_symbol(table, i)) found = &t->e->program->dims.data[k];
        Fields f = {0};
        put(&f, text(t, found ? found->name : dim_symbol_name(table, i)));
        put_i64(t, &f, found ? found->bound : -1);
        put_i32(t, &f, found && found->is_sample);
        put_i32(t, &f, 0);
        values[i] = close(t, &f);
    }
    return array(t, values, count);
}

static LLVMValueRef source(Tables *t, const Source *from) {
    LLVMValueRef *columns = ARENA_ARRAY(t->e->arena, LLVMValueRef, from->n_columns + 1);
    for (int i = 0; i < from->n_columns; i++) columns[i] = text(t, from->columns[i]);
    Fields f = {0};
    put_i32(t, &f, (int)from->kind);
    put_i32(t, &f, (int)from->missing);
    put(&f, array(t, columns, from->n_columns));
    put_i64(t, &f, from->n_columns);
    put_i64(t, &f, from->max);
    put_i64(t, &f, from->shift);
    put_f64(t, &f, from->fill);
    put_i64(t, &f, from->rate);
    put_i64(t, &f, from->window);
    return close(t, &f);
}

static LLVMValueRef inputs_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->inputs.len + 1);
    for (int i = 0; i < p->inputs.len; i++) {
        Fields f = {0};
        put(&f, tensor(t, p->inputs.data[i].name, &p->inputs.data[i].type));
        put(&f, source(t, &p->inputs.data[i].source));
        put_i32(t, &f, p->inputs.data[i].is_target);
        put_i32(t, &f, (int32_t)p->inputs.data[i].class_limit);
        values[i] = close(t, &f);
    }
    return array(t, values, p->inputs.len);
}

/* Weights compiled in: the bytes of the slot's constant shape. */
static LLVMValueRef slot_data(Tables *t, const Slot *slot) {
    int64_t count = 1, length;
    if (!slot->data) return LLVMConstNull(t->e->t_ptr);
    for (int i = 0; i < slot->type.rank; i++) {
        if (!dim_is_const(slot->type.dims[i], &length)) BUG("the shape of '%s' is not constant", slot->path);
        count *= length;
    }
    size_t       nbytes = (size_t)count * elem_size(slot->type.elem);
    LLVMValueRef global = constant_global(t, LLVMConstStringInContext2(t->e->context, slot->data, nbytes, true));
    LLVMSetAlignment(global, 64);
    return global;
}

static LLVMValueRef slots_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->slots.len + 1);
    for (int i = 0; i < p->slots.len; i++) {
        const Slot *slot = &p->slots.data[i];
        Fields      f    = {0};
        put(&f, tensor(t, slot->path, &slot->type));
        put_f64(t, &f, slot->value);
        put_i32(t, &f, (int)slot->kind);
        put_i32(t, &f, slot->param);
        put_i32(t, &f, slot->frozen);
        put_i32(t, &f, 0);
        put(&f, slot_data(t, slot));
        values[i] = close(t, &f);
    }
    return array(t, values, p->slots.len);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef results_table(Tables *t, const Fn *fn) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, fn->results.len + 1);
    for (int i = 0; i < fn->results.len; i++) {
        const Result *result = &fn->results.data[i];
        Fields        f      = {0};
        put(&f, tensor(t, result->name, &result->value->type));
        put_i32(t, &f, result->weight != NULL);
        put_i32(t, &f, result->adds);
        put_i32(t, &f, (int)result->role);
        put_i32(t, &f, result->slot);
        values[i] = close(t, &f);
    }
    return array(t, values, fn->results.len);
}

static LLVMValueRef inputs_used(Tables *t, const LocationVec *operands, int *count) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, t->e->program->inputs.len + 1);
    *count               = 0;
    for (int i = 0; i < t->e->program->inputs.len; i++) {
        Location at = {LOC_INPUT, i, 0};
        if (operand_index(operands, &at) >= 0) values[(*count)++] = LLVMConstInt(t->e->t_i32, (unsigned)i, false);
    }
    return array(t, values, *count);
}

/* The dims that the function's values depend on. */
static LLVMValueRef dims_used(Tables *t, const Fn *fn, int *count) {
    int           n      = dim_symbol_count(graph_dims(t->e->program->graph));
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1);
    FnReach       reach  = fn_reach(t->e->arena, t->e->program, fn);
    *count               = 0;
    for (int i = 0; i < n; i++)
        if (reach.dims[i]) values[(*count)++] = LLVMConstInt(t->e->t_i32, (unsigned)i, false);
    return array(t, values, *count);
}

/* At batch = train.batch; 0 when another symbolic dim is involved. */
static int64_t count_flops(const Emit *e, const FnPlan *plan) {
    const DimTable *table  = graph_dims(e->program->graph);
    int64_t        *values = ARENA_ARRAY(e->arena, int64_t, dim_symbol_count(table) + 1), sum = 0, flops;
    if (dim_symbol_count(table) > 1) return 0;
    values[0] = e->program->train.batch;
    for (int i = 0; i < plan->kernels.len; i++)
        if (!dim_eval(plan->kernels.data[i]->flops, values, &flops) || __builtin_add_overflow(sum, flops, &sum))
            return 0;
    return sum;
}

static int fn_index(const Plan *plan, const Fn *fn) {
    for (int i = 0; fn && i < plan->fns.len; i++)
        if (plan->fns.data[i]->fn == fn) return i;
    return -1;
}

static LLVMValueRef fns_table(Tables *t, const CompiledFn *compiled) {
    const Plan   *plan   = t->e->plan;
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, plan->fns.len + 1);
    for (int i = 0; i < plan->fns.len; i++) {
        const Fn    *fn = plan->fns.data[i]->fn;
        Fields       f  = {0};
        int          n_used, n_dims;
        LLVMValueRef used = inputs_used(t, &compiled[i].operands, &n_used), dims = dims_used(t, fn, &n_dims);
        put(&f, text(t, fn->name));
        put(&f, compiled[i].code);
        put(&f, compiled[i].workspace);
        put(&f, results_table(t, fn));
        put_i32(t, &f, (int)fn->kind);
        put_i32(t, &f, fn->times);
        put_i32(t, &f, fn->results.len);
        put_i32(t, &f, n_used);
        put(&f, used);
        put_i64(t, &f, count_flops(t->e, plan->fns.data[i]));
        put(&f, dims);
        put_i32(t, &f, n_dims);
        put_i32(t, &f, fn->phase);
        put_i32(t, &f, fn_index(plan, fn->accumulate));
        put_i32(t, &f, 0);
        values[i] = close(t, &f);
    }
    return array(t, values, plan->fns.len);
}

/* void name(const int64_t *symbols, int64_t *values): the dims' values in order. */
static LLVMValueRef dims_function(Tables *t, const char *name, const Dim *const *dims, int count) {
    Emit          *e        = t->e;
    LLVMTypeRef    params[] = {e->t_ptr, e->t_ptr};
    LLVMValueRef   fn       = function_new(e, name, LLVMFunctionType(e->t_void, params, 2, false));
    LLVMBuilderRef b        = LLVMCreateBuilderInContext(e->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(e->context, fn, "entry"));
    DimEnv env = dims_begin(e, b, LLVMGetParam(fn, 0));
    for (int i = 0; i < count; i++)
        irb_store(b, dims_value(&env, dims[i]), irb_at(b, e->t_i64, LLVMGetParam(fn, 1), irb_i64(b, i)));
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
    return fn;
}

static LLVMValueRef checks_function(Tables *t, LLVMValueRef *messages) {
    const Program *p      = t->e->program;
    const Dim    **sides  = ARENA_ARRAY(t->e->arena, const Dim *, 2 * p->checks.len + 1);
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->checks.len + 1);
    for (int i = 0; i < p->checks.len; i++) {
        sides[2 * i]     = p->checks.data[i].left;
        sides[2 * i + 1] = p->checks.data[i].right;
        values[i]        = text(t, p->checks.data[i].message);
    }
    *messages = array(t, values, p->checks.len);
    return dims_function(t, "check_values", sides, 2 * p->checks.len);
}

/* ---- the model ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef phases_table(Tables *t, int *count) {
    static const Phase   whole  = {.until = -1};
    const TrainSettings *train  = &t->e->program->train;
    LLVMValueRef        *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, train->phases.len + 1);
    *count                      = train->phases.len ? train->phases.len : 1;
    for (int i = 0; i < *count; i++) {
        const Phase *phase = train->phases.len ? &train->phases.data[i] : &whole;
        Fields       f     = {0};
        put_i64(t, &f, phase->until);
        put_i32(t, &f, phase->in_epochs);
        put_i32(t, &f, 0);
        values[i] = close(t, &f);
    }
    return array(t, values, *count);
}

static LLVMValueRef layers_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->layers.len + 1);
    for (int i = 0; i < p->layers.len; i++) {
        const LayerRow *layer = &p->layers.data[i];
        Fields          f     = {0};
        put(&f, text(t, layer->path));
        put(&f, text(t, layer->kind));
        put(&f, tensor(t, layer->path, &layer->output));
        put_i32(t, &f, layer->flops ? t->shape_dims.len : -1);
        if (layer->flops) vec_push(t->e->arena, &t->shape_dims, layer->flops);
        put_i32(t, &f, layer->calls);
        put_i32(t, &f, layer->only_in_losses);
        put_i32(t, &f, 0);
        values[i] = close(t, &f);
    }
    return array(t, values, p->layers.len);
}

static LLVMValueRef train_settings(Tables *t) {
    const Program       *p     = t->e->program;
    const TrainSettings *train = &p->train;
    Fields               f     = {0};
    put_i64(t, &f, train->batch);
    put_i64(t, &f, train->epochs);
    put_i64(t, &f, train->steps);
    put_i64(t, &f, train->seed);
    put_i64(t, &f, train->accumulate ? train->accumulate : 1);
    put_f64(t, &f, train->validation_split);
    put_f64(t, &f, train->test_split);
    put_f64(t, &f, train->ema);
    put_f64(t, &f, train->stop_min_delta);
    put_i64(t, &f, train->stop_patience);
    put(&f, text(t, train->stop_metric));
    put_i32(t, &f, train->stop_larger);
    int          n_phases;
    LLVMValueRef phases = phases_table(t, &n_phases);
    put_i32(t, &f, n_phases);
    put(&f, phases);
    put_i32(t, &f, train->shuffle);
    put_i32(t, &f, p->has_train);
    put(&f, text(t, p->headline));
    return close(t, &f);
}

/* ---- the C API ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef indices(Tables *t, const IndexVec *list) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, list->len + 1);
    for (int i = 0; i < list->len; i++) values[i] = LLVMConstInt(t->e->t_i32, (unsigned)list->data[i], false);
    return array(t, values, list->len);
}

static LLVMValueRef metrics_table(Tables *t, const Api *api) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, api->metrics.len + 1);
    for (int i = 0; i < api->metrics.len; i++) {
        Fields f = {0};
        put(&f, text(t, api->metrics.data[i].name));
        put_i64(t, &f, api->metrics.data[i].at);
        put_i64(t, &f, api->metrics.data[i].count);
        values[i] = close(t, &f);
    }
    return array(t, values, api->metrics.len);
}

static LLVMValueRef api_table(Tables *t) {
    const Api *api = api_from_program(t->e->arena, t->e->program);
    Fields     f   = {0};
    put(&f, indices(t, &api->batch_dims));
    put(&f, indices(t, &api->batch_inputs));
    put(&f, indices(t, &api->predict_dims));
    put(&f, indices(t, &api->predict_inputs));
    put(&f, metrics_table(t, api));
    put_i32(t, &f, api->batch_dims.len);
    put_i32(t, &f, api->batch_inputs.len);
    put_i32(t, &f, api->predict_dims.len);
    put_i32(t, &f, api->predict_inputs.len);
    put_i32(t, &f, api->metrics.len);
    put_i32(t, &f, api->n_metric_values);
    put_i32(t, &f, api->needs_total_steps);
    put_i32(t, &f, api->needs_epoch_steps);
    return constant_global(t, close(t, &f));
}

static const char *precision_text(const Tables *t) {
    const Program *p = t->e->program;
    if (!is_mixed(p)) return elem_name(p->real);
    return arena_printf(t->e->arena, "mixed(%s)", elem_name(p->products));
}

/* ---- targets -------------------------------------------------------------------------------------------------------------------- */

/* A function of another module of this object. */
static LLVMValueRef elsewhere(Emit *e, const char *name, LLVMTypeRef type) {
    LLVMValueRef fn = LLVMAddFunction(e->module, name, type);
    LLVMSetVisibility(fn, LLVMHiddenVisibility);
    return fn;
}

static LLVMValueRef variant(Tables *t, const Variant *v, const CompiledFn *fns) {
    int           n         = t->e->plan->fns.len;
    LLVMValueRef *code      = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1),
                 *workspace = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1);
    for (int i = 0; i < n; i++) {
        LLVMTypeRef code_type = LLVMGlobalGetValueType(fns[i].code),
                    size_type = LLVMGlobalGetValueType(fns[i].workspace);
        code[i]               = v->code ? elsewhere(t->e, v->code[i], code_type) : fns[i].code;
        workspace[i]          = v->code ? elsewhere(t->e, v->workspace[i], size_type) : fns[i].workspace;
    }
    Fields f = {0};
    put(&f, text(t, v->target->name));
    put_i64(t, &f, (int64_t)v->target->needs);
    put(&f, array(t, code, n));
    put(&f, array(t, workspace, n));
    return close(t, &f);
}

static LLVMValueRef variants_table(Tables *t, const Variant *variants, int n, const CompiledFn *fns) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1);
    for (int i = 0; i < n; i++) values[i] = variant(t, &variants[i], fns);
    return array(t, values, n);
}

/* ---- the model ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef model_constant(Tables *t, const CompiledFn *fns, const Variant *variants, int n_variants) {
    const Program *p      = t->e->program;
    LLVMValueRef   inputs = inputs_table(t), slots = slots_table(t), functions = fns_table(t, fns), messages;
    LLVMValueRef   layers   = layers_table(t);
    LLVMValueRef   shapes   = dims_function(t, "shapes", t->shape_dims.data, t->shape_dims.len);
    LLVMValueRef   checks   = checks_function(t, &messages);
    Fields         f        = {0};
    int            counts[] = {NNRT_ABI,
                               dim_symbol_count(graph_dims(p->graph)),
                               p->inputs.len,
                               p->slots.len,
                               t->e->plan->fns.len,
                               t->shape_dims.len,
                               p->checks.len,
                               p->layers.len};
    for (int i = 0; i < 8; i++) put_i32(t, &f, counts[i]);
    put(&f, text(t, p->model));
    put(&f, dims_table(t));
    put(&f, inputs);
    put(&f, slots);
    put(&f, functions);
    put(&f, shapes);
    put(&f, checks);
    put(&f, messages);
    put(&f, train_settings(t));
    put(&f, layers);
    put(&f, api_table(t));
    put(&f, text(t, precision_text(t)));
    put(&f, text(t, p->weights));
    put(&f, variants_table(t, variants, n_variants, fns));
    put_i64(t, &f, n_variants);
    return close(t, &f);
}

void tables_emit(Emit *e, const CompiledFn *fns, const Variant *variants, int n_variants, bool as_main) {
    Tables       t     = {.e = e, .strings = map_new(e->arena)};
    LLVMValueRef model = model_constant(&t, fns, variants, n_variants);
    char        *name  = arena_printf(e->arena, "%s_nnrt_model", e->program->model);
    for (char *c = name; *c; c++) *c = (char)tolower((unsigned char)*c);
    if (as_main) name = "nnrt_model_main";
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(model), name);
    LLVMSetInitializer(global, model);
    LLVMSetGlobalConstant(global, true);
}
