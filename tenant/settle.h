/* Transactions of others that stand in the way of a removal or a move: waiting for them, and who
 * they are. */
#ifndef TENANT_SETTLE_H
#define TENANT_SETTLE_H
#include "module/jobs.h"

struct sql;

enum { TENANT_HOLDER_SIZE = 400 };

/* Waits until all transactions have ended that are writing jobs of the schema now; each that comes
 * later sees what has been committed by now. Until `deadline` (clock_now()) at most: ret_who then
 * names who is waited for, and is "" otherwise. No transaction may be open. */
int tenant_settle(struct sql *sql, int64_t deadline, char ret_who[TENANT_HOLDER_SIZE],
                  struct jobs_error *err);
/* Who holds jobs or tenants of the schema in a transaction at this moment; "nobody any more" is an
 * answer, too. */
int tenant_name_holder(struct sql *sql, char ret[TENANT_HOLDER_SIZE]);
#endif
