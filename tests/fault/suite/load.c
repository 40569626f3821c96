#include "tests/fault/suite/load.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/fault/suite/database.h"
#include "tests/fault/suite/random.h"
#include "tests/lib/program.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKLOG_MOST 3000
#define BATCH_MOST 20
#define RECENT 40  /* the client thread meddles with the latest jobs, that they may still run */
#define DOOMED 300 /* so far back it looks for one that failed, to retry it */

/* How jobs are submitted; one thread each. */
enum way { WAY_ONE, WAY_MANY, WAY_LIBRARY, WAY_CLIENT, WAYS };

struct client {
    struct load *load;
    enum way way;
    pthread_t thread;
    struct chance chance;
    struct database database;
};

struct load {
    struct load_options options;
    atomic_bool stopping;
    struct client clients[WAYS];
    atomic_size_t submits, repeated, stops, retries, locks;
};

struct wish { /* a job that is to be submitted */
    struct promise promise;
    char parameters[64];
    unsigned attempts;
    int priority;
};

static void pause_ms(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- wishes ---- */

static void make_id(struct chance *chance, char id[37]) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t a = chance_bits(chance), b = chance_bits(chance);
    snprintf(id, 37, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(0x8000 | (a >> 12 & 0x3fff)),
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static enum job_sort draw_sort(struct chance *chance) {
    static const unsigned char percent[SORT_COUNT] = {45, 20, 6, 5, 3, 9, 8, 4};
    int64_t draw = chance_between(chance, 0, 99);
    int sort = 0;
    while (draw >= percent[sort])
        draw -= percent[sort++];
    return (enum job_sort)sort;
}

static void draw_wish(struct chance *chance, struct wish *wish) {
    struct promise *p = &wish->promise;
    *wish = (struct wish){.promise.sort = draw_sort(chance)};
    snprintf(p->tenant, sizeof p->tenant, "t%d", (int)chance_between(chance, 0, LOAD_TENANTS - 1));
    make_id(chance, p->id);
    int64_t ms = chance_between(chance, 5, 500), failures = chance_between(chance, 1, 2);
    snprintf(wish->parameters, sizeof wish->parameters, "{\"ms\": %lld, \"failures\": %lld}",
             (long long)ms, (long long)failures);
    wish->attempts = p->sort == SORT_FLAKY ? (unsigned)failures + 1 : 0;
    wish->priority = (int)chance_between(chance, 0, 2);
}

/* ---- the ways ---- */

static bool submit_one(struct client *client, const struct wish *wish) {
    char attempts[16], priority[16];
    snprintf(attempts, sizeof attempts, "%u", wish->attempts);
    snprintf(priority, sizeof priority, "%d", wish->priority);
    const char *values[] = {wish->promise.tenant,
                            job_sort_name(wish->promise.sort),
                            wish->parameters,
                            wish->attempts ? attempts : NULL,
                            priority,
                            wish->promise.id};
    PGresult *result = database_try(
        &client->database,
        "select jobs.job_submit($1, $2, $3::jsonb, attempts => $4::int, priority => $5::int, "
        "id => $6::uuid)",
        6, values);
    bool done = result != NULL;
    PQclear(result);
    return done;
}

/* job_submit_many takes one tenant. */
static bool submit_many(struct client *client, struct wish *wishes, size_t count) {
    struct buf jobs = {0};
    for (size_t i = 0; i < count; i++) {
        const struct wish *w = &wishes[i];
        memcpy(wishes[i].promise.tenant, wishes[0].promise.tenant, sizeof w->promise.tenant);
        buf_format(&jobs, "%s{\"class_name\": \"%s\", \"id\": \"%s\", \"parameters\": %s",
                   i ? ", " : "[", job_sort_name(w->promise.sort), w->promise.id, w->parameters);
        if (w->attempts)
            buf_format(&jobs, ", \"attempts\": %u", w->attempts);
        buf_format(&jobs, ", \"priority\": %d}", w->priority);
    }
    buf_char(&jobs, ']');
    const char *values[] = {wishes[0].promise.tenant, buf_get(&jobs)};
    PGresult *result =
        database_try(&client->database, "select jobs.job_submit_many($1, $2::jsonb)", 2, values);
    bool done = result != NULL;
    PQclear(result);
    buf_done(&jobs);
    return done;
}

/* 0: done; 1: once more; another error ends the program. */
static bool judge(struct client *client, const char *call, int rc, const struct jobs_error *err) {
    if (rc == 0)
        return true;
    if (rc != JOBS_EUNSURE && rc != JOBS_ETIMEOUT &&
        !(rc == JOBS_EDB && database_may_pass(err->sqlstate)))
        program_give_up("%s: %s (%s)", call, err->text, err->sqlstate);
    if (rc == JOBS_EUNSURE || strncmp(err->sqlstate, "57P", 3) == 0 ||
        PQstatus(client->database.db) != CONNECTION_OK)
        database_drop(&client->database);
    return false;
}

static bool submit_by_library(struct client *client, const struct wish *wishes, size_t count) {
    struct job_info infos[BATCH_MOST];
    struct jobs_error err = {0};
    if (!database_ready(&client->database))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct wish *w = &wishes[i];
        infos[i] = (struct job_info)JOB_INFO(.id = w->promise.id, .tenant = w->promise.tenant,
                                             .class_name = job_sort_name(w->promise.sort),
                                             .parameters = w->parameters, .attempts = w->attempts,
                                             .priority = w->priority);
    }
    const struct job_info_service s = {.db = client->database.db};
    int rc = job_info_create_as_queued(&s, infos, count, NULL, &err);
    return judge(client, "job_info_create_as_queued", rc, &err);
}

static bool submit(struct client *client, struct wish *wishes, size_t count) {
    switch (client->way) {
    case WAY_ONE: return submit_one(client, &wishes[0]);
    case WAY_MANY: return submit_many(client, wishes, count);
    default: return submit_by_library(client, wishes, count);
    }
}

/* ---- submitting ---- */

static bool is_backlog(struct load *load) {
    size_t ended = subscriber_get(load->options.subscriber).final;
    return ledger_count(load->options.ledger) > ended + BACKLOG_MOST;
}

static void submit_batch(struct client *client) {
    struct wish wishes[BATCH_MOST];
    struct promise promises[BATCH_MOST];
    struct load *load = client->load;
    size_t count = client->way == WAY_ONE ? 1 : (size_t)chance_between(&client->chance, 1, 20);
    for (size_t i = 0; i < count; i++)
        draw_wish(&client->chance, &wishes[i]);
    while (!submit(client, wishes, count)) {
        atomic_fetch_add(&load->repeated, 1);
        pause_ms(100);
    }
    for (size_t i = 0; i < count; i++)
        promises[i] = wishes[i].promise;
    ledger_add(load->options.ledger, promises, count);
    atomic_fetch_add(&load->submits, 1);
    /* Three threads share the rate. */
    int64_t average = (int64_t)count * 3000 / load->options.rate;
    pause_ms(chance_between(&client->chance, average / 2, average * 3 / 2));
}

static void *run_submitter(void *arg) {
    struct client *client = arg;
    while (!atomic_load(&client->load->stopping)) {
        if (is_backlog(client->load))
            pause_ms(50);
        else
            submit_batch(client);
    }
    database_drop(&client->database);
    return NULL;
}

/* ---- meddling ---- */

static void meddle(struct client *client, size_t index, const struct promise *promise) {
    struct load *load = client->load;
    struct ledger *ledger = load->options.ledger;
    struct jobs_error err = {0};
    const struct job_info_service s = {.db = client->database.db};
    const char *tenant = promise->tenant, *id = promise->id;
    int64_t draw = chance_between(&client->chance, 0, 9);
    if (promise->sort == SORT_DOOMED) {
        ledger_note_retry(ledger, index);
        int rc = job_info_retry(&s, tenant, id, &err);
        if (rc != JOBS_ESTATUS && judge(client, "job_info_retry", rc, &err))
            atomic_fetch_add(&load->retries, 1);
    } else if (draw < 6) {
        ledger_note_stop(ledger, index);
        if (judge(client, "job_info_stop", job_info_stop(&s, tenant, id, NULL, &err), &err))
            atomic_fetch_add(&load->stops, 1);
    } else if (judge(client, "job_info_lock", job_info_lock(&s, tenant, id, true, &err), &err)) {
        atomic_fetch_add(&load->locks, 1);
    }
}

/* Its place in the ledger; false: not now. */
static bool choose(struct client *client, size_t *ret_index, struct promise *ret) {
    struct ledger *ledger = client->load->options.ledger;
    bool retry = chance_between(&client->chance, 0, 3) == 0;
    size_t count = ledger_count(ledger),
           back = (size_t)chance_between(&client->chance, 1, retry ? DOOMED : RECENT);
    if (back > count || !ledger_get(ledger, *ret_index = count - back, ret))
        return false;
    while (retry && ret->sort != SORT_DOOMED && *ret_index > 0)
        ledger_get(ledger, --*ret_index, ret);
    return true;
}

static void *run_meddler(void *arg) {
    struct client *client = arg;
    while (!atomic_load(&client->load->stopping)) {
        size_t index;
        struct promise promise;
        if (choose(client, &index, &promise) && database_ready(&client->database))
            meddle(client, index, &promise);
        pause_ms(chance_between(&client->chance, 50, 250));
    }
    database_drop(&client->database);
    return NULL;
}

/* ---- life ---- */

struct load *load_start(const struct load_options *options) {
    struct load *load = MEM_NEW(struct load);
    load->options = *options;
    for (int way = 0; way < WAYS; way++) {
        struct client *client = &load->clients[way];
        *client = (struct client){.load = load,
                                  .way = (enum way)way,
                                  .chance = chance_begin(options->seed, (uint64_t)way + 1)};
        bool lossy = way == WAY_LIBRARY || way == WAY_ONE;
        client->database.url = lossy ? options->lossy_url : options->pg_url;
        if (pthread_create(&client->thread, NULL, way == WAY_CLIENT ? run_meddler : run_submitter,
                           client) != 0)
            program_give_up("load: no thread");
    }
    return load;
}

void load_stop(struct load *load) {
    atomic_store(&load->stopping, true);
    for (int way = 0; way < WAYS; way++)
        pthread_join(load->clients[way].thread, NULL);
}

struct load_counts load_get(struct load *load) {
    return (struct load_counts){
        .submits = atomic_load(&load->submits),
        .repeated = atomic_load(&load->repeated),
        .stops = atomic_load(&load->stops),
        .retries = atomic_load(&load->retries),
        .locks = atomic_load(&load->locks),
    };
}

void load_free(struct load *load) { free(load); }
