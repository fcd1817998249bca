/* A whole training, with batches from one callback and news to another. */
#include <stdlib.h>
#include <string.h>

#include "core/net.h"
#include "core/status.h"

typedef struct FitRun {
    nnrt_net      *net;
    nnrt_ctx      *ctx;
    nnrt_net_next *next;
    void          *next_context;
    nnrt_net_hear *hear;
    void          *hear_context;
    char          *batches; /* of one step */
    double        *last, *mean;
    int64_t        epoch, index; /* of the batch that is asked for next */
    bool           ended;        /* the epoch: the last answer was that there are no more */
    bool           stopped;      /* by `hear` */
} FitRun;

/* Asks for a batch: 1 filled, 0 no more in this epoch, -1 after an error. */
static int ask(FitRun *run, int64_t at, nnrt_error *error) {
    size_t size  = nnrt_batch_size(run->net->model);
    char  *batch = run->batches + (size_t)at * size;
    memset(batch, 0, size);
    int answer = run->next(run->next_context, run->epoch, run->index, batch);
    if (answer < 0)
        nnrt_fail(error, NNRT_ERROR, "no batch %lld of epoch %lld: the callback said %d", (long long)run->index,
                  (long long)run->epoch + 1, answer);
    if (answer > 0) run->index++;
    if (answer == 0) memset(batch, 0, size);
    return answer < 0 ? -1 : answer > 0;
}

static void next_epoch(FitRun *run) {
    run->epoch++;
    run->index = 0;
}

/* One group: its first batch may be the next epoch's, where a step draws several. */
static nnrt_status ask_group(FitRun *run, int64_t draw, nnrt_error *error) {
    int64_t accumulate = run->net->steps.accumulate, first = draw * accumulate;
    int     answer = ask(run, first, error);
    if (answer == 0 && draw > 0) {
        next_epoch(run);
        answer = ask(run, first, error);
    }
    if (answer < 0) return NNRT_ERROR;
    if (answer == 0 && run->index == 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "epoch %lld has no batches", (long long)run->epoch + 1);
    run->ended = answer == 0;
    for (int64_t member = 1; member < accumulate && answer > 0; member++)
        if ((answer = ask(run, first + member, error)) < 0) return NNRT_ERROR;
    return NNRT_OK;
}

/* The batches of the next step; `ended` where the epoch has no more. */
static nnrt_status ask_step(FitRun *run, nnrt_error *error) {
    nnrt_status status = NNRT_OK;
    run->ended         = false;
    memset(run->batches, 0,
           (size_t)(run->net->steps.draws * run->net->steps.accumulate) * nnrt_batch_size(run->net->model));
    for (int64_t draw = 0; draw < run->net->steps.draws && status == NNRT_OK && !run->ended; draw++)
        status = ask_group(run, draw, error);
    return status;
}

static void tell(FitRun *run, bool epoch_ends) {
    const nnrt_model *model = run->net->model;
    nnrt_ctx_clear_metrics(run->ctx, run->mean);
    for (int fn = 0; fn < model->n_fns; fn++)
        if (model->fns[fn].kind == NNRT_FN_ACCUMULATE ||
            (model->fns[fn].kind == NNRT_FN_TRAIN && model->fns[fn].accumulate < 0))
            nnrt_ctx_put_means(run->ctx, run->ctx->epoch_sums, fn, run->mean);
    const nnrt_net_progress progress = {.epoch       = run->epoch + 1,
                                        .step        = run->net->steps_done,
                                        .total_steps = run->net->steps.total_steps,
                                        .epoch_ends  = epoch_ends,
                                        .last        = run->last,
                                        .mean        = run->mean};
    if (run->hear && run->hear(run->hear_context, &progress) != 0) run->stopped = true;
}

static void clear_epoch(nnrt_ctx *ctx) {
    nnrt_ctx_clear(ctx, ctx->epoch_sums, NNRT_FN_TRAIN);
    nnrt_ctx_clear(ctx, ctx->epoch_sums, NNRT_FN_ACCUMULATE);
}

static nnrt_status fit_statistics(FitRun *run, nnrt_error *error) {
    const nnrt_model *model  = run->net->model;
    bool              wanted = false;
    for (int i = 0; i < model->n_slots; i++)
        wanted = wanted || (model->slots[i].kind == NNRT_FIT && !run->net->is_set[i]);
    if (!wanted) return NNRT_OK;
    nnrt_status status = NNRT_OK;
    int         answer;
    while (status == NNRT_OK && (answer = ask(run, 0, error)) > 0)
        status = nnrt_net_fit_statistics(run->net, run->ctx, run->batches, error);
    if (status != NNRT_OK || answer < 0) return status == NNRT_OK ? NNRT_ERROR : status;
    if (run->index == 0) return nnrt_fail(error, NNRT_BAD_DATA, "epoch 1 has no batches");
    run->index = 0;
    return NNRT_OK;
}

static bool is_done(const FitRun *run) {
    int64_t total = run->net->steps.total_steps;
    return run->stopped || (total > 0 ? run->net->steps_done >= total : run->epoch >= run->net->model->train.epochs);
}

static nnrt_status check_epoch(const FitRun *run, int64_t epoch_steps, nnrt_error *error) {
    int64_t expected = run->net->steps.epoch_steps;
    if (expected <= 0 || run->net->steps.draws > 1 || epoch_steps == expected) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "epoch %lld has %lld steps, the config's epoch_steps says %lld",
                     (long long)run->epoch + 1, (long long)epoch_steps, (long long)expected);
}

static nnrt_status run_steps(FitRun *run, nnrt_error *error) {
    nnrt_status status     = NNRT_OK;
    int64_t     accumulate = run->net->steps.accumulate, told = run->net->steps_done;
    clear_epoch(run->ctx);
    while (status == NNRT_OK && !is_done(run)) {
        int64_t index = run->index;
        status        = ask_step(run, error);
        if (status != NNRT_OK) return status;
        if (run->ended) {
            status = check_epoch(run, (index + accumulate - 1) / accumulate, error);
            if (status == NNRT_OK) tell(run, true);
            told = run->net->steps_done;
            clear_epoch(run->ctx);
            next_epoch(run);
            continue;
        }
        status = nnrt_net_train_step(run->net, run->ctx, run->batches, run->last, error);
        if (status == NNRT_OK) tell(run, false);
    }
    if (status == NNRT_OK && !run->stopped && told != run->net->steps_done) tell(run, true);
    return status;
}

nnrt_status nnrt_net_fit(nnrt_net *net, nnrt_ctx *ctx, nnrt_net_next *next, void *next_context, nnrt_net_hear *hear,
                         void *hear_context, nnrt_error *error) {
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status == NNRT_OK && !next) status = nnrt_fail(error, NNRT_USAGE, "the callback for batches is NULL");
    if (status != NNRT_OK) return status;
    size_t n_values = (size_t)net->model->api->n_metric_values + 1;
    FitRun run      = {.net          = net,
                       .ctx          = ctx,
                       .next         = next,
                       .next_context = next_context,
                       .hear         = hear,
                       .hear_context = hear_context,
                       .batches =
                           calloc((size_t)(net->steps.draws * net->steps.accumulate) + 1, nnrt_batch_size(net->model) + 1),
                       .last = calloc(n_values, sizeof(double)),
                       .mean = calloc(n_values, sizeof(double))};
    if (net->steps.epoch_steps > 0) { /* a training that goes on */
        run.epoch = net->steps_done / net->steps.epoch_steps;
        run.index = net->steps_done % net->steps.epoch_steps * net->steps.accumulate;
    }
    status = run.batches && run.last && run.mean ? fit_statistics(&run, error) : nnrt_fail_memory(error, 0, "training");
    if (status == NNRT_OK) status = run_steps(&run, error);
    free(run.batches);
    free(run.last);
    free(run.mean);
    return status;
}
