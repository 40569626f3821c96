/* One datasource as an instance serves it: its threads and what they share.
 *
 *   dispatcher  the tick: the only one that changes jobs. Session 1, under load one more (recorder.h)
 *   control     listens, beats, renews the relay's lease. Session 2
 *   relay, keeper  on the holder of the lease only. Sessions 3 and 4
 */
#ifndef SERVICE_DATASOURCE_H
#define SERVICE_DATASOURCE_H
#include "module/base/list.h"
#include "module/base/table.h"
#include "module/service/counters.h"
#include "module/service/keeper.h"
#include "module/service/live.h"
#include "module/service/relay.h"
#include "module/service/service.h"
#include "module/service/sweep.h"
#include "sql/sql.h"

#include <pthread.h>
#include <stdatomic.h>

struct space {                        /* on the file system of the workspaces */
    int used;                         /* per cent */
    int64_t looked_at, complained_at; /* clock_now(); 0: not yet */
};

struct datasource {
    /* Never change after start. */
    struct job_service *service;
    char *name, *url, *schema;
    bool migrate;
    struct relay *relay;
    struct keeper *keeper;
    pthread_t dispatcher_thread, control_thread;
    bool running;           /* the threads are there. Of who starts, retires and stops it */
    pthread_t leave_thread; /* datasources.c */
    bool has_leave_thread;
    int wake_fd, control_fd; /* eventfds: something for the dispatcher / the control thread */

    /* Any thread. */
    atomic_bool look;          /* look for work of others: a notification, a reconnect */
    atomic_bool look_at_stops; /* somebody asked a job to stop */
    atomic_bool draining;      /* SIGTERM: claim no more, hand back, end */
    atomic_bool leaving;       /* a reload took it out: it drains, then its threads end */
    _Atomic(char *) newer_url; /* leaving: where the same database is now; NULL: no news */
    atomic_bool stop_runs;     /* the grace is over: stop what still runs */
    atomic_bool drained;       /* all ends are written */
    atomic_bool quitting;      /* leave at once */
    atomic_bool reloaded;      /* classes or pool size changed */
    atomic_bool nudged;        /* one of these was set: come round at once */
    atomic_bool lost;          /* another instance declared this one lost */
    atomic_bool asleep;        /* the dispatcher waits at wake_fd */
    atomic_llong alive_at;     /* when the dispatcher last came round */
    atomic_bool waits;         /* for a slot of the pool: turns.c */
    atomic_llong turn_at;      /* when it last got one */
    atomic_bool stalled;       /* its last tick failed or is not answered in time: no slots are kept
                                  for what it may claim, and others do not let it go first */
    atomic_llong control_at;   /* the instance was not lost then, as the database said */
    struct datasource_counters counters;

    /* Guarded by `instance_lock`. */
    pthread_mutex_t instance_lock;
    char instance[37];    /* the service's, until this datasource declared it lost */
    bool introduced;      /* the row of this instance is there */
    struct list suspects; /* instances that the control thread judged lost */

    /* Guarded by `inbox_lock`: what pool threads put in. */
    pthread_mutex_t inbox_lock;
    struct list started, ended; /* live.inbox */
    size_t pooled;              /* in the pool, not begun */

    /* Dispatcher thread only. */
    struct sql *sql;
    struct sql *recorder;  /* NULL: `sql` does both parts of the tick */
    int64_t load_since;    /* begin of the window, */
    size_t load;           /* jobs claimed in it */
    int64_t loaded_at;     /* when it was last a lot; clock_now() */
    int64_t next_recorder; /* when opening it may be tried again */
    int epoch;
    int64_t tick;                   /* number of the last one; never used twice */
    struct list lives[LIVE_STATES]; /* live.link */
    bool gathering;                 /* what is launched goes to the pool together, */
    struct list gathered;           /* by task.link */
    size_t gathered_count;
    size_t live_count, ending_count;
    struct table by_id; /* id to struct live */
    struct receipts receipts;
    struct shares shares;
    struct sweep sweep;
    char **lanes; /* of this instance's classes, besides '' */
    size_t lane_count;
    bool lanes_elsewhere;    /* there are classes with a lane, of whatever instance */
    int64_t next_lanes;      /* when they are read again */
    int64_t next_limit_look; /* when capped shares are asked for again */
    bool found_nothing;      /* the last claim without limits */
    size_t claim_found;      /* jobs, by the last claim */
    size_t scan_lane;        /* where the scan for tenants goes on: 0 is lane '' */
    char scan_tenant[64];
    bool scanning;
    int64_t scan_took,
        scan_taking;   /* microseconds in the server: of the last one, of this one so far */
    size_t scan_found; /* tenants, by this one so far */
    int64_t next_takeover, next_quarantine;
    struct table quarantines;                     /* quarantine.c */
    struct table class_settings;                  /* class_settings.h */
    struct space space;                           /* watermark.c */
    int64_t last_look, next_timer, next_progress; /* clock_now() */
    char promoted[40];      /* date: timers before it were promoted, as far as is known. "": none */
    int64_t recorded_timer; /* the first one due of those that were recorded lately, */
    int64_t timer_recorded_at; /* the last of them then */
    int64_t next_shares;       /* when the books may be published */
    bool awake;                /* nobody needs to notify: it looks every few ms */
    bool wake_pending;         /* t_job_wake is to be written */
    int64_t wake_at;           /* not before: somebody holds it */
    int64_t settling_until;    /* just gone to sleep: submitters may still believe it is awake */
    int64_t wakes_since;       /* begin of the present window, */
    long long notified;        /* counters.notifications then */
    int64_t drawn, drawn_then; /* places in queues that were given: at the last look, then */
    int64_t drawn_at;          /* when that look was */
    size_t claimed_awake;      /* jobs claimed in it */
    size_t run_count;          /* runs that run_time is the average of */
    size_t ahead_most; /* of what is claimed ahead: as many as ended since one waited too long */
    double tick_time, run_time; /* microseconds, moving averages */
    size_t end_limit;           /* ends in a tick; halved to find a bad value */
    int64_t close_at;           /* when receipts are closed even alone */
};

/* Makes number `i` of the configuration and asks the database once. One that cannot be reached is
 * no error (it is tried for ever); one that is there but cannot be used (schema, pooler) is.
 * `instance`: whose jobs it runs, a new one for each that a reload adds. Nothing is claimed before
 * datasource_run. */
int datasource_new(struct job_service *service, const struct config *config, size_t i,
                   const char *instance, struct datasource **ret, struct jobs_error *err);
/* Starts its threads. */
int datasource_run(struct datasource *ds, struct jobs_error *err);
/* Claim no more, hand back what has not begun. */
void datasource_drain(struct datasource *ds);
/* Stop what runs; it goes back to the queue. */
void datasource_stop_runs(struct datasource *ds);
bool datasource_is_drained(const struct datasource *ds);
/* What a reload changed is to be told. */
void datasource_reload(struct datasource *ds);
/* A reload took it out: from now on others need not look at it. It goes on to be drained, then
 * retired. */
void datasource_leave(struct datasource *ds);
bool datasource_is_leaving(const struct datasource *ds);
/* Ends the dispatcher and the control thread; relay and keeper go idle. datasource_stop follows at
 * the end of the service. */
void datasource_retire(struct datasource *ds);
/* Ends its threads. The others and the pool may still ask it. */
void datasource_stop(struct datasource *ds);
/* Frees it: stopped, nothing of it in the pool any more, no other one that runs. */
void datasource_free(struct datasource *ds);

/* Wakes the dispatcher if it sleeps. Any thread. */
void datasource_wake(struct datasource *ds);
/* The same, and it comes round even if it is about to sleep. */
void datasource_nudge(struct datasource *ds);
void datasource_instance(struct datasource *ds, char ret_id[37]);
/* Session options for this datasource. */
struct sql_options datasource_sql_options(const struct datasource *ds,
                                          const char *application_name);
/* Opens a session and makes sure that schema, instance row and classes are there. */
int datasource_introduce(struct datasource *ds, struct sql *sql, struct jobs_error *err);
/* A row of a statement that looks for tenants with queued jobs (tenant, weight, max_running, paused): it has
 * some in that lane. Returns its share. Dispatcher thread. */
struct share *datasource_see(struct datasource *ds, const char *lane, const struct sql_result *rows,
                             size_t row);
/* Takes the instance's row away again, if it has no receipts. What fails is logged. */
void datasource_say_goodbye(struct datasource *ds, struct sql *sql);
#endif
