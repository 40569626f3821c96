/* The life cycle: seven statuses and the moves between them. No I/O.
 *
 *            create                 claim            ready to execute
 * PENDING ───────────► QUEUED ───────────► TO_BE_RUN ───────────► RUNNING ──► SUCCEEDED
 *    │    release/due    │                    │  ▲ handed back       │  ├─────► FAILED
 *    │                   │                    │  └ (no attempt used) │  └─────► ABORTED
 *    └──────── stop ─────┴──► ABORTED ◄─ stop ┴──► FAILED            │
 *    ▲                                          (expired, class,     │
 *    │                                           parameters)         │
 *    └──────── failed attempt with attempts left, snooze: PENDING until due
 */
#ifndef JOB_STATUS_H
#define JOB_STATUS_H
#include "module/jobs.h"

#define JOB_STATUS_COUNT 7

/* "PENDING", …; static text. */
const char *status_name(enum job_status status);
/* The status of that name (as written above), or -1. */
int status_of_name(const char *name);
/* SUCCEEDED, FAILED, ABORTED: nothing but an explicit retry leaves them. */
bool status_is_final(enum job_status status);
/* Is there an arrow from `from` to `to`? */
bool status_may_move(enum job_status from, enum job_status to);
#endif
