#include "module/service/progress.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/list.h"
#include "module/base/mem.h"
#include "module/service/exchanges.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 2000, NOTES_MOST = 1000 };
#define STALE (2 * CLOCK_SECOND) /* the next one is there by then */
#define CONNECT_WAIT (5 * CLOCK_SECOND)
#define IDLE (60 * CLOCK_SECOND)
#define LOOK CLOCK_SECOND /* at the connection, for its heartbeats */

struct note {
    struct list link;
    int64_t at; /* clock_now() */
    struct job_progress what;
    char texts[]; /* those of `what` */
};

struct progress {
    /* Never change after start. */
    const struct log *log;
    char *service, *amqp_url, *exchange;
    pthread_t thread;

    /* Any thread. */
    atomic_ullong published, dropped;
    atomic_bool connected;

    /* Under lock; `told`: one of them has changed. */
    pthread_mutex_t lock;
    pthread_cond_t told;
    struct list notes;
    size_t count;
    bool stopping;

    /* The thread's. */
    struct bus *bus;
    int64_t next_connect, last_note;
    bool down; /* logged */
    struct buf key, body;
};

/* ---- any thread ---- */

static const char *put(char **at, const char *text) {
    size_t length = strlen(text) + 1;
    const char *copy = memcpy(*at, text, length);
    *at += length;
    return copy;
}

static struct note *note_new(const struct job_progress *what) {
    size_t length = strlen(what->tenant) + strlen(what->id) + strlen(what->class_name) + 3 +
                    (what->text ? strlen(what->text) + 1 : 0);
    struct note *note = mem_alloc(sizeof *note + length);
    char *at = note->texts;
    note->at = clock_now();
    note->what = *what;
    note->what.tenant = put(&at, what->tenant);
    note->what.id = put(&at, what->id);
    note->what.class_name = put(&at, what->class_name);
    note->what.text = what->text ? put(&at, what->text) : NULL;
    return note;
}

/* Of too many the oldest goes: it is the next to be out of date. */
void progress_tell(struct progress *progress, const struct job_progress *what) {
    if (!progress)
        return;
    struct note *note = note_new(what);
    struct list *oldest = NULL;
    pthread_mutex_lock(&progress->lock);
    if (progress->count == NOTES_MOST)
        oldest = list_pop_front(&progress->notes);
    else
        progress->count++;
    list_push_back(&progress->notes, &note->link);
    pthread_cond_signal(&progress->told);
    pthread_mutex_unlock(&progress->lock);
    if (oldest) {
        free(LIST_ENTRY(oldest, struct note, link));
        atomic_fetch_add(&progress->dropped, 1);
    }
}

void progress_get_stats(struct progress *progress, struct progress_stats *ret) {
    *ret = (struct progress_stats){.published = atomic_load(&progress->published),
                                   .dropped = atomic_load(&progress->dropped),
                                   .connected = atomic_load(&progress->connected)};
}

/* ---- the thread ---- */

static void disconnect(struct progress *progress) {
    bus_close(progress->bus);
    progress->bus = NULL;
    atomic_store(&progress->connected, false);
}

static void lose(struct progress *progress, const struct jobs_error *why) {
    if (!progress->down)
        log_info(progress->log, "the progress of jobs is not told for now: %s", why->text);
    progress->down = true;
    disconnect(progress);
    progress->next_connect = clock_now() + CONNECT_WAIT;
}

static void connect_bus(struct progress *progress, int64_t now) {
    if (progress->bus || now < progress->next_connect)
        return;
    char name[128];
    snprintf(name, sizeof name, "%s progress", progress->service);
    struct bus_options options = {.url = progress->amqp_url,
                                  .name = name,
                                  .timeout = TIMEOUT_MS,
                                  .max_length = 1};
    struct jobs_error err;
    int rc = bus_open(&options, &progress->bus, &err);
    if (rc == 0)
        rc = exchanges_declare_progress(progress->bus, progress->service, &err);
    if (rc < 0) {
        lose(progress, &err);
        return;
    }
    progress->down = false;
    atomic_store(&progress->connected, true);
}

static int publish(struct progress *progress, const struct note *note, struct jobs_error *err) {
    if (job_progress_body(&note->what, &progress->body, err) < 0)
        return 0; /* nobody's loss: its next one may be encodable */
    job_progress_key(&note->what, &progress->key);
    struct bus_header header = {"tenant", note->what.tenant};
    struct bus_message message = {.exchange = progress->exchange,
                                  .routing_key = progress->key.data,
                                  .body = progress->body.data,
                                  .length = progress->body.length,
                                  .content_type = JOB_PROGRESS_CONTENT_TYPE,
                                  .headers = &header,
                                  .header_count = 1};
    int rc = bus_publish(progress->bus, &message, NULL, err);
    return rc < 0 ? rc : 1;
}

/* Of what is here in time as much as the broker takes. */
static void tell_all(struct progress *progress, struct list *notes) {
    struct jobs_error err;
    if (progress->bus)
        bus_batch_begin(progress->bus);
    LIST_EACH (notes, p) {
        struct note *note = LIST_ENTRY(p, struct note, link);
        bool can =
            progress->bus && !bus_is_blocked(progress->bus) && clock_now() - note->at < STALE;
        int rc = can ? publish(progress, note, &err) : 0;
        if (rc < 0)
            lose(progress, &err);
        atomic_fetch_add(rc > 0 ? &progress->published : &progress->dropped, 1);
        list_remove(p);
        free(note);
    }
    if (progress->bus)
        bus_batch_end(progress->bus);
}

/* What the broker says: it blocks, the exchange is gone, heartbeats. */
static void listen_to_broker(struct progress *progress) {
    struct jobs_error err;
    if (progress->bus && bus_poll(progress->bus, 0, NULL, &err) < 0)
        lose(progress, &err);
}

static void wait_until(struct progress *progress, int64_t microseconds) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + microseconds % CLOCK_SECOND * 1000;
    at.tv_sec += (time_t)(microseconds / CLOCK_SECOND + ns / 1000000000);
    at.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_clockwait(&progress->told, &progress->lock, CLOCK_MONOTONIC, &at);
}

/* Everything that was told; waits for it, but looks at an open connection now and then. False: it
 * is to end. */
static bool take_notes(struct progress *progress, struct list *ret) {
    pthread_mutex_lock(&progress->lock);
    if (progress->count == 0 && !progress->stopping) {
        if (progress->bus)
            wait_until(progress, LOOK);
        else
            pthread_cond_wait(&progress->told, &progress->lock);
    }
    list_move_all(ret, &progress->notes);
    progress->count = 0;
    bool more = !progress->stopping;
    pthread_mutex_unlock(&progress->lock);
    return more;
}

static void forget(struct list *notes) {
    for (struct list *p; (p = list_pop_front(notes));)
        free(LIST_ENTRY(p, struct note, link));
}

static void *run(void *arg) {
    struct progress *progress = arg;
    struct list notes;
    list_init(&notes);
    while (take_notes(progress, &notes)) {
        int64_t now = clock_now();
        listen_to_broker(progress);
        if (!list_empty(&notes)) {
            progress->last_note = now;
            connect_bus(progress, now);
            tell_all(progress, &notes);
        } else if (progress->bus && now - progress->last_note > IDLE) {
            disconnect(progress);
        }
    }
    forget(&notes);
    disconnect(progress);
    return NULL;
}

/* ---- life ---- */

static void progress_free(struct progress *progress) {
    forget(&progress->notes);
    pthread_cond_destroy(&progress->told);
    pthread_mutex_destroy(&progress->lock);
    buf_done(&progress->key);
    buf_done(&progress->body);
    free(progress->service);
    free(progress->amqp_url);
    free(progress->exchange);
    free(progress);
}

int progress_start(const struct progress_options *options, struct progress **ret,
                   struct jobs_error *err) {
    struct progress *progress = MEM_NEW(struct progress);
    progress->log = options->log;
    progress->service = mem_text(options->service);
    progress->amqp_url = mem_text(options->amqp_url);
    progress->exchange = exchange_name(options->service, "progress");
    pthread_mutex_init(&progress->lock, NULL);
    pthread_cond_init(&progress->told, NULL);
    list_init(&progress->notes);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
    int failed = pthread_create(&progress->thread, NULL, run, progress);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        progress_free(progress);
        return error_set(err, JOBS_ENOMEM, "no thread for the progress of jobs: %s",
                         strerror(failed));
    }
    pthread_setname_np(progress->thread, "jobs-progress");
    *ret = progress;
    return 0;
}

void progress_stop(struct progress *progress) {
    if (!progress)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->stopping = true;
    pthread_cond_signal(&progress->told);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    progress_free(progress);
}
