#include "tests/fault/suite/recovery.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/fault/suite/database.h"
#include "tests/lib/program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KILLS 2000

struct kill {
    char name[32];
    int64_t at;
    int64_t took; /* ms; -1: not yet */
    int64_t jobs; /* that it had when it was looked at first; -1: not yet */
};

struct recovery {
    struct database database; /* the thread's */
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    struct kill kills[KILLS];
    size_t count;
};

static const char live_jobs[] =
    "select count(distinct j.id) from jobs.t_job_instance i "
    "join jobs.t_job_claim c on c.instance = i.id cross join unnest(c.ids) u(id) "
    "join jobs.t_job_info j on j.id = u.id and j.instance = i.id "
    "where i.name = $1 and j.status in ('TO_BE_RUN', 'RUNNING')";

/* -1: cannot be told now. */
static int64_t ask(struct recovery *recovery, const char *name) {
    PGresult *result = database_try(&recovery->database, live_jobs, 1, &name);
    int64_t jobs = result ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return jobs;
}

static void look(struct recovery *recovery, size_t index) {
    pthread_mutex_lock(&recovery->lock);
    struct kill kill = recovery->kills[index];
    pthread_mutex_unlock(&recovery->lock);
    if (kill.took >= 0)
        return;
    int64_t jobs = ask(recovery, kill.name);
    pthread_mutex_lock(&recovery->lock);
    if (kill.jobs < 0)
        recovery->kills[index].jobs = jobs;
    if (jobs == 0)
        recovery->kills[index].took = (clock_now() - kill.at) / CLOCK_MS;
    pthread_mutex_unlock(&recovery->lock);
}

static size_t count_of(struct recovery *recovery) {
    pthread_mutex_lock(&recovery->lock);
    size_t count = recovery->count;
    pthread_mutex_unlock(&recovery->lock);
    return count;
}

static void *run(void *arg) {
    struct recovery *recovery = arg;
    while (!atomic_load(&recovery->stopping)) {
        for (size_t i = 0; i < count_of(recovery); i++)
            look(recovery, i);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return NULL;
}

struct recovery *recovery_start(const char *pg_url) {
    struct recovery *recovery = MEM_NEW(struct recovery);
    recovery->database.url = pg_url;
    pthread_mutex_init(&recovery->lock, NULL);
    if (pthread_create(&recovery->thread, NULL, run, recovery) != 0)
        program_give_up("recovery: no thread");
    return recovery;
}

void recovery_killed(struct recovery *recovery, const char *name) {
    pthread_mutex_lock(&recovery->lock);
    if (recovery->count < KILLS) {
        struct kill *kill = &recovery->kills[recovery->count++];
        *kill = (struct kill){.at = clock_now(), .took = -1, .jobs = -1};
        snprintf(kill->name, sizeof kill->name, "%s", name);
    }
    pthread_mutex_unlock(&recovery->lock);
}

size_t recovery_open(struct recovery *recovery) {
    size_t open = 0;
    pthread_mutex_lock(&recovery->lock);
    for (size_t i = 0; i < recovery->count; i++)
        open += recovery->kills[i].took < 0;
    pthread_mutex_unlock(&recovery->lock);
    return open;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct recovery_times recovery_get(struct recovery *recovery) {
    struct recovery_times times = {0};
    int64_t *took = mem_zero(KILLS, sizeof *took);
    pthread_mutex_lock(&recovery->lock);
    for (size_t i = 0; i < recovery->count; i++) {
        const struct kill *kill = &recovery->kills[i];
        if (kill->took >= 0 && kill->jobs > 0)
            took[times.count++] = kill->took;
        else
            times.idle++;
    }
    pthread_mutex_unlock(&recovery->lock);
    qsort(took, times.count, sizeof *took, by_size);
    if (times.count > 0) {
        times.p50 = took[(times.count - 1) / 2];
        times.p95 = took[(times.count * 95 + 99) / 100 - 1];
        times.most = took[times.count - 1];
    }
    free(took);
    return times;
}

void recovery_stop(struct recovery *recovery) {
    atomic_store(&recovery->stopping, true);
    pthread_join(recovery->thread, NULL);
    database_drop(&recovery->database);
    pthread_mutex_destroy(&recovery->lock);
    free(recovery);
}
