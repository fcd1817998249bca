/* The last step: the system's C compiler links the object with the runtime, as rustc does; an archive is `ar`'s. */
#ifndef NNC_LINK_H
#define NNC_LINK_H

#include "plan/kernel.h"

typedef enum LinkKind {
    LINK_EXECUTABLE,
    LINK_SHARED,  /* with the runtime in it, saving and loading included */
    LINK_ARCHIVE, /* the object and the core runtime */
} LinkKind;

/* Writes `path`, whole or not at all. False after E07xx (no C compiler, no runtime library, the link failed, not
 * writable, cross target). */
bool linked_from_plan(Compilation *c, const Plan *plan, LinkKind kind, const char *path);

#endif
