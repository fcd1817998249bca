/* Whether images are read in place or from a copy, by what a product reads of them and where that lies in the first-level cache. */
#include "codegen/window.h"

/* Beside few columns and a short k, a copy with zeros around is worth its work: there tiles have fixed offsets (contract_fixed.c). */
static bool prefers_copy(const Windows *w, const Node *operand, const WindowSides *sides, const ContractWindow *g) {
    enum { COLUMNS = 8, DEPTH = 64, ZEROS = 3 }; /* ZEROS: a copy is larger by less than one part in so many */
    int64_t depth = 1, copied = 1, extent = 1;
    for (int i = 0; i < sides->contract->count; i++) depth *= window_extent(operand, sides->contract->axes[i]);
    for (int i = w->has_images; i < w->rank; i++) {
        copied *= w->axes[i].copied;
        extent *= w->axes[i].extent;
        if (w->axes[i].spread != 1) return false;
    }
    if (windows_few_columns(sides)) return copied - extent < extent / ZEROS;
    return !g->image_in_k && sides->columns > 0 && sides->columns <= COLUMNS && depth > 0 && depth <= DEPTH &&
           copied - extent < extent / ZEROS;
}

bool windows_use_regions(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, ContractWindow *g) {
    int tile_rows = contract_tile_rows(e->target);
    if (w->in_place || !w->in_memory || g->positions > WINDOW_POSITIONS_MOST || prefers_copy(w, operand, sides, g))
        return false;
    w->in_place      = true; /* its layout is the source's */
    int64_t elems    = windows_lay_out(w);
    g->regions       = windows_regions(e, w, operand, sides, g->image_in_k);
    bool whole_tiles = g->regions != NULL;
    for (int i = 0; g->regions && i < g->regions->count; i++)
        whole_tiles &= !g->image_in_k || g->regions->regions[i].n_rows % tile_rows == 0;
    if (!whole_tiles) {
        g->regions  = NULL;
        w->in_place = false;
        return false;
    }
    int64_t most    = w->has_images ? WINDOW_POSITIONS_MOST / g->positions : 1;
    g->copied       = false;
    g->image_stride = elems;
    g->images       = windows_images(e, operand, sides, g, WINDOW_POSITIONS_ENOUGH, elems, elems);
    if (most >= tile_rows && g->images < tile_rows) g->images = tile_rows; /* borders of few rows fill tiles */
    if (!w->has_images) g->images = 1;
    g->band = 1;
    return elems * g->images < INT32_MAX;
}

int64_t window_sets(int64_t apart) {
    enum { SETS = 64, LINE = 64 };
    int64_t lines = (apart & -apart) / LINE;
    return lines <= 1 ? SETS : lines < SETS ? SETS / lines : 1;
}

bool windows_read_vectors(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                          ContractWindow *g) {
    enum { LINES = 16 }; /* a set of them: twice as many as it holds */
    Windows        there = *w;
    ContractWindow image = *g;
    if (!w->in_memory || g->image_in_k || w->lanes > target_lanes(e->target, elem_bytes)) return false;
    there.in_place = true;
    image.copied   = false;
    if (!windows_cut_chunks(e, &there, operand, sides, elem_bytes, &image) || image.bands > 1) return false;
    windows_reach(&there, operand, sides, &image);
    if (!contract_leaves_out(e->target, &image)) return false;
    const WindowAxis *columns = &there.axes[there.rank - 2];
    int64_t           sets    = window_sets(columns->stride * elem_bytes);
    if (sets < WINDOW_SETS_ENOUGH || image.depth[0].extent * columns->extent > LINES * sets) return false;
    *w = there;
    *g = image;
    return true;
}

/* On how many sets the lines of a group fall: positions are as far apart as what follows an image's rows and columns. */
static int64_t sets_of_group(const Windows *w, int elem_bytes) {
    int64_t step = elem_bytes;
    for (int i = w->has_images + 2; i < w->rank; i++) step *= w->axes[i].extent;
    return window_sets(step);
}

bool windows_copy_group(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                        ContractWindow *g) {
    enum { SIDE = 4, REACH = 2, TILES = 32 }; /* of minimal filtering; of a kernel's gradient, tiles of a block */
    Windows         there     = *w;
    ContractWindow  image     = *g;
    const AxisList *positions = g->image_in_k ? sides->contract : sides->free;
    int64_t         tiles = 1, lanes = target_lanes(e->target, elem_bytes);
    int             first = w->has_images;
    if (!sides->batch->count || !w->in_memory || positions->count != first + 2 || w->rank < first + 3) return false;
    if (sides->columns < lanes || sides->columns % lanes || elem_bytes != sizeof(float)) return false;
    if (sets_of_group(w, elem_bytes) >= WINDOW_SETS_ENOUGH) return false;
    there.in_place = false;
    image.copied   = true;
    for (int i = first; i < first + 2; i++) {
        int64_t across       = (window_extent(operand, positions->axes[i]) + SIDE - 1) / SIDE;
        there.axes[i].copied = across * SIDE + REACH;
        tiles *= across;
    }
    if (!windows_cut_chunks(e, &there, operand, sides, elem_bytes, &image) || image.bands > 1) return false;
    image.plane = windows_plane(e, &there, operand, sides, &image);
    if (!image.plane || !image.plane->winograd || image.plane->channels % lanes) return false;
    if (image.image_in_k) {
        image.images     = tiles < TILES ? TILES / tiles : 1;
        image.copy_elems = image.image_stride * image.images;
    }
    *w = there;
    *g = image;
    return true;
}
