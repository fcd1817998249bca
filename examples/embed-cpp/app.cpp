// Trains with fit, in C++: batches and progress come through callbacks, handles are freed by unique_ptr.
// nnc -c ../embed-c/circle.nnet, then this, circle.o and the core runtime.
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "circle.h"

struct Free {
    void operator()(circle_model *model) const {
        circle_model_free(model);
    }
    void operator()(circle_ctx *ctx) const {
        circle_ctx_free(ctx);
    }
};
using Model   = std::unique_ptr<circle_model, Free>;
using Context = std::unique_ptr<circle_ctx, Free>;

struct Points {
    std::vector<float>   x;
    std::vector<int32_t> y;
};

static Points draw(std::mt19937 &random, int n) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    Points                                points;
    for (int i = 0; i < n; i++) {
        const float a = uniform(random), b = uniform(random), r = a * a + b * b;
        points.x.insert(points.x.end(), {a, b});
        points.y.push_back(r < 0.6f);
    }
    return points;
}

static int64_t size(const Points &points) {
    return static_cast<int64_t>(points.y.size());
}

// The batches of an epoch, one after the other, in place.
static int next_batch(void *context, int64_t, int64_t index, circle_batch *batch) {
    const Points &points = *static_cast<const Points *>(context);
    const int64_t at = index * 64, left = size(points) - at;
    if (left <= 0) return 0;
    batch->batch = left < 64 ? left : 64;
    batch->x     = points.x.data() + 2 * at;
    batch->y     = points.y.data() + at;
    return 1;
}

// Stops when the mean loss of an epoch is small.
static int on_progress(void *context, const circle_progress *progress) {
    if (progress->epoch_ends) *static_cast<double *>(context) = progress->mean->loss;
    return progress->epoch_ends && progress->mean->loss < 0.05;
}

static void check(circle_status status, const circle_error &error) {
    if (status != CIRCLE_OK) throw std::runtime_error(error.message);
}

int main() try {
    std::mt19937  random(1);
    Points        training = draw(random, 4000), test = draw(random, 2000);
    circle_error  error  = {};
    circle_config config = {};
    config.total_steps   = 2000;
    Model   model(circle_model_new(&config, &error));
    Context ctx(model ? circle_ctx_new(model.get(), nullptr, &error) : nullptr);
    if (!ctx) throw std::runtime_error(error.message);

    double loss = 0;
    check(circle_fit(model.get(), ctx.get(), next_batch, &training, on_progress, &loss, &error), error);

    std::vector<float> p(2 * test.y.size());
    circle_inputs      inputs  = {};
    circle_outputs     outputs = {};
    inputs.batch               = size(test);
    inputs.x                   = test.x.data();
    outputs.p                  = p.data();
    check(circle_predict(model.get(), ctx.get(), &inputs, &outputs, &error), error);
    int right = 0;
    for (size_t i = 0; i < test.y.size(); i++) right += (p[2 * i + 1] > p[2 * i]) == (test.y[i] == 1);
    std::printf("loss %.4f, test accuracy: %.4f\n", loss, right / static_cast<double>(test.y.size()));
    return 0;
} catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
