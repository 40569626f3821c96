#include "module/service/dispatcher.h"

#include "module/base/clock.h"
#include "module/service/lives.h"
#include "module/service/quarantine.h"
#include "module/service/reconnect.h"
#include "module/service/takeover.h"
#include "module/service/tick.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SLEEP_MOST CLOCK_SECOND
#define SLEEP_BUSY \
    (20 * CLOCK_MS) /* something waits for a row that somebody holds, a slot, a sign of life */
#define COMPLAIN_EVERY (60 * CLOCK_SECOND)
#define RETRY_MOST CLOCK_SECOND

/* Each trouble is logged when it begins and once a minute while it lasts. */
static void complain(struct datasource *ds, const struct jobs_error *err, const char *doing) {
    int64_t now = clock_now();
    if (ds->failures > 1 && now - ds->complained_at < COMPLAIN_EVERY)
        return;
    ds->complained_at = now;
    log_error(&ds->service->log, "datasource %s: %s: %s (tried again)", ds->name, doing, err->text);
}

static void recovered(struct datasource *ds) {
    if (ds->failures > 0 && ds->complained_at)
        log_info(&ds->service->log, "datasource %s: works again", ds->name);
    ds->failures = 0;
    ds->complained_at = 0;
}

static void pause_before_retry(struct datasource *ds, int64_t first) {
    int64_t pause = first;
    for (int i = 1; i < ds->failures && pause < RETRY_MOST; i++)
        pause *= 2;
    ds->next_try = clock_now() + (pause < RETRY_MOST ? pause : RETRY_MOST);
}

static void drop_session(struct datasource *ds) {
    sql_close(ds->sql);
    ds->sql = NULL;
    atomic_store(&ds->counters.session_since, 0);
}

/* Reconnects at once, then every second at most. */
static void connect_session(struct datasource *ds) {
    struct jobs_error err;
    if (clock_now() < ds->next_try)
        return;
    if (reconnect(ds, &err) == 0) {
        recovered(ds);
        return;
    }
    ds->failures++;
    complain(ds, &err, "cannot work");
    pause_before_retry(ds, 50 * CLOCK_MS);
}

static bool is_one_of(const char *sqlstate, const char *const *states, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(sqlstate, states[i]) == 0)
            return true;
    return false;
}

static void tick_failed(struct datasource *ds, struct tick *tick, const struct jobs_error *err) {
    static const char *const same_again[] = {"40P01", "40001", "55P03", "57014"};
    if (sql_is_broken(ds->sql) || strcmp(err->sqlstate, "JB010") == 0) {
        log_warning(&ds->service->log, "datasource %s: session lost (%s), reconnecting", ds->name,
                    err->text);
        count(&ds->counters.outcomes[TICK_LOST], 1);
        drop_session(ds);
        ds->next_try = 0;
        return;
    }
    if (tick_narrow(tick, err)) {
        count(&ds->counters.outcomes[TICK_NARROWED], 1);
        return; /* at once */
    }
    ds->failures++;
    bool again = is_one_of(err->sqlstate, same_again, 4);
    count(&ds->counters.outcomes[again ? TICK_AGAIN : TICK_FAILED], 1);
    if (!again)
        complain(ds, err, "a tick failed");
    pause_before_retry(ds, 5 * CLOCK_MS);
}

/* One tick if anything is due. False: nothing was, or it must wait. */
static bool work(struct datasource *ds, struct tick *tick) {
    struct jobs_error err;
    if (clock_now() < ds->next_try)
        return false;
    if (!tick_build(tick))
        return false;
    if (tick_send(tick, &err) == 0)
        recovered(ds);
    else
        tick_failed(ds, tick, &err);
    return true;
}

/* ---- sleeping ---- */

static void earlier(int64_t *at, int64_t other) {
    if (other < *at)
        *at = other;
}

static int64_t wake_up_at(const struct datasource *ds, int64_t now) {
    int64_t at = now + SLEEP_MOST;
    if (now < ds->next_try || !ds->sql) {
        earlier(&at, ds->next_try > now ? ds->next_try : now + SLEEP_BUSY);
        return at;
    }
    earlier(&at, tick_next_look(ds));
    earlier(&at, ds->next_timer);
    earlier(&at, takeover_at(ds));
    earlier(&at, lives_hand_back_at(ds));
    if (ds->shares.capped_count > 0)
        earlier(&at, ds->next_limit_look);
    if (!list_empty(&ds->lives[LIVE_RUNNING]))
        earlier(&at, ds->next_progress);
    if (ds->close_at)
        earlier(&at, ds->close_at);
    if (ds->ending_count > 0 || !list_empty(&ds->lives[LIVE_STARTED]) ||
        !list_empty(&ds->lives[LIVE_CAREFUL]) || ds->wake_pending || at <= now)
        earlier(&at, now + SLEEP_BUSY);
    return at > now ? at : now + SLEEP_BUSY;
}

/* What cannot be acted on yet (no session, a pause after a failure) is no reason to stay awake. */
static bool something_happened(struct datasource *ds, int64_t now) {
    bool able = ds->sql && now >= ds->next_try;
    pthread_mutex_lock(&ds->inbox_lock);
    bool inbox = !list_empty(&ds->started) || !list_empty(&ds->ended);
    pthread_mutex_unlock(&ds->inbox_lock);
    return atomic_exchange(&ds->nudged, false) || inbox || atomic_load(&ds->lost) ||
           (able && (atomic_load(&ds->look) || atomic_load(&ds->look_at_stops)));
}

static void sleep_until_something(struct datasource *ds) {
    int64_t now = clock_now(), wait = wake_up_at(ds, now) - now;
    atomic_store(&ds->asleep, true); /* from here on whoever has something writes to wake_fd */
    if (!something_happened(ds, now)) {
        struct pollfd fd = {.fd = ds->wake_fd, .events = POLLIN};
        struct timespec timeout = {.tv_sec = wait / CLOCK_SECOND,
                                   .tv_nsec = wait % CLOCK_SECOND * 1000};
        ppoll(&fd, 1, &timeout, NULL);
    }
    atomic_store(&ds->asleep, false);
    uint64_t count;
    ssize_t ignored = read(ds->wake_fd, &count, sizeof count);
    (void)ignored;
}

/* ---- what the service asks for ---- */

static void obey(struct datasource *ds) {
    if (atomic_exchange(&ds->lost, false) && ds->sql) {
        drop_session(ds); /* the next one finds out and starts anew */
        ds->next_try = 0;
    }
    if (atomic_load(&ds->stop_runs))
        lives_stop_runs(ds, RUN_STOP_SHUTDOWN);
    if (atomic_load(&ds->draining) && !atomic_load(&ds->drained) && ds->live_count == 0 &&
        (list_empty(&ds->receipts.closable) ||
         !ds->sql)) /* without a database: receipts of nothing */
        atomic_store(&ds->drained, true);
    if (atomic_exchange(&ds->reloaded, false)) {
        struct jobs_error err;
        pthread_mutex_lock(&ds->instance_lock);
        ds->introduced = false; /* done again now or with the next session */
        pthread_mutex_unlock(&ds->instance_lock);
        if (ds->sql && datasource_introduce(ds, ds->sql, &err) < 0)
            log_error(&ds->service->log, "datasource %s: %s", ds->name, err.text);
    }
}

void *dispatcher_main(void *arg) {
    struct datasource *ds = arg;
    struct tick *tick = tick_new(ds);
    while (!atomic_load(&ds->quitting)) {
        atomic_store(&ds->alive_at, clock_now());
        lives_collect(ds);
        lives_hand_back(ds, clock_now());
        if (!ds->sql)
            connect_session(ds);
        if (ds->sql) {
            takeover_work(ds);
            quarantine_work(ds);
        }
        bool worked = ds->sql && work(ds, tick);
        obey(ds);
        if (!worked)
            sleep_until_something(ds);
    }
    tick_free(tick);
    if (ds->sql && atomic_load(&ds->drained))
        datasource_say_goodbye(ds, ds->sql);
    drop_session(ds);
    return NULL;
}
