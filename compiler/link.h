/* The last step to an executable: the system's C compiler links the object with the runtime, as rustc does. */
#ifndef NNC_LINK_H
#define NNC_LINK_H

#include "plan/kernel.h"

/* Writes an executable to `path`, whole or not at all. False after E07xx (no C compiler, no runtime library, the link
 * failed, not writable, cross target). */
bool executable_from_plan(Compilation *c, const Plan *plan, const char *path);

#endif
