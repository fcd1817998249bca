/* How many images a chunk holds. */
#include "codegen/window.h"

#include "plan/plan.h"

static int64_t least(int64_t x, int64_t y) {
    return x < y ? x : y;
}

/* Images of the busiest of two and of four threads, times their number, when chunks hold n. */
static int64_t busiest(int64_t images, int64_t n) {
    int64_t chunks = (images + n - 1) / n;
    return 2 * least(images, (chunks + 1) / 2 * n) + 4 * least(images, (chunks + 3) / 4 * n);
}

/* At nominal sizes; 0 where it is not known. */
static int64_t images_likely(const Emit *e, const Node *operand, const ContractWindow *g, const WindowSides *sides) {
    const AxisList *axes = g->image_in_k ? sides->contract : sides->free;
    int64_t         images;
    if (!axes->count || !dim_eval(operand->type.dims[axes->axes[0]], nominal_sizes(e->c, e->program), &images))
        return 0;
    return images;
}

int64_t window_images(const Emit *e, const Node *operand, const WindowSides *sides, const ContractWindow *g,
                      int64_t fewest, int64_t most, int tile_rows) {
    int64_t n = fewest, images = images_likely(e, operand, g, sides);
    while (n < most && n < fewest + tile_rows && n * g->positions % tile_rows) n++;
    bool whole = n * g->positions % tile_rows == 0;
    if (!whole) n = fewest;
    for (int64_t more = n, first = n; more <= most && more < 2 * first; more++) {
        if (whole && more * g->positions % tile_rows) continue;
        if (busiest(images, more) < busiest(images, n)) n = more;
    }
    return n;
}
