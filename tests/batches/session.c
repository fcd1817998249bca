/* One call, run three times: by the interpreter, by compiled code, and by compiled code with several threads. */
#include "batches/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "batches/values.h"

/* ---- drawing ------------------------------------------------------------------------------------------------------------------ */

/* SplitMix64. */
static uint64_t random_bits(Session *s) {
    uint64_t z = s->rng += UINT64_C(0x9E3779B97F4A7C15);
    z          = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z          = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Integers without a known limit may be positions along any dim: below all of them. */
static int64_t index_limit(const Session *s, const ProgInput *input) {
    if (input->class_limit > 0) return input->class_limit;
    int64_t limit = 20;
    for (int i = 0; i < s->model->code->n_symbols; i++)
        if (s->symbols[i] < limit) limit = s->symbols[i];
    return limit;
}

/* Floats in (-2, 2), targets in (0, 1), where every loss is defined. */
static double draw(Session *s, const ProgInput *input) {
    double unit = (double)(random_bits(s) >> 11) * 0x1p-53;
    if (elem_is_float(input->type.elem)) return input->is_target ? 0.01 + 0.98 * unit : 4 * unit - 2;
    if (input->type.elem == ELEM_BOOL) return unit < 0.5;
    return floor(unit * (double)(input->type.elem == ELEM_U8 ? 256 : index_limit(s, input)));
}

void session_draw_inputs(Session *s) {
    const Program *program = s->model->program;
    for (int i = 0; i < program->inputs.len; i++) {
        const ProgInput *input  = &program->inputs.data[i];
        Tensor          *tensor = &s->inputs[i];
        *tensor                 = tensor_new(s->arena, &input->type, s->symbols);
        for (int64_t k = 0; k < tensor->count; k++) tensor->data[k] = draw(s, input);
        tensor_read(tensor, buffer_new(s->arena, tensor, 0), 0); /* as its type holds them */
    }
}

Session *session_new(const Model *model, nnrt_pool *pool, uint64_t seed) {
    const Program *program = model->program;
    Arena         *arena   = arena_new();
    Session       *s       = ARENA_NEW(arena, Session);
    *s                     = (Session){.model = model, .arena = arena, .pool = pool, .rng = seed};
    s->symbols             = ARENA_ARRAY(arena, int64_t, model->code->n_symbols + 1);
    s->slots               = ARENA_ARRAY(arena, Tensor, program->slots.len + 1);
    s->inputs              = ARENA_ARRAY(arena, Tensor, program->inputs.len + 1);
    for (int i = 0; i < program->slots.len; i++) {
        const Slot *slot = &program->slots.data[i];
        s->slots[i]      = tensor_new(arena, &slot->type, s->symbols);
        if (slot->kind == SLOT_HYPER) s->slots[i].data[0] = slot->value;
    }
    return s;
}

void session_free(Session *s) {
    arena_free(s->arena);
}

/* ---- running ------------------------------------------------------------------------------------------------------------------- */

typedef struct Call {
    Session    *session;
    Arena      *arena; /* of this call */
    const Fn   *fn;
    int         index, n_results; /* without the gradients */
    const char *where;
    InterpArgs  args;
    InterpRun   run;
    Tensor     *grown[2]; /* updates with gradients raised and lowered by the noise; NULL until needed */
    void      **slots, **results, **inputs;
} Call;

static void fail(Call *call, const char *what, const char *detail) {
    call->session->n_failed++;
    fprintf(stderr, "batches: %s: %s: %s: %s\n", call->where, call->fn->name, what, detail);
}

static int64_t extra_of(const Call *call, int result) {
    return call->fn->results.data[result].weight ? 1 : 0;
}

static void make_buffers(Call *call) {
    const Session *s       = call->session;
    const Program *program = s->model->program;
    call->slots            = ARENA_ARRAY(call->arena, void *, program->slots.len + 1);
    call->inputs           = ARENA_ARRAY(call->arena, void *, program->inputs.len + 1);
    call->results          = ARENA_ARRAY(call->arena, void *, call->n_results + 1);
    for (int i = 0; i < program->slots.len; i++) call->slots[i] = buffer_new(call->arena, &s->slots[i], 0);
    for (int i = 0; i < program->inputs.len; i++) call->inputs[i] = buffer_new(call->arena, &s->inputs[i], 0);
    for (int i = 0; i < call->n_results; i++) {
        Tensor blank     = tensor_new(call->arena, &call->fn->results.data[i].value->type, s->symbols);
        call->results[i] = buffer_new(call->arena, &blank, extra_of(call, i));
    }
}

static nnrt_fault run_compiled(Call *call, nnrt_pool *pool) {
    const Session *s    = call->session;
    const nnrt_fn *code = &s->model->code->fns[call->index];
    make_buffers(call);
    nnrt_fault fault     = {0};
    int64_t    nbytes    = code->workspace(s->symbols, nnrt_pool_size(pool));
    void      *workspace = nnrt_alloc((size_t)nbytes + 64);
    memset(workspace, 0xff, (size_t)nbytes + 64); /* NaN, where something is read before it is written */
    nnrt_args args      = {.symbols     = s->symbols,
                           .inputs      = (const void *const *)call->inputs,
                           .slots       = call->slots,
                           .results     = call->results,
                           .workspace   = workspace,
                           .pool        = pool,
                           .fault       = &fault,
                           .step        = call->args.runtime[RUNTIME_STEP],
                           .total_steps = call->args.runtime[RUNTIME_TOTAL_STEPS],
                           .epoch_steps = call->args.runtime[RUNTIME_EPOCH_STEPS],
                           .seed        = call->args.seed,
                           .pass        = call->args.pass};
    uint64_t  denormals = nnrt_denormals_flush();
    code->code(&args);
    nnrt_denormals_restore(denormals);
    for (int i = 0; i < 64; i++)
        if (((uint8_t *)workspace)[nbytes + i] != 0xff) fail(call, "workspace", "written behind its end");
    nnrt_free(workspace, (size_t)nbytes + 64);
    return fault;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------------- */

/* The updates with every gradient off by `sign` times the noise. */
static Tensor *updates_off(Call *call, double sign) {
    const Session *s           = call->session;
    int            n_gradients = s->model->n_gradients[call->index];
    double         largest     = 0;
    for (int i = 0; i < n_gradients; i++) {
        const Tensor *g = &call->run.results[call->n_results + i];
        for (int64_t k = 0; k < g->count; k++) largest = fmax(largest, fabs(g->data[k]));
    }
    Interp *interp = interp_new(call->arena, s->model->program, &call->args);
    for (int i = 0; i < n_gradients; i++) {
        const Node *node = call->fn->results.data[call->n_results + i].value;
        Tensor      g    = tensor_new(call->arena, &node->type, s->symbols);
        for (int64_t k = 0; k < g.count; k++)
            g.data[k] = call->run.results[call->n_results + i].data[k] + sign * s->noise * largest;
        interp_give(interp, node, g);
    }
    Tensor *updates = ARENA_ARRAY(call->arena, Tensor, call->fn->updates.len + 1);
    for (int i = 0; i < call->fn->updates.len; i++) updates[i] = interp_value(interp, call->fn->updates.data[i].value);
    return updates;
}

/* What the noise of gradients makes of an update's element: an optimizer that divides a gradient by its own size turns a gradient
 * that is nearly zero into a step of full length in either direction. */
static double allowance(Call *call, int update, int64_t element) {
    if (call->session->model->n_gradients[call->index] == 0) return 0;
    if (!call->grown[0]) {
        call->grown[0] = updates_off(call, 1);
        call->grown[1] = updates_off(call, -1);
    }
    double exact = call->run.updates[update].data[element];
    return fmax(fabs(call->grown[0][update].data[element] - exact), fabs(call->grown[1][update].data[element] - exact));
}

/* How far off a value may be in a tensor whose largest is `scale`. Where all of it should be zero: as far as rounding makes it. */
static double bound_of(const Session *s, ElemType elem, double scale) {
    if (!elem_is_float(elem)) return 0;
    double tolerance = elem == ELEM_F64 && s->model->program->real == ELEM_F64 ? 1e-10 : 1e-5;
    return scale > 0 ? tolerance * scale : tolerance * tolerance;
}

/* A sum of terms of both signs is as exact as its terms are large: the noise times the sum of their sizes. 0: no such sum. */
static double terms_noise(Call *call, Node *root) {
    while (root && (root->op == OP_CAST || root->op == OP_NEG)) root = root->inputs[0];
    if (!root || root->op != OP_SUM || root->type.rank) return 0;
    Tensor terms = interp_value(interp_new(call->arena, call->session->model->program, &call->args), root->inputs[0]);
    double sizes = 0;
    for (int64_t i = 0; i < terms.count; i++) sizes += fabs(terms.data[i]);
    return call->session->noise * sizes;
}

/* `update` -1: a result, of the value `node` (NULL: its weight). */
static void compare(Call *call, const char *name, const Tensor *expected, const Tensor *value, int update, Node *node) {
    Session *s     = call->session;
    double   scale = 0;
    for (int64_t i = 0; i < expected->count; i++)
        if (isfinite(expected->data[i])) scale = fmax(scale, fabs(expected->data[i]));
    double bound = bound_of(s, expected->elem, scale);
    for (int64_t i = 0; i < expected->count; i++) {
        double ours = value->data[i], right = expected->data[i], off = fabs(ours - right);
        if (ours == right || off <= bound || (isnan(ours) && isnan(right))) continue;
        if (update >= 0 && off <= bound + allowance(call, update, i)) {
            s->n_excused++;
            continue;
        }
        if (update < 0 && off <= terms_noise(call, node)) {
            s->n_excused++;
            continue;
        }
        fail(call, name,
             arena_printf(call->arena, "element %" PRId64 " of %" PRId64 ": %.9g, interpreted %.9g (largest %.3g)", i,
                          expected->count, ours, right, scale));
        return;
    }
}

static void check_guards(Call *call) {
    const Program *program = call->session->model->program;
    for (int i = 0; i < call->n_results; i++)
        if (!buffer_guarded(&call->run.results[i], extra_of(call, i), call->results[i]))
            fail(call, call->fn->results.data[i].name, "written behind its end");
    for (int i = 0; i < program->slots.len; i++)
        if (!buffer_guarded(&call->session->slots[i], 0, call->slots[i]))
            fail(call, program->slots.data[i].path, "written behind its end");
}

static void compare_results(Call *call) {
    for (int i = 0; i < call->n_results; i++) {
        const Result *result   = &call->fn->results.data[i];
        const Tensor *expected = &call->run.results[i];
        Tensor        value    = tensor_new(call->arena, &result->value->type, call->session->symbols);
        tensor_read(&value, call->results[i], 0);
        compare(call, result->name, expected, &value, -1, result->value);
        if (!result->weight) continue;
        tensor_read(&value, call->results[i], 1);
        compare(call, "weight", &call->run.weights[i], &value, -1, NULL);
    }
}

/* The session's slots become what compiled code left. */
static void compare_slots(Call *call) {
    Session       *s       = call->session;
    const Program *program = s->model->program;
    const Tensor **updated = ARENA_ARRAY(call->arena, const Tensor *, program->slots.len + 1);
    int           *index   = ARENA_ARRAY(call->arena, int, program->slots.len + 1);
    for (int i = 0; i < call->fn->updates.len; i++) {
        updated[call->fn->updates.data[i].slot] = &call->run.updates[i];
        index[call->fn->updates.data[i].slot]   = i;
    }
    for (int i = 0; i < program->slots.len; i++) {
        const char *path  = program->slots.data[i].path;
        Tensor      value = tensor_new(call->arena, &program->slots.data[i].type, s->symbols);
        tensor_read(&value, call->slots[i], 0);
        if (updated[i])
            compare(call, path, updated[i], &value, index[i], NULL);
        else if (memcmp(value.data, s->slots[i].data, (size_t)value.count * sizeof(double)) != 0)
            fail(call, path, "changed by a function that does not update it");
        memcpy(s->slots[i].data, value.data, (size_t)value.count * sizeof(double));
    }
}

/* Do the buffers of two runs hold the same bytes? */
static void compare_bytes(Call *one, Call *other) {
    const Program *program = one->session->model->program;
    for (int i = 0; i < program->slots.len; i++)
        if (memcmp(one->slots[i], other->slots[i],
                   (size_t)(one->session->slots[i].count * elem_size(one->session->slots[i].elem))) != 0)
            fail(one, program->slots.data[i].path, "depends on the number of threads");
    for (int i = 0; i < one->n_results; i++) {
        Tensor type   = one->run.results[i];
        size_t nbytes = (size_t)((type.count + extra_of(one, i)) * elem_size(type.elem));
        if (memcmp(one->results[i], other->results[i], nbytes) != 0)
            fail(one, one->fn->results.data[i].name, "depends on the number of threads");
    }
}

void session_call(Session *s, int index, const char *where) {
    const Program *program = s->model->program;
    const Fn      *fn      = program->fns.data[index];
    Call           call    = {.session   = s,
                              .arena     = arena_new(),
                              .fn        = fn,
                              .index     = index,
                              .n_results = fn->results.len - s->model->n_gradients[index],
                              .where     = where};
    call.args              = (InterpArgs){.symbols = s->symbols,
                                          .inputs  = s->inputs,
                                          .slots   = s->slots,
                                          .seed    = 11,
                                          .pass    = s->pass++,
                                          .runtime = {[RUNTIME_STEP] = 3, [RUNTIME_TOTAL_STEPS] = 50, [RUNTIME_EPOCH_STEPS] = 8}};
    call.run               = interp_run(call.arena, program, fn, &call.args);
    s->n_calls++;
    Call       threaded = call;
    nnrt_fault others   = run_compiled(&threaded, s->pool);
    nnrt_fault fault    = run_compiled(&call, NULL);
    if ((fault.code != 0) != (call.run.error != NULL) || fault.code != others.code) {
        fail(&call, "fault", call.run.error ? call.run.error : "the interpreter knows none");
    } else if (fault.code) {
        s->n_faults++;
        check_guards(&call);
    } else {
        check_guards(&call);
        compare_bytes(&call, &threaded);
        compare_results(&call);
        compare_slots(&call);
    }
    arena_free(call.arena);
}
