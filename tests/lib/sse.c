#include "tests/lib/sse.h"

#include "module/base/buf.h"
#include "module/base/list.h"
#include "module/base/mem.h"
#include "tests/lib/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MOST ((size_t)64 << 10)

struct sse {
    struct list link;
    struct sse_pool *pool;
    int fd;

    /* Under the pool's lock. */
    struct ear_counts counts;
    int status;
    bool paused, in_body;
    struct buf rest, text; /* a block that is not complete; all, up to a limit */
};

struct sse_pool {
    int epoll;
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct list streams;
};

/* ---- reading ---- */

static void take_headers(struct sse *sse) {
    char *end = strstr(buf_get(&sse->rest), "\r\n\r\n");
    if (!end)
        return;
    sscanf(sse->rest.data, "HTTP/%*s %d", &sse->status);
    struct buf body = {0};
    buf_text(&body, end + 4);
    buf_done(&sse->rest);
    sse->rest = body;
    sse->in_body = true;
}

static void take_blocks(struct sse *sse) {
    char *from = sse->rest.data, *end;
    while (from && (end = strstr(from, "\n\n"))) {
        end[1] = '\0';
        event_source_take(&sse->counts, from);
        from = end + 2;
    }
    if (!from || from == sse->rest.data)
        return;
    size_t left = sse->rest.length - (size_t)(from - sse->rest.data);
    memmove(sse->rest.data, from, left + 1);
    sse->rest.length = left;
}

static void read_some(struct sse *sse) {
    char data[65536];
    ssize_t n = recv(sse->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        sse->counts.closed = true;
        epoll_ctl(sse->pool->epoll, EPOLL_CTL_DEL, sse->fd, NULL);
        return;
    }
    if (sse->text.length < TEXT_MOST)
        buf_add(&sse->text, data, (size_t)n);
    buf_add(&sse->rest, data, (size_t)n);
    if (!sse->in_body)
        take_headers(sse);
    if (sse->in_body)
        take_blocks(sse);
}

static void *run(void *arg) {
    struct sse_pool *pool = arg;
    while (!atomic_load(&pool->stopping)) {
        struct epoll_event events[64];
        int n = epoll_wait(pool->epoll, events, 64, 50);
        pthread_mutex_lock(&pool->lock);
        for (int i = 0; i < n; i++) {
            struct sse *sse = events[i].data.ptr;
            if (!sse->paused && sse->fd >= 0)
                read_some(sse);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

struct sse_pool *sse_pool_start(void) {
    struct sse_pool *pool = MEM_NEW(struct sse_pool);
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    list_init(&pool->streams);
    pthread_mutex_init(&pool->lock, NULL);
    assert_int_equal(pthread_create(&pool->thread, NULL, run, pool), 0);
    return pool;
}

static void sse_free(struct sse *sse) {
    if (sse->fd >= 0)
        close(sse->fd);
    buf_done(&sse->rest);
    buf_done(&sse->text);
    free(sse);
}

void sse_pool_stop(struct sse_pool *pool) {
    atomic_store(&pool->stopping, true);
    pthread_join(pool->thread, NULL);
    for (struct list *p; (p = list_pop_front(&pool->streams));)
        sse_free(LIST_ENTRY(p, struct sse, link));
    close(pool->epoll);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* ---- opening and asking ---- */

static int dial(const char *base) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = strrchr(base, ':');
    to.sin_port = htons((uint16_t)atoi(port + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail_msg("%s: %s", base, strerror(errno));
    return fd;
}

/* HTTP/1.0: the answer is not chunked. */
static void send_request(int fd, const char *token, const char *path, int64_t last_id) {
    struct buf request = {0};
    buf_format(&request, "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n",
               path);
    if (token)
        buf_format(&request, "Authorization: Bearer %s\r\n", token);
    if (last_id >= 0)
        buf_format(&request, "Last-Event-ID: %lld\r\n", (long long)last_id);
    buf_text(&request, "\r\n");
    assert_int_equal(send(fd, request.data, request.length, MSG_NOSIGNAL), request.length);
    buf_done(&request);
}

struct sse *sse_open(struct sse_pool *pool, const char *base, const char *token, const char *path,
                     int64_t last_id) {
    struct sse *sse = MEM_NEW(struct sse);
    sse->pool = pool;
    sse->fd = dial(base);
    sse->counts.first = sse->counts.last = sse->counts.id = -1;
    send_request(sse->fd, token, path, last_id);
    pthread_mutex_lock(&pool->lock);
    list_push_back(&pool->streams, &sse->link);
    pthread_mutex_unlock(&pool->lock);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = sse};
    epoll_ctl(pool->epoll, EPOLL_CTL_ADD, sse->fd, &event);
    return sse;
}

void sse_pause(struct sse *sse, bool paused) {
    pthread_mutex_lock(&sse->pool->lock);
    sse->paused = paused;
    struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.ptr = sse};
    epoll_ctl(sse->pool->epoll, EPOLL_CTL_MOD, sse->fd, &event);
    pthread_mutex_unlock(&sse->pool->lock);
}

void sse_close(struct sse *sse) {
    pthread_mutex_lock(&sse->pool->lock);
    close(sse->fd);
    sse->fd = -1;
    pthread_mutex_unlock(&sse->pool->lock);
}

struct ear_counts sse_get(struct sse *sse) {
    pthread_mutex_lock(&sse->pool->lock);
    struct ear_counts counts = sse->counts;
    pthread_mutex_unlock(&sse->pool->lock);
    return counts;
}

int sse_status(struct sse *sse) {
    pthread_mutex_lock(&sse->pool->lock);
    int status = sse->status;
    pthread_mutex_unlock(&sse->pool->lock);
    return status;
}

struct wanted {
    struct sse *sse;
    size_t events;
};

static bool is_there(void *arg) {
    const struct wanted *w = arg;
    struct ear_counts c = sse_get(w->sse);
    return c.events >= w->events || c.closed;
}

bool sse_wait(struct sse *sse, size_t events, int64_t timeout) {
    struct wanted wanted = {sse, events};
    return test_wait(is_there, &wanted, timeout) && sse_get(sse).events >= events;
}

char *sse_text(struct sse *sse) {
    pthread_mutex_lock(&sse->pool->lock);
    char *text = mem_text(buf_get(&sse->text));
    pthread_mutex_unlock(&sse->pool->lock);
    return text;
}
