/* Inside codegen/: the state of emission and the one recursive expression emitter.
 *
 * A kernel is emitted as a tree of scopes: the function's entry, the body of the row loop, the body of the inner loop, and the bodies of
 * loops that an inlined reduction opens. Each scope has a builder of its own whose block is left open (without a terminator) until the
 * scope ends, so that a value needed in an inner body is emitted in the outermost scope that has all its parts: what does not
 * depend on a loop's index lands before that loop, by construction. A value knows its scope and is memoised there. */
#ifndef NNC_CODEGEN_EMIT_H
#define NNC_CODEGEN_EMIT_H

#include "codegen/codegen.h"
#include "codegen/irb.h"
#include "codegen/target.h"
#include "ops/lower.h"

/* ---- the module --------------------------------------------------------------------------------------------------- */

typedef struct CompiledKernel CompiledKernel;
typedef struct Debug          Debug;
typedef VEC(Location) LocationVec;

typedef struct Emit {
    Compilation   *c;
    Arena         *arena;
    const Plan    *plan;
    const Program *program;
    Target        *target;
    LLVMContextRef context;
    LLVMModuleRef  module;
    LLVMTypeRef    t_void, t_ptr, t_i1, t_i8, t_i16, t_i32, t_i64, t_f16, t_f32, t_f64;
    VEC(CompiledKernel *) kernels; /* distinct ones */
    const int64_t
          *sizes; /* of the symbolic dims, where what is emitted now is for these alone (step.c); NULL: for all */
    Debug *debug; /* NULL without -g */
} Emit;

LLVMTypeRef emit_reg_type(const Emit *e,
                          ElemType    elem); /* of an element in a register: bool i1, bf16 and f16 as float */
LLVMTypeRef emit_mem_type(const Emit *e, ElemType elem); /* in memory: bool i8, bf16 and f16 i16 */
bool        value_is_vector(LLVMValueRef value);
/* The field of `type` at `offset` bytes behind `base`. */
LLVMValueRef build_member(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef base, int64_t offset);

/* ---- dims at run time ------------------------------------------------------------------------------------------------ */

typedef struct DimEnv { /* where dims are computed: the entry of a kernel, a step, or a small function */
    const Emit    *e;
    LLVMBuilderRef b;
    LLVMValueRef   symbols; /* const int64_t * */
    Map           *known;   /* Dim * -> LLVMValueRef */
} DimEnv;

DimEnv       dims_begin(const Emit *e, LLVMBuilderRef b, LLVMValueRef symbols);
LLVMValueRef dims_value(DimEnv *env, const Dim *dim);
LLVMValueRef dims_product(DimEnv *env, int count, const Dim *const *dims);
int64_t      dims_constant(int count, const Dim *const *dims); /* their product, -1 when symbolic */

/* ---- scopes ------------------------------------------------------------------------------------------------------------ */

typedef struct Memo  Memo;
typedef struct Scope Scope;
struct Scope {
    Scope         *parent;
    int            depth;
    LLVMBuilderRef b;
    Memo          *memo[64]; /* values by hash of (node, index) */
};

struct LowerValue {     /* what op_lower's Value points to */
    LLVMValueRef v;     /* a scalar when it is the same in all lanes */
    Scope       *scope; /* where it was emitted */
    LLVMValueRef splat; /* cache of the vector */
};
typedef struct LowerValue LowerValue;

typedef enum IndexKind { INDEX_UNIFORM, INDEX_LINEAR, INDEX_FULL } IndexKind;

/* One component of an index: the same in all lanes, first lane + lane number, or a vector. */
typedef struct IndexRun IndexRun;
typedef struct Index {
    LLVMValueRef    v; /* i64; UNIFORM and LINEAR: a scalar (of the first lane) */
    IndexKind       kind;
    Scope          *scope;
    int64_t         multiple; /* UNIFORM, LINEAR: v is a multiple of it; 0: v is 0 */
    const IndexRun *run;      /* NULL, or the index that this is a part of */
    bool            bounded;  /* UNIFORM: low <= v <= high */
    int64_t         low, high;
} Index;

/* An index over several axes together, which was split: where all its parts come in their order, it takes their place. */
struct IndexRun {
    Index      whole, parts[MAX_RANK];
    int        count;
    const Dim *dims[MAX_RANK];
};

/* Lanes that run over rows of few columns, which lie one behind the other (across.c). */
enum { ACROSS_COLUMNS = 8 };
typedef struct Across {
    int          columns;
    LLVMValueRef mask, rows_left; /* where only some of the rows exist, else NULL */
} Across;

/* Points of neighbouring rows that are computed together: the last of the rows' indices, of each. */
enum { BESIDE_MOST = 8, WINDOW_STRAIGHT = 49 };
typedef struct Beside {
    int   count;
    Index index[BESIDE_MOST];
} Beside;

/* What a product passes to its tail alone: where it lies, by operand (NULL: not of this kind). */
typedef struct Passed {
    LLVMValueRef *at;
} Passed;

typedef struct KernelEmit KernelEmit;
struct KernelEmit {
    Lower         lower; /* first: op_lower's rules get its address */
    Emit         *e;
    const FnPlan *plan;
    const Kernel *kernel;
    LLVMValueRef  fn, context, args, worker;
    LLVMTypeRef   fn_type;
    DimEnv        dims;
    LocationVec   operands;
    LLVMValueRef *pointers; /* by operand; loaded when first used */
    Scope        *root, *now;
    int           lanes, full_lanes; /* of the values at hand; of the target's vectors */
    LLVMValueRef  mask;              /* of the lanes that exist; NULL: all */
    Scope        *mask_scope;
    int           pass;
    Across       *across;    /* NULL: lanes do not run over rows */
    const Beside *beside;    /* NULL: none; else sums over a window of up to WINDOW_STRAIGHT elements are no loops */
    bool          streams;   /* the task whose stores pass the caches by */
    bool          streaming; /* the store at hand does */
    int64_t       ahead;     /* elements between what a load of a row reads and what it asks for, 0: nothing */
    LLVMValueRef *kept_rows; /* by kernel->kept: scratch pointer, or NULL */
    const struct ContractPlan *contract;
    LLVMValueRef               tail; /* of a product that calls its tail: the function */
    LLVMValueRef    columns[2]; /* of a tail that runs over a block of its inner dim: [0], [1]; NULL: over all of it */
    Passed         *passed;     /* of such a product, in a chunk of images, and of the tail; else NULL */
    Span            place;      /* of the node being emitted */
    LLVMMetadataRef debug_function, debug_location;
    uint32_t        debug_file;
};

Scope *scope_new(KernelEmit *k, Scope *parent, LLVMBasicBlockRef block);
Scope *scope_deeper(Scope *a, Scope *b);

/* A counted loop [low, high) by step under `parent`, with values carried around. Body code goes to loop.scope;
 * kernel->now is that scope until scope_loop_end. */
enum { MAX_CARRIED = 64 };
typedef struct ScopedLoop {
    Scope            *scope, *parent, *outer_now;
    LLVMBasicBlockRef body, after;
    LLVMValueRef      index, low, high, step;
    int               n_carried;
    LLVMValueRef      carried[MAX_CARRIED], start[MAX_CARRIED]; /* phis; their values at the start */
} ScopedLoop;
void scope_loop_begin(KernelEmit *k, ScopedLoop *loop, Scope *parent, LLVMValueRef low, LLVMValueRef high,
                      LLVMValueRef step, int n_carried, const LLVMValueRef *carried);
/* `carried`: in: the values at the end of the body; out: after the loop. */
void scope_loop_end(KernelEmit *k, ScopedLoop *loop, LLVMValueRef *carried);

Value value_new(KernelEmit *k, LLVMValueRef v, Scope *scope);
Value memo_get(KernelEmit *k, const Node *node, const Index *index);
void  memo_set(KernelEmit *k, const Node *node, const Index *index, Value value);
/* `value` as a vector of the current lanes, emitted in its own scope. */
LLVMValueRef value_vector(KernelEmit *k, Value value);
LLVMValueRef value_lanes(KernelEmit *k, Value value); /* the vector, or the scalar where the current lanes are 1 */

/* ---- line tables (debug.c) --------------------------------------------------------------------------------------------------- */

void debug_begin(Emit *e, uint32_t main_file);
void debug_end(Emit *e);
void debug_function(KernelEmit *k, const char *name, Span span);
Span debug_place(KernelEmit *k, Span span);       /* from now on; returns the place before */
void debug_mark(KernelEmit *k, LLVMBuilderRef b); /* a new builder continues at the place at hand */

/* ---- indices (index.c, reshape.c) ----------------------------------------------------------------------------------------- */

Index index_constant(KernelEmit *k, int64_t value);
Index index_uniform(LLVMValueRef v, Scope *scope);
Index index_bounded(Index a, int64_t low, int64_t high);
Index index_linear(LLVMValueRef v, Scope *scope, int64_t multiple);
Index index_full(LLVMValueRef v, Scope *scope);
Index index_add(KernelEmit *k, Index a, Index b);
Index index_sub(KernelEmit *k, Index a, Index b);
Index index_scale(KernelEmit *k, Index a, const Dim *by);
void  index_split(KernelEmit *k, Index a, const Dim *by, int64_t extent, Index *quotient, Index *remainder);
Index index_row_major(KernelEmit *k, int rank, const Dim *const *dims, const Index *index);
/* The index of `from` that names the element at `index` of `to`; both have the same elements in row-major order. */
void         index_reshape(KernelEmit *k, const Type *to, const Index *index, const Type *from, Index *result);
LLVMValueRef index_vector(KernelEmit *k, Index a); /* in scope a.scope */
Value        index_value(KernelEmit *k, Index a, ElemType elem);

/* ---- memory (memory.c) ----------------------------------------------------------------------------------------------------- */

LLVMValueRef operand_pointer(KernelEmit *k, const Location *location);
Value        memory_load(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index);
LLVMValueRef memory_address(KernelEmit *k, LLVMValueRef base, const Type *type,
                            const Index *index); /* of one element */
void         memory_store(KernelEmit *k, LLVMValueRef base, const Type *type, const Index *index, LLVMValueRef value,
                          ElemType from, Scope *scope);
/* The kernel's stores of one level and pass (-1: all): all values first, then all stores, as a store may overwrite what another value reads. */
void   kernel_stores(KernelEmit *k, Level level, int pass, const Index *index);
Type   kernel_store_type(KernelEmit *k, const Store *store);                          /* of what it stores to */
Value *kernel_store_values(KernelEmit *k, Level level, int pass, const Index *index); /* by store; NULL: not of these */
void   kernel_put_values(KernelEmit *k, Value *values, const Index *index);
/* Elements of register type at `pointer`, converted. */
LLVMValueRef build_load_lanes(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef pointer, ElemType elem, int lanes,
                              LLVMValueRef mask);
void         build_store_lanes(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef pointer, ElemType elem, LLVMValueRef value,
                               LLVMValueRef mask);

/* ---- lanes over rows (across.c) ---------------------------------------------------------------------------------------------------- */

/* The column at `index` of a tensor in memory; NULL where its columns are not those of k->across. All of its columns are loaded at once. */
Value across_load(KernelEmit *k, const Node *node, LLVMValueRef base, const Index *index);
/* All columns of the rows from `row` on, to one store. */
void across_store(KernelEmit *k, const Store *store, Index row, const Value *values);

/* ---- stores that pass the caches by (stream.c) -------------------------------------------------------------------------------- */

bool         store_streams(const Emit *e, const Kernel *kernel, const Store *store); /* whether it can */
bool         stream_pays(const Emit *e, const Kernel *kernel); /* a task for it, with stores that may be large enough */
LLVMValueRef stream_condition(KernelEmit *k); /* i1, in the task's entry: whether all that can should */

/* ---- bf16 and f16 (narrow.c) ------------------------------------------------------------------------------------------------ */

/* What stands in a register is f32: from the 16 bits in memory, to them, rounded to a value of `elem`; and a f64 to f32 that is
 * still to be rounded. */
LLVMValueRef narrow_load(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef bits);
LLVMValueRef narrow_store(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef value);
LLVMValueRef narrow_round(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef value);
LLVMValueRef narrow_from_f64(const Emit *e, LLVMBuilderRef b, LLVMValueRef value);

/* ---- arithmetic (math.c) ----------------------------------------------------------------------------------------------------- */

void         math_init(KernelEmit *k);
LLVMValueRef math_build(const Emit *e, LLVMBuilderRef b, MathFn fn, ElemType elem, const LLVMValueRef *operands);
LLVMValueRef math_cast(const Emit *e, LLVMBuilderRef b, ElemType from, ElemType to, LLVMValueRef x);
LLVMValueRef math_constant(const Emit *e, ElemType elem, double value);
ElemType     math_register_elem(ElemType elem); /* bf16, f16 compute as f32 */

/* ---- values (value.c, reduce.c) ------------------------------------------------------------------------------------------------ */

Value value_at(KernelEmit *k, Node *node, const Index *index);
Value value_reduction(KernelEmit *k, Node *node, const Index *index); /* as a loop at this index */
Value value_dot(KernelEmit *k, Node *node, const Index *index);
Value value_gather(KernelEmit *k, Node *node, const Index *index);
/* x / y of an OP_DIV node without a division, where that is as exact and faster; else NULL (quotient.c). */
Value quotient(KernelEmit *k, const Node *node, Value x, Value y);
void  fault_unless_below(KernelEmit *k, Scope *scope, LLVMValueRef index, LLVMValueRef limit, LLVMValueRef *safe);

/* Accumulators of one reduction: a vector (or scalar) each, and for ARGMAX the indices. With `ordered` the value is the largest number and
 * NaN was seen where `ordered` is false; without, NaN stays in the value. */
typedef struct Accumulator {
    LLVMValueRef value, where, ordered;
} Accumulator;
Accumulator reduce_start(KernelEmit *k, const Node *node, int lanes);
bool reduce_watches(const KernelEmit *k, const Node *node, int lanes); /* whether `ordered` pays: an instruction less */
Accumulator reduce_start_watched(KernelEmit *k, const Node *node, int lanes);
/* `where`: i64 index of the element(s) along ARGMAX's axis, NULL otherwise; lanes that do not exist are left out. */
Accumulator  reduce_step(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator acc, LLVMValueRef value,
                         LLVMValueRef where, LLVMValueRef mask);
Accumulator  reduce_merge(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator x, Accumulator y);
LLVMValueRef reduce_finish(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator acc); /* over the lanes */

/* ---- kernels (kernel.c and the templates) ------------------------------------------------------------------------------------ */

/* A kernel's context at run time: 8-byte slots. */
enum { CONTEXT_ARGS, CONTEXT_SCRATCH, CONTEXT_PACKED, CONTEXT_TURN /* of a loop: its step */, CONTEXT_OPERANDS };

struct CompiledKernel {
    const char    *text; /* canonical */
    size_t         length;
    const int64_t *sizes;        /* as Emit's */
    LLVMValueRef   task, finish; /* finish may be NULL */
    LLVMValueRef   join;    /* a second task, over rows of a product or scatter whose sums are in parts; else NULL */
    LLVMValueRef   prepare; /* of a kernel in a loop that packs an operand before the first step; else NULL */
    int            n_operands;
    bool           runs_tail; /* the next kernel is called by this one */
    const struct ContractPlan *contract;
    struct Sequence           *body; /* of a loop */
};

/* How a kernel's work and scratch are sized; all of it a function of the shape only. */
typedef struct KernelSize {
    LLVMValueRef units, shared_bytes, worker_bytes; /* i64 */
} KernelSize;

/* A kernel's text without names and operands, equal for kernels that one function can serve; `operands` gets the places in
 * memory it uses, in the order of the text. */
const char  *kernel_signature(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands, size_t *length);
LLVMValueRef key_pointer(const Emit *e, const Location *location);                 /* the key of a draw, as a pointer */
int          operand_index(const LocationVec *operands, const Location *location); /* -1: not among them */
CompiledKernel *kernel_compile(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands);
void            kernel_operands_merge(Emit *e, LocationVec *all, const LocationVec *some);
KernelSize      kernel_size(Emit *e, const Kernel *kernel, const CompiledKernel *compiled, DimEnv *dims);
LLVMValueRef    kernel_join_units(Emit *e, const Kernel *kernel, DimEnv *dims);

LLVMValueRef function_new(Emit *e, const char *name, LLVMTypeRef type); /* internal, for the target */
/* A function of the kernel's, of its name; its context is the first parameter. Its end. */
void         kernel_open(KernelEmit *k, LLVMTypeRef *params, int n_params);
LLVMValueRef kernel_close(KernelEmit *k);

const Kernel *loop_normal(Emit         *e,
                          const Kernel *kernel); /* the kernel, its rows and inner dims split anew where that helps */
KernelSize    loop_size(Emit *e, const Kernel *kernel, DimEnv *dims);
void          loop_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end);
void          loop_emit_rows(KernelEmit *k, LLVMValueRef low, LLVMValueRef high); /* of a kernel without a finish */
bool          loop_has_finish(const Kernel *kernel);
void          loop_emit_finish(KernelEmit *k);
LLVMValueRef  kernel_shared_scratch(KernelEmit *k);
LLVMValueRef  kernel_worker_scratch(KernelEmit *k); /* this worker's part, 64-byte aligned */

LLVMValueRef matmul_packed_bytes(Emit *e, const Kernel *kernel, const struct ContractPlan *plan, DimEnv *dims);
/* matmul_turn.c: the kernel as it is, or its product transposed in tiles that are turned, where that transposes less. */
const Kernel              *matmul_turned(Emit *e, const FnPlan *plan, const Kernel *kernel);
KernelSize                 matmul_size(Emit *e, const Kernel *kernel, const struct ContractPlan *plan, DimEnv *dims);
const struct ContractPlan *matmul_plan(Emit *e, const FnPlan *plan, const Kernel *kernel);
LLVMValueRef               matmul_join_units(Emit *e, const Kernel *kernel, DimEnv *dims);
void                       matmul_emit_join(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end);
void                       matmul_emit_prepare(KernelEmit *k); /* void prepare(context) */
void                       matmul_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end);

KernelSize   scatter_size(Emit *e, const Kernel *kernel, DimEnv *dims);
void         scatter_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end);
bool         scatter_joins(const Emit *e, const Kernel *kernel);
LLVMValueRef scatter_join_units(const Emit *e, const Kernel *kernel, DimEnv *dims);
void         scatter_emit_join(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end);

/* ---- functions and tables (step.c, object.c) ------------------------------------------------------------------------------------ */

typedef struct CompiledFn {
    LLVMValueRef code, workspace;
    LocationVec  operands; /* every place in memory it uses */
} CompiledFn;
CompiledFn step_emit(Emit *e, const FnPlan *plan);
/* What one target's module has for each function: LLVM's names of it. */
typedef struct Variant {
    const Target *target;
    const char  **code, **workspace; /* by function; NULL for the target of this module */
} Variant;
/* The exported description of the model (runtime/nnrt.h); variants[0] is this module's. */
void tables_emit(Emit *e, const CompiledFn *fns, const Variant *variants, int n_variants, bool as_main);

#endif
