#include "module/api/database.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/log.h"
#include "module/base/mem.h"
#include "module/store/each.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define IDLE_MOST 30                /* seconds a session is kept without work */
#define CONNECT_MOST "5"            /* seconds */
#define END_MOST (3 * CLOCK_SECOND) /* for what runs at the end */
#define TASK_MOST (20 * CLOCK_SECOND)
/* The server gives up first, so that the answer is its own. */
#define SETTINGS                                                                              \
    "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=15s " \
    "-c client_connection_check_interval=1s -c TimeZone=UTC -c jit=off"

struct worker {
    pthread_t thread;
    struct database *database;
    struct job_info_service db; /* db.db NULL: no session */
    /* Under the database's lock. */
    int64_t busy_since; /* 0: waits */
    char tenant[64];    /* of its task, while has_tenant */
    bool has_tenant;
    int fd;     /* of the session; -1 */
    bool ended; /* to be joined */
};

struct database {
    char *name, *url, *schema;
    const struct log *log;
    size_t worker_most;

    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list tasks; /* api_task.link */
    struct worker **workers;
    size_t worker_count, waiting, queued; /* queued: tasks */
    bool stopping;
    int64_t complained_at;
};

/* ---- session ---- */

static void close_session(struct worker *worker) {
    pthread_mutex_lock(&worker->database->lock);
    worker->fd = -1; /* nobody shuts down a number that is reused */
    pthread_mutex_unlock(&worker->database->lock);
    PQfinish(worker->db.db);
    worker->db.db = NULL;
}

static void complain(struct database *database, const char *text) {
    pthread_mutex_lock(&database->lock);
    bool often =
        database->complained_at && clock_now() - database->complained_at < 10 * CLOCK_SECOND;
    if (!often)
        database->complained_at = clock_now();
    pthread_mutex_unlock(&database->lock);
    if (!often)
        log_warning(database->log, "api: datasource %s: %s", database->name, text);
}

static int open_session(struct worker *worker, struct jobs_error *err) {
    struct database *database = worker->database;
    const char *names[] = {"dbname",          "application_name", "connect_timeout", "options",
                           "keepalives_idle", "tcp_user_timeout", "client_encoding", NULL};
    const char *values[] = {database->url, "jobs api", CONNECT_MOST, SETTINGS,
                            "10",          "10000",    "UTF8",       NULL};
    if (worker->db.db)
        return 0;
    PGconn *db = PQconnectdbParams(names, values, 1);
    if (PQstatus(db) != CONNECTION_OK) {
        const char *text = PQerrorMessage(db);
        int rc = error_set(err, JOBS_EDB, "%.*s", (int)strcspn(text, "\n"), text);
        PQfinish(db);
        complain(database, err->text);
        return rc;
    }
    worker->db = (struct job_info_service){db, database->schema};
    pthread_mutex_lock(&database->lock);
    worker->fd = PQsocket(db);
    pthread_mutex_unlock(&database->lock);
    return store_keep_prepared(&worker->db, err);
}

/* ---- the thread ---- */

/* One is left for the others. */
static bool has_a_session(const struct database *database, const struct api_task *task) {
    size_t busy = 0;
    for (size_t i = 0; task->tenant && i < database->worker_count; i++) {
        const struct worker *other = database->workers[i];
        busy += other->has_tenant && strcmp(other->tenant, task->tenant) == 0;
    }
    return busy == 0 || busy + 1 < database->worker_most;
}

/* The first task that may run now; under the lock. Who ends one looks here next, so that those that
 * are passed over are not forgotten. */
static struct api_task *take_task(struct worker *worker) {
    struct database *database = worker->database;
    LIST_EACH (&database->tasks, link) {
        struct api_task *task = LIST_ENTRY(link, struct api_task, link);
        if (!has_a_session(database, task))
            continue;
        list_remove(link);
        database->queued--;
        worker->busy_since = clock_now();
        worker->has_tenant = task->tenant != NULL;
        if (task->tenant)
            snprintf(worker->tenant, sizeof worker->tenant, "%s", task->tenant);
        return task;
    }
    return NULL;
}

static struct api_task *next_task(struct worker *worker) {
    struct database *database = worker->database;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_MOST;
    int rc = 0;
    pthread_mutex_lock(&database->lock);
    worker->busy_since = 0;
    worker->has_tenant = false;
    database->waiting++;
    struct api_task *task;
    while (!(task = take_task(worker)) && !database->stopping && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&database->work, &database->lock, &until);
    database->waiting--;
    worker->ended = !task; /* under the lock: who submits now starts another */
    pthread_mutex_unlock(&database->lock);
    return task;
}

static bool is_stopping(struct database *database) {
    pthread_mutex_lock(&database->lock);
    bool stopping = database->stopping;
    pthread_mutex_unlock(&database->lock);
    return stopping;
}

static void run_task(struct worker *worker, struct api_task *task) {
    struct jobs_error err = {0};
    int rc = is_stopping(worker->database) ? error_set(&err, JOBS_EDB, "the service is stopping")
                                           : open_session(worker, &err);
    task->run(task, rc < 0 ? NULL : &worker->db, &err);
    if (worker->db.db && (PQstatus(worker->db.db) != CONNECTION_OK ||
                          PQtransactionStatus(worker->db.db) != PQTRANS_IDLE))
        close_session(worker);
}

static void *worker_main(void *arg) {
    struct worker *worker = arg;
    for (struct api_task *task; (task = next_task(worker));)
        run_task(worker, task);
    close_session(worker);
    return NULL;
}

/* Joins those that have ended. Under the lock, which they do not take any more but for their
 * session; so it is given up meanwhile. */
static void sweep(struct database *database) {
    for (size_t i = 0; i < database->worker_count; i++) {
        struct worker *worker = database->workers[i];
        if (!worker->ended)
            continue;
        database->workers[i--] = database->workers[--database->worker_count];
        pthread_mutex_unlock(&database->lock);
        pthread_join(worker->thread, NULL);
        free(worker);
        pthread_mutex_lock(&database->lock);
    }
}

static void start_worker(struct database *database) {
    struct worker *worker = MEM_NEW(struct worker);
    worker->database = database;
    worker->fd = -1;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        free(worker);
        return;
    }
    database->workers[database->worker_count++] = worker;
}

/* ---- for others ---- */

struct database *database_new(const struct database_options *options) {
    struct database *database = MEM_NEW(struct database);
    database->name = mem_text(options->name);
    database->url = mem_text(options->url);
    database->schema = mem_text(options->schema);
    database->log = options->log;
    database->worker_most = (size_t)options->sessions;
    database->workers = mem_zero(database->worker_most, sizeof(struct worker *));
    pthread_mutex_init(&database->lock, NULL);
    pthread_cond_init(&database->work, NULL);
    list_init(&database->tasks);
    return database;
}

const char *database_name(const struct database *database) { return database->name; }

/* No thread is left to take them. */
static void run_without_session(struct database *database) {
    struct jobs_error err = {0};
    error_set(&err, JOBS_EDB, "the service is stopping, or has no thread left");
    for (;;) {
        pthread_mutex_lock(&database->lock);
        struct list *link = list_pop_front(&database->tasks);
        database->queued -= link != NULL;
        pthread_mutex_unlock(&database->lock);
        if (!link)
            return;
        struct api_task *task = LIST_ENTRY(link, struct api_task, link);
        task->run(task, NULL, &err);
    }
}

void database_submit(struct database *database, struct api_task *task) {
    pthread_mutex_lock(&database->lock);
    list_push_back(&database->tasks, &task->link);
    database->queued++;
    if (!database->stopping) /* then they are joined by database_stop */
        sweep(database);
    if (database->queued > database->waiting && database->worker_count < database->worker_most &&
        !database->stopping)
        start_worker(database);
    pthread_cond_signal(&database->work);
    bool nobody = database->worker_count == 0;
    pthread_mutex_unlock(&database->lock);
    if (nobody)
        run_without_session(database);
}

static void shut_down(struct database *database, int64_t longer_than) {
    int64_t now = clock_now();
    pthread_mutex_lock(&database->lock);
    for (size_t i = 0; i < database->worker_count; i++) {
        struct worker *worker = database->workers[i];
        if (worker->fd >= 0 && worker->busy_since && now - worker->busy_since > longer_than)
            shutdown(worker->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&database->lock);
}

void database_watch(struct database *database) { shut_down(database, TASK_MOST); }

static bool all_ended(struct database *database) {
    bool all = true;
    pthread_mutex_lock(&database->lock);
    for (size_t i = 0; i < database->worker_count; i++)
        all &= database->workers[i]->ended;
    pthread_mutex_unlock(&database->lock);
    return all;
}

static void wait_ended(struct database *database, int64_t most) {
    for (int64_t until = clock_now() + most; !all_ended(database) && clock_now() < until;)
        poll(NULL, 0, 5);
}

void database_stop(struct database *database) {
    pthread_mutex_lock(&database->lock);
    database->stopping = true;
    pthread_cond_broadcast(&database->work);
    pthread_mutex_unlock(&database->lock);
    wait_ended(database, END_MOST);
    shut_down(database, 0);
    for (size_t i = 0; i < database->worker_count; i++) {
        pthread_join(database->workers[i]->thread, NULL);
        free(database->workers[i]);
    }
    pthread_mutex_lock(&database->lock);
    database->worker_count = 0;
    pthread_mutex_unlock(&database->lock);
    run_without_session(database);
}

void database_free(struct database *database) {
    if (!database)
        return;
    pthread_mutex_destroy(&database->lock);
    pthread_cond_destroy(&database->work);
    free(database->workers);
    free(database->name);
    free(database->url);
    free(database->schema);
    free(database);
}
