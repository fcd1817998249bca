/* A module is written as bitcode once. Each shard reads it lazily into a context of its own, drops the bodies that other shards have
 * and all data but the first shard's, and compiles what is left. */
#include "codegen/shards.h"

#include <llvm-c/BitReader.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/vec.h"
#include "codegen/passes.h"

enum {
    SHARD_WORK  = 4000, /* instructions, about 60 ms: less is not worth a shard, which costs some ms of its own */
    SHARDS_MOST = 16,
};

typedef struct Job { /* one shard of one module */
    LLVMMemoryBufferRef bitcode;
    const Target       *target;
    const int          *shard_of; /* by function of the module */
    int                 shard;
    int64_t             work;
    LLVMMemoryBufferRef object; /* the result */
} Job;

struct Shards {
    Arena *arena;
    int    opt_level;
    VEC(Job) jobs;
    atomic_int next;
    int       *order; /* of the jobs, the longest first */
};

Shards *shards_new(Arena *arena, int opt_level) {
    Shards *shards    = ARENA_NEW(arena, Shards);
    shards->arena     = arena;
    shards->opt_level = opt_level;
    return shards;
}

/* ---- dealing out -------------------------------------------------------------------------------------------------------------- */

int64_t shards_function_work(LLVMValueRef function) {
    int64_t n = 0;
    for (LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(function); block; block = LLVMGetNextBasicBlock(block))
        for (LLVMValueRef i = LLVMGetFirstInstruction(block); i; i = LLVMGetNextInstruction(i)) n++;
    return n;
}

int64_t shards_work(LLVMModuleRef module) {
    int64_t n = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) n += shards_function_work(f);
    return n;
}

static int shard_count(int64_t work) {
    int64_t count = work / SHARD_WORK;
    return count < 1 ? 1 : count > SHARDS_MOST ? SHARDS_MOST : (int)count;
}

bool shards_pay(int64_t work) {
    return shard_count(work) > 1;
}

typedef struct Share {
    int     index;
    int64_t work;
} Share;

static int larger_first(const void *x, const void *y) {
    const Share *a = x, *b = y;
    if (a->work != b->work) return a->work > b->work ? -1 : 1;
    return a->index - b->index;
}

/* The largest function first, each to the shard that has least. */
static void deal_out(Arena *arena, LLVMModuleRef module, int *shard_of, int n_functions, int64_t *loads, int n_shards) {
    Share *shares = ARENA_ARRAY(arena, Share, n_functions + 1);
    int    index  = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f), index++)
        shares[index] = (Share){index, shards_function_work(f)};
    qsort(shares, (size_t)n_functions, sizeof *shares, larger_first);
    for (int i = 0; i < n_functions; i++) {
        int least = 0;
        for (int k = 1; k < n_shards; k++)
            if (loads[k] < loads[least]) least = k;
        shard_of[shares[i].index] = least;
        loads[least] += shares[i].work;
    }
}

/* ---- names that shards know of each other -------------------------------------------------------------------------------------- */

static void make_known(Arena *arena, LLVMValueRef value, const char *name, const char *suffix) {
    const char *full = arena_printf(arena, "%s%s", name, suffix);
    LLVMSetValueName2(value, full, strlen(full));
    LLVMSetLinkage(value, LLVMExternalLinkage);
    LLVMSetVisibility(value, LLVMHiddenVisibility);
}

static bool is_inside(LLVMValueRef value) {
    return LLVMGetLinkage(value) == LLVMInternalLinkage || LLVMGetLinkage(value) == LLVMPrivateLinkage;
}

/* Data that functions use, and not only other data. */
static bool is_used_by_code(LLVMValueRef value) {
    for (LLVMUseRef use = LLVMGetFirstUse(value); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);
        if (LLVMIsAInstruction(user)) return true;
        if (!LLVMIsAGlobalVariable(user) && is_used_by_code(user)) return true;
    }
    return false;
}

static void make_all_known(Arena *arena, LLVMModuleRef module, const char *suffix) {
    size_t length;
    int    number = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        if (is_inside(f)) make_known(arena, f, LLVMGetValueName2(f, &length), suffix);
    for (LLVMValueRef g = LLVMGetFirstGlobal(module); g; g = LLVMGetNextGlobal(g), number++)
        if (is_inside(g) && is_used_by_code(g))
            make_known(arena, g, arena_printf(arena, "nnc.data.%d", number), suffix);
}

void shards_add(Shards *shards, LLVMModuleRef module, const Target *target, const char *suffix) {
    int n_functions = 0, n_shards = shard_count(shards_work(module));
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) n_functions++;
    int     *shard_of = ARENA_ARRAY(shards->arena, int, n_functions + 1);
    int64_t *loads    = ARENA_ARRAY(shards->arena, int64_t, n_shards);
    make_all_known(shards->arena, module, suffix);
    deal_out(shards->arena, module, shard_of, n_functions, loads, n_shards);
    LLVMMemoryBufferRef bitcode = LLVMWriteBitcodeToMemoryBuffer(module);
    for (int i = 0; i < n_shards; i++) {
        Job job = {bitcode, target, shard_of, i, loads[i], NULL};
        vec_push(shards->arena, &shards->jobs, job);
    }
}

/* ---- one shard ----------------------------------------------------------------------------------------------------------------- */

static void run_passes(LLVMModuleRef module, const char *passes, LLVMTargetMachineRef machine) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef              error   = LLVMRunPasses(module, passes, machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) BUG("LLVM refused the passes of a shard: %s", LLVMGetErrorMessage(error));
}

/* Bodies of other shards go unread; the shard's own are read. */
static void keep_functions(const Job *job, LLVMModuleRef module, LLVMTargetMachineRef machine) {
    int index = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f), index++)
        if (!LLVMIsDeclaration(f) && job->shard_of[index] != job->shard)
            LLVMSetLinkage(f, LLVMAvailableExternallyLinkage);
    run_passes(module, "elim-avail-extern", machine);
    LLVMPassManagerRef reader = LLVMCreateFunctionPassManagerForModule(module);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f)) LLVMRunFunctionPassManager(reader, f);
    LLVMDisposePassManager(reader);
}

/* The first shard has the data. */
static void keep_data(const Job *job, LLVMModuleRef module) {
    if (!job->shard) return;
    for (LLVMValueRef g = LLVMGetFirstGlobal(module); g; g = LLVMGetNextGlobal(g)) {
        if (LLVMIsDeclaration(g)) continue;
        LLVMSetInitializer(g, NULL);
        LLVMSetLinkage(g, LLVMExternalLinkage);
    }
}

static void compile_shard(const Shards *shards, Job *job) {
    Target target               = *job->target;
    target.machine              = target_machine_new(job->target, shards->opt_level);
    LLVMContextRef      context = LLVMContextCreate();
    LLVMModuleRef       module;
    char               *message = NULL;
    LLVMMemoryBufferRef bitcode = LLVMCreateMemoryBufferWithMemoryRange(
        LLVMGetBufferStart(job->bitcode), LLVMGetBufferSize(job->bitcode), "module", false);
    if (LLVMGetBitcodeModuleInContext2(context, bitcode, &module)) BUG("LLVM does not read what it wrote");
    keep_functions(job, module, target.machine);
    keep_data(job, module);
    codegen_run_passes(module, &target, shards->opt_level);
    if (LLVMTargetMachineEmitToMemoryBuffer(target.machine, module, LLVMObjectFile, &message, &job->object))
        BUG("LLVM cannot emit code for '%s': %s", target.name, message);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    LLVMDisposeTargetMachine(target.machine);
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------- */

static void *work(void *argument) {
    Shards *shards = argument;
    for (int i; (i = atomic_fetch_add(&shards->next, 1)) < shards->jobs.len;)
        compile_shard(shards, &shards->jobs.data[shards->order[i]]);
    return NULL;
}

static int *longest_first(const Shards *shards) {
    Share *shares = ARENA_ARRAY(shards->arena, Share, shards->jobs.len + 1);
    int   *order  = ARENA_ARRAY(shards->arena, int, shards->jobs.len + 1);
    for (int i = 0; i < shards->jobs.len; i++) shares[i] = (Share){i, shards->jobs.data[i].work};
    qsort(shares, (size_t)shards->jobs.len, sizeof *shares, larger_first);
    for (int i = 0; i < shards->jobs.len; i++) order[i] = shares[i].index;
    return order;
}

/* Fewer where a thread cannot be had; signals are the first thread's. */
static void run_threads(Shards *shards) {
    pthread_t threads[SHARDS_MOST * 8];
    long      cores = sysconf(_SC_NPROCESSORS_ONLN);
    int       most = (int)(sizeof threads / sizeof *threads), n = 0;
    int       wanted = (int)(cores < shards->jobs.len ? cores : shards->jobs.len) - 1;
    sigset_t  all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (n < wanted && n < most && !pthread_create(&threads[n], NULL, work, shards)) n++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    work(shards);
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

static void free_bitcode(const Shards *shards) {
    for (int i = 0; i < shards->jobs.len; i++)
        if (!shards->jobs.data[i].shard) LLVMDisposeMemoryBuffer(shards->jobs.data[i].bitcode);
}

ElfBytes shards_compile(Shards *shards) {
    int       n       = shards->jobs.len;
    ElfBytes *objects = ARENA_ARRAY(shards->arena, ElfBytes, n + 1);
    shards->order     = longest_first(shards);
    run_threads(shards);
    for (int i = 0; i < n; i++) {
        LLVMMemoryBufferRef object = shards->jobs.data[i].object;
        objects[i]                 = (ElfBytes){LLVMGetBufferStart(object), LLVMGetBufferSize(object)};
    }
    ElfBytes joined = elf_join(shards->arena, objects, n);
    for (int i = 0; i < n; i++) LLVMDisposeMemoryBuffer(shards->jobs.data[i].object);
    free_bitcode(shards);
    return joined;
}
