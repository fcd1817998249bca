/* Inside plan/: the state of fusion for one function.
 *
 * Every node that computes (elementwise, reduction, contraction, scatter) gets a home: the cluster that computes it.
 * A cluster becomes one kernel. Sources, movement ops and what widens bf16 and f16 have no home; they are inlined wherever they are needed. */
#ifndef NNC_PLAN_FUSE_H
#define NNC_PLAN_FUSE_H

#include "ir/cost.h"
#include "plan/kernel.h"

/* A kernel carries its reductions in registers, and its expression is emitted in one piece: more is another kernel. */
enum { MAX_REDUCTIONS = 8, MAX_NODES = 1000 };

typedef struct Cluster {
    int index;
    Template template;
    Type      space;        /* dims of the POINT level; elem unused */
    int       n_rows;       /* -1 while no reduction has fixed the split into rows and inner */
    int       n_reductions; /* among its nodes; at most MAX_REDUCTIONS */
    bool      floating;     /* elementwise work on inputs and slots alone: waits for nothing */
    int       groups;       /* of a contraction: what Kernel.groups will be */
    bool      scalars;      /* the cluster of scalar arithmetic on hyper-parameters and counts */
    NodeVec   nodes;        /* whose home this is, in id order */
    uint64_t *before;       /* bit set of clusters that must run before this one (transitive) */
    VEC(Store) stores;
    Kernel *kernel;
} Cluster;

typedef struct NodeFacts { /* one a node of the graph, indexed by id */
    Cluster    *home;
    Level       level;
    bool        reached;
    int         uses;             /* by reached nodes and roots */
    bool        inline_reduction; /* a reduction emitted as a loop at its use, as its axes fit no row space */
    bool        forced;           /* must be in memory: result, update, operand */
    bool        stored;           /* will be in memory */
    bool        in_patches;       /* ... unless it is little work for the convolutions that read it */
    const char *why;              /* why it is in memory */
    Node       *moved, *product;  /* of a contraction what Kernel.moved will be, and back; else NULL */
} NodeFacts;

typedef struct Fuse {
    Compilation *c;
    Program     *program;
    Fn          *fn;
    const Scan  *scan; /* whose body it is; NULL: a function's */
    Graph       *graph;
    FnPlan      *plan;
    NodeVec      nodes; /* reachable, in id order */
    NodeFacts   *facts;
    int          n_facts;
    VEC(Cluster *) clusters;
    const int64_t *sizes;        /* nominal, of the symbolic dims */
    int            max_clusters; /* bits in Cluster.before */
    bool           has_masks;    /* by positions */
} Fuse;

/* How a consumer's index reaches a node below it. */
typedef enum Align {
    ALIGN_SAME,     /* the same index */
    ALIGN_EXPANDED, /* the consumer's index without its last `trailing` axes */
    ALIGN_SCALAR,   /* the node has rank 0, the consumer not */
    ALIGN_PART,     /* the consumer's index with one constant index more, at axis `axis` */
    ALIGN_SPREAD,   /* the consumer's index without one axis, the first whose removal leaves the node's dims */
    ALIGN_OTHER,
    ALIGN_AFTER, /* it is not read, but computed before */
} Align;

typedef struct Leaf { /* a computing or located node that a consumer reads, through movement ops */
    Node *node;
    Align align;
    int   trailing, axis;
} Leaf;
typedef VEC(Leaf) LeafVec;

/* kernel.h's "RESHAPEs of located nodes included": nodes that are the memory of their input. */
static inline bool is_same_memory(const Node *node) {
    return node->op == OP_RESHAPE || node->op == OP_AGAIN;
}

/* leaves.c: the leaves under `node`'s inputs, walking through movement ops; of the sources only INPUT and READ. */
void leaves_of_inputs(Fuse *f, const Node *node, LeafVec *leaves);
bool node_computes(const Node *node); /* has a home; a CAST that widens bf16 or f16 has none */

/* A CONCAT along such an axis of values that are computed. */
bool is_put_together(const Node *node);

/* cluster.c */
void     clusters_assign(Fuse *f);
bool     cluster_precedes(const Cluster *a, const Cluster *b); /* a must run before b */
bool     cluster_order(Fuse *f, Cluster *a, Cluster *b);       /* makes it so; false if that would be a cycle */
Cluster *cluster_new(Fuse *f, Template template, const Type *space);
void     cluster_add(Fuse *f, Cluster *cluster, Node *node, Level level);

/* merge.c: joins loop clusters that run over the same space and read the same values. */
void clusters_merge(Fuse *f);
/* May `node`, whose leaves are given, be computed by `cluster` at `level`? (cluster.c) */
bool leaves_fit(const Fuse *f, const Cluster *cluster, const LeafVec *leaves, Level level);

/* masks.c: lets the backward pass find a rectifier's mask in its output instead of its input. */
void masks_from_outputs(Compilation *c, Graph *graph, Fn *fn);
/* factors.c: what is multiplied with elements of a large operand is multiplied with its product, or the other operand. */
void factors_leave_operands(Compilation *c, Graph *graph, Fn *fn);
/* sparse.c: sums of few rows into a large table, read elementwise, are not written out as a table. */
void tables_from_few_rows(Compilation *c, Program *program, Fn *fn);
/* columns.c: contractions over windows with few columns get more of them, which are added up afterwards. */
void columns_from_windows(Compilation *c, Graph *graph, Fn *fn);

/* channels.c: convolutions of one channel each are contractions, where that pays. */
void products_of_channels(Compilation *c, Graph *graph, Fn *fn);

/* moved.c: products of convolutions by groups are stored in the order in which others read them. Then, of a function's facts, which those are. */
void products_compute_moves(Compilation *c, Graph *graph, Fn *fn);
void products_find_moves(Fuse *f);

/* scan_rows.c: the symbolic dim by whose indices a loop's rows go their own ways; -1: they do not. */
int scan_row_symbol(Compilation *c, const Program *program, const Kernel *kernel);

/* tails.c: loops that run over a product's images as soon as these are stored. */
void kernels_find_tails(Compilation *c, FnPlan *plan);

/* order.c: clusters with stores, in an order that respects `before`; then buffers' lifetimes. */
void kernels_order(Fuse *f);

/* materialise.c: decides what is in memory and where; adds the stores. */
void values_locate(Fuse *f);

/* patches.c: whether a convolution may compute `leaf`, which it reads through windows, as it loads it; whether that is little work from
 * one tensor in memory. */
bool patches_compute(const Fuse *f, const Node *dot, const Node *leaf);
bool is_made_in_patches(const Fuse *f, const Node *node);
/* Before it is known what is in memory: the tensor that is likely to be read for `node`, itself or the one that it is made of. */
const Node *likely_origin(const Fuse *f, const Node *node);

/* bands.c: turns what is made of tables of scores, as in attention, into loops over bands of their rows. */
void scores_in_bands(Compilation *c, Graph *graph, Fn *fn);

/* scan.c: loops read all their inputs from memory; the plan of a loop's body; which LOCAL of it a node is. */
void    scans_take_memory(Compilation *c, Graph *graph, Fn *fn);
FnPlan *scan_plan(Compilation *c, Program *program, const Kernel *kernel);
int     scan_local_index(const Scan *scan, const Node *local);
FnPlan *fn_plan(Compilation *c, Program *program, Fn *fn, const Scan *scan); /* fuse.c */

/* passes.c: cluster to kernel. */
void kernel_from_cluster(Fuse *f, Cluster *cluster);

/* halves.c; triangle.c: which half of a contraction matters; clip.c: which part of what kernels hand each other. */
bool has_masks(const Fuse *f);
void kernel_find_triangle(Fuse *f, const Cluster *cluster, Kernel *kernel);
void kernels_clip(Fuse *f);
void carries_clip(Arena *arena, FnPlan *body,
                  const Scan *scan); /* carries.c: sums that are added to carries that stay */

/* products.c: facts of a contraction before it is a kernel. */
/* Whether the sums of the product's first `count` axes, its rows, may be kept in its epilogue: rows of many positions. */
bool product_sums_rows(const Fuse *f, const Node *dot, int count);
bool product_is_swapped(const Node *dot);               /* Kernel.swap */
bool product_is_packed(const Fuse *f, const Node *dot); /* Kernel.packed */
int  product_groups(const Fuse *f, const Node *dot);    /* what Kernel.groups may be; 0: none */
int  product_group_axis(const Node *dot);               /* of its type */

/* cost.c */
void kernel_cost(Fuse *f, Kernel *kernel);

/* A context for walks over what a kernel computes: kernel_computes() is false of what it loads. */
typedef struct KernelScope {
    const FnPlan *plan;
    const Kernel *kernel;
} KernelScope;
bool kernel_computes(const void *kernel_scope, const Node *node);

#endif
