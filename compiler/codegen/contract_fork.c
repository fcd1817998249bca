/* Whether a tile's sums go to the store anchor from the registers, the anchor repeated for each of their vectors, or by way of scratch: that the
 * anchor's size says. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

/* Instructions of an anchor worth repeating for each vector of a tile: in general, and in the code of small steps, where less is worth sparing. */
enum { SHORT_ANCHOR = 20, LONG_ANCHOR = 60 };

unsigned contract_anchor_most(const ContractPlan *plan) {
    return plan->shape.is_small ? LONG_ANCHOR : SHORT_ANCHOR;
}

static unsigned count_instructions(LLVMBasicBlockRef block) {
    unsigned n = 0;
    for (LLVMValueRef i = LLVMGetFirstInstruction(block); i; i = LLVMGetNextInstruction(i)) n++;
    return n;
}

/* The anchor's size is how many instructions it emitted; one with control flow counts as long. */
unsigned contract_store_vector(const ContractEmit *e, LLVMValueRef i, LLVMValueRef j, LLVMValueRef value,
                               LLVMValueRef mask) {
    LLVMBasicBlockRef block  = LLVMGetInsertBlock(e->b);
    unsigned          before = count_instructions(block);
    e->spec->store(e->spec->store_user, i, j, value, e->plan->lanes, mask);
    return LLVMGetInsertBlock(e->b) == block ? count_instructions(block) - before : contract_anchor_most(e->plan) + 1;
}

/* The way by scratch is emitted first: only then is the anchor's size known, and with it whether there is another way. */
void contract_fork(LLVMBuilderRef b, LLVMValueRef whole, unsigned most, unsigned (*by_scratch)(void *user),
                   void (*by_registers)(void *user), void *user) {
    LLVMContextRef    context = irb_context(b);
    LLVMBasicBlockRef fork    = LLVMGetInsertBlock(b),
                      scratch = LLVMAppendBasicBlockInContext(context, irb_function(b), "by_scratch");
    LLVMPositionBuilderAtEnd(b, scratch);
    bool              is_short = by_scratch(user) <= most;
    LLVMBasicBlockRef after    = LLVMAppendBasicBlockInContext(context, irb_function(b), "stepped");
    LLVMBuildBr(b, after);
    LLVMPositionBuilderAtEnd(b, fork);
    if (is_short) {
        LLVMBasicBlockRef registers = LLVMAppendBasicBlockInContext(context, irb_function(b), "by_registers");
        LLVMBuildCondBr(b, whole, registers, scratch);
        LLVMPositionBuilderAtEnd(b, registers);
        by_registers(user);
        LLVMBuildBr(b, after);
    } else {
        LLVMBuildBr(b, scratch);
    }
    LLVMPositionBuilderAtEnd(b, after);
}
