/* JobService: what its datasources share. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H
#include "module/base/config.h"
#include "module/base/log.h"
#include "module/job/classes.h"
#include "module/service/progress.h"
#include "module/worker/pool.h"

#include <pthread.h>
#include <stdatomic.h>

enum { DATASOURCES_EVER = 1000 };

struct job_service {
    /* Never change after start: every thread may read them. */
    struct log log;
    struct classes *classes;
    struct pool *pool;
    struct progress *progress; /* NULL: there is no broker */
    char instance[37];         /* this incarnation of this process */
    char *name, *host, *workspace_dir;
    int64_t started_at; /* clock_now() */

    /* Replaced by a reload, under `config_lock`; the old ones are kept until the service ends
     * (reloads are rare and configs are small), so a pointer that was read stays good. */
    pthread_mutex_t config_lock;
    const struct config *config;
    const struct config **old_configs;
    size_t old_config_count;

    struct job_service_options options; /* its texts are copies */

    /* All datasources that there ever were, in room for DATASOURCES_EVER: a reload appends, nothing
     * moves or goes before the end, so any thread may walk them. Those that are not served any more
     * are datasource_is_leaving. */
    struct datasource **datasources;
    atomic_size_t datasource_count;
    atomic_bool stopping;  /* service_close has begun */
    struct health *health; /* while the datasources run */

    struct api *api; /* its HTTP interface; NULL: none. Of who starts and stops it */
};

/* What job_service_start, …_reload, …_stop of <jobs.h> do, without the HTTP interface. */
int service_open(const struct job_service_options *options, struct job_service **ret,
                 struct jobs_error *err);
int service_reread(struct job_service *service, struct jobs_error *err);
int service_close(struct job_service *service, int64_t grace, struct jobs_error *err);

/* The config in force. Any thread; good until the service ends. */
const struct config *service_config(struct job_service *service);
#endif
