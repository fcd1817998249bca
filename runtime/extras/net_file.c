#include "extras/net_file.h"

#include <string.h>

#include "core/net.h"
#include "core/status.h"
#include "extras/checkpoint.h"

/* What checkpoints are written of and read into: the net's slots seen through an instance. */
static nnrt_instance *view(const nnrt_net *net, const char *path, nnrt_error *error) {
    if (!net || !path) {
        nnrt_fail(error, NNRT_USAGE, "the %s is NULL", net ? "path" : "model");
        return NULL;
    }
    nnrt_instance *instance = nnrt_instance_part(net->model, NULL, 1u << NNRT_METRIC, error);
    if (instance) nnrt_instance_use(instance, &net->store);
    return instance;
}

static nnrt_status failed(const nnrt_net *net, const char *path) {
    return net && path ? NNRT_ERROR : NNRT_USAGE;
}

int nnrt_net_save(const void *any_net, const char *path, void *error) {
    const nnrt_net *net      = any_net;
    nnrt_instance  *instance = view(net, path, error);
    if (!instance) return (int)failed(net, path);
    nnrt_settings settings = nnrt_settings_default(net->model);
    settings.seed          = (int64_t)net->steps.seed;
    nnrt_status status     = nnrt_net_check_set(net, error);
    if (status == NNRT_OK) status = nnrt_checkpoint_save(instance, &settings, net->steps_done, path, error);
    nnrt_instance_free(instance);
    return (int)status;
}

int nnrt_net_load(void *any_net, const char *path, void *error) {
    nnrt_net      *net      = any_net;
    nnrt_instance *instance = view(net, path, error);
    int64_t        steps_done;
    if (!instance) return (int)failed(net, path);
    nnrt_status status = nnrt_checkpoint_load_net(instance, path, &steps_done, error);
    nnrt_instance_free(instance);
    if (status != NNRT_OK) return (int)status;
    net->steps_done = steps_done;
    memset(net->is_set, 1, (size_t)net->model->n_slots);
    return (int)NNRT_OK;
}
