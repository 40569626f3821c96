/* The keeper's thread: what it does with the database each second, and when it does the rest. */
#include "module/service/keeper_private.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/service/exchanges.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TIMEOUT_MS = 5000, LOCK_TIMEOUT_MS = 100, MOST_WAIT_MS = 1000 };
enum { FOLD_BATCH = 5000, FOLD_BATCHES = 20 /* in one go; commands wait meanwhile */ };
#define OPEN_WAIT CLOCK_SECOND
#define FOLD_WAIT CLOCK_SECOND
#define FOLD_PART \
    50 /* all of the table is looked at for a fiftieth of the time, else what is new */
static const char fold_all[] = "(0,0)";
#define LOOK_WAIT (3 * CLOCK_SECOND)

void keeper_fail(struct keeper *keeper, const struct jobs_error *why) {
    if (!keeper->sql_down)
        log_warning(keeper->log, "datasource %s: the keeper waits: %s", keeper->datasource,
                    why->text);
    keeper->sql_down = true;
    if (!keeper->sql || sql_is_broken(keeper->sql)) {
        sql_close(keeper->sql);
        keeper->sql = NULL;
        keeper_disconnect(keeper);
        keeper_disconnect_lines(keeper);
        keeper_forget_tenants(keeper);
    }
    keeper->next_open = keeper->next_fold = keeper->next_look = clock_now() + OPEN_WAIT;
}

static void open_session(struct keeper *keeper, int64_t now) {
    if (keeper->sql || now < keeper->next_open)
        return;
    struct jobs_error err;
    if (sql_open(&keeper->sql_options, &keeper->sql, &err) < 0) {
        keeper->sql = NULL;
        keeper_fail(keeper, &err);
        return;
    }
    keeper->next_fold = keeper->next_look = 0;
}

static int fold_batch(struct keeper *keeper, int64_t *ret_folded, struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_integer(&p, FOLD_BATCH);
    sql_add_text(&p, keeper->fold_from);
    struct sql_result *row;
    int rc = sql_call(keeper->sql, "count_fold", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    *ret_folded = sql_get_integer(row, 0, sql_column(row, "folded"), 0);
    snprintf(keeper->fold_from, sizeof keeper->fold_from, "%s",
             sql_get(row, 0, sql_column(row, "last")));
    atomic_fetch_add(&keeper->folded, (unsigned long long)*ret_folded);
    sql_result_free(row);
    return 0;
}

static int fold_batches(struct keeper *keeper, int64_t now, int64_t *ret_folded,
                        struct jobs_error *err) {
    bool all = now >= keeper->next_fold_all || !keeper->fold_from[0];
    int rc = 0;
    if (all)
        snprintf(keeper->fold_from, sizeof keeper->fold_from, "%s", fold_all);
    *ret_folded = FOLD_BATCH;
    for (int i = 0; rc == 0 && *ret_folded == FOLD_BATCH && i < FOLD_BATCHES; i++)
        rc = fold_batch(keeper, ret_folded, err);
    if (all)
        keeper->next_fold_all = now + FOLD_PART * (clock_now() - now);
    return rc;
}

static void fold(struct keeper *keeper, int64_t now) {
    if (!keeper->sql || now < keeper->next_fold)
        return;
    struct jobs_error err;
    int64_t folded;
    int rc = fold_batches(keeper, now, &folded, &err);
    if (rc == 0)
        rc = sql_call(keeper->sql, "wake_sweep", NULL, SQL_NOTHING, NULL, &err);
    if (rc < 0) {
        keeper_fail(keeper, &err);
        return;
    }
    if (keeper->sql_down)
        log_info(keeper->log, "datasource %s: the keeper goes on", keeper->datasource);
    keeper->sql_down = false;
    keeper->next_fold = folded == FOLD_BATCH ? now : now + FOLD_WAIT;
}

static void figure(struct keeper *keeper) {
    struct jobs_error err;
    if (keeper->sql && figures_work(&keeper->figures, keeper->sql, &err) < 0)
        keeper_fail(keeper, &err);
}

static void retain(struct keeper *keeper) {
    if (!keeper->sql || clock_now() < retention_at(&keeper->retention))
        return;
    struct jobs_error err;
    int64_t removed;
    if (retention_work(&keeper->retention, keeper->sql, &removed, &err) < 0)
        keeper_fail(keeper, &err);
    else
        atomic_fetch_add(&keeper->purged, (unsigned long long)removed);
}

static void look(struct keeper *keeper, int64_t now) {
    if (!keeper->sql || !keeper->amqp_url[0] || now < keeper->next_look)
        return;
    struct jobs_error err;
    if (keeper_look(keeper, &err) < 0)
        keeper_fail(keeper, &err);
    else
        keeper->next_look = now + LOOK_WAIT;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int wait_ms(const struct keeper *keeper, int64_t next_due) {
    int64_t now = clock_now(), until = least(now + MOST_WAIT_MS * CLOCK_MS, next_due);
    if (keeper->bus && bus_wants_read(keeper->bus))
        return 0;
    until = least(until, keeper->sql ? keeper->next_fold : keeper->next_open);
    if (keeper->sql)
        until = least(until, least(retention_at(&keeper->retention), figures_at(&keeper->figures)));
    if (keeper->sql && keeper->amqp_url[0]) {
        until = least(until, keeper->next_look);
        if (!keeper->bus && keeper->looked_at && !keeper->vhosts)
            until = least(until, keeper->next_connect);
    }
    return until <= now ? 0 : (int)((until - now + CLOCK_MS - 1) / CLOCK_MS);
}

static void wait_for_something(const struct keeper *keeper, int timeout_ms) {
    struct pollfd fds[] = {{.fd = keeper->wake_fd, .events = POLLIN},
                           {.fd = keeper->bus ? bus_fd(keeper->bus) : -1, .events = POLLIN}};
    poll(fds, 2, timeout_ms);
    uint64_t notes;
    if (fds[0].revents && read(keeper->wake_fd, &notes, sizeof notes) < 0)
        return; /* nothing else reads it, so this does not happen */
}

static void turn(struct keeper *keeper) {
    int64_t now = clock_now();
    open_session(keeper, now);
    look(keeper, now);
    if (!keeper->vhosts) {
        keeper_connect(keeper, now);
        keeper_bind(keeper);
    }
    fold(keeper, now);
    figure(keeper);
    retain(keeper);
    int64_t next_due =
        keeper->vhosts ? keeper_turn_lines(keeper, clock_now()) : keeper_work(keeper, clock_now());
    if (keeper->vhosts)
        keeper_wait_lines(keeper, wait_ms(keeper, next_due));
    else
        wait_for_something(keeper, wait_ms(keeper, next_due));
    if (keeper->bus)
        keeper_listen(keeper);
}

static void release(struct keeper *keeper) {
    keeper_disconnect(keeper);
    keeper_disconnect_lines(keeper);
    keeper_forget_tenants(keeper);
    sql_close(keeper->sql);
    keeper->sql = NULL;
    keeper->next_open = keeper->next_connect = 0;
}

static void *run(void *arg) {
    struct keeper *keeper = arg;
    while (!atomic_load(&keeper->stopping)) {
        if (atomic_load(&keeper->held)) {
            turn(keeper);
            continue;
        }
        release(keeper);
        wait_for_something(keeper, -1);
    }
    release(keeper);
    return NULL;
}

static void note(struct keeper *keeper) {
    const uint64_t one = 1;
    if (write(keeper->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is readable, which is all that matters */
}

void keeper_set_only(struct keeper *keeper, bool only) {
    if (atomic_exchange(&keeper->only_datasource, only) != only)
        note(keeper);
}

void keeper_hold(struct keeper *keeper, bool held) {
    if (atomic_exchange(&keeper->held, held) != held)
        note(keeper);
}

struct figures *keeper_figures(struct keeper *keeper) {
    return &keeper->figures;
}

void keeper_get_stats(const struct keeper *keeper, struct keeper_stats *ret) {
    *ret = (struct keeper_stats){
        .folded = atomic_load(&keeper->folded),
        .commands = atomic_load(&keeper->carried_out),
        .dead = atomic_load(&keeper->dead),
        .purged = atomic_load(&keeper->purged),
        .consuming = atomic_load(&keeper->consuming),
    };
}

static void take_options(struct keeper *keeper, const struct keeper_options *options) {
    keeper->log = options->log;
    keeper->datasource = mem_text(options->datasource);
    keeper->service = mem_text(options->service);
    keeper->amqp_url = mem_text(options->amqp_url ? options->amqp_url : "");
    keeper->trust = options->trust;
    keeper->vhosts = options->vhosts;
    atomic_store(&keeper->only_datasource, options->only_datasource);
    figures_init(&keeper->figures, options->metrics_tenants);
    retention_init(&keeper->retention, keeper->log, keeper->datasource, options->succeeded_days,
                   options->failed_days, options->audit_days);
    keeper->commands_exchange = exchange_name(options->service, "commands");
    keeper->dead_exchange = exchange_name(options->service, "dead");
    keeper->queue = exchange_name(keeper->commands_exchange, options->datasource);
    keeper->url = mem_text(options->sql.url);
    keeper->schema = mem_text(options->sql.schema);
    keeper->application_name = mem_text(options->sql.application_name);
    keeper->sql_options = options->sql;
    keeper->sql_options.url = keeper->url;
    keeper->sql_options.schema = keeper->schema;
    keeper->sql_options.application_name = keeper->application_name;
    keeper->sql_options.timeout = keeper->sql_options.connect_timeout = TIMEOUT_MS;
    keeper->sql_options.lock_timeout = LOCK_TIMEOUT_MS;
}

static void keeper_free(struct keeper *keeper) {
    keeper_end_lines(keeper);
    if (keeper->wake_fd >= 0)
        close(keeper->wake_fd);
    buf_done(&keeper->text);
    figures_done(&keeper->figures);
    free(keeper->datasource);
    free(keeper->service);
    free(keeper->amqp_url);
    free(keeper->commands_exchange);
    free(keeper->dead_exchange);
    free(keeper->queue);
    free(keeper->url);
    free(keeper->schema);
    free(keeper->application_name);
    free(keeper);
}

static int start_thread(struct keeper *keeper) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&keeper->thread, NULL, run, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int keeper_start(const struct keeper_options *options, struct keeper **ret,
                 struct jobs_error *err) {
    struct keeper *keeper = MEM_NEW(struct keeper);
    list_init(&keeper->commands);
    keeper->top = keeper;
    take_options(keeper, options);
    keeper->connect_wait = CLOCK_SECOND;
    keeper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (keeper->wake_fd < 0 || start_thread(keeper) != 0) {
        keeper_free(keeper);
        return error_set(err, JOBS_ENOMEM,
                         "the keeper cannot be started: no thread or descriptor left");
    }
    *ret = keeper;
    return 0;
}

void keeper_stop(struct keeper *keeper) {
    if (!keeper)
        return;
    atomic_store(&keeper->stopping, true);
    note(keeper);
    pthread_join(keeper->thread, NULL);
    keeper_free(keeper);
}
