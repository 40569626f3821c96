/* A class whose runs crash again and again for one tenant is parked for that tenant: its jobs wait,
 * the tenant's other jobs and the other tenants' go on. Crashes are counted where they are written
 * (t_job_crash: run_end, takeover); each instance looks once a second which pairs of tenant and
 * class are in quarantine and keeps them in memory. Dispatcher thread only. */
#ifndef SERVICE_QUARANTINE_H
#define SERVICE_QUARANTINE_H
#include "module/service/live.h"

#define QUARANTINE_CRASHES 5
#define QUARANTINE_WINDOW_MS (INT64_C(10) * 60 * 1000) /* so many crashes within this time */
#define QUARANTINE_MS (INT64_C(10) * 60 * 1000)        /* so long it lasts */
#define QUARANTINE_PARK_MS (INT64_C(60) * 1000)        /* a job waits at a time: release is heard */

/* Looks, once a second. A failure is not told: the tick meets the same one. */
void quarantine_work(struct datasource *ds);
/* Has the job just been claimed of a class in quarantine? Then gives it its end: PENDING, without
 * using an attempt. */
bool quarantine_park(struct datasource *ds, struct live *live);
void quarantine_done(struct datasource *ds);
#endif
