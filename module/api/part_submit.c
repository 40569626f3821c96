/* POST …/jobs. Submits that arrive while one is being committed go into the next commit together:
 * each request is a task that reads its body and lines up; a task for all that stand in line
 * creates their jobs with one statement and tells each what became of its own. */
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/api/submit_read.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/store/each.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Who has just been answered often submits again at once. So a batch waits a moment for most of them:
 * it would else be one of two or three requests at the price of a whole commit, and the next one
 * too. At most this, and a quarter of what the last one took. */
#define LINGER_MOST (5 * CLOCK_MS)
enum { BATCH_JOBS = 500 /* or one request that has more */, KEY_MOST = 255 };

struct waiting { /* request.mine */
    struct submit submit;
    size_t good;                /* items that can be submitted */
    struct store_created *made; /* one per item */
    char (*ids)[37];            /* that follow from the Idempotency-Key */
};

struct line { /* of a datasource */
    struct api_task task;
    struct submits *submits;
    size_t datasource;
    pthread_mutex_t lock;
    pthread_cond_t enough; /* there are `wanted` */
    struct list list;      /* api_request.link */
    size_t count, wanted;  /* of `list`; wanted 0: nobody waits */
    bool asked;            /* the task is under way, or stands in the queue */
    size_t last_count;     /* requests of the last batch */
    int64_t last_took, last_end;
};

struct submits {
    struct api *api;
    size_t count;
    struct line *lines;
};

static void waiting_free(struct waiting *waiting) {
    submit_done(&waiting->submit);
    free(waiting->made);
    free(waiting->ids);
    free(waiting);
}

/* ---- answers ---- */

static void answer_one(struct api_request *r, struct waiting *waiting) {
    const struct store_created *made = &waiting->made[0];
    struct submit_item *item = &waiting->submit.items[0];
    struct jobs_error err = item->err.code ? item->err : made->err;
    r->field = item->field;
    if (err.code == 0) {
        char where[200];
        snprintf(where, sizeof where, "/api/v1/tenants/%s/jobs/%s", r->tenant, made->id);
        api_add_header(r, "Location", where);
        r->status = 201;
        json_begin(&r->out);
        json_text(&r->out, "id", made->id);
        json_end(&r->out);
    }
    waiting_free(waiting);
    api_finish(r, err.code, &err);
}

static bool add_outcome(struct buf *out, const struct submit_item *item,
                        const struct store_created *made) {
    const struct jobs_error *err = item->err.code ? &item->err : &made->err;
    int status = err->code ? api_problem_status(err->code, err) : 201;
    json_begin(out);
    json_integer(out, "status", status);
    if (err->code == 0) {
        json_text(out, "id", made->id);
    } else {
        buf_text(out, ",\"problem\":");
        api_problem(out, status, item->field, err);
    }
    json_end(out);
    return err->code == 0;
}

static void answer(struct api_request *r) {
    struct waiting *waiting = r->mine;
    bool all = true;
    if (!waiting->submit.array) {
        answer_one(r, waiting);
        return;
    }
    buf_text(&r->out, "{\"outcomes\":[");
    for (size_t i = 0; i < waiting->submit.count; i++) {
        if (i > 0)
            buf_char(&r->out, ',');
        all &= add_outcome(&r->out, &waiting->submit.items[i], &waiting->made[i]);
    }
    buf_text(&r->out, "]}");
    r->status = all ? 200 : 207;
    waiting_free(waiting);
    api_finish(r, 0, NULL);
}

static void answer_failure(struct api_request *r, const struct jobs_error *err) {
    waiting_free(r->mine);
    api_finish(r, err->code, err);
}

/* ---- a batch ---- */

struct batch {
    struct list requests; /* api_request.link */
    size_t count, request_count;
    struct job_info *infos;
    bool *pendings;
    struct store_submit *submits;
    struct store_created *made;
};

/* Under the lock, which is given up meanwhile. */
static void linger(struct line *line) {
    int64_t most = line->last_took / 4 < LINGER_MOST ? line->last_took / 4 : LINGER_MOST,
            left = line->last_end + most - clock_now();
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* clock_now() may be a test's */
    until.tv_nsec += (left > 0 ? left : 0) * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    line->wanted = (line->count + line->last_count) * 3 / 4;
    int rc = 0;
    while (rc == 0 && left > 0 && line->count < line->wanted)
        rc = pthread_cond_clockwait(&line->enough, &line->lock, CLOCK_MONOTONIC, &until);
    line->wanted = 0;
}

/* Takes from the line what goes together. */
static void take(struct line *line, struct batch *batch) {
    list_init(&batch->requests);
    pthread_mutex_lock(&line->lock);
    linger(line);
    while (!list_empty(&line->list)) {
        struct api_request *r = LIST_ENTRY(line->list.next, struct api_request, link);
        const struct waiting *waiting = r->mine;
        if (batch->count > 0 && batch->count + waiting->good > BATCH_JOBS)
            break;
        list_remove(&r->link);
        list_push_back(&batch->requests, &r->link);
        batch->count += waiting->good;
        batch->request_count++;
        line->count--;
    }
    pthread_mutex_unlock(&line->lock);
}

static void fill(struct batch *batch) {
    size_t n = 0, m = 0;
    batch->infos = mem_zero(batch->count, sizeof *batch->infos);
    batch->pendings = mem_zero(batch->count, sizeof *batch->pendings);
    batch->made = mem_zero(batch->count, sizeof *batch->made);
    batch->submits = mem_zero(batch->request_count, sizeof *batch->submits);
    LIST_EACH (&batch->requests, link) {
        const struct api_request *r = LIST_ENTRY(link, struct api_request, link);
        const struct waiting *waiting = r->mine;
        batch->submits[m++] = (struct store_submit){r->identity.who, r->address, waiting->good};
        for (size_t i = 0; i < waiting->submit.count; i++) {
            const struct submit_item *item = &waiting->submit.items[i];
            if (item->err.code)
                continue;
            batch->pendings[n] = item->pending;
            batch->infos[n] = submit_info(item, r->tenant);
            if (!item->id && waiting->ids)
                batch->infos[n].id = waiting->ids[i];
            n++;
        }
    }
}

static void answer_all(struct batch *batch, int rc, const struct jobs_error *err) {
    size_t n = 0;
    LIST_EACH (&batch->requests, link) { /* whoever is answered may be gone */
        struct api_request *r = LIST_ENTRY(link, struct api_request, link);
        struct waiting *waiting = r->mine;
        list_remove(link);
        for (size_t i = 0; rc == 0 && i < waiting->submit.count; i++)
            if (!waiting->submit.items[i].err.code)
                waiting->made[i] = batch->made[n++];
        if (rc == 0)
            answer(r);
        else
            answer_failure(r, err);
    }
}

static void batch_free(struct batch *batch) {
    free(batch->infos);
    free(batch->pendings);
    free(batch->made);
    free(batch->submits);
}

static void run(struct api_task *task, const struct job_info_service *db,
                const struct jobs_error *why) {
    struct line *line = (struct line *)(void *)((char *)task - offsetof(struct line, task));
    struct batch batch = {0};
    struct jobs_error err = db ? (struct jobs_error){0} : *why;
    take(line, &batch);
    int64_t began = clock_now();
    fill(&batch);
    int rc = db ? store_create_each(db, batch.infos, batch.pendings, batch.count, batch.submits,
                                    batch.request_count, batch.made, &err)
                : err.code;
    answer_all(&batch, rc, &err);
    batch_free(&batch);
    pthread_mutex_lock(&line->lock);
    line->last_count = batch.request_count;
    line->last_end = clock_now();
    line->last_took = line->last_end - began;
    bool more = !list_empty(&line->list);
    line->asked = more;
    pthread_mutex_unlock(&line->lock);
    if (more)
        api_submit_task(line->submits->api, line->datasource, &line->task);
}

/* ---- a request ---- */

static int read_key(struct api_request *r, struct waiting *waiting, struct jobs_error *err) {
    const char *key = api_header(r, "Idempotency-Key");
    if (!key)
        return 0;
    r->field = "Idempotency-Key";
    if (!*key || strlen(key) > KEY_MOST)
        return error_set(err, JOBS_EINVAL, "Idempotency-Key has 1 to %d characters", KEY_MOST);
    for (const char *p = key; *p; p++)
        if (*p < ' ' || *p > '~')
            return error_set(err, JOBS_EINVAL,
                             "Idempotency-Key holds what is no visible character");
    r->field = NULL;
    waiting->ids = mem_zero(waiting->submit.count, sizeof *waiting->ids);
    for (size_t i = 0; i < waiting->submit.count; i++)
        submit_key_id(r->tenant, key, i, waiting->ids[i]);
    return 0;
}

/* Trace context of the request, for jobs that have none of their own. */
static void spread_traceparent(const struct api_request *r, struct submit *submit) {
    const char *header = api_header(r, "traceparent");
    for (size_t i = 0; header && strlen(header) <= 255 && i < submit->count; i++)
        if (!submit->items[i].traceparent && !submit->items[i].err.code)
            submit->items[i].traceparent = mem_text(header);
}

static void line_up(struct line *line, struct api_request *r) {
    pthread_mutex_lock(&line->lock);
    list_push_back(&line->list, &r->link);
    line->count++;
    if (line->wanted > 0 && line->count >= line->wanted)
        pthread_cond_signal(&line->enough);
    bool ask = !line->asked;
    line->asked = true;
    pthread_mutex_unlock(&line->lock);
    if (ask)
        api_submit_task(line->submits->api, line->datasource, &line->task);
}

static int submit(struct api_request *r, struct jobs_error *err) {
    struct submits *submits = r->state;
    struct waiting *waiting = MEM_NEW(struct waiting);
    int rc = submit_read(buf_get(&r->body), r->body.length, &waiting->submit, err);
    if (rc == 0)
        rc = read_key(r, waiting, err);
    if (rc < 0) {
        waiting_free(waiting);
        return rc;
    }
    buf_done(&r->body);
    spread_traceparent(r, &waiting->submit);
    waiting->made = mem_zero(waiting->submit.count, sizeof *waiting->made);
    for (size_t i = 0; i < waiting->submit.count; i++)
        waiting->good += waiting->submit.items[i].err.code == 0;
    r->mine = waiting;
    if (waiting->good > 0)
        line_up(&submits->lines[r->datasource], r);
    else
        answer(r);
    return API_LATER;
}

/* ---- the part ---- */

static int start(struct api *api, void **ret, struct jobs_error *err) {
    struct submits *submits = MEM_NEW(struct submits);
    (void)err;
    submits->api = api;
    submits->count = api_datasource_count(api);
    submits->lines = mem_zero(submits->count, sizeof *submits->lines);
    for (size_t i = 0; i < submits->count; i++) {
        struct line *line = &submits->lines[i];
        line->submits = submits;
        line->datasource = i;
        line->task = (struct api_task){.run = run, .quick = true};
        pthread_mutex_init(&line->lock, NULL);
        pthread_cond_init(&line->enough, NULL);
        list_init(&line->list);
    }
    *ret = submits;
    return 0;
}

static void stop(void *state) {
    struct submits *submits = state;
    for (size_t i = 0; submits && i < submits->count; i++) {
        pthread_mutex_destroy(&submits->lines[i].lock);
        pthread_cond_destroy(&submits->lines[i].enough);
    }
    if (submits)
        free(submits->lines);
    free(submits);
}

static const struct api_route routes[] = {
    {"POST", "/api/v1/tenants/{tenant}/jobs", API_OPERATOR, API_TENANT, .body = true, .quick = true,
     .handle = submit},
    {.method = NULL},
};
const struct api_part api_part_submit = {routes, start, stop};
