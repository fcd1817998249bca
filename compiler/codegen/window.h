/* Inside codegen/: an operand of a contraction that is a tensor seen through windows, that is, slides along its axes. */
#ifndef NNC_CODEGEN_WINDOW_H
#define NNC_CODEGEN_WINDOW_H

#include "codegen/contract.h"
#include "codegen/emit.h"

typedef struct AxisList {
    int count, axes[MAX_RANK];
} AxisList;

/* Along one axis of the source, the operand's element is at (sum of index * factor + offset) / spread; where that is no whole
 * number or lies outside, it is 0. */
typedef struct WindowAxis {
    int64_t factors[MAX_RANK]; /* by the operand's axes */
    int64_t offset, spread;
    int     whole;          /* the operand's axis that this axis is, from end to end; -1: none */
    bool    inside;         /* nothing lies outside */
    int64_t extent;         /* of the source; -1: not known, the axis is whole */
    int64_t low, high;      /* of the sum, batch axes left out */
    int64_t copied, stride; /* extent of a chunk's copy, and its stride there; in place: of the source */
} WindowAxis;

typedef struct Windows {
    Node      *source;
    int        rank;
    WindowAxis axes[MAX_RANK]; /* of the source */
    bool       slides;         /* seen through a slide at all */
    bool       in_memory;      /* the source is, with the product's elements */
    bool       computed;       /* ... or it is taken to be, and computed as patches of it are loaded */
    bool       in_place;       /* ... and is read there */
    bool       has_images;     /* axis 0 counts images */
    int        banded;         /* the axis along which images are cut into bands; -1: none */
    int        band_axis;      /* ... by this axis of the operand */
    int64_t    unit;           /* bands hold a multiple of so many indices; 0: as many as fit */
    int64_t    lanes; /* so many neighbours along the last axis are copied together; 1: as the other axes say */
} Windows;

/* False where the operand is no such view, or where sizes that matter are not known when compiling. `computed`: an elementwise source may be. */
bool windows_of(Emit *e, const FnPlan *plan, const Kernel *kernel, Node *operand, const AxisList *batch, bool computed,
                Windows *windows);
enum { WINDOW_GROUP_COLUMNS = 8 }; /* of a group, up to which its images are copied */

typedef struct WindowSides { /* the operand's axes as the product runs over them */
    const AxisList *batch, *free, *contract;
    int64_t         columns; /* of the other operand; -1: not known */
    bool            vectors; /* elements are Windows.lanes of the last axis, which is the batch */
} WindowSides;
/* How the contraction reads it. Sets the copy's layout in `windows`. False where it does not fit. */
bool windows_geometry(const Emit *e, Windows *windows, const Node *operand, const WindowSides *sides, int elem_bytes,
                      ContractWindow *geometry);
/* window_chunks.c: chunks of images that are read in place, or from a copy of them, and the levels of rows and k over that (`geometry` has the images
 * in k or not, the positions, and whether they are copied); false where it does not fit. Row-major over the copy, or over the source: the elements of
 * an image. How far one index of an operand's axis is from the next. As many images as make a chunk of `enough` rows. Whether a group's columns are
 * few and its channels spread over the images' lines of memory. */
enum { WINDOW_POSITIONS_ENOUGH = 512, WINDOW_POSITIONS_MOST = 4096 }; /* rows of a chunk, and of its tables */
bool windows_cut_chunks(const Emit *e, Windows *windows, const Node *operand, const WindowSides *sides, int elem_bytes,
                        ContractWindow *geometry);
int64_t windows_lay_out(Windows *windows);
int64_t windows_stride(const Windows *windows, int axis);
int64_t windows_images(const Emit *e, const Node *operand, const WindowSides *sides, const ContractWindow *geometry,
                       int64_t enough, int64_t image_elems, int64_t budget);
bool    windows_few_columns(const WindowSides *sides);
/* window_reads.c. Each sets the geometry, or returns false and leaves it.
 *
 * Regions: rows that miss the same of k, read from the images in place: instead of a copy, where images are whole and, of rows that are summed for
 * long, where each region is whole tiles.
 * Vectors: images that are read in place, as nothing outside is asked for and what the rows of a kernel meet of a row of the image stays in the
 * first-level cache while that moves on, most of it.
 * A group: its channels of positions that lie so far apart that their lines fall on a few sets of that cache. Minimal filtering, which meets elements
 * more than once, reads a copy, with zeros as far as its patches reach. */
bool windows_use_regions(const Emit *e, Windows *windows, const Node *operand, const WindowSides *sides,
                         ContractWindow *geometry);
bool windows_read_vectors(const Emit *e, Windows *windows, const Node *operand, const WindowSides *sides,
                          int elem_bytes, ContractWindow *geometry);
bool windows_copy_group(const Emit *e, Windows *windows, const Node *operand, const WindowSides *sides, int elem_bytes,
                        ContractWindow *geometry);
/* On how many sets of the first-level cache lines fall that lie so many bytes apart. */
enum { WINDOW_SETS_ENOUGH = 8 };
int64_t window_sets(int64_t apart);
/* window_plane.c: of a copy, which of its elements are always zero, to geometry->reach; and the planes that a convolution of 3 x 3 moves over, NULL
 * where it is another. */
void windows_reach(const Windows *windows, const Node *operand, const WindowSides *sides, ContractWindow *geometry);
const WindowPlane *windows_plane(const Emit *e, const Windows *windows, const Node *operand, const WindowSides *sides,
                                 const ContractWindow *geometry);
bool               axis_is_in(const AxisList *list, int axis);
int64_t            window_extent(const Node *operand, int axis); /* -1: known only at run time */
/* Its rows by what of k they meet, as the source lies in memory; NULL where axes are too many or too much entangled. */
const WindowRegions *windows_regions(const Emit *e, const Windows *windows, const Node *operand,
                                     const WindowSides *sides, bool images_in_k);
/* In place: the element that all indices 0 name but for the batch axes' (with regions: that offsets start from). */
LLVMValueRef windows_base(KernelEmit *k, const Windows *windows, const ContractWindow *geometry, const AxisList *batch,
                          const Index *index);

typedef struct WindowFill { /* what windows_fill needs to know of the contraction */
    KernelEmit           *k;
    const Windows        *windows;
    const ContractWindow *geometry;
    LLVMBuilderRef        b;     /* the contraction's */
    Scope                *outer; /* that it stands in */
    AxisList              batch_axes;
    Index                 batch[MAX_RANK];
} WindowFill;
/* ContractOperand.patch; window_patch.c */
void windows_patch(void *fill, LLVMBuilderRef b, const ContractPatch *patch);
/* ContractOperand.fill */
void windows_fill(void *fill, LLVMValueRef copy, LLVMValueRef image, LLVMValueRef n_images, LLVMValueRef band);

#endif
