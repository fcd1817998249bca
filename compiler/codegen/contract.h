/* The contraction template: C[m, n] (+)= sum_k A[m, k] * B[k, n], register-tiled, blocked and packed for the target.
 *
 * It knows loops, tiles and packing; what is loaded and what is stored is the caller's (its anchors). It is emitted inside
 * the caller's LLVM function at the builder's position and leaves the builder after it. Work is cut into `units` by shape
 * only; any worker may run any range of units with the same bits as result. */
#ifndef NNC_CODEGEN_CONTRACT_H
#define NNC_CODEGEN_CONTRACT_H

#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "codegen/target.h"

typedef struct Extent {
    int64_t      constant; /* -1: known only at run time */
    LLVMValueRef value;    /* i64; a constant when `constant` >= 0 */
} Extent;

enum { CONTRACT_LEVELS = 8 };
typedef struct ContractLevel { /* one of several nested loops over a flattened index */
    int64_t extent, stride;    /* stride: elements */
} ContractLevel;

/* Where windows reach out of an image, or its elements are spread, only some of k meet elements. Regions are sets of rows for which those
 * are the same: in runs of consecutive k that are `step` elements apart. Rows are sorted by region. */
typedef struct WindowRow {
    int32_t at, number; /* offset in the image, in elements; which of the rows (of an image, or all) it is */
} WindowRow;
typedef struct WindowRun {
    int32_t at, k; /* offset behind the row's; first k (of an image, or all) */
} WindowRun;
typedef struct WindowRegion {
    int32_t row, n_rows, run, n_runs; /* first row, first run */
    int32_t length, step;             /* of each run */
} WindowRegion;
typedef struct WindowRegions {
    int           count, n_rows, n_runs;
    WindowRegion *regions;
    WindowRow    *rows;
    WindowRun    *runs;
} WindowRegions;

/* A convolution of planes, step 1: element (y, x) of the source's rows and columns, all channels together, inside of `extents`; result
 * (p, q) starts from the element at p + starts[0], q + starts[1]. */
typedef struct WindowPlane {
    int64_t extents[2], strides[2], starts[2], positions[2], channels;
    bool    turned;   /* k runs from the last element of a window to the first */
    bool    winograd; /* kernels of 3 x 3, and results may be rounded otherwise than sums are */
} WindowPlane;

/* Index i of a level of rows and j of one of k meet an element of the image where 0 <= i * step + j + offset < extent; else a zero of its copy. */
typedef struct WindowReach {
    int64_t offset, step, extent; /* step 0: not known */
} WindowReach;

/* A seen through windows: element (m, k) lies at the image's start + its row's offset + its k's offset. An image is one index of the
 * outermost axis of m, or of k (image_in_k); `rows` and `depth` are the other axes of m and of k, outermost first. A chunk, the
 * unit of work along that axis, is a number of whole images, or of bands of one image, and is read in place or from
 * a copy with what lies outside as zeros. All of it is known when compiling but for the number of images. */
typedef struct ContractWindow {
    bool          image_in_k, copied;
    int           n_rows, n_depth;
    ContractLevel rows[CONTRACT_LEVELS], depth[CONTRACT_LEVELS];
    int64_t       positions;    /* of an image: the product of the extents beside it */
    int64_t       images;       /* of a chunk */
    int64_t       bands;        /* chunks of an image; 1: whole images */
    int64_t       band;         /* of a chunk, where images are cut: indices of the outermost axis beside the image's */
    int64_t       band_stride;  /* from one band to the next, in elements (0 in a copy) */
    int64_t       image_stride; /* from one image to the next */
    int64_t       copy_elems;   /* of a chunk's copy */
    const WindowRegions
        *regions; /* NULL: all k meet elements (zeros, in a copy); else images are whole and read in place */
    const WindowPlane *plane;       /* NULL: of another form */
    int64_t            copy_origin; /* in it, of the element that all indices 0 name */
    /* Of a copy of whole images: along the rows' levels but the innermost and k's outermost; along the innermost levels, j counting the parts of a
     * run that are as long as a row's stride. */
    WindowReach reach[2];
} ContractWindow;

/* An axis in two levels whose lengths the run time knows: index i lies at (i / run) * outer + (i % run) * the axis' stride. */
typedef struct ContractSplit {
    LLVMValueRef run, outer; /* NULL: one level */
} ContractSplit;

/* Elements of one image, rows y + i and columns x + j of it, i and j below `side`: `lanes` channels from `channel` on. */
typedef struct ContractPatch {
    LLVMValueRef image, y, x, channel;
    int          side, lanes;
    const LLVMValueRef
        *inside[2]; /* vectors of i1: where one of its row's and its column's is false, an element is 0 */
    void (*take)(void *user, int column, const LLVMValueRef *elements); /* gets the elements, column by column */
    void *user;
} ContractPatch;

typedef struct ContractOperand {
    LLVMValueRef base;        /* pointer to element (0, 0); of a copy: not used */
    Extent       stride_free; /* elements between neighbours along m (of A) or n (of B) */
    Extent       stride_k;    /* ... along k, or along its innermost level */
    /* A windowed B with several levels of k: those but the innermost, whose extent is `k_run`. */
    int           n_outer;
    ContractLevel outer[CONTRACT_LEVELS];
    int64_t       k_run;
    bool          far;    /* of a B: it comes from memory that no cache holds */
    ContractSplit split;  /* of the axis that the shape says */
    LLVMValueRef  packed; /* of a B packed beforehand: where contract_pack_whole has put it */
    /* Of a windowed A that is copied: the chunk's copy, from image and band on, to `copy`. What is always zero there is zero already where
     * images are whole. */
    void (*fill)(void *user, LLVMValueRef copy, LLVMValueRef image, LLVMValueRef n_images, LLVMValueRef band);
    /* Of a windowed A of minimal filtering that is computed as patches of it are loaded (NULL: it is in memory). */
    void (*patch)(void *user, LLVMBuilderRef b, const ContractPatch *patch);
    /* Load anchor (may be NULL: plain loads). Gives `lanes` values (1: a scalar) from (free, k) on, consecutive along k
     * when along_k else along the free axis; `mask` (NULL: all lanes) says which lanes exist, others must be 0. With a load
     * anchor the operand is always packed, and each element is asked for as few times as blocking allows. */
    LLVMValueRef (*load)(void *user, LLVMValueRef free, LLVMValueRef k, int lanes, bool along_k, LLVMValueRef mask);
    void *user;
} ContractOperand;

enum { CONTRACT_AHEAD = 4 };

typedef struct ContractTile { /* rows [m, m + rows), columns [n, n + cols) of a product */
    LLVMValueRef m, rows, n, cols;
} ContractTile;

typedef struct ContractSpec {
    LLVMTypeRef     elem; /* float or double */
    Extent          m, n, k;
    ContractOperand a, b;
    /* Store anchor, on the register tile once all of K is summed: `lanes` values of row m at columns n, n+1, ...; `mask`
     * (NULL: all) says which exist. The caller applies epilogues and stores. Called once an element. It may be
     * emitted several times (full tiles, edges), always inside the caller's function, so values that dominate the
     * contraction may be used. */
    void (*store)(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes, LLVMValueRef mask);
    void *store_user;
    /* The same of several rows, which may be computed together. */
    void (*store_rows_of_tile)(void *user, int count, const LLVMValueRef *rows, LLVMValueRef n,
                               const LLVMValueRef *values, int lanes);
    /* The same of one column: `lanes` values of rows m, m + 1, ...; NULL: it must be asked for row by row. */
    void (*store_column)(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes);
    /* Sums over rows of what is stored (NULL: none), partial by block of rows: columns_clear before anything else, for each of the units; around
     * stores of the same columns columns_begin and columns_end, which adds what they came to to the block's sums. */
    void (*columns_clear)(void *user, LLVMValueRef row_block, LLVMValueRef n0, LLVMValueRef n1);
    void (*columns_begin)(void *user, int lanes);
    void (*columns_end)(void *user, LLVMValueRef row_block, LLVMValueRef n, LLVMValueRef mask);
    void *columns_user;
    /* Range anchor (may be NULL: all): the k in [*begin, *end) that the tile's sums need, not limited to [0, k). Not for a windowed A. */
    void (*range)(void *user, LLVMBuilderRef b, const ContractTile *tile, LLVMValueRef *begin, LLVMValueRef *end);
    void *range_user;
    /* How many columns of the tile are looked at, not limited to what it has (may be NULL: all): sums of the others may be anything finite. With
     * range_user. */
    LLVMValueRef (*seen)(void *user, LLVMBuilderRef b, const ContractTile *tile);
    /* Rows and columns from these on need not be computed (NULL: all are); not for a windowed A, nor with sums over rows. */
    LLVMValueRef rows_limit, columns_limit;
    /* Ahead anchors (may be NULL, both): the store of the line of elements from (m, n) on will read memory, or write it; give the addresses, at
     * most CONTRACT_AHEAD. Of a windowed A by minimal filtering alone; writes are asked for only there. */
    int (*ahead)(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef *lines);
    int (*ahead_writes)(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef *lines);
    /* Of columns in groups (ContractShape.groups), instead of `store`: values[g] are those of group g at columns n, n + 1, ... of it. */
    void (*store_groups)(void *user, LLVMValueRef m, LLVMValueRef n, const LLVMValueRef *values, int lanes,
                         LLVMValueRef mask);
    LLVMValueRef partials; /* of a plan that joins */
    /* i1 (NULL: no): panels and groups of columns from the last to the first, so that of a product that is computed again and again, in turn
     * both ways, what the first-level cache still holds is used first. */
    LLVMValueRef backwards;
    /* Of images that are summed over (NULL: all of them): this chunk alone, with the sums so far at `sums`, contract_sums_bytes of them. */
    LLVMValueRef chunk, sums;
    /* Of images that are rows (NULL, both: nothing): around all stores of a chunk, the tile's rows and columns of the product, contract_chunk_rows of the
     * former or less. */
    void (*chunk_begin)(void *user, LLVMBuilderRef b, const ContractTile *chunk);
    void (*chunk_end)(void *user, LLVMBuilderRef b, const ContractTile *chunk);
    void *chunk_user;
    bool  prepared; /* contract_emit_prepare has been emitted for this scratch, where contract_prepares says so */
    /* Of a product of at most a tile's rows, instead of `store` (NULL: not so): values[r] are row r's at columns n, n + 1, ... */
    void (*store_rows)(void *user, LLVMValueRef n, const LLVMValueRef *values, int lanes, LLVMValueRef mask);
} ContractSpec;

/* Which axis of an operand is in two levels. It is packed then, along the other one: elements lie together there. */
typedef enum SplitAxis { SPLIT_NONE, SPLIT_FREE, SPLIT_K } SplitAxis;

enum { CONTRACT_GROUPS = 8 };
enum { CONTRACT_DOT_COLUMNS = 4 }; /* beside windows, up to so many columns lanes may run along k */

/* What is known when compiling, for choosing a plan. Extents and strides are -1 where only the run time knows them.
 *
 * Columns in groups: B has `groups` times n columns, and the sums of column j of all groups are stored together (the gates of a cell). A
 * panel of one group lies beside the same columns' panels of the others. */
typedef struct ContractShape {
    bool      is_double;
    int64_t   m, n, k;
    int64_t   m_likely; /* m at nominal sizes; 0: not known */
    int64_t   a_stride_m, a_stride_k, b_stride_k, b_stride_n;
    bool      a_has_load, b_has_load;
    bool      a_computed;       /* a windowed A is computed as patches are loaded: for minimal filtering alone */
    bool      b_has_levels;     /* k in several levels, for a windowed A */
    SplitAxis a_split, b_split; /* of B: k or none */
    int       groups; /* of n columns each; 0: no groups. B may not stay in place, A not be seen through windows */
    /* An element of a windowed A is as wide as B: column n meets the n-th of it. n is whole vectors of the target. */
    bool a_vectors;
    /* Tiles of as many rows as lanes by one vector, whole, are handed to `store_column` alone. m, n and k are known, k is short. */
    bool                  turned;
    bool                  is_small; /* part of a small step: longer code pays where it spares a little */
    bool                  b_packed; /* B serves many products: all of it is packed beforehand, where the plan can */
    const ContractWindow *window;   /* of A; NULL: it is not seen through windows */
    int64_t
        k_likely; /* of windows over images that are summed over: k at nominal sizes; 0: images may not be summed in parts */
    const struct Blocking *blocking; /* blocking.h; NULL: the default */
} ContractShape;

/* Whether tiles of vectors leave out all that is outside of the images, so that these may be read in place. */
bool contract_leaves_out(const Target *target, const ContractWindow *window);

typedef struct ContractPlan ContractPlan; /* tile, blocking, packing, partition chosen for a shape */

ContractPlan *contract_plan(Arena *arena, const Target *target, const ContractShape *shape);

const ContractShape *contract_shape(const ContractPlan *plan);

/* Whether results come in tiles of an image's rows and columns, by minimal filtering. */
bool contract_is_filtered(const ContractPlan *plan);
/* By minimal filtering, of which that is one part. */
bool contract_by_filtering(const ContractPlan *plan);

/* Rows of the register tile. */
int contract_tile_rows(const Target *target);

/* Bytes of scratch (64-byte aligned) that one worker needs. */
int64_t contract_scratch_bytes(const ContractPlan *plan);

/* The number of units the work is cut into, as an i64 computed at the builder's position. */
LLVMValueRef contract_units(const ContractPlan *plan, LLVMBuilderRef builder, Extent m, Extent n, Extent k);

/* Sums in parts: whether there are any; bytes of their sums, which all workers share (ContractSpec.partials). When all units are done,
 * contract_join adds rows [begin, end) up and hands them to the store anchor. */
bool         contract_joins(const ContractPlan *plan);
LLVMValueRef contract_partial_bytes(const ContractPlan *plan, LLVMBuilderRef builder, Extent m, Extent n, Extent k);
void contract_join(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec, LLVMValueRef begin,
                   LLVMValueRef end);

/* A B packed beforehand: whether the plan asks for it; its bytes; emits the packing of all of it to `to` (64-byte aligned). */
bool         contract_packs_whole(const ContractPlan *plan);
LLVMValueRef contract_packed_bytes(const ContractPlan *plan, LLVMBuilderRef builder, Extent m, Extent n, Extent k);
void contract_pack_whole(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec, LLVMValueRef to);

/* The number of blocks of rows that the units are cut into, for sums over rows. */
LLVMValueRef contract_row_blocks(const ContractPlan *plan, LLVMBuilderRef builder, Extent m, Extent n, Extent k);

/* What many products of one plan, one after the other in the same scratch, need once: the tables of a windowed A and the zeros of its copy. */
bool contract_prepares(const ContractPlan *plan);
void contract_emit_prepare(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec,
                           LLVMValueRef scratch);

/* The product's rows of a chunk, where images are rows; else 0. Whether a chunk is stored in one piece, instead of by blocks of columns. */
int64_t contract_chunk_rows(const ContractPlan *plan);
bool    contract_stores_whole_rows(const ContractPlan *plan);

/* Chunks of images that are summed over, and the bytes of the sums that are kept meanwhile. 0 where a product cannot be summed chunk by chunk, each
 * for many products before the next. */
int64_t      contract_sums_bytes(const ContractPlan *plan);
LLVMValueRef contract_chunks(const ContractPlan *plan, LLVMBuilderRef builder, Extent k);

/* Emits units [begin, end) of the contraction at the builder's position, calling the anchors. */
void contract_emit(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec, LLVMValueRef begin,
                   LLVMValueRef end, LLVMValueRef scratch);

#endif
