/* While many deleted rows stand in the way of claims (floors.h), claims begin above the floors, and a
 * *sweep* beside them, on a session of its own, walks over everything in its own time: it finds what was
 * passed over and lowers the floors, it says who has work, and when it is quick again the floors are not
 * needed any more. Dispatcher thread only; it waits for no answer. */
#ifndef SERVICE_SWEEP_H
#define SERVICE_SWEEP_H
#include "module/base/list.h"
#include "sql/sql.h"

#include <poll.h>

struct datasource;

struct sweep { /* zeroed: off */
    bool on;
    int slow_scans; /* in a row */
    struct sql *sql;
    int64_t next_at; /* when it sets out again, or opening its session is tried again */

    /* The one under way. */
    bool under_way; /* a page of it is asked for */
    struct sql_step step;
    struct sql_parameters parameters;
    struct jobs_error err;
    bool asks_for_timers; /* not for a page of a lane */
    size_t lane;          /* 0 is lane '' */
    char tenant[64];
    int64_t priority; /* the page goes on after it */
    int64_t took;     /* microseconds of the pages before, in the server */
    size_t found;     /* rows */
};

/* A scan of all tenants with work took so many microseconds in the server. */
void sweep_note_scan(struct datasource *ds, int64_t took, size_t tenants);
/* Asks for a page if it is time. */
void sweep_begin(struct datasource *ds);
/* Applies the page if it has come. */
void sweep_finish(struct datasource *ds);
/* What to poll for its page, and until when at the most; fd -1: none is under way. */
struct pollfd sweep_answer(const struct datasource *ds, int64_t *until);
/* When sweep_begin has something to do, clock_now(). */
int64_t sweep_at(const struct datasource *ds);
/* Gives its session up; it goes on with another one. */
void sweep_drop(struct datasource *ds);
#endif
