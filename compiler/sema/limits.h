/* Bounds on elaboration, so that no program makes the compiler hang or exhaust memory. Each has its diagnostic. */
#ifndef NNC_SEMA_LIMITS_H
#define NNC_SEMA_LIMITS_H

enum {
    MAX_EVAL_DEPTH  = 1200,    /* expressions and statements within each other, through all calls */
    MAX_CALL_DEPTH  = 64,      /* calls of fns and layers within each other */
    MAX_UNROLL      = 4096,    /* iterations of one `for` or `repeat` */
    MAX_EVAL_STEPS  = 2000000, /* expressions evaluated in all modes together */
    MAX_NODES       = 400000,  /* graph nodes */
    MAX_LIST_DEPTH  = 6,
    MAX_MODULES     = 256,
    MAX_IMPORT_FILE = 4 << 20, /* bytes of one imported file */
};

#define MAX_ELEMENTS ((int64_t)1 << 38) /* of one tensor, counting its constant dims */

#endif
