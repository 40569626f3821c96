/* A second session for the tick, while the load asks for it: what has ended is then recorded beside
 * the claims, not in turns with them. One session does both otherwise, so that a datasource costs two
 * sessions while it is quiet. Dispatcher thread only. */
#ifndef SERVICE_RECORDER_H
#define SERVICE_RECORDER_H
#include "module/service/datasource.h"

/* A claim brought so many jobs. */
void recorder_note_load(struct datasource *ds, size_t claimed);
/* Opens or closes ds->recorder as the load asks for. No tick is under way on either session. */
void recorder_work(struct datasource *ds);
/* When recorder_work may have something to do, clock_now(). */
int64_t recorder_at(const struct datasource *ds);
#endif
