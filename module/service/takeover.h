/* Taking over the jobs of lost instances. Dispatcher thread, between ticks, on its session. */
#ifndef SERVICE_TAKEOVER_H
#define SERVICE_TAKEOVER_H
#include "module/service/datasource.h"

/* The control thread judged an instance lost, seeing this heartbeat last. Any thread. */
void takeover_suspect(struct datasource *ds, const char *id, const char *name, int64_t heartbeat);
/* Declares suspects lost and takes over a batch of jobs, if anything of that is due. A failure is
 * tried again; a broken session is left to the next tick to notice. */
void takeover_work(struct datasource *ds);
/* When there may be something to do, clock_now(). */
int64_t takeover_at(const struct datasource *ds);
void takeover_done(struct datasource *ds); /* frees what is left */
#endif
