/* The description that a compiled model exports: the constants of runtime/nnrt.h, field by field. */
#include "base/map.h"
#include "codegen/api.h"
#include "codegen/constants.h"
#include "codegen/emit.h"

#include <ctype.h>
#include <string.h>

#include "nnrt.h"

typedef struct Tables {
    Emit *e;
    VEC(const Dim *) shape_dims; /* in the order of shapes() */
    Map *strings;
} Tables;

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
    fields_put(&f, constant_text(t->e, t->strings, name));
    fields_i32(t->e, &f, (int)type->elem);
    fields_i32(t->e, &f, type->rank);
    fields_i32(t->e, &f, t->shape_dims.len);
    fields_i32(t->e, &f, 0);
    LLVMValueRef axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) {
        symbols[i] = i < type->rank ? symbol_of(graph_dims(e->program->graph), type->dims[i]) : -1;
        axes[i]    = LLVMConstInt(e->t_i32, (unsigned long long)symbols[i], true);
        if (i < type->rank) vec_push(e->arena, &t->shape_dims, type->dims[i]);
    }
    fields_put(&f, LLVMConstArray2(e->t_i32, axes, MAX_RANK));
    fields_put(&f, constant_text(t->e, t->strings, shape_print(e->arena, type)));
    return fields_close(t->e, &f);
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
        fields_put(&f, constant_text(t->e, t->strings, found ? found->name : dim_symbol_name(table, i)));
        fields_i64(t->e, &f, found ? found->bound : -1);
        fields_i32(t->e, &f, found && found->is_sample);
        fields_i32(t->e, &f, 0);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, count);
}

static LLVMValueRef source(Tables *t, const Source *from) {
    LLVMValueRef *columns = ARENA_ARRAY(t->e->arena, LLVMValueRef, from->n_columns + 1);
    for (int i = 0; i < from->n_columns; i++) columns[i] = constant_text(t->e, t->strings, from->columns[i]);
    Fields f = {0};
    fields_i32(t->e, &f, (int)from->kind);
    fields_i32(t->e, &f, (int)from->missing);
    fields_put(&f, constant_array(t->e, columns, from->n_columns));
    fields_i64(t->e, &f, from->n_columns);
    fields_i64(t->e, &f, from->max);
    fields_i64(t->e, &f, from->shift);
    fields_f64(t->e, &f, from->fill);
    fields_i64(t->e, &f, from->rate);
    fields_i64(t->e, &f, from->window);
    return fields_close(t->e, &f);
}

static LLVMValueRef inputs_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->inputs.len + 1);
    for (int i = 0; i < p->inputs.len; i++) {
        Fields f = {0};
        fields_put(&f, tensor(t, p->inputs.data[i].name, &p->inputs.data[i].type));
        fields_put(&f, source(t, &p->inputs.data[i].source));
        fields_i32(t->e, &f, p->inputs.data[i].is_target);
        fields_i32(t->e, &f, (int32_t)p->inputs.data[i].class_limit);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, p->inputs.len);
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
    LLVMValueRef global = constant_global(t->e, LLVMConstStringInContext2(t->e->context, slot->data, nbytes, true));
    LLVMSetAlignment(global, 64);
    return global;
}

static LLVMValueRef slots_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->slots.len + 1);
    for (int i = 0; i < p->slots.len; i++) {
        const Slot *slot = &p->slots.data[i];
        Fields      f    = {0};
        fields_put(&f, tensor(t, slot->path, &slot->type));
        fields_f64(t->e, &f, slot->value);
        fields_i32(t->e, &f, (int)slot->kind);
        fields_i32(t->e, &f, slot->param);
        fields_i32(t->e, &f, slot->frozen);
        fields_i32(t->e, &f, 0);
        fields_put(&f, slot_data(t, slot));
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, p->slots.len);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef results_table(Tables *t, const Fn *fn) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, fn->results.len + 1);
    for (int i = 0; i < fn->results.len; i++) {
        const Result *result = &fn->results.data[i];
        Fields        f      = {0};
        fields_put(&f, tensor(t, result->name, &result->value->type));
        fields_i32(t->e, &f, result->weight != NULL);
        fields_i32(t->e, &f, result->adds);
        fields_i32(t->e, &f, (int)result->role);
        fields_i32(t->e, &f, result->slot);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, fn->results.len);
}

static LLVMValueRef inputs_used(Tables *t, const LocationVec *operands, int *count) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, t->e->program->inputs.len + 1);
    *count               = 0;
    for (int i = 0; i < t->e->program->inputs.len; i++) {
        Location at = {LOC_INPUT, i, 0};
        if (operand_index(operands, &at) >= 0) values[(*count)++] = LLVMConstInt(t->e->t_i32, (unsigned)i, false);
    }
    return constant_array(t->e, values, *count);
}

/* The dims that the function's values depend on. */
static LLVMValueRef dims_used(Tables *t, const Fn *fn, int *count) {
    int           n      = dim_symbol_count(graph_dims(t->e->program->graph));
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1);
    FnReach       reach  = fn_reach(t->e->arena, t->e->program, fn);
    *count               = 0;
    for (int i = 0; i < n; i++)
        if (reach.dims[i]) values[(*count)++] = LLVMConstInt(t->e->t_i32, (unsigned)i, false);
    return constant_array(t->e, values, *count);
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
        fields_put(&f, constant_text(t->e, t->strings, fn->name));
        fields_put(&f, compiled[i].code);
        fields_put(&f, compiled[i].workspace);
        fields_put(&f, results_table(t, fn));
        fields_i32(t->e, &f, (int)fn->kind);
        fields_i32(t->e, &f, fn->times);
        fields_i32(t->e, &f, fn->results.len);
        fields_i32(t->e, &f, n_used);
        fields_put(&f, used);
        fields_i64(t->e, &f, count_flops(t->e, plan->fns.data[i]));
        fields_put(&f, dims);
        fields_i32(t->e, &f, n_dims);
        fields_i32(t->e, &f, fn->phase);
        fields_i32(t->e, &f, fn_index(plan, fn->accumulate));
        fields_i32(t->e, &f, 0);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, plan->fns.len);
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
        values[i]        = constant_text(t->e, t->strings, p->checks.data[i].message);
    }
    *messages = constant_array(t->e, values, p->checks.len);
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
        fields_i64(t->e, &f, phase->until);
        fields_i32(t->e, &f, phase->in_epochs);
        fields_i32(t->e, &f, 0);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, *count);
}

static LLVMValueRef layers_table(Tables *t) {
    const Program *p      = t->e->program;
    LLVMValueRef  *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, p->layers.len + 1);
    for (int i = 0; i < p->layers.len; i++) {
        const LayerRow *layer = &p->layers.data[i];
        Fields          f     = {0};
        fields_put(&f, constant_text(t->e, t->strings, layer->path));
        fields_put(&f, constant_text(t->e, t->strings, layer->kind));
        fields_put(&f, tensor(t, layer->path, &layer->output));
        fields_i32(t->e, &f, layer->flops ? t->shape_dims.len : -1);
        if (layer->flops) vec_push(t->e->arena, &t->shape_dims, layer->flops);
        fields_i32(t->e, &f, layer->calls);
        fields_i32(t->e, &f, layer->only_in_losses);
        fields_i32(t->e, &f, 0);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, p->layers.len);
}

static LLVMValueRef train_settings(Tables *t) {
    const Program       *p     = t->e->program;
    const TrainSettings *train = &p->train;
    Fields               f     = {0};
    fields_i64(t->e, &f, train->batch);
    fields_i64(t->e, &f, train->epochs);
    fields_i64(t->e, &f, train->steps);
    fields_i64(t->e, &f, train->seed);
    fields_i64(t->e, &f, train->accumulate ? train->accumulate : 1);
    fields_f64(t->e, &f, train->validation_split);
    fields_f64(t->e, &f, train->test_split);
    fields_f64(t->e, &f, train->ema);
    fields_f64(t->e, &f, train->stop_min_delta);
    fields_i64(t->e, &f, train->stop_patience);
    fields_put(&f, constant_text(t->e, t->strings, train->stop_metric));
    fields_i32(t->e, &f, train->stop_larger);
    int          n_phases;
    LLVMValueRef phases = phases_table(t, &n_phases);
    fields_i32(t->e, &f, n_phases);
    fields_put(&f, phases);
    fields_i32(t->e, &f, train->shuffle);
    fields_i32(t->e, &f, p->has_train);
    fields_put(&f, constant_text(t->e, t->strings, p->headline));
    return fields_close(t->e, &f);
}

/* ---- the C API ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef indices(Tables *t, const IndexVec *list) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, list->len + 1);
    for (int i = 0; i < list->len; i++) values[i] = LLVMConstInt(t->e->t_i32, (unsigned)list->data[i], false);
    return constant_array(t->e, values, list->len);
}

static LLVMValueRef metrics_table(Tables *t, const Api *api) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, api->metrics.len + 1);
    for (int i = 0; i < api->metrics.len; i++) {
        Fields f = {0};
        fields_put(&f, constant_text(t->e, t->strings, api->metrics.data[i].name));
        fields_i64(t->e, &f, api->metrics.data[i].at);
        fields_i64(t->e, &f, api->metrics.data[i].count);
        values[i] = fields_close(t->e, &f);
    }
    return constant_array(t->e, values, api->metrics.len);
}

static LLVMValueRef api_table(Tables *t) {
    const Api *api = api_from_program(t->e->arena, t->e->program);
    Fields     f   = {0};
    fields_put(&f, indices(t, &api->batch_dims));
    fields_put(&f, indices(t, &api->batch_inputs));
    fields_put(&f, indices(t, &api->predict_dims));
    fields_put(&f, indices(t, &api->predict_inputs));
    fields_put(&f, metrics_table(t, api));
    fields_i32(t->e, &f, api->batch_dims.len);
    fields_i32(t->e, &f, api->batch_inputs.len);
    fields_i32(t->e, &f, api->predict_dims.len);
    fields_i32(t->e, &f, api->predict_inputs.len);
    fields_i32(t->e, &f, api->metrics.len);
    fields_i32(t->e, &f, api->n_metric_values);
    fields_i32(t->e, &f, api->needs_total_steps);
    fields_i32(t->e, &f, api->needs_epoch_steps);
    return constant_global(t->e, fields_close(t->e, &f));
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
    fields_put(&f, constant_text(t->e, t->strings, v->target->name));
    fields_i64(t->e, &f, (int64_t)v->target->needs);
    fields_put(&f, constant_array(t->e, code, n));
    fields_put(&f, constant_array(t->e, workspace, n));
    return fields_close(t->e, &f);
}

static LLVMValueRef variants_table(Tables *t, const Variant *variants, int n, const CompiledFn *fns) {
    LLVMValueRef *values = ARENA_ARRAY(t->e->arena, LLVMValueRef, n + 1);
    for (int i = 0; i < n; i++) values[i] = variant(t, &variants[i], fns);
    return constant_array(t->e, values, n);
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
    for (int i = 0; i < 8; i++) fields_i32(t->e, &f, counts[i]);
    fields_put(&f, constant_text(t->e, t->strings, p->model));
    fields_put(&f, dims_table(t));
    fields_put(&f, inputs);
    fields_put(&f, slots);
    fields_put(&f, functions);
    fields_put(&f, shapes);
    fields_put(&f, checks);
    fields_put(&f, messages);
    fields_put(&f, train_settings(t));
    fields_put(&f, layers);
    fields_put(&f, api_table(t));
    fields_put(&f, constant_text(t->e, t->strings, precision_text(t)));
    fields_put(&f, constant_text(t->e, t->strings, p->weights));
    fields_put(&f, variants_table(t, variants, n_variants, fns));
    fields_i64(t->e, &f, n_variants);
    return fields_close(t->e, &f);
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
