/* Inside sema/: the loop whose body is being elaborated, for what behaves differently in it. */
#ifndef NNC_SEMA_SCAN_H
#define NNC_SEMA_SCAN_H

#include "sema/elab.h"

typedef struct ScanScope ScanScope;

Value eval_scan(Elab *e, Env *env, const Expr *expr);
void  exec_emit(Elab *e, Env *env, const Stmt *stmt);

/* Random numbers; in a loop other ones each step. NULL after a report. */
Node *scan_random(Elab *e, Op op, const Type *type, RandomKey key, Span span);
/* Layer state is about to be read or written: in a loop it becomes a carry. Elab.current has room for it. */
void scan_carry_slot(Elab *e, int slot);
/* What is made outside of the loop's body cannot be assigned in it; false after a report. */
bool scan_may_assign(Elab *e, const Env *env, const Name *name, const Binding *binding);

#endif
