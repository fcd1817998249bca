/* Patches of images that are in no memory: each element's value is computed where it is loaded, from what is in memory at its place. */
#include "codegen/window.h"

enum { SIDE_MOST = 8 };

typedef struct State {
    Scope       *now, *mask_scope;
    LLVMValueRef mask;
    int          lanes;
} State;

static Scope *patch_open(const WindowFill *f, LLVMBuilderRef b, int lanes, State *state) {
    KernelEmit *k     = f->k;
    Scope      *scope = ARENA_NEW(k->e->arena, Scope);
    *state            = (State){k->now, k->mask_scope, k->mask, k->lanes};
    *scope            = (Scope){.parent = f->outer, .depth = f->outer->depth + 1, .b = b};
    k->now            = scope;
    k->lanes          = lanes;
    k->mask           = NULL;
    k->mask_scope     = NULL;
    debug_mark(k, b);
    return scope;
}

static void patch_close(KernelEmit *k, const State *state) {
    k->now        = state->now;
    k->mask_scope = state->mask_scope;
    k->mask       = state->mask;
    k->lanes      = state->lanes;
}

/* Index `start` + i along an axis; outside of the image the nearest inside, so that there is something to load. */
static Index place_along(Scope *scope, LLVMValueRef start, int i, int64_t extent) {
    LLVMBuilderRef b  = scope->b;
    LLVMValueRef   at = i ? irb_add(b, start, irb_i64(b, i)) : start;
    return index_uniform(irb_max(b, irb_min(b, at, irb_i64(b, extent - 1)), irb_i64(b, 0)), scope);
}

static LLVMValueRef element(const WindowFill *f, const ContractPatch *patch, const Index *at, int row, int column) {
    LLVMBuilderRef b      = f->k->now->b;
    LLVMValueRef   v      = value_lanes(f->k, value_at(f->k, f->windows->source, at));
    LLVMValueRef   inside = LLVMBuildAnd(b, patch->inside[0][row], patch->inside[1][column], "");
    return LLVMBuildSelect(b, inside, v, LLVMConstNull(LLVMTypeOf(v)), "");
}

/* All in one scope: what is the same at all places, as a channel's scale is, is loaded once. */
void windows_patch(void *fill, LLVMBuilderRef b, const ContractPatch *patch) {
    const WindowFill *f = fill;
    const Windows    *w = f->windows;
    State             state;
    Index             rows[SIDE_MOST], at[MAX_RANK];
    LLVMValueRef      elements[SIDE_MOST];
    Scope            *scope = patch_open(f, b, patch->lanes, &state);
    int               y     = w->has_images;
    for (int i = 0; i < patch->side; i++) rows[i] = place_along(scope, patch->y, i, w->axes[y].extent);
    if (w->has_images) at[0] = index_uniform(patch->image, scope);
    at[y + 2] =
        patch->lanes > 1 ? index_linear(patch->channel, scope, patch->lanes) : index_uniform(patch->channel, scope);
    for (int j = 0; j < patch->side; j++) {
        at[y + 1] = place_along(scope, patch->x, j, w->axes[y + 1].extent);
        for (int i = 0; i < patch->side; i++) {
            at[y]       = rows[i];
            elements[i] = element(f, patch, at, i, j);
        }
        patch->take(patch->user, j, elements);
    }
    patch_close(f->k, &state);
}
