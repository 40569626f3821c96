#include "module/service/dispatcher.h"

#include "module/base/clock.h"
#include "module/service/lives.h"
#include "module/service/quarantine.h"
#include "module/service/reconnect.h"
#include "module/service/recorder.h"
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
#define BETWEEN_MOST (20 * CLOCK_MS)
#define SUSPECT 8 /* failures in a row (1.3 s) after which the session may be what is wrong */

/* A session with the tick that is put together for it, or under way on it. */
struct ticker {
    struct tick *tick;
    bool under_way;
    struct jobs_error err; /* of the tick under way */
    int failures;          /* in a row */
    int64_t next_try;      /* not before, after a failure */
    int64_t complained_at; /* when a failure was last logged; 0: not since it worked */
};

struct dispatcher {
    struct datasource *ds;
    struct ticker main;     /* on ds->sql */
    struct ticker recorder; /* on ds->recorder, while there is one */
    int64_t between_at;     /* when the session was last free for what is asked outside of ticks */
};

/* Each trouble is logged when it begins and once a minute while it lasts. */
static void complain(struct datasource *ds, struct ticker *ticker, const char *doing) {
    int64_t now = clock_now();
    if (ticker->failures > 1 && now - ticker->complained_at < COMPLAIN_EVERY)
        return;
    ticker->complained_at = now;
    log_error(&ds->service->log, "datasource %s: %s: %s (tried again)", ds->name, doing,
              ticker->err.text);
}

static void recovered(struct datasource *ds, struct ticker *ticker) {
    if (ticker->failures > 0 && ticker->complained_at)
        log_info(&ds->service->log, "datasource %s: works again", ds->name);
    ticker->failures = 0;
    ticker->complained_at = 0;
}

static void pause_before_retry(struct ticker *ticker, int64_t first) {
    int64_t pause = first;
    for (int i = 1; i < ticker->failures && pause < RETRY_MOST; i++)
        pause *= 2;
    ticker->next_try = clock_now() + (pause < RETRY_MOST ? pause : RETRY_MOST);
}

static void abandon(struct ticker *ticker) {
    if (ticker->under_way)
        tick_abandon(ticker->tick);
    ticker->under_way = false;
}

/* Both, always: what one of them left unknown is settled by raising the epoch, which is common. */
static void drop_sessions(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    abandon(&d->main);
    abandon(&d->recorder);
    sweep_drop(ds);
    sql_close(ds->sql);
    sql_close(ds->recorder);
    ds->sql = ds->recorder = NULL;
    d->main.next_try = 0;
    atomic_store(&ds->counters.session_since, 0);
}

/* Reconnects at once, then every second at most. */
static void connect_session(struct dispatcher *d) {
    struct ticker *main = &d->main;
    if (clock_now() < main->next_try)
        return;
    if (reconnect(d->ds, &main->err) == 0)
        return; /* whether it works is for the next tick to say */
    main->failures++;
    complain(d->ds, main, "cannot work");
    pause_before_retry(main, 50 * CLOCK_MS);
}

static bool is_one_of(const char *sqlstate, const char *const *states, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(sqlstate, states[i]) == 0)
            return true;
    return false;
}

static void tick_failed(struct dispatcher *d, struct ticker *ticker, const struct sql *session) {
    static const char *const same_again[] = {"40P01", "40001", "55P03", "57014"};
    struct datasource *ds = d->ds;
    const struct jobs_error *err = &ticker->err;
    if (sql_is_broken(session) || strcmp(err->sqlstate, "JB010") == 0) {
        log_warning(&ds->service->log, "datasource %s: session lost (%s), reconnecting", ds->name,
                    err->text);
        count(&ds->counters.outcomes[TICK_LOST], 1);
        drop_sessions(d);
        return;
    }
    if (tick_narrow(ticker->tick, err)) {
        count(&ds->counters.outcomes[TICK_NARROWED], 1);
        return; /* at once */
    }
    ticker->failures++;
    bool again = is_one_of(err->sqlstate, same_again, 4);
    count(&ds->counters.outcomes[again ? TICK_AGAIN : TICK_FAILED], 1);
    if (!again)
        complain(ds, ticker, "a tick failed");
    pause_before_retry(ticker, 5 * CLOCK_MS);
    if (ticker->failures % SUSPECT == 0)
        drop_sessions(d);
}

/* Sends a tick if anything of these parts is due. False: nothing is, or it must wait. */
static bool begin(struct dispatcher *d, struct ticker *ticker, struct sql *session,
                  unsigned parts) {
    if (!session || ticker->under_way || clock_now() < ticker->next_try)
        return false;
    if (!tick_build(ticker->tick, parts))
        return false;
    if (tick_send(ticker->tick, session, &ticker->err) < 0)
        tick_failed(d, ticker, session);
    else
        ticker->under_way = true;
    return true;
}

/* Applies the answers if all are there. */
static bool finish(struct dispatcher *d, struct ticker *ticker, struct sql *session) {
    if (!ticker->under_way)
        return false;
    int rc = tick_receive(ticker->tick, &ticker->err);
    if (rc > 0)
        return false;
    ticker->under_way = false;
    if (rc == 0)
        recovered(d->ds, ticker);
    else
        tick_failed(d, ticker, session);
    return true;
}

/* Others may have the slots if the answer takes long. */
static void let_go(struct ticker *ticker) {
    if (ticker->under_way && clock_now() >= tick_lets_go_at(ticker->tick))
        tick_let_go(ticker->tick);
}

static bool begin_all(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    bool begun = ds->recorder && begin(d, &d->recorder, ds->recorder, TICK_RECORDS);
    return begin(d, &d->main, ds->sql, ds->recorder ? TICK_CHOOSES : TICK_WHOLE) || begun;
}

/* Under load the next claim is under way while the jobs of this one are taken in; but not for long before what
 * is asked outside of ticks has its turn. */
static bool finish_main(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    bool finished = finish(d, &d->main, ds->sql);
    if (finished && ds->recorder && !atomic_load(&ds->drained) &&
        clock_now() < d->between_at + BETWEEN_MOST)
        begin(d, &d->main, ds->sql, TICK_CHOOSES);
    tick_take(d->main.tick);
    return finished;
}

static bool finish_all(struct dispatcher *d) {
    bool finished = finish_main(d);
    finished |= finish(d, &d->recorder, d->ds->recorder);
    let_go(&d->main);
    let_go(&d->recorder);
    return finished;
}

/* ---- sleeping ---- */

static void earlier(int64_t *at, int64_t other) {
    if (other < *at)
        *at = other;
}

static void main_wakes_at(const struct datasource *ds, int64_t *at) {
    earlier(at, tick_next_look(ds));
    earlier(at, ds->next_timer);
    earlier(at, takeover_at(ds));
    if (ds->shares.capped_count > 0)
        earlier(at, ds->next_limit_look);
}

static int64_t wake_up_at(const struct dispatcher *d, int64_t now) {
    const struct datasource *ds = d->ds;
    int64_t at = now + SLEEP_MOST;
    if (now < d->main.next_try || !ds->sql) {
        earlier(&at, d->main.next_try > now ? d->main.next_try : now + SLEEP_BUSY);
        return at;
    }
    if (!d->main.under_way)
        main_wakes_at(ds, &at);
    earlier(&at, lives_hand_back_at(ds));
    earlier(&at, recorder_at(ds));
    earlier(&at, sweep_at(ds));
    if (!list_empty(&ds->lives[LIVE_RUNNING]))
        earlier(&at, ds->next_progress);
    if (ds->close_at)
        earlier(&at, ds->close_at);
    if (ds->ending_count > 0 || !list_empty(&ds->lives[LIVE_STARTED]) ||
        !list_empty(&ds->lives[LIVE_CAREFUL]) || ds->wake_pending || at <= now)
        earlier(&at, now + SLEEP_BUSY);
    return at > now ? at : now + SLEEP_BUSY;
}

/* What cannot be acted on yet (no session, a tick under way, a pause after a failure) is no reason to
 * stay awake. */
static bool something_happened(struct dispatcher *d, int64_t now) {
    struct datasource *ds = d->ds;
    bool able = ds->sql && !d->main.under_way && now >= d->main.next_try;
    pthread_mutex_lock(&ds->inbox_lock);
    bool inbox = !list_empty(&ds->started) || !list_empty(&ds->ended);
    pthread_mutex_unlock(&ds->inbox_lock);
    return atomic_exchange(&ds->nudged, false) || inbox || atomic_load(&ds->lost) ||
           (able && (atomic_load(&ds->look) || atomic_load(&ds->look_at_stops)));
}

static struct pollfd answers_of(const struct ticker *ticker, struct sql *session, int64_t *until) {
    if (!ticker->under_way)
        return (struct pollfd){.fd = -1};
    earlier(until, sql_pipeline_deadline(session));
    earlier(until, tick_lets_go_at(ticker->tick));
    return (struct pollfd){.fd = sql_fd(session), .events = sql_pipeline_events(session)};
}

/* Until an answer is there or, if a session is free for it, something to tell or to ask. While none
 * is, what happens is gathered for the next tick. */
static void sleep_until_something(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    int64_t now = clock_now(), until = now + SLEEP_MOST;
    bool is_free = !d->main.under_way || (ds->recorder && !d->recorder.under_way);
    struct pollfd fds[] = {{.fd = is_free ? ds->wake_fd : -1, .events = POLLIN},
                           answers_of(&d->main, ds->sql, &until),
                           answers_of(&d->recorder, ds->recorder, &until),
                           sweep_answer(ds, &until)};
    if (is_free)
        earlier(&until, wake_up_at(d, now));
    atomic_store(&ds->asleep, is_free); /* from here on whoever has something writes to wake_fd */
    if (!is_free || !something_happened(d, now)) {
        int64_t wait = until > now ? until - now : 0;
        struct timespec timeout = {.tv_sec = wait / CLOCK_SECOND,
                                   .tv_nsec = wait % CLOCK_SECOND * 1000};
        ppoll(fds, sizeof fds / sizeof *fds, &timeout, NULL);
    }
    atomic_store(&ds->asleep, false);
    uint64_t count;
    ssize_t ignored = is_free ? read(ds->wake_fd, &count, sizeof count) : 0;
    (void)ignored;
}

/* ---- what the service asks for ---- */

static void introduce_again(struct datasource *ds) {
    struct jobs_error err;
    pthread_mutex_lock(&ds->instance_lock);
    ds->introduced = false; /* done again now or with the next session */
    pthread_mutex_unlock(&ds->instance_lock);
    if (ds->sql && datasource_introduce(ds, ds->sql, &err) < 0)
        log_error(&ds->service->log, "datasource %s: %s", ds->name, err.text);
}

static void obey(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    if (atomic_exchange(&ds->lost, false) && ds->sql)
        drop_sessions(d); /* the next one finds out and starts anew */
    if (atomic_load(&ds->stop_runs))
        lives_stop_runs(ds, RUN_STOP_SHUTDOWN);
    bool under_way = d->main.under_way || d->recorder.under_way;
    if (atomic_load(&ds->draining) && !atomic_load(&ds->drained) && !under_way &&
        ds->live_count == 0 &&
        (list_empty(&ds->receipts.closable) ||
         !ds->sql)) /* without a database: receipts of nothing */
        atomic_store(&ds->drained, true);
}

/* What is asked of the database outside of ticks, on the same session. */
static void work_between_ticks(struct dispatcher *d) {
    struct datasource *ds = d->ds;
    if (d->main.under_way)
        return;
    d->between_at = clock_now();
    if (atomic_exchange(&ds->reloaded, false))
        introduce_again(ds);
    if (!ds->sql)
        connect_session(d);
    if (!ds->sql)
        return;
    takeover_work(ds);
    quarantine_work(ds);
    if (!d->recorder.under_way)
        recorder_work(ds);
}

void *dispatcher_main(void *arg) {
    struct dispatcher d = {.ds = arg};
    struct datasource *ds = d.ds;
    d.main.tick = tick_new(ds);
    d.recorder.tick = tick_new(ds);
    while (!atomic_load(&ds->quitting)) {
        atomic_store(&ds->alive_at, clock_now());
        bool worked = finish_all(&d);
        sweep_finish(ds);
        lives_collect(ds);
        lives_hand_back(ds, clock_now());
        work_between_ticks(&d);
        if (ds->sql)
            sweep_begin(ds);
        worked |= begin_all(&d);
        obey(&d);
        if (!worked)
            sleep_until_something(&d);
    }
    while (atomic_load(&ds->drained) && (d.main.under_way || d.recorder.under_way))
        if (!finish_all(&d))
            sleep_until_something(&d);
    if (ds->sql && atomic_load(&ds->drained))
        datasource_say_goodbye(ds, ds->sql);
    drop_sessions(&d);
    tick_free(d.main.tick);
    tick_free(d.recorder.tick);
    return NULL;
}
