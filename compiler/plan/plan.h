/* Inside plan/: memory planning. */
#ifndef NNC_PLAN_PLAN_H
#define NNC_PLAN_PLAN_H

#include "plan/fuse.h"

typedef VEC(int) IntVec;

/* lifetime.c: the buffers that the kernel writes or reads, each once; sets Buffer.first and last. */
void kernel_buffers(Compilation *c, const FnPlan *plan, const Kernel *kernel, IntVec *buffers);
void buffers_live(Compilation *c, FnPlan *plan);

/* inplace.c: sets Buffer.over. Requires: lifetimes. */
void buffers_in_place(Compilation *c, FnPlan *plan);

/* assign.c: the places of a function's buffers; may be called again. */
void places_assign(Compilation *c, FnPlan *plan, const int64_t *sizes);

/* budget.c: plans training functions anew so that they fit --memory. Error E0750 where they cannot. */
void plan_fit_memory(Compilation *c, Plan *plan, Program *program);

/* nominal.c: values of the symbolic dims for decisions, and the bytes that a tensor takes in the workspace then. */
const int64_t *nominal_sizes(Compilation *c, const Program *program);
int64_t        nominal_bytes(const int64_t *sizes, const Type *type);

#endif
