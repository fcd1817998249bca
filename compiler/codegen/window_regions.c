/* Regions of windows: where windows reach out of an image, or its elements are spread, rows are sorted by the places of k that meet
 * elements. Along each axis the indices of a row fall into classes by what of k's axis they meet; a region is a choice of one
 * class for each axis. So a convolution's border, and each phase of a strided one's gradient, is a region of its own. */
#include "codegen/window.h"

enum { REGIONS_MOST = 256, ROWS_MOST = 8192, RUNS_MOST = 8192 };

typedef struct Class { /* indices of a row's axis that meet the same indices of k's */
    int  n_members, n_met;
    int *members, *met;
} Class;

typedef struct Along { /* one axis of the operand, image and batch axes left out */
    int64_t           extent;
    const WindowAxis *source;    /* that it moves along; NULL: none */
    int64_t           factor;    /* there */
    int               partner;   /* the axis of the other side that moves along the same, or -1 */
    int               n_classes; /* of a row's axis */
    Class            *classes;
    int              *full; /* of k's axis: all its indices */
} Along;

typedef struct Finder {
    Arena         *arena;
    const Windows *w;
    int            n_rows, n_k;
    Along          rows[MAX_RANK], k[MAX_RANK];
    int64_t        start; /* of axes that neither side moves along */
    WindowRegions *out;
    int            chosen[MAX_RANK]; /* the region at hand: a class for each of the rows' axes */
} Finder;

/* ---- axes -------------------------------------------------------------------------------------------------------------------- */

static bool meets(const WindowAxis *source, int64_t place) {
    return place >= 0 && place % source->spread == 0 && place / source->spread < source->extent;
}

static bool add_axis(const Finder *f, const Node *operand, int axis, Along *along) {
    *along = (Along){.partner = -1};
    if (!dim_is_const(operand->type.dims[axis], &along->extent) || along->extent < 1) return false;
    for (int i = f->w->has_images; i < f->w->rank; i++) {
        if (!f->w->axes[i].factors[axis]) continue;
        if (along->source) return false;
        along->source = &f->w->axes[i];
        along->factor = along->source->factors[axis];
    }
    return true;
}

static bool add_side(const Finder *f, const Node *operand, const AxisList *list, bool with_images, Along *side,
                     int *n) {
    *n = 0;
    for (int i = with_images; i < list->count; i++)
        if (!add_axis(f, operand, list->axes[i], &side[(*n)++])) return false;
    return true;
}

/* Pairs of axes that move along the same axis of the source; no third may. */
static bool find_partners(Finder *f) {
    for (int i = 0; i < f->n_rows; i++)
        for (int k = 0; k < f->n_k; k++) {
            Along *row = &f->rows[i], *depth = &f->k[k];
            if (!row->source || row->source != depth->source) continue;
            if (row->partner >= 0 || depth->partner >= 0) return false;
            row->partner   = k;
            depth->partner = i;
        }
    for (int i = 0; i < f->n_rows + f->n_k; i++)
        for (int j = 0; j < i; j++) {
            bool         same_side = (i < f->n_rows) == (j < f->n_rows);
            const Along *a         = i < f->n_rows ? &f->rows[i] : &f->k[i - f->n_rows];
            const Along *b         = j < f->n_rows ? &f->rows[j] : &f->k[j - f->n_rows];
            if (same_side && a->source && a->source == b->source) return false;
        }
    return true;
}

static bool moved_by_batch(const WindowAxis *axis, const AxisList *batch) {
    for (int i = 0; i < batch->count; i++)
        if (axis->factors[batch->axes[i]]) return true;
    return false;
}

/* All indices of an axis without a partner must meet elements. A source axis that batch axes move along is left as it is. */
static bool alone_inside(const Along *along, const AxisList *batch) {
    if (!along->source) return true;
    if (moved_by_batch(along->source, batch)) return along->source->inside && along->partner < 0;
    for (int64_t i = 0; i < along->extent && along->partner < 0; i++)
        if (!meets(along->source, along->source->offset + along->factor * i)) return false;
    return true;
}

/* Sides must not be outside where no class could say so; adds up what neither side moves along. */
static bool check_sources(Finder *f, const AxisList *batch) {
    for (int i = f->w->has_images; i < f->w->rank; i++) {
        const WindowAxis *axis  = &f->w->axes[i];
        bool              moved = moved_by_batch(axis, batch);
        if (moved && (!axis->inside || axis->spread != 1)) return false;
        for (int k = 0; k < f->n_rows; k++) moved |= f->rows[k].source == axis;
        for (int k = 0; k < f->n_k; k++) moved |= f->k[k].source == axis;
        if (!moved && !meets(axis, axis->offset)) return false;
        if (!moved) f->start += axis->offset / axis->spread * axis->stride;
    }
    for (int i = 0; i < f->n_rows; i++)
        if (!alone_inside(&f->rows[i], batch)) return false;
    for (int i = 0; i < f->n_k; i++)
        if (!alone_inside(&f->k[i], batch)) return false;
    return true;
}

/* ---- classes ----------------------------------------------------------------------------------------------------------------- */

static int met_by(const Along *row, const Along *k, int64_t index, int *met) {
    int n = 0;
    for (int64_t i = 0; i < k->extent; i++)
        if (meets(row->source, row->source->offset + row->factor * index + k->factor * i)) met[n++] = (int)i;
    return n;
}

static Class *class_for(Along *row, const int *met, int n_met) {
    for (int c = 0; c < row->n_classes; c++) {
        Class *class = &row->classes[c];
        bool same    = class->n_met == n_met;
        for (int i = 0; same && i < n_met; i++) same = class->met[i] == met[i];
        if (same) return class;
    }
    return NULL;
}

static void find_classes(const Finder *f, Along *row) {
    const Along *k = row->partner >= 0 ? &f->k[row->partner] : NULL;
    row->classes   = ARENA_ARRAY(f->arena, Class, row->extent);
    for (int64_t i = 0; i < row->extent; i++) {
        int *met     = ARENA_ARRAY(f->arena, int, k ? k->extent + 1 : 1);
        int  n_met   = k ? met_by(row, k, i, met) : 0;
        Class *class = class_for(row, met, n_met);
        if (!class) {
            class  = &row->classes[row->n_classes++];
            *class = (Class){.n_met = n_met, .met = met, .members = ARENA_ARRAY(f->arena, int, row->extent)};
        }
        class->members[class->n_members++] = (int)i;
    }
}

static void list_all(const Finder *f, Along *k) {
    k->full = ARENA_ARRAY(f->arena, int, k->extent);
    for (int64_t i = 0; i < k->extent; i++) k->full[i] = (int)i;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------- */

/* Where index `i` of a row's axis lies, and the first index of its partner that it meets. */
static int64_t row_offset(const Finder *f, const Along *row, const Class *class, int64_t i) {
    if (!row->source) return 0;
    int64_t place = row->source->offset + row->factor * i;
    if (row->partner >= 0) {
        if (!class->n_met) return 0;
        place += f->k[row->partner].factor * class->met[0];
    }
    return place / row->source->spread * row->source->stride;
}

static void add_rows(Finder *f, int axis, int64_t at, int64_t number) {
    if (axis == f->n_rows) {
        f->out->rows[f->out->n_rows++] = (WindowRow){(int32_t)at, (int32_t)number};
        return;
    }
    const Along *row   = &f->rows[axis];
    const Class *class = &row->classes[f->chosen[axis]];
    for (int i = 0; i < class->n_members; i++)
        add_rows(f, axis + 1, at + row_offset(f, row, class, class->members[i]),
                 number * row->extent + class->members[i]);
}

/* ---- runs of k --------------------------------------------------------------------------------------------------------------- */

typedef struct Met { /* the indices of one of k's axes that the region meets, and their offsets from the first one on */
    const int *indices;
    int        n;
    int64_t    step; /* elements between neighbours, where they are consecutive */
    bool       consecutive;
} Met;

static int64_t k_offset(const Along *k, const int *indices, int i) {
    if (!k->source) return 0;
    if (k->partner < 0) return (k->source->offset + k->factor * indices[i]) / k->source->spread * k->source->stride;
    return k->factor * (indices[i] - indices[0]) / k->source->spread * k->source->stride;
}

static Met met_along(const Finder *f, int axis) {
    const Along *k   = &f->k[axis];
    Met          met = {.indices = k->full, .n = (int)k->extent, .consecutive = true};
    if (k->partner >= 0) {
        const Class *class = &f->rows[k->partner].classes[f->chosen[k->partner]];
        met.indices        = class->met;
        met.n              = class->n_met;
    }
    for (int i = 1; i < met.n; i++) met.consecutive &= met.indices[i] == met.indices[i - 1] + 1;
    if (met.n > 1) met.step = k_offset(k, met.indices, 1) - k_offset(k, met.indices, 0);
    return met;
}

/* k's innermost axes that one run covers, as far as its elements follow each other evenly; the number of axes outside of it. */
static int find_run(const Finder *f, const Met *met, WindowRegion *region) {
    int  outside   = f->n_k;
    bool full      = true; /* so far a run covers the axes inside from end to end */
    region->length = region->step = 1;
    while (outside > 0 && full && met[outside - 1].consecutive) {
        const Met *next = &met[outside - 1];
        if (next->n > 1 && region->length > 1 && next->step != region->step * region->length) break;
        if (next->n > 1 && region->length == 1) region->step = (int32_t)next->step;
        region->length *= next->n;
        full = next->n == f->k[--outside].extent;
    }
    return outside;
}

/* One run for each choice of the axes outside. */
static void add_runs(Finder *f, const Met *met, int axis, int outside, int64_t at, int64_t k) {
    if (axis == f->n_k) {
        f->out->runs[f->out->n_runs++] = (WindowRun){(int32_t)at, (int32_t)k};
        return;
    }
    int count = axis < outside ? met[axis].n : 1;
    for (int i = 0; i < count; i++)
        add_runs(f, met, axis + 1, outside, at + k_offset(&f->k[axis], met[axis].indices, i),
                 k * f->k[axis].extent + met[axis].indices[i]);
}

/* ---- regions ------------------------------------------------------------------------------------------------------------------ */

static int64_t runs_needed(const Finder *f, const Met *met, int outside) {
    int64_t count = 1;
    for (int i = 0; i < f->n_k; i++) count *= i < outside ? met[i].n : met[i].n > 0;
    return count;
}

static bool add_region(Finder *f) {
    WindowRegions *out    = f->out;
    WindowRegion  *region = &out->regions[out->count++];
    Met            met[MAX_RANK];
    *region = (WindowRegion){.row = out->n_rows, .run = out->n_runs};
    add_rows(f, 0, f->start, 0);
    for (int i = 0; i < f->n_k; i++) met[i] = met_along(f, i);
    int outside = find_run(f, met, region);
    if (out->n_runs + runs_needed(f, met, outside) > RUNS_MOST) return false;
    if (runs_needed(f, met, outside) > 0) add_runs(f, met, 0, outside, 0, 0);
    region->n_rows = out->n_rows - region->row;
    region->n_runs = out->n_runs - region->run;
    return true;
}

static bool add_regions(Finder *f, int axis) {
    if (axis == f->n_rows) return add_region(f);
    for (f->chosen[axis] = 0; f->chosen[axis] < f->rows[axis].n_classes; f->chosen[axis]++)
        if (!add_regions(f, axis + 1)) return false;
    return true;
}

static bool has_room(const Finder *f) {
    int64_t rows = 1, regions = 1;
    for (int i = 0; i < f->n_rows; i++) rows *= f->rows[i].extent, regions *= f->rows[i].n_classes;
    return rows <= ROWS_MOST && regions <= REGIONS_MOST;
}

const WindowRegions *windows_regions(const Emit *e, const Windows *windows, const Node *operand,
                                     const WindowSides *sides, bool images_in_k) {
    Finder f    = {.arena = e->arena, .w = windows};
    bool   with = windows->has_images;
    if (!add_side(&f, operand, sides->free, with && !images_in_k, f.rows, &f.n_rows) ||
        !add_side(&f, operand, sides->contract, with && images_in_k, f.k, &f.n_k) || !find_partners(&f) ||
        !check_sources(&f, sides->batch))
        return NULL;
    int64_t rows = 1;
    for (int i = 0; i < f.n_rows; i++) {
        if (f.rows[i].extent > ROWS_MOST) return NULL;
        find_classes(&f, &f.rows[i]);
        rows *= f.rows[i].extent;
    }
    for (int i = 0; i < f.n_k; i++) list_all(&f, &f.k[i]);
    if (!has_room(&f)) return NULL;
    f.out          = ARENA_NEW(e->arena, WindowRegions);
    f.out->regions = ARENA_ARRAY(e->arena, WindowRegion, REGIONS_MOST);
    f.out->rows    = ARENA_ARRAY(e->arena, WindowRow, rows + 1);
    f.out->runs    = ARENA_ARRAY(e->arena, WindowRun, RUNS_MOST);
    return add_regions(&f, 0) ? f.out : NULL;
}
