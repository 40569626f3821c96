#include "tests/lib/proxy.h"

#include "module/base/buf.h"
#include "module/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 48 };

struct pair {
    int ends[2];
    bool open, swallowed;
};

struct proxy {
    int listener, wake_fd;
    struct sockaddr_in to;
    char *url;
    pthread_t thread;
    atomic_bool stopping, refusing, cutting;
    atomic_int accepted, swallowed, mode; /* enum proxy_mode */
    _Atomic(const char *) swallow;
    struct pair pairs[PAIRS]; /* the thread's */
};

static void die(const char *what) {
    fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void close_pair(struct pair *pair) {
    if (pair->open) {
        close(pair->ends[0]);
        close(pair->ends[1]);
    }
    pair->open = false;
}

static void accept_one(struct proxy *proxy) {
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    atomic_fetch_add(&proxy->accepted, 1);
    struct pair *pair = proxy->pairs;
    while (pair < proxy->pairs + PAIRS && pair->open)
        pair++;
    if (atomic_load(&proxy->refusing) || pair == proxy->pairs + PAIRS) {
        close(client);
        return;
    }
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(server, (struct sockaddr *)&proxy->to, sizeof proxy->to) < 0) {
        close(client);
        close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *pair = (struct pair){.ends = {client, server}, .open = true};
}

/* False: that direction has ended. */
static bool move_data(struct proxy *proxy, struct pair *pair, int from) {
    char data[65536];
    const char *swallow = atomic_load(&proxy->swallow);
    ssize_t n = recv(pair->ends[from], data, sizeof data, 0);
    if (n > 0 && from == 0 && swallow && !pair->swallowed &&
        memmem(data, (size_t)n, swallow, strlen(swallow))) {
        pair->swallowed = true;
        atomic_fetch_add(&proxy->swallowed, 1);
    }
    for (ssize_t sent = 0; sent < n && !pair->swallowed;) {
        ssize_t m = send(pair->ends[1 - from], data + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (m <= 0)
            return false;
        sent += m;
    }
    return n > 0;
}

static void serve(struct proxy *proxy) {
    struct pollfd fds[2 + 2 * PAIRS] = {{.fd = proxy->wake_fd, .events = POLLIN},
                                        {.fd = proxy->listener, .events = POLLIN}};
    int mode = atomic_load(&proxy->mode);
    for (int i = 0; i < 2 * PAIRS; i++) {
        const struct pair *pair = &proxy->pairs[i / 2];
        bool heard = pair->open && (mode == PROXY_PASS || (mode == PROXY_DEAF && i % 2 == 0));
        fds[2 + i] = (struct pollfd){.fd = heard ? pair->ends[i % 2] : -1, .events = POLLIN};
    }
    if (mode == PROXY_HOLE)
        fds[1].fd = -1; /* a connection is made by the kernel, and never heard of again */
    poll(fds, 2 + 2 * PAIRS, -1);
    uint64_t notes;
    if (fds[0].revents && read(proxy->wake_fd, &notes, sizeof notes) < 0)
        die("eventfd");
    if (atomic_exchange(&proxy->cutting, false)) {
        for (int i = 0; i < PAIRS; i++)
            close_pair(&proxy->pairs[i]);
        return;
    }
    for (int i = 0; i < 2 * PAIRS; i++) {
        struct pair *pair = &proxy->pairs[i / 2];
        if (fds[2 + i].revents && pair->open && !move_data(proxy, pair, i % 2))
            close_pair(pair);
    }
    if (fds[1].revents)
        accept_one(proxy);
}

static void *run(void *arg) {
    struct proxy *proxy = arg;
    while (!atomic_load(&proxy->stopping))
        serve(proxy);
    for (int i = 0; i < PAIRS; i++)
        close_pair(&proxy->pairs[i]);
    return NULL;
}

/* Finds host:port in scheme://user:password@host:port/path and makes the URL with ours. */
static void take_url(struct proxy *proxy, const char *url, int port) {
    const char *at = strrchr(url, '@');
    at = at ? at + 1 : strstr(url, "://") + 3;
    char host[64];
    int to = 5672;
    if (sscanf(at, "%63[0-9.]:%d", host, &to) < 1)
        die("no address in the URL");
    proxy->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)to)};
    if (inet_pton(AF_INET, host, &proxy->to.sin_addr) != 1)
        die("no address in the URL");
    struct buf buf = {0};
    buf_add(&buf, url, (size_t)(at - url));
    buf_format(&buf, "127.0.0.1:%d%s", port, at + strcspn(at, "/?"));
    proxy->url = buf_take(&buf);
}

struct proxy *proxy_start(const char *url, bool refusing) {
    struct proxy *proxy = MEM_NEW(struct proxy);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy->wake_fd = eventfd(0, EFD_CLOEXEC);
    atomic_store(&proxy->refusing, refusing);
    if (bind(proxy->listener, (struct sockaddr *)&here, sizeof here) < 0 ||
        listen(proxy->listener, PAIRS) < 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&here, &size) < 0)
        die("listen");
    take_url(proxy, url, ntohs(here.sin_port));
    if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        die("thread");
    return proxy;
}

const char *proxy_url(const struct proxy *proxy) { return proxy->url; }

static void wake(struct proxy *proxy) {
    const uint64_t one = 1;
    if (write(proxy->wake_fd, &one, sizeof one) < 0)
        die("eventfd");
}

void proxy_cut(struct proxy *proxy) {
    atomic_store(&proxy->cutting, true);
    wake(proxy);
}

void proxy_refuse(struct proxy *proxy, bool refusing) { atomic_store(&proxy->refusing, refusing); }

void proxy_set_mode(struct proxy *proxy, enum proxy_mode mode) {
    atomic_store(&proxy->mode, mode);
    wake(proxy);
}

void proxy_swallow(struct proxy *proxy, const char *text) { atomic_store(&proxy->swallow, text); }

int proxy_swallowed(struct proxy *proxy) { return atomic_load(&proxy->swallowed); }

int proxy_connections(struct proxy *proxy) { return atomic_load(&proxy->accepted); }

void proxy_stop(struct proxy *proxy) {
    atomic_store(&proxy->stopping, true);
    wake(proxy);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    close(proxy->wake_fd);
    free(proxy->url);
    free(proxy);
}
