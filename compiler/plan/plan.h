/* Inside plan/: memory planning. */
#ifndef NNC_PLAN_PLAN_H
#define NNC_PLAN_PLAN_H

#include "plan/fuse.h"

/* lifetime.c: sets Buffer.first and last. */
void buffers_live(Compilation *c, FnPlan *plan);

#endif
