/* The tensor graph: immutable, hash-consed nodes in one arena. Inputs always have smaller ids than their users, so
 * ids are a topological order. Effects are not nodes: a function's updates and results name nodes (ir/program.h), a READ
 * is always the slot's value at the function's entry, so nothing needs to be ordered inside the graph.
 *
 * graph_node() is the one way to make a node: it computes and checks the type by the op's shape rule, simplifies
 * nothing, and returns an existing node when op, type, inputs and attributes agree (random sources agree only when
 * their keys do; the first node's span and origin stay). The builders below it are thin. */
#ifndef NNC_IR_GRAPH_H
#define NNC_IR_GRAPH_H

#include "base/diag.h"
#include "base/vec.h"
#include "ir/op.h"
#include "ir/type.h"

typedef struct Node  Node;
typedef struct Graph Graph;
typedef struct Scan  Scan; /* ir/scan.h */

/* Where a node came from: the chain of instances. `path` is the parameter path's prefix, as "backbone/res_block_1". */
typedef struct Origin Origin;
struct Origin {
    const Origin *parent; /* NULL for the model */
    const char   *path;   /* interned; "" for the model */
    const char   *what;   /* "layer 'res_block'" */
    Span          call;   /* the place that instantiated it */
};

typedef struct RandomKey {
    uint64_t instance; /* hash of the instance path and the place of the draw within it */
    uint32_t call;     /* how many-th evaluation of that place */
} RandomKey;

typedef struct DotAxes {
    int8_t n_batch, n_contract;
    int8_t left_batch[MAX_RANK], right_batch[MAX_RANK];
    int8_t left_contract[MAX_RANK], right_contract[MAX_RANK];
} DotAxes;

/* out[..., p, ..., k, ...] = x[..., (p * step + k * dilation - before) / divisor, ..., k, ...], p and the quotient being
 * indices of `axis`; `fill` where the quotient is no whole number or no index of x. */
typedef struct Slide {
    int8_t     axis, by;                /* by: k's axis; -1: none, dilation 0 */
    int32_t    step, dilation, divisor; /* divisor >= 1, step not 0 */
    const Dim *before;
    double     fill;
} Slide;

typedef union Attr { /* zero the whole union before filling one member: it is hashed as bytes */
    double     value;
    const Dim *dim;
    int        axis;
    struct {
        int8_t count, axes[MAX_RANK];
    } axes;
    const Dim *offsets[MAX_RANK];
    DotAxes    dot;
    Slide      slide;
    int        ref;
    RandomKey  random;
    Scan      *scan;
} Attr;

struct Node {
    Op            op;
    int           id;
    Type          type;
    int           n_inputs;
    Node        **inputs;
    Attr          attr;
    Span          span;
    const Origin *origin;
};

typedef VEC(Node *) NodeVec;

typedef struct OpInfo {
    const char *name;
    int         arity;
    AttrKind    attr;
    OpClass class;
    Domain      domain;
    const char *doc;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];

Graph    *graph_new(Arena *arena, DimTable *dims);
Graph    *graph_successor(const Graph *graph); /* a fresh one whose LOCALs are numbered on from there */
Arena    *graph_arena(const Graph *graph);
DimTable *graph_dims(const Graph *graph);
int       graph_node_count(const Graph *graph);
Node     *graph_node_at(const Graph *graph, int id);

/* The span and origin that new nodes get until the next call. */
void graph_set_place(Graph *graph, Span span, const Origin *origin);

/* `type` is needed where the shape rule is `declared` (or for CAST's element type) and may be NULL elsewhere. A type
 * error here is a BUG: sema checks first, with the user's words. */
Node *graph_node(Graph *graph, Op op, const Type *type, int n_inputs, Node *const *inputs, const Attr *attr);

Node *node_const(Graph *graph, ElemType elem, double value);    /* rank 0 */
Node *node_dim(Graph *graph, const Dim *dim);                   /* i64 rank 0 */
Node *node_ref(Graph *graph, Op op, int ref, const Type *type); /* INPUT, READ, RUNTIME, COTANGENT */
Node *node_local(Graph *graph, const Type *type);               /* a LOCAL unlike all others */
Node *node_iota(Graph *graph, const Type *type, int axis);
Node *node_random(Graph *graph, Op op, const Type *type, RandomKey key);
Node *node_unary(Graph *graph, Op op, Node *x);
Node *node_binary(Graph *graph, Op op, Node *a, Node *b); /* equal types */
Node *node_select(Graph *graph, Node *condition, Node *a, Node *b);
Node *node_cast(Graph *graph, ElemType elem, Node *x); /* x itself when it has that type */
Node *node_reduce(Graph *graph, Op op, Node *x, int n_axes,
                  const int *axes); /* x itself for no axes (SUM, REDUCE_MAX) */
Node *node_reshape(Graph *graph, Node *x, int rank, const Dim *const *dims); /* x itself for its own shape */
Node *node_permute(Graph *graph, Node *x, const int *axes);                  /* x itself for the identity */
/* The result has `shape`'s dims; `new_axes` are the axes of it that x has not. */
Node *node_expand(Graph *graph, Node *x, const Type *shape, int n_new, const int *new_axes);
Node *node_fill(Graph *graph, const Type *type, double value);           /* a constant expanded to a shape */
Node *node_expand_scalar(Graph *graph, Node *scalar, const Type *shape); /* rank 0 to a shape */
Node *node_slice(Graph *graph, Node *x, const Dim *const *offsets, const Type *result);
Node *node_pad(Graph *graph, Node *x, const Dim *const *offsets, const Type *result);
Node *node_slide(Graph *graph, Node *x, const Slide *slide, const Dim *size); /* `size` of the axis in the result */
/* `size` elements along `axis` from `start` (rank 0, i64) on; they must be there. */
Node *node_dynamic_slice(Graph *graph, Node *x, Node *start, int axis, const Dim *size);
Node *node_concat(Graph *graph, int n, Node *const *inputs, int axis);
Node *node_gather(Graph *graph, Node *x, Node *index);
Node *node_scatter_add(Graph *graph, Node *values, Node *index, const Dim *rows);
Node *node_dot(Graph *graph, Node *a, Node *b, const DotAxes *axes);

/* Whether an op with ATTR_AXES names this axis. */
bool names_axis(const Node *node, int axis);

/* Appends the nodes under `root`, itself included, that `seen` has not, inputs before users, and marks them in `seen` (as node ->
 * node). A loop: a graph may be deeper than the stack. */
struct Map;
void graph_post_order(Arena *arena, Node *root, struct Map *seen, NodeVec *order);
/* The same, but the inputs of a node are visited only where `enter` says so. */
typedef bool NodePredicate(const void *context, const Node *node);
void graph_post_order_where(Arena *arena, Node *root, struct Map *seen, NodePredicate *enter, const void *context,
                            NodeVec *order);

/* The same as graph_post_order, but the bodies of scans come too, each before its SCAN. */
void graph_post_order_deep(Arena *arena, Node *root, struct Map *seen, NodeVec *order);

/* A copy of the sub-graph under `root` in which nodes are replaced as `replacement` (old Node* -> new Node*) says;
 * the map is extended with every node visited. */
Node *graph_substitute(Graph *graph, Node *root, struct Map *replacement);

#endif
