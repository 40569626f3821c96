#include "module/service/lives.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/class_settings.h"
#include "module/service/quarantine.h"
#include "module/service/turns.h"
#include "module/service/watermark.h"

#define WAIT_MOST \
    CLOCK_SECOND /* a claimed job that does not come to run by then is handed back \
                                */
#define RUNS_REMEMBERED 64
#define CONTROL_FRESH (2 * CLOCK_SECOND) /* at_most_once runs start only while we surely live */

void live_move(struct datasource *ds, struct live *live, enum live_state state) {
    list_remove(&live->link);
    ds->ending_count -= live->state == LIVE_ENDING;
    ds->ending_count += state == LIVE_ENDING;
    live->state = state;
    list_push_back(&ds->lives[state], &live->link);
}

void lives_enter(struct datasource *ds, struct live *live, enum live_state state) {
    list_init(&live->link);
    list_init(&live->inbox);
    live->state = state;
    list_push_back(&ds->lives[state], &live->link);
    ds->ending_count += state == LIVE_ENDING;
    ds->live_count++;
    table_put(&ds->by_id, live->id, live);
}

/* ---- callbacks of the pool, on its threads ---- */

static void on_started(struct pool_task *task) {
    struct live *live = (struct live *)(void *)task;
    struct datasource *ds = live->ds;
    pthread_mutex_lock(&ds->inbox_lock);
    live->began = true;
    live->began_at = clock_now();
    ds->pooled--;
    list_push_back(&ds->started, &live->inbox);
    pthread_mutex_unlock(&ds->inbox_lock);
    datasource_wake(ds);
}

static void on_ended(struct pool_task *task) {
    struct live *live = (struct live *)(void *)task;
    struct datasource *ds = live->ds;
    pthread_mutex_lock(&ds->inbox_lock);
    live->ended = true;
    live->ended_at = clock_now();
    list_remove(&live->inbox); /* of `started`, when it was that quick */
    list_push_back(&ds->ended, &live->inbox);
    pthread_mutex_unlock(&ds->inbox_lock);
    datasource_wake(ds); /* `live` is the dispatcher's now */
    turns_wake(ds);
}

/* ---- from the claim to the pool ---- */

static void count_pooled(struct datasource *ds, size_t count) {
    pthread_mutex_lock(&ds->inbox_lock);
    ds->pooled += count;
    pthread_mutex_unlock(&ds->inbox_lock);
}

static void to_pool(struct datasource *ds, struct live *live) {
    live_move(ds, live, LIVE_POOLED);
    if (ds->gathering) {
        list_push_back(&ds->gathered, &live->task.link);
        ds->gathered_count++;
        return;
    }
    count_pooled(ds, 1);
    pool_put(ds->service->pool, &live->task);
}

void lives_gather(struct datasource *ds) {
    ds->gathering = true;
    ds->gathered_count = 0;
    list_init(&ds->gathered);
}

void lives_put(struct datasource *ds) {
    ds->gathering = false;
    count_pooled(ds, ds->gathered_count);
    pool_put_all(ds->service->pool, &ds->gathered);
}

static void on_job_log(void *arg, const struct job *job, int level, const char *text) {
    const struct datasource *ds = arg;
    log_about(&ds->service->log, (enum log_level)level, job_tenant(job), job_id(job), "%s", text);
}

/* How many runs the job may have, for those that want to know. */
static unsigned attempts_of(const struct live *live, const struct class_settings *settings) {
    int64_t most = live->max_attempts > 0 ? live->max_attempts : settings->attempts;
    return live->entry->class->at_most_once || most <= 0 ? 1 : (unsigned)most;
}

static void make_run(struct datasource *ds, struct live *live,
                     const struct class_settings *settings, const char *parameters) {
    const struct job_class *class = live->entry->class;
    struct run_order order = {.id = live->id,
                              .tenant = live->tenant,
                              .class_name = live->class_name,
                              .parameters = parameters,
                              .traceparent = live->traceparent,
                              .attempt = (unsigned)live->attempt,
                              .attempts = attempts_of(live, settings),
                              .version = (unsigned)live->version,
                              .timeout = live->timeout > 0 ? live->timeout : settings->timeout,
                              .workspace_base = ds->service->workspace_dir,
                              .workspace = settings->workspace ? 1 : -1};
    live->task.job = run_new(&order, class, live->entry->shared);
    live->task.started = on_started;
    live->task.ended = on_ended;
    run_set_log(live->task.job, on_job_log, ds);
}

void live_launch(struct datasource *ds, struct live *live, const char *parameters) {
    if (!live->entry) {
        live_move(ds, live, LIVE_CLASSLESS);
        return;
    }
    const struct class_settings *settings =
        class_settings_find(&ds->class_settings, service_config(ds->service), live->entry->class);
    if (quarantine_park(ds, live) || (settings->workspace && watermark_park(ds, live))) {
        live_move(ds, live, LIVE_ENDING);
    } else if (!parameters) {
        live_move(ds, live, LIVE_FETCHING);
    } else {
        make_run(ds, live, settings, parameters);
        if (live->careful)
            live_move(ds, live, LIVE_CAREFUL);
        else
            to_pool(ds, live);
    }
}

void live_release(struct datasource *ds, struct live *live) {
    if (live->reserved)
        pool_release(ds->service->pool, 1);
    live->reserved = false;
}

void live_start_careful(struct datasource *ds, struct live *live) {
    bool sure = clock_now() - atomic_load(&ds->control_at) < CONTROL_FRESH;
    if (live->entry->class->at_most_once && !sure)
        return; /* stays CAREFUL and is asked again */
    live_release(ds, live);
    to_pool(ds, live);
}

void live_finish(struct datasource *ds, struct live *live) {
    if (live->receipt)
        receipt_leave(&ds->receipts, live->receipt);
    double took = (double)(live->ended_at - live->began_at);
    if (live->began)
        shares_learn(&ds->shares, live->class_name, took);
    if (live->share) {
        shares_leave(&ds->shares, live->share);
        if (live->began)
            shares_ended(live->share, live->estimate, took);
        else
            shares_refund(live->share, live->estimate);
    }
    live_release(ds, live);
    ds->ending_count -= live->state == LIVE_ENDING;
    list_remove(&live->link);
    if (!live->fenced)
        table_take(&ds->by_id, live->id);
    ds->live_count--;
    live_free(live);
}

bool live_withdraw(struct datasource *ds, struct live *live) {
    if (live->starting)
        return false; /* its row may be RUNNING already */
    if (live->state == LIVE_CLASSLESS || live->state == LIVE_FETCHING ||
        live->state == LIVE_CAREFUL) {
        live_release(ds, live);
        return true;
    }
    if (live->state != LIVE_POOLED || !pool_withdraw(ds->service->pool, &live->task))
        return false;
    pthread_mutex_lock(&ds->inbox_lock);
    ds->pooled--;
    pthread_mutex_unlock(&ds->inbox_lock);
    return true;
}

void live_stop(struct datasource *ds, struct live *live) {
    if (live->state == LIVE_ENDING)
        return; /* the database turns its end into ABORTED unless it is a success */
    count(&ds->counters.stops, 1);
    if (live_withdraw(ds, live)) {
        live_set_end(live, JOB_ABORTED, false, "ABORTED", 0, NULL, NULL);
        live_move(ds, live, LIVE_ENDING);
    } else {
        run_stop(live->task.job, RUN_STOP_REQUESTED);
    }
}

void live_fence(struct datasource *ds, struct live *live) {
    if (live->fenced)
        return;
    count(&ds->counters.fenced, 1);
    if (live->state == LIVE_ENDING || live_withdraw(ds, live)) {
        live_finish(ds, live);
        return;
    }
    log_about(&ds->service->log, LOG_LEVEL_WARNING, live->tenant, live->id,
              "taken over by another instance while it ran here: its run is stopped, what it "
              "returns is dropped");
    live->fenced = true;
    table_take(&ds->by_id, live->id); /* it may be claimed here again while the old run goes on */
    if (live->receipt)
        receipt_leave(&ds->receipts, live->receipt);
    live->receipt = NULL;
    run_stop(live->task.job, RUN_STOP_LOST);
}

/* ---- what the pool's threads told ---- */

static void use_slot(struct datasource *ds, struct live *live, int64_t until) {
    int64_t from = live->used_at ? live->used_at : live->began_at;
    if (live->share)
        account_use(&ds->shares.accounts, live->share->account, (double)(until - from));
}

static void collect_start(struct datasource *ds, struct live *live) {
    live->used_at = live->began_at;
    if (live->share)
        live->share->account->running++;
    live_move(ds, live, live->recorded ? LIVE_RUNNING : LIVE_STARTED);
}

static void collect_end(struct datasource *ds, struct live *live) {
    use_slot(ds, live, live->ended_at);
    if (live->used_at && live->share)
        live->share->account->running--;
    live->used_at = 0;
    if (live->fenced) {
        live_finish(ds, live);
        return;
    }
    double took = (double)(live->ended_at - live->began_at);
    /* An average that is quick to believe at first: until it is known that runs are short, nothing is
     * claimed ahead. */
    ds->run_count += ds->run_count < RUNS_REMEMBERED;
    ds->run_time += (took - ds->run_time) / (double)ds->run_count;
    ds->ahead_most++;
    live_decide(live, service_config(ds->service));
    live_move(ds, live, LIVE_ENDING);
}

void lives_collect(struct datasource *ds) {
    struct list started, ended;
    list_init(&started), list_init(&ended);
    pthread_mutex_lock(&ds->inbox_lock);
    list_move_all(&started, &ds->started);
    list_move_all(&ended, &ds->ended);
    /* Out of the lists while the lock is held: on_ended removes a started one from whatever list it
     * is in. */
    LIST_EACH (&started, p) {
        struct live *live = LIST_ENTRY(p, struct live, inbox);
        list_remove(p);
        collect_start(ds, live);
    }
    pthread_mutex_unlock(&ds->inbox_lock);
    LIST_EACH (&ended, p) {
        list_remove(p);
        collect_end(ds, LIST_ENTRY(p, struct live, inbox));
    }
}

size_t lives_lasting(const struct datasource *ds, int64_t now, int64_t age) {
    static const enum live_state running[] = {LIVE_STARTED, LIVE_RUNNING};
    size_t count = 0;
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        LIST_EACH (&ds->lives[running[i]], p)
            count += now - LIST_ENTRY(p, struct live, link)->began_at > age;
    return count;
}

void lives_use(struct datasource *ds, int64_t now) {
    static const enum live_state running[] = {LIVE_STARTED, LIVE_RUNNING};
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        LIST_EACH (&ds->lives[running[i]], p) {
            struct live *live = LIST_ENTRY(p, struct live, link);
            use_slot(ds, live, now);
            live->used_at = now;
        }
}

/* ---- the way back ---- */

static bool may_go_back(const struct live *live) {
    return !(live->recorded && live->entry && live->entry->class->at_most_once);
}

static void hand_back(struct datasource *ds, struct live *live) {
    if (!may_go_back(live) || !live_withdraw(ds, live))
        return;
    count(&ds->counters.handed_back, 1);
    live_set_end(live, JOB_QUEUED, true, "HANDED_BACK", 0, NULL, NULL);
    live_move(ds, live, LIVE_ENDING);
}

/* No prefetch until they are seen to be short. */
static void runs_take_long(struct datasource *ds) {
    ds->run_time = (double)WAIT_MOST;
    ds->run_count = RUNS_REMEMBERED / 4;
    ds->ahead_most = 0;
}

void lives_hand_back(struct datasource *ds, int64_t now) {
    static const enum live_state waiting[] = {LIVE_CLASSLESS, LIVE_FETCHING, LIVE_CAREFUL,
                                              LIVE_POOLED};
    bool all = atomic_load(&ds->draining);
    for (size_t i = all ? 0 : 2; i < 4; i++)
        LIST_EACH (&ds->lives[waiting[i]], p) {
            struct live *live = LIST_ENTRY(p, struct live, link);
            if (!all && now - live->claimed_at < WAIT_MOST)
                break; /* the list is in order of the claims */
            if (!all && live->recorded)
                continue;
            hand_back(ds, live);
            if (!all && ds->run_time < (double)WAIT_MOST)
                runs_take_long(ds);
        }
}

int64_t lives_hand_back_at(const struct datasource *ds) {
    int64_t at = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        const struct list *head = &ds->lives[i ? LIVE_POOLED : LIVE_CAREFUL];
        if (!list_empty(head)) {
            int64_t due = LIST_ENTRY(head->next, struct live, link)->claimed_at + WAIT_MOST;
            at = due < at ? due : at;
        }
    }
    return at;
}

void lives_stop_runs(struct datasource *ds, enum run_stop_reason reason) {
    static const enum live_state running[] = {LIVE_POOLED, LIVE_STARTED, LIVE_RUNNING};
    for (size_t i = 0; i < sizeof running / sizeof *running; i++)
        LIST_EACH (&ds->lives[running[i]], p)
            run_stop(LIST_ENTRY(p, struct live, link)->task.job, reason);
}
