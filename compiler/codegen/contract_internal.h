/* Shared by the files of the contraction template; the public face is contract.h.
 *
 *   contract.c       the plan: tile, blocking, packing, scratch; the cut into units
 *   contract_emit.c  the loops around the tile
 *   contract_window.c the same where A is seen through windows
 *   contract_fixed.c tiles whose rows lie at offsets known when compiling
 *   contract_taps.c  ... and share elements
 *   contract_dots.c  tiles of few columns, with lanes along k
 *   contract_parts.c sums over images cut into parts
 *   contract_step.c  one tile: its sums and its epilogue
 *   contract_pack.c  copies of A and B into panels
 *   contract_tile.c  the register-tiled micro-kernels and the transposition, one internal function each a module */
#ifndef NNC_CODEGEN_CONTRACT_INTERNAL_H
#define NNC_CODEGEN_CONTRACT_INTERNAL_H

#include "codegen/contract.h"

/* How the broadcast side A reaches the tile. Packed: panels [panel][k][row] (rows together) or plain rows [row][k]. */
typedef enum APacking { A_DIRECT, A_PACK_ROWS, A_PACK_K, A_WINDOW } APacking;
/* How the vector side B reaches its panels [panel][k][column]. */
typedef enum BPacking { B_COPY, B_ANCHOR, B_TRANSPOSE, B_FEW, B_ELEMENTS } BPacking;
enum { CONTRACT_FEW_K = 4 }; /* B_FEW: so many shuffles a vector cost less than a block with 16 rows of them */

enum { TILE_EDGES = 3 };

/* A tile whose rows lie at offsets that are known when compiling; those of k, too, where it is straight-line code. contract_fixed.c */
typedef struct FixedTile {
    int     n_rows, n_k; /* n_k: 0 where k is in runs from a table */
    int32_t rows[32], k[64];
    int64_t b_step;    /* B is read in place, once: elements between its rows; 0: it is packed */
    int     b_columns; /* ... of so many columns */
    /* Where rows share elements of a run (taps > 0), runs are `run_step` elements apart; each is `phases` times `taps` places long, `tap_step` elements from place to place and 1 from
     * phase to phase; row r's first is place r * row_taps. Of the first tile of a level, those between and the last one (as far as there are any: TileArgs.edge), only
     * places in [met_begin, met_end) are not always zero. */
    int taps, row_taps, tap_step, phases, run_step, n_edges, met_begin[TILE_EDGES], met_end[TILE_EDGES];
} FixedTile;

struct ContractPlan {
    const Target          *target;
    const struct Blocking *blocking;
    ContractShape          shape;
    int                    elem_bytes, lanes;
    int                    mr, nv, nr; /* register tile: mr rows of nv vectors, nr = nv * lanes columns */
    int       c_row;      /* elements from one row of sums in scratch to the next: the same for all plans of a target */
    bool      direct;     /* whole tiles may go from the registers to the store anchor */
    int       whole_cols; /* columns of a whole tile: nr, or all of a product's that need its vectors */
    int       row_lanes;  /* mr rounded up to a power of two: lanes of a packed column of A */
    int64_t   kc, nc;     /* block of B: kc x nc */
    int64_t   mc;         /* rows whose sums are kept when K takes several blocks; 0: one block always */
    int64_t   ma;         /* rows of A packed at once */
    int64_t   shared_rows;   /* rows of A packed once for all column blocks; 0: each packs its own */
    int       shared_blocks; /* ... for so many blocks of K at once */
    int64_t   row_panels;    /* ... and the panels of a row of sums in scratch */
    APacking  a_packing;
    BPacking  b_packing;
    bool      b_packed;   /* B is packed beforehand */
    int       groups;     /* of columns; 1 where they are in none */
    bool      b_may_stay; /* B's columns lie together and nothing is applied on load: may be read in place */
    int64_t   b_offset, a_offset, c_offset, scratch_bytes;
    int64_t   rows_offset, numbers_offset, runs_offset; /* of windows: the tables */
    bool      fixed;                                    /* the tile is `fixed_tile` */
    FixedTile fixed_tile;
    bool      winograd; /* by minimal filtering */
    int       parts;    /* that images summed over are cut into, at most; 1: they are not */
    int64_t   winograd_offset;
    int       dot_lanes; /* lanes run along k: contract_dots.c; 0: along columns */
    int64_t   dots_offset;
};

/* Elements from one row (k together) or one row panel of packed A to the next: a cache line more than they hold, so that
 * they do not all fall on the same cache sets. */
static inline int64_t a_row_stride(const ContractPlan *plan) {
    return plan->kc + 64 / plan->elem_bytes;
}
static inline int64_t a_panel_stride(const ContractPlan *plan) {
    return plan->row_lanes * plan->kc + 64 / plan->elem_bytes;
}

/* The cut into units, by shape only. Tall products number their blocks row by row, so that workers share rows and each
 * packs B for itself; others column by column, so that a worker packs its columns only. */
typedef struct Cut {
    LLVMValueRef width, col_blocks;  /* columns of a block: at most nc */
    int64_t      half;               /* columns that half of the blocks hold, 0: blocks follow each other */
    LLVMValueRef height, row_blocks; /* rows of a block: a multiple of mr */
    LLVMValueRef row_major;          /* i1 */
    LLVMValueRef widths[2];          /* what `width` may be: multiples of nr and of the lanes */
} Cut;
Cut contract_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef m, LLVMValueRef n, LLVMValueRef k);

/* What a tile's sums are computed from: element (i, p) of A is a[i * a_row + p * a_k], row p of B is b + p * b_k; the sums
 * start from c[row][column] (c_row apart) unless `first`. */
typedef struct TileArgs {
    LLVMValueRef a, a_row, a_k, b, b_k, k, c, first;
    /* Through windows, else NULL: k is in runs of args.k each. Element (i, p) of run r is a[rows[i] + runs[r].at + p * a_k], and meets
     * row runs[r].k + p of B. */
    LLVMValueRef rows, runs, n_runs;
    LLVMValueRef edge; /* ... which of FixedTile's it is, i64; NULL: the first */
    /* Not through windows, and NULL where there is nothing to ask for: a table of that many addresses to prefetch, one after each step of k. */
    LLVMValueRef ahead, n_ahead;
} TileArgs;
enum { TILE_SUMS_MOST = 32 };
/* Emits them in place: sums[row * vectors + vector]. */
void contract_tile_sums(const ContractPlan *plan, LLVMBuilderRef b, int rows, int vectors, const TileArgs *args,
                        LLVMValueRef *sums);
/* Where sum `i` of a tile lies in scratch. */
LLVMValueRef contract_sum_address(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef c, int vectors, int i);
/* Calls the micro-kernel that stores them to c: one internal function for each number of rows and vectors. */
void contract_call_tile(const ContractPlan *plan, LLVMBuilderRef b, int rows, int vectors, const TileArgs *args);
/* The same for fewer rows than mr, a number known only at run time. */
void contract_call_tail(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef rows, int vectors,
                        const TileArgs *args);
/* void transpose(src, src_stride, dst, dst_stride): lanes x lanes elements. */
LLVMValueRef contract_transpose_function(const ContractPlan *plan, LLVMModuleRef module);
LLVMTypeRef  contract_transpose_type(LLVMContextRef context);
/* The same in registers: as many vectors as lanes. */
void contract_transpose(LLVMBuilderRef b, LLVMValueRef *rows, int lanes);

/* A block of panels of B: columns [n0, n1), k in [p0, p0 + kk), panels [first, last) of it into `buffer`, panel p at
 * p * nr * kc, its rows as wide as its vectors. Columns from n1 on become 0. */
typedef struct PackB {
    LLVMValueRef n0, n1, p0, kk, first, last, buffer;
    LLVMValueRef scrap; /* room for lanes x lanes elements; NULL: behind the buffer's panels */
} PackB;
/* contract_pack_few.c: a panel of B_FEW. */
typedef struct Panel {
    LLVMValueRef j0, cols, width, at; /* first column, columns that exist, row length, address */
} Panel;
void contract_pack_few(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const Panel *panel);
void contract_pack_b(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const PackB *block);

/* Rows [m0, m1) of A, k in [p0, p0 + kk), into `buffer`; `row_end` is the last row that exists. */
typedef struct PackA {
    LLVMValueRef m0, m1, row_end, p0, kk, buffer;
} PackA;
void contract_pack_a(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const PackA *block);

/* The state of an emission: what the loops outside have fixed. */
typedef struct ContractEmit {
    const ContractPlan *plan;
    const ContractSpec *spec;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem, vec;
    LLVMValueRef        zero, one;
    LLVMValueRef        m, n, k;
    LLVMValueRef        m_end; /* rows that are computed: whole tiles, or all */
    LLVMValueRef        a_buffer, b_buffer, c_buffer;
    Cut                 cut;
    LLVMValueRef        b_stays, a_packed;                   /* i1 */
    LLVMValueRef        panels_outside;                      /* i1: all rows use a panel of B before the next */
    LLVMValueRef        begin, end;                          /* the units */
    LLVMValueRef        column0, column1;                    /* the column blocks that they may touch */
    LLVMValueRef        column, n0, n1, full_panels, panels; /* the column block */
    LLVMValueRef        r0, r1;                              /* the chunk of rows */
    LLVMValueRef        p0, kk, first, last;                 /* the block of K */
    LLVMValueRef        chunk0, chunk1; /* windows over images that are summed over: the part's chunks; NULL: all */
    LLVMValueRef        row_block;      /* through windows over rows that are images: the chunk of them */
    LLVMValueRef        a_row0;         /* the row that packed A starts with */
    LLVMValueRef        row_table, number_table,
        number0; /* windows: offsets of rows from a_row0 on; which rows they are, behind number0 (NULL: i0) */
    LLVMValueRef run_table, n_runs, run_length, run_step; /* ... and the runs of k */
    LLVMValueRef c_row0, c_panel0, c_panels; /* sums in scratch: first row; first panel of a row, panels of a row */
} ContractEmit;

/* One tile of the loops: a place in C, and where its operands and sums lie. */
typedef struct TilePlace {
    LLVMValueRef i0, rows; /* first row, rows that exist */
    LLVMValueRef j0, cols; /* first column, columns that exist */
    LLVMValueRef summed;   /* of them, those to be summed, at least 1; NULL: all */
    LLVMValueRef panel;    /* its number in the column block */
    LLVMValueRef tile;     /* its number in packed A */
    LLVMValueRef c;        /* its sums in scratch */
} TilePlace;

/* contract_emit.c: place i of `count`, counted from the end where the product runs backwards */
LLVMValueRef contract_in_turn(const ContractEmit *e, LLVMValueRef i, LLVMValueRef count);

/* contract_emit.c, for contract_window.c */
void         emit_tiles(const ContractEmit *e, LLVMValueRef s0, LLVMValueRef s1);
void         emit_pack_b(ContractEmit *e);
void         set_columns(ContractEmit *e, LLVMValueRef j);
LLVMValueRef first_block(const ContractEmit *e, LLVMValueRef j, LLVMValueRef unit);

/* contract_window.c */
int64_t      window_kc(const ContractPlan *plan);    /* k summed at once: all of it, or a chunk of images */
int64_t      window_table_bytes(ContractPlan *plan); /* and sets their places among them */
Cut          window_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef m, LLVMValueRef n);
void         window_emit(ContractEmit *e);
LLVMValueRef window_chunks(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef positions);

/* contract_emit.c: a new state, and its places in scratch */
ContractEmit contract_emit_begin(const ContractPlan *plan, LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef m,
                                 LLVMValueRef n, LLVMValueRef k);
void         contract_set_buffers(ContractEmit *e, const ContractSpec *spec, LLVMValueRef scratch);

/* contract_emit.c: the units of the product, or of its part */
void contract_set_units(ContractEmit *e, LLVMValueRef begin, LLVMValueRef end);

/* contract_parts.c */
typedef void ContractPartBody(ContractEmit *e, void *user);
int          contract_parts(const ContractPlan *plan);
LLVMValueRef contract_part_count(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef k);
void contract_emit_parts(ContractEmit *e, ContractPartBody *body, void *user); /* body for each part of the units */

/* contract_fixed.c: false where the plan has no such tile */
bool contract_fix_tile(const ContractPlan *plan, FixedTile *fixed);

/* contract_dots.c */
int     contract_dot_lanes(const ContractPlan *plan); /* 0: lanes run along columns */
int     contract_dot_rows(const ContractPlan *plan, int sums_most);
int64_t contract_dot_elems(const ContractPlan *plan);                                        /* of scratch */
void    contract_dot_prepare(const ContractEmit *e);                                         /* after B is packed */
void    contract_dot_tile(const ContractEmit *e, const TilePlace *at, const TileArgs *args); /* sums: rows of n */

/* contract_winograd.c */
bool    winograd_fits(const ContractPlan *plan);
int64_t winograd_scratch_elems(const ContractPlan *plan);
void    winograd_prepare(ContractEmit *e); /* of a column block: its kernels, after B is packed */
void    winograd_chunk(ContractEmit *e, LLVMValueRef row0, LLVMValueRef n_images);

/* contract_winograd_kernel.c: images are summed over */
bool winograd_kernel_fits(const ContractPlan *plan);
void winograd_kernel_plan(ContractPlan *plan); /* its blocking and scratch */
Cut  winograd_kernel_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef n);
void winograd_kernel_emit(ContractEmit *e, void *user);

/* contract_window_tables.c: offsets of rows and runs of k, made in scratch */
typedef struct RegionTables { /* of the module */
    LLVMValueRef regions, rows, runs;
} RegionTables;
int64_t window_rows(const ContractPlan *plan); /* entries */
int64_t window_runs(const ContractPlan *plan);
ContractLevel
window_run(const ContractWindow *w); /* the innermost level of k, whose elements follow each other evenly */
/* Of regions: empty where there are none. Without `write` the entries are there already (never of regions). */
RegionTables window_make_tables(ContractEmit *e, bool write);
/* One number of a region, at `offset` in WindowRegion. */
LLVMValueRef window_region_number(const ContractEmit *e, const RegionTables *tables, LLVMValueRef region,
                                  size_t offset);
void         window_locate_a(const ContractEmit *e, const TilePlace *at, TileArgs *args);

/* contract_fork.c: whole tiles go by registers where the way by scratch, which returns the size of its anchor, has one of at most `most`
 * instructions; all else by scratch */
void     contract_fork(LLVMBuilderRef b, LLVMValueRef whole, unsigned most, unsigned (*by_scratch)(void *user),
                       void (*by_registers)(void *user), void *user);
unsigned contract_anchor_most(const ContractPlan *plan); /* which is that, of a product's tiles */
/* Calls the store anchor; returns how many instructions that emitted, more than contract_anchor_most where it has control flow. */
unsigned contract_store_vector(const ContractEmit *e, LLVMValueRef i, LLVMValueRef j, LLVMValueRef value,
                               LLVMValueRef mask);

/* contract_ahead.c: what a tile fetches while it is summed, to args->ahead; `whole`: i1, whether its epilogue will be that of a whole tile */
bool contract_looks_ahead(const ContractEmit *e);
void contract_look_ahead(const ContractEmit *e, const TilePlace *at, LLVMValueRef whole, TileArgs *args);

/* Adds the block of K at hand to the sums; after the last one hands them to the store anchor. */
void contract_step(const ContractEmit *e, const TilePlace *at);

/* Whether an i1 is known when compiling to be `value`. */
static inline bool known(LLVMValueRef condition, bool value) {
    return LLVMIsAConstantInt(condition) && (LLVMConstIntGetZExtValue(condition) != 0) == value;
}

#endif
