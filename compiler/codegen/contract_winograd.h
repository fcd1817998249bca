/* Inside the contraction template: minimal filtering, F(4 x 4, 3 x 3). contract_winograd.c says how; the transforms are internal functions
 * of the module, on vectors of channels or filters. */
#ifndef NNC_CODEGEN_CONTRACT_WINOGRAD_H
#define NNC_CODEGEN_CONTRACT_WINOGRAD_H

#include "codegen/contract_internal.h"

enum {
    TILE_SIDE  = 4, /* results of a tile, each way */
    PATCH_SIDE = 6, /* elements that they need */
    POINTS     = PATCH_SIDE * PATCH_SIDE,
    TAPS       = 3,
};

/* The functions below take vectors of `lanes` elements; `point` is the distance from one point's results to the next's, in elements.
 *
 * kernel   (kernel, tap, to, point)     G g G' of one vector; taps `tap` elements apart
 * sums     (sums, point, to)            A' m A: 4 x 4 vectors, one after the other
 * taps     (sums, point, to)            G' m G: 3 x 3 vectors
 *
 * Of these there is one for each kind of patches (WinogradPatches), whose numbers are constants in it:
 * elements (base, y, x, to, count)      B' d B of the 6 x 6 patch from (y, x) on, for `count` channels; outside are zeros
 * slopes   (base, y, x, to, count)      A d A' of the 4 x 4 patch from (y, x) on */
typedef enum WinogradFunction {
    WINOGRAD_ELEMENTS,
    WINOGRAD_SLOPES,
    WINOGRAD_KERNEL,
    WINOGRAD_SUMS,
    WINOGRAD_TAPS
} WinogradFunction;
void winograd_call(const ContractEmit *e, WinogradFunction which, int lanes, LLVMValueRef *args, unsigned n);

typedef struct WinogradPatches { /* of planes in memory */
    const int64_t *extents;      /* rows and columns */
    const int64_t *strides;      /* elements from one row, one column to the next */
    int64_t        point;        /* from one point's results to the next's */
} WinogradPatches;

/* The same as `sums`, in place: results[TILE_SIDE * row + column] of one vector of filters. */
void winograd_results(const ContractEmit *e, LLVMValueRef sums, int64_t point, LLVMValueRef *results);

/* A tile among those of all images, row by row: its image and its first result. */
typedef struct WinogradPlace {
    LLVMValueRef image, y, x;
} WinogradPlace;
WinogradPlace winograd_place(const ContractEmit *e, LLVMValueRef tile);
/* Calls `elements` or `slopes` for the patch at place `from` of the plane at `base`. */
void winograd_patch(const ContractEmit *e, WinogradFunction which, int lanes, const WinogradPatches *patches,
                    LLVMValueRef base, const WinogradPlace *from, LLVMValueRef to, LLVMValueRef count);
/* The same of elements in place, where the spec's A is computed: those of image `from->image`, channels from `channel` on. */
void winograd_computed_patch(const ContractEmit *e, int lanes, const WinogradPatches *patches,
                             const WinogradPlace *from, LLVMValueRef channel, LLVMValueRef to, LLVMValueRef count);
/* Tiles of an image, each way. */
int64_t winograd_tiles(const WindowPlane *plane, int way);

#endif
