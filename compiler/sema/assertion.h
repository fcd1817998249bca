/* Inside sema/: the statements that only tests have. */
#ifndef NNC_SEMA_ASSERTION_H
#define NNC_SEMA_ASSERTION_H

#include "sema/elab.h"
#include "sema/suite.h"

/* `assert condition` in a test: the condition and, where it is a comparison, its two sides become results of the test. */
void test_assert(Elab *e, Env *env, const Stmt *stmt);

/* `training := true` in a test: layers that are called from there on train. False where the statement is something else. */
bool test_sets_mode(Elab *e, Env *env, const Stmt *stmt);

/* In a test, an optimizer takes a step of one tensor and gives its new value, and a metric measures one batch. Named by 'let',
 * each keeps its state from call to call; a schedule gets its step and total as a program's does, at run time. */
Value test_apply(Elab *e, const Function *fn, Call *call);

#endif
