/* The commands of nnc beside compiling. Each returns the exit code. */
#ifndef NNC_COMMANDS_COMMANDS_H
#define NNC_COMMANDS_COMMANDS_H

#include "options.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Diagnostics to standard error, as the command line wants them. */
void command_report(const Compilation *c, const CommandLine *line);

/* Writes a text; "-" is standard output. False after a diagnostic. */
bool command_write(Compilation *c, const char *path, const char *text, size_t length);

int command_test(const CommandLine *line);
int command_gradcheck(Compilation *c, const CommandLine *line);
int command_tune(Compilation *c, const CommandLine *line);
int command_doc(Compilation *c, const CommandLine *line);
int command_train(Compilation *c, const CommandLine *line);

#endif
