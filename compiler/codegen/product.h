/* Inside codegen/: a contraction as a product of rows and columns; how its operands lie in memory. */
#ifndef NNC_CODEGEN_PRODUCT_H
#define NNC_CODEGEN_PRODUCT_H

#include "codegen/contract.h"
#include "codegen/view.h"
#include "codegen/window.h"

typedef struct Side { /* one operand, as the product's rows (A) or columns (B) */
    Node         *node;
    AxisList      batch, free, contract;
    bool          plain; /* a view with a stride for the free and one for the contracted axes */
    bool          is_view;
    View          view;
    const Dim    *stride_free, *stride_k;
    SplitAxis     split; /* plain but for one axis in two levels: these */
    const Dim    *split_run, *split_outer;
    int           n_outer; /* of k, where it does not run on: levels outside of its innermost run */
    ContractLevel outer[CONTRACT_LEVELS];
    int64_t       k_run;
} Side;

typedef struct Product {
    Side           a, b;
    AxisList       columns;  /* of B's free axes, those of a column; the group's axis comes before them */
    bool           windowed; /* A is seen through windows */
    Windows        windows;
    ContractWindow geometry;
    int lanes; /* so many neighbours of the batch, which lie together in both operands, are one product of vectors; 0: none are */
} Product;

/* Columns of one product, and how many products there are. */
Extent       product_columns(const ContractPlan *plan, DimEnv *env, const Product *p);
int          product_neighbours(const ContractPlan *plan,
                                const Product      *p); /* worth summing in turn, chunk by chunk of images */
LLVMValueRef product_count(const ContractPlan *plan, DimEnv *env, const Product *p);

/* `computed`: an A seen through windows may be one that is computed as patches of it are loaded. Only minimal filtering can. */
Product product_of(Emit *e, const FnPlan *plan, const Kernel *kernel, bool computed);

/* The product of the extents of some axes of a side; -1 where it is known only at run time. */
int64_t side_extent_constant(const Side *side, const AxisList *list);
Extent  side_extent(DimEnv *env, const Side *side, const AxisList *list);

LLVMValueRef product_units(const ContractPlan *plan, DimEnv *env, const Product *p); /* of one batch element */

#endif
