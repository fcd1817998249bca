/* Predictions: on a net that nothing changes meanwhile, from any number of threads with a context each. */
#include "core/net.h"
#include "core/status.h"

nnrt_status nnrt_net_predict(const nnrt_net *net, nnrt_ctx *ctx, const void *inputs, void *const *outputs,
                             nnrt_error *error) {
    nnrt_clock  clock  = {.total_steps = 1, .epoch_steps = 1};
    nnrt_status status = nnrt_ctx_use(ctx, net, error);
    if (status == NNRT_OK && !outputs) status = nnrt_fail(error, NNRT_USAGE, "the outputs are NULL");
    if (status == NNRT_OK) status = nnrt_net_check_set(net, error);
    if (status == NNRT_OK) status = nnrt_ctx_read_inputs(ctx, inputs, &clock.seed, error);
    const nnrt_model *model = status == NNRT_OK ? net->model : NULL;
    for (int fn = model ? nnrt_model_fn(model, NNRT_FN_PREDICT, 0) : -1; fn >= 0 && status == NNRT_OK;
         fn     = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1)) {
        bool wanted = false;
        for (int i = 0; i < model->fns[fn].n_results; i++) wanted = wanted || outputs[i];
        if (wanted) status = nnrt_ctx_check(ctx, fn, error);
        if (wanted && status == NNRT_OK) status = nnrt_ctx_call(ctx, fn, outputs, &clock, error);
        outputs += model->fns[fn].n_results;
    }
    return status;
}
