/* Long polls: requests that wait for the end of a job, without a thread or a session each. One
 * thread asks each datasource, every now and then, which of all the jobs that are waited for have
 * ended; whose job has, or whose time is up, is handled once more. */
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/store/ended.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAUSE = 50 /* ms between two looks */, WAITERS_MOST = 10000 };

struct waiter { /* request.mine */
    struct api_request *r;
    int64_t until;
    struct list link;
};

struct place { /* of a datasource */
    struct api_task task;
    struct waits *waits;
    size_t datasource;
    struct list list; /* waiter.link; under the waits' lock, as `asked` */
    bool asked;       /* its task stands in the queue, or is under way */
};

struct waits {
    struct api *api;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    size_t count; /* waiters */
    bool stopping;
    struct place *places;
};

/* The waiter is gone after this. */
static void let_go(struct waiter *waiter) {
    struct api_request *r = waiter->r;
    free(waiter);
    api_again(r);
}

bool wait_for(struct api_request *r, int64_t most) {
    struct waits *waits = r->state;
    if (r->mine) /* it has waited */
        return false;
    pthread_mutex_lock(&waits->lock);
    bool good = !waits->stopping && waits->count < WAITERS_MOST;
    if (good) {
        struct waiter *waiter = MEM_NEW(struct waiter);
        *waiter = (struct waiter){.r = r, .until = clock_now() + most * CLOCK_MS};
        r->mine = waits; /* something: it is not to wait again */
        list_push_back(&waits->places[r->datasource].list, &waiter->link);
        waits->count++;
        pthread_cond_signal(&waits->change);
    }
    pthread_mutex_unlock(&waits->lock);
    return good;
}

/* ---- a look at a datasource ---- */

/* The ids that are waited for, as an array to free. */
static const char **ids_of(struct place *place, size_t *ret_count) {
    size_t n = 0;
    pthread_mutex_lock(&place->waits->lock);
    const char **ids = mem_zero(place->waits->count + 1, sizeof *ids);
    LIST_EACH (&place->list, link) {
        ids[n++] = LIST_ENTRY(link, struct waiter, link)->r->id;
    }
    pthread_mutex_unlock(&place->waits->lock);
    *ret_count = n;
    return ids;
}

static void note_ended(void *arg, const char *id) { table_put(arg, id, arg); }

/* Moves those to `ready` whose job has ended or whose time is up, or all. */
static void pick(struct place *place, const struct table *ended, bool all, struct list *ready) {
    int64_t now = clock_now();
    list_init(ready);
    pthread_mutex_lock(&place->waits->lock);
    LIST_EACH (&place->list, link) {
        struct waiter *waiter = LIST_ENTRY(link, struct waiter, link);
        if (!all && now < waiter->until && !table_get(ended, waiter->r->id))
            continue;
        list_remove(link);
        list_push_back(ready, link);
        place->waits->count--;
    }
    place->asked = false;
    pthread_mutex_unlock(&place->waits->lock);
}

static void run(struct api_task *task, const struct job_info_service *db,
                const struct jobs_error *why) {
    struct place *place = (struct place *)(void *)((char *)task - offsetof(struct place, task));
    struct table ended = {0};
    struct jobs_error err;
    struct list ready;
    size_t count;
    (void)why;
    /* Only tasks of this kind take waiters away, one at a time: the ids stay. */
    const char **ids = ids_of(place, &count);
    int rc = db ? store_ended(db, ids, count, note_ended, &ended, &err) : -1;
    free(ids);
    pick(place, &ended, rc < 0, &ready); /* the handler will see what is wrong */
    table_done(&ended, NULL);
    LIST_EACH (&ready, link) {
        let_go(LIST_ENTRY(link, struct waiter, link));
    }
}

/* ---- the thread ---- */

static void ask_all(struct waits *waits) { /* under the lock */
    for (size_t i = 0; i < api_datasource_count(waits->api); i++) {
        struct place *place = &waits->places[i];
        if (place->asked || list_empty(&place->list))
            continue;
        place->asked = true;
        pthread_mutex_unlock(&waits->lock);
        api_submit_task(waits->api, i, &place->task);
        pthread_mutex_lock(&waits->lock);
    }
}

static void *wait_main(void *arg) {
    struct waits *waits = arg;
    pthread_mutex_lock(&waits->lock);
    while (!waits->stopping) {
        if (waits->count == 0) {
            pthread_cond_wait(&waits->change, &waits->lock);
            continue;
        }
        ask_all(waits);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PAUSE * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int rc = 0;
        while (!waits->stopping && rc != ETIMEDOUT)
            rc = pthread_cond_timedwait(&waits->change, &waits->lock, &until);
    }
    pthread_mutex_unlock(&waits->lock);
    return NULL;
}

static void wait_free(struct waits *waits) {
    pthread_mutex_destroy(&waits->lock);
    pthread_cond_destroy(&waits->change);
    free(waits->places);
    free(waits);
}

int wait_start(struct api *api, void **ret, struct jobs_error *err) {
    struct waits *waits = MEM_NEW(struct waits);
    waits->api = api;
    pthread_mutex_init(&waits->lock, NULL);
    pthread_cond_init(&waits->change, NULL);
    waits->places = mem_zero(api_datasource_count(api), sizeof *waits->places);
    for (size_t i = 0; i < api_datasource_count(api); i++) {
        waits->places[i] = (struct place){.task = {.run = run}, .waits = waits, .datasource = i};
        list_init(&waits->places[i].list);
    }
    int rc = api_thread(&waits->thread, wait_main, waits, err);
    if (rc < 0)
        wait_free(waits);
    else
        *ret = waits;
    return rc;
}

void wait_stop(void *state) {
    struct waits *waits = state;
    if (!waits)
        return;
    pthread_mutex_lock(&waits->lock);
    waits->stopping = true;
    pthread_cond_signal(&waits->change);
    pthread_mutex_unlock(&waits->lock);
    pthread_join(waits->thread, NULL);
    for (size_t i = 0; i < api_datasource_count(waits->api); i++) {
        struct table none = {0};
        struct list ready;
        pick(&waits->places[i], &none, true, &ready);
        LIST_EACH (&ready, link) {
            let_go(LIST_ENTRY(link, struct waiter, link));
        }
    }
    wait_free(waits);
}
