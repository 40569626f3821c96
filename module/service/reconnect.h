/* What a dispatcher does before its first tick on a session: fences off its older ticks, then
 * compares memory with the database. */
#ifndef SERVICE_RECONNECT_H
#define SERVICE_RECONNECT_H
#include "module/service/datasource.h"

/* Opens ds->sql and settles everything an interrupted tick left unknown. On failure ds->sql is
 * NULL. */
int reconnect(struct datasource *ds, struct jobs_error *err);
#endif
