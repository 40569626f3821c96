/* The disk watermark: while the file system of the workspaces is too full, jobs that need one wait.
 * Dispatcher thread only. */
#ifndef SERVICE_WATERMARK_H
#define SERVICE_WATERMARK_H
#include "module/service/live.h"

#define WATERMARK_PARK_MS 10000

/* Is there no room for the workspace that the job just claimed needs (jobs.workspace.max.percent)?
 * Then gives it its end: PENDING for 10 s, without using an attempt. */
bool watermark_park(struct datasource *ds, struct live *live);
#endif
