#include "module/service/control.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/service/observe.h"
#include "module/service/takeover.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BEAT CLOCK_SECOND
#define LEASE 5000 /* ms: the relay's */
#define TIMEOUT 5000

struct control { /* of this thread */
    struct datasource *ds;
    struct sql *sql;
    char instance[37]; /* that the session introduced itself as */
    int64_t next_beat, next_try;
    bool failing;
    struct observer observer;
};

static void heard(void *arg, const char *payload) {
    struct datasource *ds = arg;
    count(&ds->counters.notifications, 1);
    atomic_store(strcmp(payload, "stop") == 0 ? &ds->look_at_stops : &ds->look, true);
    datasource_wake(ds);
    if (ds->relay)
        relay_wake(ds->relay);
}

static void hold(struct datasource *ds, bool held) {
    relay_hold(ds->relay, held);
    keeper_hold(ds->keeper, held);
}

static int call(struct control *c, const char *name, int64_t number, enum sql_shape shape,
                struct sql_result **ret, struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, c->instance);
    if (number)
        sql_add_integer(&p, number);
    return sql_call(c->sql, name, &p, shape, ret, err);
}

static void disconnect(struct control *c) {
    sql_close(c->sql);
    c->sql = NULL;
    hold(c->ds, false);
}

/* LISTEN first, then everything is looked through: a notification is only a hint. */
static int introduce(struct control *c, struct jobs_error *err) {
    struct datasource *ds = c->ds;
    datasource_instance(ds, c->instance);
    int rc = sql_listen(c->sql, err);
    if (rc == 0)
        rc = call(c, "instance_control", 0, SQL_AT_MOST_ONE, NULL, err);
    if (rc < 0)
        return rc;
    c->next_beat = 0;
    observe_reset(&c->observer, clock_now());
    atomic_store(&ds->look, true);
    atomic_store(&ds->look_at_stops, true);
    datasource_wake(ds);
    return 0;
}

static void connect_session(struct control *c) {
    struct datasource *ds = c->ds;
    struct jobs_error err;
    pthread_mutex_lock(&ds->instance_lock);
    bool introduced = ds->introduced;
    pthread_mutex_unlock(&ds->instance_lock);
    if (!introduced || clock_now() < c->next_try)
        return;
    struct sql_options options = datasource_sql_options(ds, "jobs control");
    options.timeout = TIMEOUT;
    options.fenced_plans = true;
    int rc = sql_open(&options, &c->sql, &err);
    if (rc == 0)
        rc = introduce(c, &err);
    else
        c->sql = NULL;
    if (rc == 0) {
        c->failing = false;
        count(&ds->counters.controls, 1);
        return;
    }
    if (!c->failing) /* the dispatcher says it again every minute */
        log_error(&ds->service->log, "datasource %s: control connection: %s", ds->name, err.text);
    c->failing = true;
    disconnect(c);
    c->next_try = clock_now() + CLOCK_SECOND;
}

/* The lease is wanted only while the broker takes events; without it another instance may
 * broadcast. */
static int renew_lease(struct control *c, struct jobs_error *err) {
    struct datasource *ds = c->ds;
    if (!relay_wants_lease(ds->relay)) {
        hold(ds, false);
        return call(c, "relay_yield", 0, SQL_NOTHING, NULL, err);
    }
    struct sql_result *row;
    int rc = call(c, "relay_lease", LEASE, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return rc;
    hold(ds, sql_count(row) == 1);
    sql_result_free(row);
    return 0;
}

/* Looks at the others and names those that are lost. */
static int observe(struct control *c, int64_t lease, struct jobs_error *err) {
    struct sql_result *rows;
    int rc = call(c, "instance_observe", 0, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    int id = sql_column(rows, "id"), name = sql_column(rows, "name"),
        heartbeat = sql_column(rows, "heartbeat"), gone = sql_column(rows, "gone");
    observe_begin(&c->observer, clock_now());
    for (size_t i = 0; i < sql_count(rows); i++) {
        int64_t beats = sql_get_integer(rows, i, heartbeat, 0);
        if (observe_instance(&c->observer, sql_get(rows, i, id), beats,
                             sql_get_boolean(rows, i, gone), lease))
            takeover_suspect(c->ds, sql_get(rows, i, id), sql_get(rows, i, name), beats);
    }
    observe_end(&c->observer);
    sql_result_free(rows);
    return 0;
}

static int beat(struct control *c, struct jobs_error *err) {
    struct datasource *ds = c->ds;
    int64_t lease = config_integer(service_config(ds->service), "jobs.lease.ms") * CLOCK_MS;
    int64_t asked_at = clock_now(); /* an answer may be read long after it was true */
    c->next_beat = asked_at + BEAT;
    /* An instance whose dispatcher stands still is not alive, whatever this thread does. */
    if (asked_at - atomic_load(&ds->alive_at) > lease)
        return 0;
    struct sql_result *row;
    int rc = call(c, "instance_beat", 0, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return rc;
    bool lost = sql_count(row) == 0 || sql_get_boolean(row, 0, sql_column(row, "lost"));
    sql_result_free(row);
    if (!lost)
        atomic_store(&ds->control_at, asked_at);
    else if (!atomic_exchange(&ds->lost, true))
        datasource_wake(ds);
    rc = observe(c, lease, err);
    return rc == 0 ? renew_lease(c, err) : rc;
}

static int listen_and_beat(struct control *c, struct jobs_error *err) {
    struct datasource *ds = c->ds;
    char now[37];
    datasource_instance(ds, now);
    if (strcmp(now, c->instance) != 0)
        return error_set(err, JOBS_EDB, "the instance goes on under a new id");
    int rc = sql_notifications(c->sql, heard, ds, err);
    if (rc == 0 && clock_now() >= c->next_beat)
        rc = beat(c, err);
    /* An answer may have brought notifications along. */
    return rc == 0 ? sql_notifications(c->sql, heard, ds, err) : rc;
}

static void wait(struct control *c) {
    struct pollfd fds[2] = {{.fd = c->ds->control_fd, .events = POLLIN},
                            {.fd = c->sql ? sql_fd(c->sql) : -1, .events = POLLIN}};
    int64_t until = c->sql ? c->next_beat : clock_now() + CLOCK_SECOND / 4;
    int64_t left = (until - clock_now()) / CLOCK_MS + 1;
    poll(fds, 2, left > 0 ? (int)left : 0);
    uint64_t count;
    ssize_t ignored = read(c->ds->control_fd, &count, sizeof count);
    (void)ignored;
}

static void report_stuck(void *arg, const struct job *job, int64_t ms) {
    const struct job_service *service = arg;
    log_about(
        &service->log, LOG_LEVEL_WARNING, job_tenant(job), job_id(job),
        "class %s ignores its stop since %lld s: its slot is lost until it returns; let it run "
        "in a process (jobs.class.%s.kind=process), which can be killed",
        job_class_name(job), (long long)(ms / 1000), job_class_name(job));
}

void *control_main(void *arg) {
    struct control c = {.ds = arg};
    struct jobs_error err;
    while (!atomic_load(&c.ds->quitting)) {
        atomic_store_explicit(&c.ds->counters.control_moved_at, clock_now(), memory_order_relaxed);
        if (!c.sql)
            connect_session(&c);
        else if (listen_and_beat(&c, &err) < 0) {
            log_warning(&c.ds->service->log,
                        "datasource %s: control connection lost (%s), reconnecting", c.ds->name,
                        err.text);
            disconnect(&c);
            c.next_try = 0;
            continue;
        }
        pool_report_stuck(c.ds->service->pool, report_stuck, c.ds->service);
        wait(&c);
    }
    if (c.sql)
        call(&c, "relay_yield", 0, SQL_NOTHING, NULL, &err);
    disconnect(&c);
    observe_done(&c.observer);
    return NULL;
}
