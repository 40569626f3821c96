#include "module/api/desk.h"

#include "module/base/mem.h"

#include <stdlib.h>

struct desk {
    struct api *api;
    void (*make)(struct api *api, struct desk_answer *answer);
    pthread_t thread;

    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t asked;
    struct list requests; /* api_request.link */
    bool stopping;
};

static void answer(struct api_request *r, const struct desk_answer *answer) {
    r->status = answer->status;
    r->content_type = answer->content_type;
    buf_add(&r->out, buf_get(&answer->out), answer->out.length);
    api_finish(r, 0, NULL);
}

/* Under the lock, which is given up meanwhile. Who came while the answer was made gets it as well. */
static void serve(struct desk *desk) {
    struct desk_answer made = {0};
    struct list requests;
    list_init(&requests);
    pthread_mutex_unlock(&desk->lock);
    desk->make(desk->api, &made);
    pthread_mutex_lock(&desk->lock);
    list_move_all(&requests, &desk->requests);
    pthread_mutex_unlock(&desk->lock);
    for (struct list *link; (link = list_pop_front(&requests));)
        answer(LIST_ENTRY(link, struct api_request, link), &made);
    buf_done(&made.out);
    pthread_mutex_lock(&desk->lock);
}

static void *desk_main(void *arg) {
    struct desk *desk = arg;
    pthread_mutex_lock(&desk->lock);
    while (!desk->stopping || !list_empty(&desk->requests))
        if (list_empty(&desk->requests))
            pthread_cond_wait(&desk->asked, &desk->lock);
        else
            serve(desk);
    pthread_mutex_unlock(&desk->lock);
    return NULL;
}

int desk_wait(struct desk *desk, struct api_request *r) {
    pthread_mutex_lock(&desk->lock);
    list_push_back(&desk->requests, &r->link);
    pthread_cond_signal(&desk->asked);
    pthread_mutex_unlock(&desk->lock);
    return API_LATER;
}

static void desk_free(struct desk *desk) {
    pthread_cond_destroy(&desk->asked);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
}

int desk_open(struct api *api, void (*make)(struct api *api, struct desk_answer *answer),
              struct desk **ret, struct jobs_error *err) {
    struct desk *desk = MEM_NEW(struct desk);
    desk->api = api;
    desk->make = make;
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->asked, NULL);
    list_init(&desk->requests);
    int rc = api_thread(&desk->thread, desk_main, desk, err);
    if (rc < 0)
        desk_free(desk);
    else
        *ret = desk;
    return rc;
}

void desk_close(struct desk *desk) {
    if (!desk)
        return;
    pthread_mutex_lock(&desk->lock);
    desk->stopping = true;
    pthread_cond_signal(&desk->asked);
    pthread_mutex_unlock(&desk->lock);
    pthread_join(desk->thread, NULL);
    desk_free(desk);
}
