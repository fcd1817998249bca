/* The name a user probably meant. */
#ifndef NNRT_EXTRAS_NEAREST_H
#define NNRT_EXTRAS_NEAREST_H

/* The candidate within a third of the name's length in edits (at least 1, of a single letter none), or NULL. `at(i,
 * context)` gives candidate i. */
const char *nnrt_nearest(const char *name, const char *(*at)(int i, const void *context), const void *context, int n);

#endif
