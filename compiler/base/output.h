/* Writing results: a file is there whole or not at all, and an older one of its name stays until then. */
#ifndef NNC_BASE_OUTPUT_H
#define NNC_BASE_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"

/* Writes `path`; "-" is standard output, and a device or a pipe is written to as it is. NULL, or why it failed: nothing
 * is left behind then. */
const char *output_write(Arena *arena, const char *path, const void *bytes, size_t nbytes);

/* "PATH.PID.tmp" and the suffix: the name under which this process writes `path` before it is whole. What a process that was
 * killed has left of that kind more than a minute ago is removed. */
const char *output_temporary(Arena *arena, const char *path, const char *suffix);

/* Between hold and release, interrupts (^C, termination, the end of the terminal) wait, so that temporary files are removed
 * first; release delivers them. */
void interrupts_hold(sigset_t *before);
void interrupts_release(const sigset_t *before);

/* Under hold: starts a program, found on PATH, as the leader of a process group, with interrupts as they were `before`, and
 * waits; an interrupt ends the group. Returns the exit status (128 + signal for a death), -1 when it cannot be started. */
int interruptible_run(const char *const *argv, const sigset_t *before);

#endif
