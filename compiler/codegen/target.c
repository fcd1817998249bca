/* Targets: one table row each. The native target is the row that this machine's features reach, with LLVM's name of the
 * CPU, its features and the cache sizes that the system reports. */
#include "codegen/target.h"

#include <llvm-c/Core.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nnrt.h"

typedef struct TargetRow {
    const char *name, *triple, *cpu, *features;
    const char *needs; /* features that a machine must have to be counted as this row; "|" closes each, as "+avx2|" */
    int         vector_bytes, vector_registers;
    bool        has_fma, has_f16;
    int64_t     l1_bytes, l2_bytes;
} TargetRow;

/* Within one architecture from the weakest to the strongest. */
static const TargetRow rows[] = {
    {"x86-64-v2", "x86_64-unknown-linux-gnu", "x86-64-v2", "", "+sse4.2|+popcnt|", 16, 16, false, false, 32 << 10,
     256 << 10},
    {"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", "", "+avx2|+fma|+f16c|", 32, 16, true, true, 32 << 10,
     512 << 10},
    {"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "-prefer-256-bit", "+avx512f|+avx512bw|+avx512dq|+avx512vl|",
     64, 32, true, true, 32 << 10, 1 << 20},
    {"aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", "", 16, 32, true, true, 64 << 10, 512 << 10},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* Those of NNRT_CPU_FEATURES that stand in `text` as "+name" before `end`. */
static uint64_t needs_of(const char *text, char end) {
#define FEATURE_ROW(bit, name) {UINT64_C(1) << (bit), name},
    static const struct {
        uint64_t    bit;
        const char *name;
    } features[]   = {NNRT_CPU_FEATURES(FEATURE_ROW)};
    uint64_t needs = 0;
    for (const char *at = text; (at = strchr(at, '+')); at++)
        for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
            size_t length = strlen(features[i].name);
            bool   is_it  = !strncmp(at + 1, features[i].name, length) && (at[1 + length] == end || !at[1 + length]);
            if (is_it) needs |= features[i].bit;
        }
    return needs;
}

static bool has_features(const char *features, const char *needs) {
    char one[32];
    for (const char *end; (end = strchr(needs, '|')); needs = end + 1) {
        int length = (int)(end - needs);
        snprintf(one, sizeof one, "%.*s", length, needs);
        const char *at = strstr(features, one);
        while (at && at[length] && at[length] != ',') at = strstr(at + 1, one);
        if (!at) return false;
    }
    return true;
}

static const TargetRow *row_of_machine(const char *features) {
    char            *triple = LLVMGetDefaultTargetTriple();
    const char      *dash   = strchr(triple, '-');
    size_t           arch   = dash ? (size_t)(dash - triple) + 1 : strlen(triple);
    const TargetRow *best   = NULL;
    for (int i = 0; i < ROW_COUNT; i++)
        if (!strncmp(rows[i].triple, triple, arch) && has_features(features, rows[i].needs)) best = &rows[i];
    LLVMDisposeMessage(triple);
    return best;
}

static int64_t cache_bytes(int name, int64_t otherwise) {
    long bytes = sysconf(name);
    return bytes > 0 ? (int64_t)bytes : otherwise;
}

static Target *target_from_row(Arena *arena, const TargetRow *row) {
    Target *target = ARENA_NEW(arena, Target);
    *target        = (Target){.name             = row->name,
                              .triple           = row->triple,
                              .cpu              = row->cpu,
                              .features         = row->features,
                              .vector_bytes     = row->vector_bytes,
                              .vector_registers = row->vector_registers,
                              .has_fma          = row->has_fma,
                              .has_f16          = row->has_f16,
                              .l1_bytes         = row->l1_bytes,
                              .l2_bytes         = row->l2_bytes,
                              .needs            = needs_of(row->needs, '|'),
                              .suffix           = ""};
    return target;
}

/* NULL where this machine is of no row. */
static Target *native_target(Arena *arena) {
    char            *cpu = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
    const TargetRow *row    = row_of_machine(features);
    Target          *target = row ? target_from_row(arena, row) : NULL;
    if (target) {
        target->cpu      = arena_printf(arena, "%s", cpu);
        target->features = arena_printf(arena, "%s%s", features, row->vector_bytes == 64 ? ",-prefer-256-bit" : "");
        target->needs    = needs_of(features, ',');
        target->l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, row->l1_bytes);
        target->l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, row->l2_bytes);
    }
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return target;
}

static Target *named_target(Arena *arena, const char *name) {
    if (!strcmp(name, "native")) return native_target(arena);
    for (int i = 0; i < ROW_COUNT; i++)
        if (!strcmp(name, rows[i].name)) return target_from_row(arena, &rows[i]);
    return NULL;
}

static void report_unknown(Compilation *c, const char *name) {
    const char *names[ROW_COUNT + 1] = {"native"};
    char       *list                 = arena_printf(c->arena, "native");
    for (int i = 0; i < ROW_COUNT; i++) {
        names[i + 1] = rows[i].name;
        list         = arena_printf(c->arena, "%s, %s", list, rows[i].name);
    }
    Diag       *d       = diag_error(c->diags, (Span){0}, E0730, "unknown target '%s'", name);
    const char *nearest = nearest_name(name, names, ROW_COUNT + 1);
    if (nearest) diag_help(d, "did you mean '%s'?", nearest);
    diag_note(d, "the targets are: %s", list);
}

LLVMTargetMachineRef target_machine_new(const Target *target, int opt_level) {
    LLVMTargetRef llvm;
    char         *message = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &llvm, &message)) {
        LLVMDisposeMessage(message);
        return NULL;
    }
    /* "Less" than the default leaves out what gains nothing here and takes a tenth of the time. */
    LLVMCodeGenOptLevel level = opt_level == 0 ? LLVMCodeGenLevelNone : LLVMCodeGenLevelLess;
    return LLVMCreateTargetMachine(llvm, target->triple, target->cpu, target->features, level, LLVMRelocPIC,
                                   LLVMCodeModelDefault);
}

static bool open_machine(Compilation *c, Target *target) {
    target->machine = target_machine_new(target, c->options.opt_level);
    if (!target->machine)
        diag_error(c->diags, (Span){0}, E0730, "this LLVM cannot generate code for '%s'", target->name);
    return target->machine != NULL;
}

/* Once a process. Loops come with pointers that step as they should, so LLVM's rewriting of them gained nothing in any kernel measured; it is
 * a fifth of code generation's time (the option exists on LLVM's command line alone). */
static void start_llvm(void) {
    static const char *const options[] = {"nnc", "-disable-lsr"};
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMParseCommandLineOptions(2, options, NULL);
}

static Target *open_target(Compilation *c, const char *name) {
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    pthread_once(&started, start_llvm);
    Target *target = named_target(c->arena, name);
    if (!target) {
        report_unknown(c, name);
        return NULL;
    }
    return open_machine(c, target) ? target : NULL;
}

Target *target_new(Compilation *c) {
    return open_target(c, c->options.target ? c->options.target : "native");
}

/* ---- several ------------------------------------------------------------------------------------------------------------------ */

static int strength(const Target *target) {
    for (int i = 0; i < ROW_COUNT; i++)
        if (!strcmp(target->name, rows[i].name)) return i;
    BUG("a target of no row");
}

/* Whether `next` may stand beside those before it. */
static bool goes_with(Compilation *c, const TargetList *list, const Target *next) {
    for (int i = 0; i < list->len; i++) {
        const Target *other = list->data[i];
        if (!strcmp(other->name, next->name)) {
            Diag *d = diag_error(c->diags, (Span){0}, E0731, "target '%s' is named twice", next->name);
            diag_note(d, "'native' is the strongest of them that this machine runs");
            diag_help(d, "name each target of --target once");
            return false;
        }
        if (strcmp(other->triple, next->triple) != 0) {
            Diag *d = diag_error(c->diags, (Span){0}, E0731, "targets '%s' and '%s' are of two architectures",
                                 other->name, next->name);
            diag_help(d, "one file holds code for one architecture: compile once for each");
            return false;
        }
    }
    return true;
}

static void insert(TargetList *list, Target *target) {
    int at = list->len++;
    for (; at > 0 && strength(list->data[at - 1]) > strength(target); at--) list->data[at] = list->data[at - 1];
    list->data[at] = target;
}

TargetList targets_new(Compilation *c) {
    const char *text = c->options.target ? c->options.target : "native";
    TargetList  list = {.data = ARENA_ARRAY(c->arena, Target *, strlen(text) + 1)};
    while (text) {
        const char *comma  = strchr(text, ',');
        const char *name   = arena_strndup(c->arena, text, comma ? (size_t)(comma - text) : strlen(text));
        Target     *target = open_target(c, name);
        bool        fits   = target && goes_with(c, &list, target);
        if (target && !fits) target_free(target);
        if (!fits) {
            targets_free(list);
            return (TargetList){0};
        }
        insert(&list, target);
        text = comma ? comma + 1 : NULL;
    }
    for (int i = 1; i < list.len; i++) list.data[i]->suffix = arena_printf(c->arena, ".%s", list.data[i]->name);
    return list;
}

void targets_free(TargetList targets) {
    for (int i = 0; i < targets.len; i++) target_free(targets.data[i]);
}

void target_free(Target *target) {
    if (target) LLVMDisposeTargetMachine(target->machine);
}
