#include "module/worker/child.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/frame.h"
#include "module/worker/run_object.h"
#include "module/worker/words.h"
#include "module/worker/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct child_class *child_class_new(const struct child_settings *settings, struct spawner *spawner,
                                    struct idle_watch *watch) {
    struct child_class *class = MEM_NEW(struct child_class);
    class->settings = *settings;
    class->spawner = spawner;
    class->watch = watch;
    pthread_mutex_init(&class->lock, NULL);
    list_init(&class->idle);
    idle_watch_add(watch, class);
    return class;
}

void child_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Closing the line kills what still runs, but for a child that was asked to leave. */
static void child_free(struct child *child) {
    child_close(&child->input);
    child_close(&child->control);
    child_close(&child->answers);
    child_close(&child->output);
    child_close(&child->errors);
    child_close(&child->line);
    free(child);
}

/* ---- start ---- */

/* A pipe; `ours` becomes non-blocking, which the child's end does not notice. */
static bool make_pipe(int *ours, int *theirs, bool we_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    *ours = ends[we_write];
    *theirs = ends[!we_write];
    return fcntl(*ours, F_SETFL, O_NONBLOCK | (we_write ? O_WRONLY : O_RDONLY)) == 0;
}

/* theirs[0] is the line, theirs[1 + n] becomes the child's descriptor n. */
static bool make_descriptors(struct child *c, int theirs[SPAWN_FDS_MAX]) {
    int line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line) < 0)
        return false;
    c->line = line[0];
    theirs[0] = line[1];
    if (!make_pipe(&c->output, &theirs[2], false) || !make_pipe(&c->errors, &theirs[3], false))
        return false;
    if (!c->class->settings.host)
        return make_pipe(&c->input, &theirs[1], true) && make_pipe(&c->answers, &theirs[4], false);
    theirs[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return theirs[1] >= 0 && make_pipe(&c->input, &theirs[1 + HOST_ORDERS_FD], true) &&
           make_pipe(&c->answers, &theirs[1 + HOST_ANSWERS_FD], false) &&
           make_pipe(&c->control, &theirs[1 + HOST_CONTROL_FD], true);
}

static int send_request(struct child *c, const int *theirs, const char *directory,
                        const char *const *more, struct jobs_error *err) {
    const struct child_settings *s = &c->class->settings;
    char **environment = child_environment(s, more);
    char *packet = mem_alloc(SPAWN_BYTES_MAX);
    size_t length = spawn_pack(packet, &s->head, directory, spawner_cgroup(c->class->spawner),
                               (const char *const *)s->argv, (const char *const *)environment);
    int rc = length > 0
                 ? spawner_send(c->class->spawner, packet, length, theirs, s->host ? 7 : 5, err)
                 : error_set(err, JOBS_ECONFIG, "command and environment are over %d bytes",
                             SPAWN_BYTES_MAX);
    free(packet);
    words_free(environment);
    return rc;
}

static int start(struct child_class *class, const char *directory, const char *const *more,
                 struct child **ret, struct jobs_error *err) {
    struct child *c = mem_alloc(sizeof *c);
    int theirs[SPAWN_FDS_MAX] = {-1, -1, -1, -1, -1, -1, -1}, rc = 0;
    *c = (struct child){.class = class,
                        .line = -1,
                        .input = -1,
                        .answers = -1,
                        .output = -1,
                        .errors = -1,
                        .control = -1};
    list_init(&c->link);
    if (!make_descriptors(c, theirs))
        rc = error_set(err, JOBS_ECONFIG, "no pipes for a child: %s", strerror(errno));
    if (rc == 0)
        rc = send_request(c, theirs, directory && *directory ? directory : "/", more, err);
    for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
        child_close(&theirs[i]);
    if (rc == 0)
        *ret = c;
    else
        child_free(c);
    return rc;
}

/* ---- those that wait ---- */

void child_order(const struct child *child, enum spawn_verb verb, int64_t value) {
    struct spawn_order order = {.verb = (int32_t)verb, .value = value};
    spawn_send(child->line, &order, sizeof order, NULL, 0);
}

void child_look(struct child *child) {
    if (child->ended || child->lost)
        return;
    ssize_t n = recv(child->line, &child->report, sizeof child->report, MSG_DONTWAIT);
    if (n == (ssize_t)sizeof child->report)
        child->ended = true;
    else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
        child->lost = true;
}

static struct child *take_idle(struct child_class *class) {
    pthread_mutex_lock(&class->lock);
    struct list *link = list_pop_front(&class->idle);
    pthread_mutex_unlock(&class->lock);
    return link ? LIST_ENTRY(link, struct child, link) : NULL;
}

/* What it wrote since its last job belongs to none. False: its answers are not in step, or over. */
static bool drop_leftovers(const struct child *c) {
    char bytes[4096];
    for (int i = 0; i < 64 && (read(c->output, bytes, sizeof bytes) > 0 ||
                               read(c->errors, bytes, sizeof bytes) > 0);
         i++)
        ;
    return c->answers < 0 || (read(c->answers, bytes, 1) < 0 && errno == EAGAIN);
}

int child_take(struct child_class *class, bool fresh, const char *directory,
               const char *const *more, struct child **ret, struct jobs_error *err) {
    struct child *c = NULL;
    while (!fresh && (c = take_idle(class)) != NULL) {
        child_look(c);
        if (!c->ended && !c->lost && drop_leftovers(c))
            break;
        child_free(c);
    }
    int rc = c ? 0 : start(class, directory, more, &c, err);
    if (rc < 0)
        return rc;
    if (c->jobs++ > 0 && class->settings.cpu > 0)
        child_order(c, SPAWN_NEXT, class->settings.cpu);
    *ret = c;
    return 0;
}

int child_lend_workspace(const struct child_class *class, const struct job *job,
                         struct jobs_error *err) {
    const struct spawn_head *head = &class->settings.head;
    if (!head->set_user || !job->workspace)
        return 0;
    return workspace_lend(job->workspace_base, job->tenant, job->id, job->version, head->uid,
                          head->gid, err);
}

static void put_idle(struct child *c) {
    struct child_class *class = c->class;
    int64_t since = c->idle_since = clock_now();
    pthread_mutex_lock(&class->lock);
    list_push_front(&class->idle, &c->link); /* from here on it may be another thread's */
    pthread_mutex_unlock(&class->lock);
    if (class->settings.idle > 0)
        idle_watch_note(class->watch, since + class->settings.idle);
}

int child_prepare(struct child_class *class, struct jobs_error *err) {
    struct child *c;
    pthread_mutex_lock(&class->lock);
    bool there = !list_empty(&class->idle);
    pthread_mutex_unlock(&class->lock);
    if (there)
        return 0;
    int rc = start(class, NULL, NULL, &c, err);
    if (rc == 0)
        put_idle(c);
    return rc;
}

static void let_go(struct child *c) {
    child_close(&c->input);
    child_order(c, SPAWN_LEAVE, SPAWN_GRACE_MS);
    child_free(c);
}

void child_give_back(struct child *c) {
    child_look(c);
    if (!c->ended && !c->lost && c->jobs < c->class->settings.jobs)
        put_idle(c);
    else if (c->ended || c->lost)
        child_free(c);
    else
        let_go(c);
}

void child_discard(struct child *child) { child_free(child); }

int64_t child_class_end_idle(struct child_class *class, int64_t now) {
    int64_t next = INT64_MAX;
    struct list due;
    list_init(&due);
    if (class->settings.idle <= 0)
        return next;
    pthread_mutex_lock(&class->lock);
    while (!list_empty(&class->idle)) {
        struct list *oldest = class->idle.prev;
        next = LIST_ENTRY(oldest, struct child, link)->idle_since + class->settings.idle;
        if (next > now)
            break;
        next = INT64_MAX;
        list_remove(oldest);
        list_push_back(&due, oldest);
    }
    pthread_mutex_unlock(&class->lock);
    for (struct list *link; (link = list_pop_front(&due)) != NULL;)
        let_go(LIST_ENTRY(link, struct child, link));
    return next;
}

void child_class_free(void *arg) {
    struct child_class *class = arg;
    if (!class)
        return;
    idle_watch_remove(class->watch, class);
    for (struct child *c; (c = take_idle(class)) != NULL;)
        let_go(c);
    pthread_mutex_destroy(&class->lock);
    child_settings_done(&class->settings);
    free(class);
}
