/* The training loop, seen from a model that records what it is called with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "extras/trainer.h"
#include "runtime_files.h"

/* Two `minimize` lines, the first run twice a step; the loss of a batch is the mean of its inputs. */
enum { N = 10, BATCH = 4, CALLS = 64 };

typedef struct Call {
    char     fn;
    int64_t  n, step, total_steps, epoch_steps;
    uint64_t pass;
    float    first; /* element of the batch */
} Call;

static Call  calls[CALLS];
static int   n_calls;
static float loss_scale = 1;

static void shapes(const int64_t *symbols, int64_t *values) {
    values[0] = symbols[0];
}

static void record(char fn, const nnrt_args *args) {
    assert_true(n_calls < CALLS);
    const float *x = args->inputs[0];
    calls[n_calls++] =
        (Call){fn, args->symbols[0], args->step, args->total_steps, args->epoch_steps, args->pass, x ? x[0] : -1};
}

static void mean_loss(const nnrt_args *args) {
    const float *x      = args->inputs[0];
    float       *result = args->results[0], sum = 0;
    for (int64_t i = 0; i < args->symbols[0]; i++) sum += x[i];
    result[0] = loss_scale * sum / (float)args->symbols[0];
    result[1] = (float)args->symbols[0];
}

static void train_d(const nnrt_args *args) {
    record('d', args);
    mean_loss(args);
}

static void train_g(const nnrt_args *args) {
    record('g', args);
    mean_loss(args);
}

static void eval(const nnrt_args *args) {
    record('e', args);
    mean_loss(args);
}

static void reset(const nnrt_args *args) {
    record('r', args);
}

static void metrics(const nnrt_args *args) {
    record('m', args);
    *(float *)args->results[0] = 0.25f;
}

#define NONE    {-1, -1, -1, -1, -1, -1, -1, -1}
#define BATCHED {0, -1, -1, -1, -1, -1, -1, -1}

static const nnrt_dim   DIMS[]   = {{"batch", -1, 1, 0}};
static const nnrt_dim   GRAPH[]  = {{"nodes", -1, 0, 0}};
static const nnrt_input INPUTS[] = {
    {{"x", NNRT_F32, 1, 0, 0, BATCHED, "[batch]"}, {0, 0, NULL, 0, 0, 0, 0, 0, 0}, 0, 0}};
static const nnrt_result D_LOSS[]  = {{{"d_loss", NNRT_F32, 0, 0, 0, NONE, "[]"}, 1, 0, 0, -1}};
static const nnrt_result G_LOSS[]  = {{{"g_loss", NNRT_F32, 0, 0, 0, NONE, "[]"}, 1, 0, 0, -1}};
static const nnrt_result QUARTER[] = {{{"quarter", NNRT_F32, 0, 0, 0, NONE, "[]"}, 0, 0, 0, -1}};
static const int32_t     X[]       = {0};
static const nnrt_fn     FNS[]     = {
    {"train", train_d, NULL, D_LOSS, NNRT_FN_TRAIN, 2, 1, 1, X, 0, NULL, 0, 0, -1, 0},
    {"train_2", train_g, NULL, G_LOSS, NNRT_FN_TRAIN, 1, 1, 1, X, 0, NULL, 0, 0, -1, 0},
    {"eval", eval, NULL, D_LOSS, NNRT_FN_EVAL, 1, 1, 1, X, 0, NULL, 0, 0, -1, 0},
    {"reset", reset, NULL, NULL, NNRT_FN_RESET, 1, 0, 0, X, 0, NULL, 0, 0, -1, 0},
    {"metrics", metrics, NULL, QUARTER, NNRT_FN_METRICS, 1, 1, 0, X, 0, NULL, 0, 0, -1, 0},
};
static const nnrt_model MODEL = {
    .abi            = NNRT_ABI,
    .n_symbols      = 1,
    .n_inputs       = 1,
    .n_fns          = 5,
    .n_shape_values = 1,
    .name           = "Recorder",
    .dims           = DIMS,
    .inputs         = INPUTS,
    .fns            = FNS,
    .shapes         = shapes,
    .train          = {.batch = BATCH, .epochs = 2, .headline = "quarter"},
};

typedef struct Heard {
    int    n_steps, n_epochs, n_losses;
    double sum, d_loss, g_loss, val_loss;
} Heard;

static void hear(void *context, const nnrt_progress *progress) {
    Heard *heard = context;
    if (!progress->train) {
        heard->n_steps++;
        return;
    }
    heard->n_epochs++;
    heard->d_loss            = nnrt_scores_find(progress->train, "d_loss")->values[0];
    const nnrt_score *g_loss = nnrt_scores_find(progress->train, "g_loss");
    heard->g_loss            = g_loss ? g_loss->values[0] : NAN;
    heard->n_losses          = progress->train->n;
    heard->sum               = progress->loss;
    if (progress->val) heard->val_loss = nnrt_scores_find(progress->val, "d_loss")->values[0];
}

/* Trains on 0 .. N-1; returns the status. */
static nnrt_status run(const nnrt_model *model, const nnrt_settings *settings, bool validate,
                       volatile sig_atomic_t *stop, Heard *heard, nnrt_error *error) {
    char text[128] = "", *at = text;
    for (int i = 0; i < N; i++) at += sprintf(at, "%d\n", i);
    files_write_text("x.csv", text);
    nnrt_dataset set;
    const bool   needed[] = {true};
    assert_int_equal(nnrt_dataset_load(&set, model, (const char *[]){"x=x.csv"}, 1, needed, NULL, NULL), NNRT_OK);
    nnrt_split     all = nnrt_split_all(&set), none = {.set = &set};
    nnrt_instance *instance = nnrt_instance_new(model, NULL, NULL);
    nnrt_training  training = {.instance    = instance,
                               .train       = &all,
                               .val         = validate ? &all : &none,
                               .settings    = settings,
                               .observer    = {hear, heard},
                               .interrupted = stop};
    n_calls                 = 0;
    *heard                  = (Heard){0};
    nnrt_status status      = nnrt_train(&training, error);
    nnrt_trainer_state_free(&training.state);
    nnrt_instance_free(instance);
    nnrt_dataset_free(&set);
    return status;
}

static void steps_draw_batches_in_order(void **state) {
    (void)state;
    const nnrt_settings settings = {.batch = BATCH, .epochs = 3};
    Heard               heard;
    assert_int_equal(run(&MODEL, &settings, false, NULL, &heard, NULL), NNRT_OK);
    /* 3 batches an epoch, 2 drawn a step: 2 steps an epoch; g sees the batch that d saw last. */
    static const Call EXPECTED[] = {
        {'d', 4, 0, 12, 4, 0, 0}, {'d', 4, 1, 12, 4, 1, 4}, {'g', 4, 0, 6, 2, 2, 4},
        {'d', 2, 2, 12, 4, 3, 8}, {'d', 4, 3, 12, 4, 4, 0}, {'g', 4, 1, 6, 2, 5, 0},
        {'d', 4, 4, 12, 4, 6, 4}, {'d', 2, 5, 12, 4, 7, 8}, {'g', 2, 2, 6, 2, 8, 8},
    };
    assert_int_equal(n_calls, 18);
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        assert_int_equal(calls[i].fn, EXPECTED[i].fn);
        assert_int_equal(calls[i].n, EXPECTED[i].n);
        assert_int_equal(calls[i].step, EXPECTED[i].step);
        assert_int_equal(calls[i].total_steps, EXPECTED[i].total_steps);
        assert_int_equal(calls[i].epoch_steps, EXPECTED[i].epoch_steps);
        assert_int_equal(calls[i].pass, EXPECTED[i].pass);
        assert_true(calls[i].first == EXPECTED[i].first);
    }
    assert_int_equal(heard.n_steps, 3);
    assert_int_equal(heard.n_epochs, 3);
}

/* Batches of 4, 4 and 2: the mean over 0 .. 9 is 4.5, not the mean of the batches' means. */
static void losses_are_exact_with_a_ragged_batch(void **state) {
    (void)state;
    const nnrt_settings settings = {.batch = BATCH, .epochs = 1};
    nnrt_model          single   = MODEL;
    const nnrt_fn       fns[]    = {{"train", train_d, NULL, D_LOSS, NNRT_FN_TRAIN, 1, 1, 1, X, 0, NULL, 0, 0, -1, 0},
                                    FNS[1],
                                    FNS[2],
                                    FNS[3],
                                    FNS[4]};
    Heard               heard;
    single.fns = fns;
    assert_int_equal(run(&single, &settings, true, NULL, &heard, NULL), NNRT_OK);
    assert_true(heard.d_loss == 4.5 && heard.g_loss == 4.5 && heard.val_loss == 4.5);
    char order[16] = "";
    for (int i = 0; i < n_calls; i++) order[i] = calls[i].fn;
    assert_string_equal(order, "dgdgdgreeem");
    assert_true(calls[7].pass > 1u << 30); /* evaluation draws other random numbers than training */
}

static void a_loss_that_is_not_finite_stops_the_run(void **state) {
    (void)state;
    const nnrt_settings settings = {.batch = BATCH, .steps = 5};
    Heard               heard;
    nnrt_error          error;
    loss_scale = INFINITY; /* 0 * infinity in the first batch */
    assert_int_equal(run(&MODEL, &settings, false, NULL, &heard, &error), NNRT_ERROR);
    loss_scale = 1;
    assert_string_equal(error.message,
                        "d_loss is infinite at step 1 (epoch 1): lower the learning rate (--set) or check the data");
}

static void an_interrupt_ends_after_the_step(void **state) {
    (void)state;
    const nnrt_settings   settings = {.batch = BATCH, .steps = 5};
    volatile sig_atomic_t stop     = 1;
    Heard                 heard;
    assert_int_equal(run(&MODEL, &settings, false, &stop, &heard, NULL), NNRT_OK);
    assert_int_equal(n_calls, 3);
}

/* Without a sample dim every array is taken whole, and other sets take what they do not name from the first. */
static void a_graph_is_one_batch(void **state) {
    (void)state;
    const nnrt_settings settings = {.batch = BATCH, .steps = 2, .shuffle = true};
    nnrt_model          graph    = MODEL;
    Heard               heard;
    graph.dims = GRAPH;
    assert_int_equal(run(&graph, &settings, true, NULL, &heard, NULL), NNRT_OK);
    for (int i = 0; i < n_calls; i++)
        if (strchr("dge", calls[i].fn)) assert_int_equal(calls[i].n, N);
    assert_true(heard.d_loss == 4.5 && heard.val_loss == 4.5);

    nnrt_dataset set, other;
    const bool   needed[] = {true};
    assert_int_equal(nnrt_dataset_load(&set, &graph, (const char *[]){"x=x.csv"}, 1, needed, NULL, NULL), NNRT_OK);
    assert_int_equal(nnrt_dataset_load(&other, &graph, NULL, 0, needed, &set, NULL), NNRT_OK);
    assert_ptr_equal(other.columns[0].array.data, set.columns[0].array.data);
    nnrt_dataset_free(&other);
    nnrt_dataset_free(&set);
}

/* ---- accumulation, phases, terms --------------------------------------------------------------------------------- */

static void add_up(const nnrt_args *args) {
    record('a', args);
    mean_loss(args);
}

static void update(const nnrt_args *args) {
    calls[n_calls++] = (Call){.fn = 't', .step = args->step, .pass = args->pass};
}

static void called(const char *expected) {
    char order[CALLS + 1] = "";
    for (int i = 0; i < n_calls; i++) order[i] = calls[i].fn;
    assert_string_equal(order, expected);
}

/* Batches of 4, 4 and 2: two make the first step of an epoch, the last is one of its own. */
static void accumulated_batches_make_one_step(void **state) {
    (void)state;
    const nnrt_fn fns[] = {
        {"train", update, NULL, NULL, NNRT_FN_TRAIN, 1, 0, 0, X, 0, NULL, 0, 0, 1, 0},
        {"accumulate", add_up, NULL, D_LOSS, NNRT_FN_ACCUMULATE, 1, 1, 1, X, 0, NULL, 0, 0, -1, 0},
    };
    static const float  FIRSTS[] = {0, 4, -1, 8, -1, 0, 4, -1, 8, -1};
    const nnrt_settings settings = {.batch = BATCH, .epochs = 2, .accumulate = 2};
    nnrt_model          model    = MODEL;
    Heard               heard;
    model.fns   = fns;
    model.n_fns = 2;
    assert_int_equal(run(&model, &settings, false, NULL, &heard, NULL), NNRT_OK);
    called("aatataatat");
    for (int i = 0; i < n_calls; i++)
        if (calls[i].fn == 'a') assert_true(calls[i].first == FIRSTS[i]);
    assert_int_equal(calls[2].step, 0);
    assert_int_equal(calls[3].step, 1);
    assert_int_equal(calls[3].epoch_steps, 2);
    assert_int_equal(calls[3].total_steps, 4);
    assert_true(calls[1].pass != calls[0].pass && calls[5].pass > calls[3].pass);
    assert_true(heard.d_loss == 4.5);
}

/* Each phase has its functions; what both of them minimize is one loss, in an epoch that lies in two phases too. */
static void phases_take_turns(void **state) {
    (void)state;
    const nnrt_fn fns[] = {
        {"train", train_d, NULL, D_LOSS, NNRT_FN_TRAIN, 1, 1, 1, X, 0, NULL, 0, 0, -1, 0},
        {"train_phase_2", add_up, NULL, D_LOSS, NNRT_FN_TRAIN, 1, 1, 1, X, 0, NULL, 0, 1, -1, 0},
        {"train_2_phase_2", train_g, NULL, G_LOSS, NNRT_FN_TRAIN, 1, 1, 1, X, 0, NULL, 0, 1, -1, 0},
    };
    const nnrt_phase    in_epochs[] = {{1, 1, 0}, {-1, 0, 0}}, in_steps[] = {{2, 0, 0}, {-1, 0, 0}};
    const nnrt_settings settings = {.batch = BATCH, .epochs = 2}, one = {.batch = BATCH, .epochs = 1};
    nnrt_model          model = MODEL;
    Heard               heard;
    model.fns            = fns;
    model.n_fns          = 3;
    model.train.phases   = in_epochs;
    model.train.n_phases = 2;
    assert_int_equal(nnrt_trainer_n_sums(&model), 4);
    assert_int_equal(run(&model, &settings, false, NULL, &heard, NULL), NNRT_OK);
    called("dddagagag");
    assert_int_equal(heard.n_losses, 2);
    model.train.phases = in_steps;
    assert_int_equal(run(&model, &one, false, NULL, &heard, NULL), NNRT_OK);
    called("ddag");
    assert_true(heard.d_loss == 4.5);
    assert_true(heard.g_loss == 8.5); /* of the last batch alone */
}

/* Two terms: the mean of the values, and a sum that weighs 1, 0 and 3. */
static void weighed_terms(const nnrt_args *args) {
    static const float WEIGHTS[] = {1, 0, 3}, VALUES[] = {10, NAN, 30};
    int                batch = n_calls % 3;
    mean_loss(args);
    record('w', args);
    ((float *)args->results[1])[0] = VALUES[batch];
    ((float *)args->results[1])[1] = WEIGHTS[batch];
    ((float *)args->results[2])[0] = ((float *)args->results[0])[0];
    ((float *)args->results[2])[1] = ((float *)args->results[0])[1];
}

static void terms_are_averaged_by_their_weights(void **state) {
    (void)state;
    const nnrt_result results[] = {{{"d_loss", NNRT_F32, 0, 0, 0, NONE, "[]"}, 1, 0, 0, -1},
                                   {{"d_loss", NNRT_F32, 0, 0, 0, NONE, "[]"}, 1, 1, 0, -1},
                                   {{"g_loss", NNRT_F32, 0, 0, 0, NONE, "[]"}, 1, 0, 0, -1}};
    const nnrt_fn fns[] = {{"train", weighed_terms, NULL, results, NNRT_FN_TRAIN, 1, 3, 1, X, 0, NULL, 0, 0, -1, 0}};
    const nnrt_settings settings = {.batch = BATCH, .epochs = 1};
    nnrt_model          model    = MODEL;
    Heard               heard;
    model.fns   = fns;
    model.n_fns = 1;
    assert_int_equal(run(&model, &settings, false, NULL, &heard, NULL), NNRT_OK);
    assert_int_equal(heard.n_losses, 2);
    assert_true(heard.d_loss == 4.5 + 25);
    assert_true(heard.sum == 4.5 + 25); /* what is minimized, and not its part g_loss once more */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_draw_batches_in_order),
        cmocka_unit_test(losses_are_exact_with_a_ragged_batch),
        cmocka_unit_test(a_loss_that_is_not_finite_stops_the_run),
        cmocka_unit_test(an_interrupt_ends_after_the_step),
        cmocka_unit_test(a_graph_is_one_batch),
        cmocka_unit_test(accumulated_batches_make_one_step),
        cmocka_unit_test(phases_take_turns),
        cmocka_unit_test(terms_are_averaged_by_their_weights),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
