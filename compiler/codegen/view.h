/* Inside codegen/: strided views of located tensors, for contractions. */
#ifndef NNC_CODEGEN_VIEW_H
#define NNC_CODEGEN_VIEW_H

#include "codegen/emit.h"

enum { VIEW_STARTS = 8 };
typedef struct View { /* element (i, j, ...) is at base + offset + i * strides[0] + ... */
    const Location *base;
    ElemType        elem;
    int             rank;
    const Dim      *strides[MAX_RANK], *offset;
    int             n_starts; /* of dynamic slices: start * stride elements more, each */
    struct {
        Node      *start;
        const Dim *stride;
    } starts[VIEW_STARTS];
} View;

/* Several axes taken as one index i: at (i / run) * outer + (i % run) * stride, or i * stride where `outer` is NULL. */
typedef struct ViewLevels {
    const Dim *stride, *run, *outer;
} ViewLevels;

/* False when `node` is not such a view of memory. */
bool view_of(Emit *e, const FnPlan *plan, const Kernel *kernel, const Node *node, View *view);
/* False where the axes fall into more than two levels. */
bool view_levels(Emit *e, const View *view, const Type *type, int count, const int *axes, ViewLevels *levels);
/* What it adds to the base, in elements. */
Index view_offset(KernelEmit *k, const View *view);

#endif
