/* What else is known of windows over images of rows and columns: which of their elements lie outside, and the planes that minimal filtering takes
 * them for. */
#include "codegen/window.h"

/* How a window's axis moves over the image's along which a row's axis alone moves, too. */
static WindowReach reach_along(const Windows *w, const Node *operand, int row, int k) {
    WindowReach reach = {0};
    for (int i = w->has_images; i < w->rank; i++) {
        const WindowAxis *axis  = &w->axes[i];
        bool              alone = axis->factors[row] > 0 && axis->factors[k] == 1 && axis->spread == 1;
        for (int a = 0; a < operand->type.rank; a++) alone &= a == row || a == k || !axis->factors[a];
        if (alone) reach = (WindowReach){axis->offset, axis->factors[row], axis->extent};
    }
    return reach;
}

/* Of rows (images, y, x) and k (rows of a window, columns and channels of it). */
void windows_reach(const Windows *w, const Node *operand, const WindowSides *sides, ContractWindow *g) {
    const int *rows = sides->free->axes + w->has_images, *k = sides->contract->axes;
    if ((!g->copied && !sides->vectors) || g->image_in_k || g->bands > 1 || sides->free->count != w->has_images + 2)
        return;
    if (sides->contract->count != 3 - sides->vectors || g->n_rows != 2 || g->n_depth != 2) return;
    if (g->depth[0].extent != window_extent(operand, k[0])) return;
    for (int i = 0; i < 2; i++) g->reach[i] = reach_along(w, operand, rows[i], k[i]);
}

/* A plane's axis and the operand's two axes that move along it. */
static bool plane_axis(const Windows *w, const Node *operand, bool copied, int which, int row, int k,
                       WindowPlane *plane, bool *turned) {
    const WindowAxis *axis = &w->axes[w->has_images + which];
    int64_t           window;
    for (int i = 0; i < operand->type.rank; i++)
        if (axis->factors[i] && i != row && i != k) return false;
    if (axis->spread != 1 || axis->factors[row] != 1 || (axis->factors[k] != 1 && axis->factors[k] != -1)) return false;
    window                  = window_extent(operand, k);
    *turned                 = axis->factors[k] < 0;
    plane->extents[which]   = copied ? axis->copied : axis->extent;
    plane->strides[which]   = axis->stride;
    plane->starts[which]    = copied ? 0 : axis->offset - (*turned ? window - 1 : 0);
    plane->positions[which] = window_extent(operand, row);
    return window == 3;
}

/* An axis along which the batch alone moves. */
static bool is_groups(const WindowAxis *axis, const Node *operand, const AxisList *batch) {
    for (int i = 0; i < operand->type.rank; i++)
        if (axis->factors[i] && !axis_is_in(batch, i)) return false;
    return axis->inside && axis->spread == 1 && !axis->offset;
}

/* All of them, or a group's, which a batch axis tells. */
static bool is_channels(const WindowAxis *axis, const Node *operand, const AxisList *batch, int k) {
    for (int i = 0; i < operand->type.rank; i++)
        if (axis->factors[i] && i != k && !axis_is_in(batch, i)) return false;
    return axis->whole == k || (batch->count && axis->inside && axis->factors[k] == 1 && !axis->offset);
}

/* Rows (images, y, x) and k (rows and columns of a window of 3 x 3, channels) over images in memory, or the other way round; else NULL. */
const WindowPlane *windows_plane(const Emit *e, const Windows *w, const Node *operand, const WindowSides *sides,
                                 const ContractWindow *g) {
    const AxisList *positions = g->image_in_k ? sides->contract : sides->free;
    const AxisList *window    = g->image_in_k ? sides->free : sides->contract;
    const int      *rows = positions->axes + w->has_images, *k = window->axes;
    bool            turned[2];
    if (sides->vectors || g->bands > 1 || w->rank < w->has_images + 3) return NULL;
    if (w->rank > w->has_images + 3 && !sides->batch->count) return NULL;
    if (positions->count != w->has_images + 2 || window->count != 3) return NULL;
    const WindowAxis *channels = &w->axes[w->rank - 1];
    WindowPlane      *plane    = ARENA_NEW(e->arena, WindowPlane);
    for (int i = 0; i < 2; i++)
        if (!plane_axis(w, operand, g->copied, i, rows[i], k[i], plane, &turned[i])) return NULL;
    for (int i = w->has_images + 2; i < w->rank - 1; i++)
        if (!is_groups(&w->axes[i], operand, sides->batch)) return NULL;
    if (!is_channels(channels, operand, sides->batch, k[2]) || turned[0] != turned[1]) return NULL;
    if (!g->regions && !g->copied && (w->axes[w->has_images].offset || w->axes[w->has_images + 1].offset)) return NULL;
    plane->channels = window_extent(operand, k[2]);
    plane->turned   = turned[0];
    plane->winograd = !e->c->options.no_winograd;
    return plane;
}
