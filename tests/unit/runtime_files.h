/* Temporary files for the runtime's tests: one folder a test program. */
#ifndef TESTS_UNIT_RUNTIME_FILES_H
#define TESTS_UNIT_RUNTIME_FILES_H

#include <stddef.h>

/* Writes the bytes to NAME in the current folder, which files_enter made; gzip where the name ends in .gz. Returns
 * name. */
const char *files_write(const char *name, const void *bytes, size_t size);
const char *files_write_text(const char *name, const char *text);

/* Enters a fresh temporary folder; leaves and removes it with all files in it. */
int files_enter(void **state);
int files_leave(void **state);

#endif
