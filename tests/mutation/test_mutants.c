/* test_mutants STEP FILE...: every STEP-th mutant of every program (NNC_ALL_MUTANTS=1: each one) compiles, or is refused with an
 * error in the statement of the change or after it, one whose label points there, or one in code that such a line has called. None
 * crashes the compiler, none takes more than two seconds. The exception: a name that nothing uses is reported where it is
 * bound, although the change may have taken away its only use behind that.
 *
 * Mutants run in a child process, one after the other; a child that dies is reported with its mutant and replaced. */
#define _GNU_SOURCE

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag_internal.h"
#include "front_half.h"
#include "mutants.h"

#ifdef __SANITIZE_ADDRESS__
enum { SECONDS_A_MUTANT = 20 };
#else
enum { SECONDS_A_MUTANT = 2 };
#endif

typedef struct Progress { /* shared between the parent and its child */
    size_t next;          /* index of the mutant to try next, over all files */
    size_t tried, failed, compiled;
    bool   inside; /* a mutant is being tried */
    char   path[256], what[96];
    size_t line;
} Progress;

typedef struct Run {
    Progress   *progress;
    const char *path;
    const char *original;
    size_t      index; /* of the mutant visited, over all files */
    size_t      step;  /* every step-th is tried */
} Run;

/* ---- judging ------------------------------------------------------------------------------------------------------ */

static size_t line_at(const char *text, size_t place) {
    size_t line = 1;
    for (size_t i = 0; i < place && text[i]; i++) line += text[i] == '\n';
    return line;
}

/* Where the statement that holds `place` begins: on the first line before it that no bracket holds open and that does not go on
 * the line above. */
static size_t statement_begin(const char *text, size_t place) {
    size_t begin = 0;
    int    depth = 0;
    for (size_t i = 0; i < place; i++) {
        depth += (text[i] == '(' || text[i] == '[') - (text[i] == ')' || text[i] == ']');
        size_t word = i + 1 + strspn(text + i + 1, " ");
        if (text[i] == '\n' && depth == 0 && !strchr("|+-*/.", text[word])) begin = i + 1;
    }
    return begin;
}

static bool at_or_after(Span span, size_t begin) {
    return span.file == 1 && (span.end > begin || span.begin >= begin);
}

/* An unused name whose use in the original stands at or after the change. */
static bool use_changed(const Diag *diag, const Mutant *mutant, const char *original) {
    if (diag->code != E0106) return false;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(diag->span.end - diag->span.begin), mutant->text + diag->span.begin);
    return strstr(original + mutant->place, name) != NULL;
}

/* Does a note such as "in layer 'dense', called at xor.nnet:8" name a line of the program from `line` on? */
static bool note_from(const char *note, const char *path, size_t line) {
    const char *slash = strrchr(path, '/');
    const char *name  = slash ? slash + 1 : path;
    for (const char *at = note; (at = strstr(at, name)); at += strlen(name))
        if (at[strlen(name)] == ':' && strtoul(at + strlen(name) + 1, NULL, 10) >= line) return true;
    return false;
}

static const Diag *first_error(const DiagVec *diags) {
    for (int i = 0; i < diags->len; i++)
        if (diags->data[i]->severity == SEVERITY_ERROR) return diags->data[i];
    return NULL;
}

/* What is wrong with the outcome; NULL when nothing is. */
static const char *judge(const FrontHalf *half, const char *path, const Mutant *mutant, const char *original) {
    DiagVec     diags = diags_sorted(half->c.diags);
    const Diag *diag  = first_error(&diags);
    if (half->planned && diag) return "planned in spite of errors";
    if (half->planned) return NULL;
    if (!diag) return "no plan and no error";
    size_t begin = statement_begin(mutant->text, mutant->place);
    if (at_or_after(diag->span, begin) || use_changed(diag, mutant, original)) return NULL;
    for (int i = 0; i < diag->labels.len; i++)
        if (at_or_after(diag->labels.data[i].span, begin)) return NULL;
    size_t line = line_at(mutant->text, begin);
    for (int i = 0; i < diag->notes.len; i++)
        if (note_from(diag->notes.data[i], path, line)) return NULL;
    return "the first error is before the change";
}

/* ---- trying ------------------------------------------------------------------------------------------------------- */

static void report(const char *path, size_t line, const char *what, const char *wrong, const char *detail) {
    printf("%s:%zu: %s: %s\n%s", path, line, what, wrong, detail);
    fflush(stdout);
}

static void try_mutant(Run *run, const Mutant *mutant) {
    Progress *p = run->progress;
    snprintf(p->path, sizeof p->path, "%s", run->path);
    snprintf(p->what, sizeof p->what, "%s", mutant->what);
    p->line   = line_at(mutant->text, mutant->place);
    p->inside = true;
    alarm(SECONDS_A_MUTANT);
    FrontHalf   half  = front_half_run(run->path, mutant->text, mutant->length);
    char       *text  = front_half_render(&half);
    const char *wrong = judge(&half, run->path, mutant, run->original);
    if (wrong) report(run->path, p->line, mutant->what, wrong, text), p->failed++;
    p->compiled += half.planned;
    p->tried++;
    alarm(0);
    p->inside = false;
    free(text);
    front_half_free(&half);
}

static void visit(void *context, const Mutant *mutant) {
    Run   *run   = context;
    size_t index = run->index++;
    if (index < run->progress->next || index % run->step != 0) return;
    run->progress->next = index + 1;
    try_mutant(run, mutant);
}

/* The originals have to compile: a mutant of what is refused anyway shows nothing. */
static bool original_compiles(const char *path, const char *text, size_t length) {
    FrontHalf half = front_half_run(path, text, length);
    bool      ok   = half.planned;
    if (!ok) {
        char *diags = front_half_render(&half);
        report(path, 1, "the original", "does not compile", diags);
        free(diags);
    }
    front_half_free(&half);
    return ok;
}

/* In the child: all files from where the last child ended. */
static void run_files(Run *run, char **paths, int count) {
    for (int i = 0; i < count; i++) {
        size_t length;
        char  *text   = read_whole_file(paths[i], &length);
        run->path     = paths[i];
        run->original = text;
        mutants_visit(text, length, visit, run);
        free(text);
    }
}

static void report_death(Progress *p, int status) {
    int         signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const char *wrong  = signal == SIGALRM ? "takes too long" : "the compiler crashes";
    report(p->path, p->line, p->what, wrong, "");
    p->failed++;
    p->inside = false;
}

static void run_worker(Run *run, char **paths, int count) {
    for (;;) {
        fflush(stdout);
        pid_t child = fork();
        if (child < 0) abort();
        if (child == 0) {
            run_files(run, paths, count);
            fflush(stdout);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        report_death(run->progress, status);
    }
}

static bool originals_compile(char **paths, int count) {
    bool ok = true;
    for (int i = 0; i < count; i++) {
        size_t length;
        char  *text = read_whole_file(paths[i], &length);
        if (!text) printf("%s: cannot be read\n", paths[i]);
        ok = text && original_compiles(paths[i], text, length) && ok;
        free(text);
    }
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 3 || atoi(argv[1]) < 1) return 2;
    size_t    step     = getenv("NNC_ALL_MUTANTS") ? 1 : (size_t)atoi(argv[1]);
    Progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED) return 2;
    Run  run = {.progress = progress, .step = step};
    bool ok  = originals_compile(argv + 2, argc - 2);
    if (ok) run_worker(&run, argv + 2, argc - 2);
    printf("%zu mutants tried: %zu compile, %zu fail\n", progress->tried, progress->compiled, progress->failed);
    return !ok || progress->failed;
}
