/* nnc: options and exit code. The passes are in pipeline.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ast/parse.h"
#include "ast/print.h"
#include "base/output.h"
#include "commands/commands.h"
#include "options.h"
#include "pipeline.h"

void command_report(const Compilation *c, const CommandLine *line) {
    diags_render(c->diags, stderr, line->diag_format, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
}

bool command_write(Compilation *c, const char *path, const char *text, size_t length) {
    const char *wrong = output_write(c->arena, path, text, length);
    const char *name  = strcmp(path, "-") ? arena_printf(c->arena, "'%s'", path) : "standard output";
    if (wrong) diag_error(c->diags, (Span){0}, E0743, "cannot write %s: %s", name, wrong);
    return !wrong;
}

static int run_compile(Compilation *c, const CommandLine *line) {
    char  *text   = NULL;
    size_t length = 0;
    FILE  *out    = open_memstream(&text, &length);
    if (!out) return EXIT_FAILED;
    bool ok = compile(c, line->product, out);
    fclose(out);
    if (ok && line->product != PRODUCT_CHECK && line->product < PRODUCT_LLVM)
        ok = command_write(c, line->options.output ? line->options.output : "-", text, length);
    command_report(c, line);
    free(text);
    return ok && diags_error_count(c->diags) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int format_file(Compilation *c, const char *path, const CommandLine *line) {
    Module *module = ast_from_file(c, path);
    if (!module || diags_error_count(c->diags)) return EXIT_FAILED;
    size_t      old_length, length = 0;
    const char *old  = diags_source_text(c->diags, module->file, &old_length);
    char       *text = NULL;
    FILE       *out  = open_memstream(&text, &length);
    if (!out) return EXIT_FAILED;
    ast_fmt(c, module, out);
    fclose(out);
    bool same = length == old_length && memcmp(text, old, length) == 0;
    int  code = EXIT_OK;
    if (strcmp(path, "-") == 0) {
        if (!command_write(c, path, text, length)) code = EXIT_FAILED;
    } else if (line->fmt_check) {
        if (!same) fprintf(stderr, "%s is not formatted; run: nnc fmt %s\n", path, path), code = EXIT_FAILED;
    } else if (!same && !command_write(c, path, text, length)) {
        code = EXIT_FAILED;
    }
    free(text);
    return code;
}

static int run_fmt(Compilation *c, const CommandLine *line) {
    int code = EXIT_OK;
    for (int i = 0; i < line->n_operands; i++)
        if (format_file(c, line->operands[i], line) != EXIT_OK) code = EXIT_FAILED;
    command_report(c, line);
    return code;
}

static int run_explain(const CommandLine *line) {
    int code = EXIT_OK;
    for (int i = 0; i < line->n_operands; i++) {
        DiagCode    which = diag_code_parse(line->operands[i]);
        size_t      length;
        const char *page = which == DIAG_CODE_COUNT ? NULL : diag_explain(which, &length);
        if (page) {
            fwrite(page, 1, length, stdout);
        } else {
            fprintf(stderr, "nnc: there is no error code '%s'; codes look like E0301, see docs/errors.md\n",
                    line->operands[i]);
            code = EXIT_USAGE;
        }
    }
    return code;
}

/* What a command wrote on standard output must have got there. */
static int finish_stdout(int code) {
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return code;
    fprintf(stderr, "nnc: cannot write standard output%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
    return code == EXIT_OK ? EXIT_FAILED : code;
}

int main(int argc, char **argv) {
    Arena      *arena = arena_new();
    CommandLine line;
    if (!options_parse(arena, argc, argv, &line)) {
        arena_free(arena);
        return EXIT_USAGE;
    }
    Compilation c    = {arena, intern_new(arena), diags_new(arena), line.options, NULL};
    int         code = EXIT_OK;
    switch (line.command) {
    case COMMAND_COMPILE:
    case COMMAND_CHECK: code = run_compile(&c, &line); break;
    case COMMAND_FMT: code = run_fmt(&c, &line); break;
    case COMMAND_EXPLAIN: code = run_explain(&line); break;
    case COMMAND_TEST: code = command_test(&line); break;
    case COMMAND_GRADCHECK: code = command_gradcheck(&c, &line); break;
    case COMMAND_TUNE: code = command_tune(&c, &line); break;
    case COMMAND_DOC: code = command_doc(&c, &line); break;
    case COMMAND_TRAIN: code = command_train(&c, &line); break;
    case COMMAND_HELP: options_help(stdout, line.help_on); break;
    case COMMAND_VERSION: puts("nnc " NNC_VERSION); break;
    }
    arena_free(arena);
    return finish_stdout(code);
}
