#include "module/service/health_ask.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define FRESH CLOCK_SECOND
#define KEEP_CONNECTION (60 * CLOCK_SECOND) /* after the last question */
#define KEEP_ALIVE_MS 4000                  /* heartbeats are due every 10 s */

struct asker {
    /* Never change after start. */
    int (*question)(void *arg, void **state, struct jobs_error *err);
    void *arg;
    pthread_t thread;

    /* The thread's only. */
    void *state;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    bool stopping, wanted;
    int64_t asked_at;   /* when somebody last wanted an answer */
    int64_t since;      /* clock_now() when the question of the latest answer was put; 0: none */
    int64_t pending_at; /* when the one under way was put; 0: none is */
    struct jobs_error answer; /* code 0: it is there */
};

static void ask_now(struct asker *asker) {
    struct jobs_error answer = {0};
    asker->wanted = false;
    asker->pending_at = clock_now();
    pthread_mutex_unlock(&asker->lock);
    int rc = asker->question(asker->arg, &asker->state, &answer);
    pthread_mutex_lock(&asker->lock);
    asker->answer = answer;
    asker->answer.code = rc;
    asker->since = asker->pending_at;
    asker->pending_at = 0;
    pthread_cond_broadcast(&asker->changed);
}

static void close_connection(struct asker *asker) {
    pthread_mutex_unlock(&asker->lock);
    asker->question(asker->arg, &asker->state, NULL);
    pthread_mutex_lock(&asker->lock);
}

static void wait_for(struct asker *asker, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&asker->changed, &asker->lock, &until);
}

/* While questions come the connection is kept, which asks now and then by itself. */
static void *asker_main(void *arg) {
    struct asker *asker = arg;
    pthread_mutex_lock(&asker->lock);
    while (!asker->stopping) {
        bool kept = asker->state != NULL;
        if (kept && !asker->wanted && clock_now() - asker->asked_at > KEEP_CONNECTION)
            close_connection(asker);
        else if (asker->wanted || (kept && clock_now() - asker->since > KEEP_ALIVE_MS * CLOCK_MS))
            ask_now(asker);
        else if (kept)
            wait_for(asker, KEEP_ALIVE_MS);
        else
            pthread_cond_wait(&asker->changed, &asker->lock);
    }
    close_connection(asker);
    pthread_mutex_unlock(&asker->lock);
    return NULL;
}

static int start_thread(struct asker *asker) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&asker->thread, NULL, asker_main, asker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(asker->thread, "jobs-health");
    return failed;
}

static void destroy(struct asker *asker) {
    pthread_cond_destroy(&asker->changed);
    pthread_mutex_destroy(&asker->lock);
    free(asker);
}

struct asker *asker_new(int (*question)(void *arg, void **state, struct jobs_error *err),
                        void *arg) {
    struct asker *asker = MEM_NEW(struct asker);
    pthread_condattr_t monotonic;
    asker->question = question;
    asker->arg = arg;
    pthread_mutex_init(&asker->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&asker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_thread(asker) == 0)
        return asker;
    destroy(asker);
    return NULL;
}

void asker_free(struct asker *asker) {
    if (!asker)
        return;
    pthread_mutex_lock(&asker->lock);
    asker->stopping = true;
    pthread_cond_broadcast(&asker->changed);
    pthread_mutex_unlock(&asker->lock);
    pthread_join(asker->thread, NULL);
    destroy(asker);
}

int64_t asker_ask(struct asker *asker) {
    pthread_mutex_lock(&asker->lock);
    asker->asked_at = clock_now();
    int64_t oldest = asker->asked_at - FRESH;
    if (asker->since <= oldest && asker->pending_at <= oldest) {
        asker->wanted = true;
        pthread_cond_broadcast(&asker->changed);
    }
    pthread_mutex_unlock(&asker->lock);
    return oldest;
}

int asker_wait(struct asker *asker, int64_t asked, int64_t deadline, struct jobs_error *err) {
    pthread_mutex_lock(&asker->lock);
    for (int64_t now; (now = clock_now()) < deadline && asker->since <= asked;)
        wait_for(asker, (deadline - now) / CLOCK_MS + 1);
    bool answered = asker->since > asked;
    int rc = answered ? asker->answer.code : JOBS_ETIMEOUT;
    if (answered && err)
        *err = asker->answer;
    pthread_mutex_unlock(&asker->lock);
    return answered ? rc : error_set(err, JOBS_ETIMEOUT, "no answer in time");
}
