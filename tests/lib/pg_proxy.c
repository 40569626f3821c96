#include "tests/lib/pg_proxy.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS = 32 };

struct session {
    bool open, named;
    int client, server; /* sockets; client -1: cut off */
    char name[64];
    bool hold[2];       /* by enum pg_proxy_way */
    char from[2][64];   /* when the client sends this, hold; "" = not asked for */
    struct buf held[2]; /* kept back; of a client that was cut off: what the server said to it */
};

struct pg_proxy {
    int listener, wake_fd;
    struct sockaddr_in to;
    char *url;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    bool stopping;
    struct session sessions[SESSIONS];
};

static void end_session(struct session *session) {
    if (!session->open)
        return;
    if (session->client >= 0)
        close(session->client);
    close(session->server);
    buf_done(&session->held[0]);
    buf_done(&session->held[1]);
    *session = (struct session){0};
}

static void accept_one(struct pg_proxy *proxy) {
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct session *session = proxy->sessions;
    while (session < proxy->sessions + SESSIONS && session->open)
        session++;
    if (session == proxy->sessions + SESSIONS ||
        connect(server, (struct sockaddr *)&proxy->to, sizeof proxy->to) < 0) {
        close(client);
        close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *session = (struct session){.open = true, .client = client, .server = server};
}

/* The first thing a client says is its startup packet: pairs of NUL-terminated texts. */
static void read_name(struct session *session, const char *data, size_t length) {
    static const char key[] = "application_name";
    const char *at = memmem(data, length, key, sizeof key);
    session->named = true;
    if (at)
        snprintf(session->name, sizeof session->name, "%s", at + sizeof key);
}

static bool send_all(int to, const char *data, size_t length) {
    while (length > 0) {
        ssize_t n = send(to, data, length, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n, length -= (size_t)n;
    }
    return true;
}

static void watch(struct session *session, const char *data, size_t length) {
    for (int way = 0; way < 2; way++) {
        const char *from = session->from[way];
        if (from[0] && memmem(data, length, from, strlen(from)))
            session->hold[way] = true;
    }
}

/* False: the session has ended. */
static bool move_data(struct session *session, enum pg_proxy_way way) {
    char data[65536];
    int from = way == PG_PROXY_TO_SERVER ? session->client : session->server;
    int to = way == PG_PROXY_TO_SERVER ? session->server : session->client;
    ssize_t n = recv(from, data, sizeof data, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (way == PG_PROXY_TO_SERVER && !session->named)
        read_name(session, data, (size_t)n);
    if (way == PG_PROXY_TO_SERVER)
        watch(session, data, (size_t)n);
    if (session->hold[way] || to < 0) {
        buf_add(&session->held[way], data, (size_t)n);
        return true;
    }
    return send_all(to, data, (size_t)n);
}

/* A client that gives up a session that keeps something back is cut off by itself. */
static void serve(struct session *session, short client_events, short server_events) {
    if (session->open && client_events && !move_data(session, PG_PROXY_TO_SERVER)) {
        if (!session->hold[PG_PROXY_TO_SERVER] && !session->hold[PG_PROXY_TO_CLIENT]) {
            end_session(session);
            return;
        }
        close(session->client);
        session->client = -1;
    }
    if (session->open && server_events && !move_data(session, PG_PROXY_TO_CLIENT))
        end_session(session);
}

static void *run(void *arg) {
    struct pg_proxy *proxy = arg;
    struct pollfd fds[2 + 2 * SESSIONS];
    pthread_mutex_lock(&proxy->lock);
    while (!proxy->stopping) {
        fds[0] = (struct pollfd){.fd = proxy->wake_fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (int i = 0; i < SESSIONS; i++) {
            const struct session *s = &proxy->sessions[i];
            fds[2 + 2 * i] = (struct pollfd){.fd = s->open ? s->client : -1, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = s->open ? s->server : -1, .events = POLLIN};
        }
        pthread_mutex_unlock(&proxy->lock);
        poll(fds, 2 + 2 * SESSIONS, -1);
        pthread_mutex_lock(&proxy->lock);
        if (fds[0].revents) { /* somebody closed sockets that were asked for: ask again */
            uint64_t notes;
            if (read(proxy->wake_fd, &notes, sizeof notes) < 0)
                program_give_up("proxy: %s", strerror(errno));
            continue;
        }
        for (int i = 0; i < SESSIONS; i++)
            serve(&proxy->sessions[i], fds[2 + 2 * i].revents, fds[3 + 2 * i].revents);
        if (fds[1].revents)
            accept_one(proxy);
    }
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

/* postgresql://user@host:port/database */
static void take_url(struct pg_proxy *proxy, const char *url, int port) {
    const char *host = strrchr(url, '@') + 1, *path = strchr(host, '/');
    char address[64];
    int to;
    if (sscanf(host, "%63[0-9.]:%d", address, &to) != 2)
        program_give_up("proxy: no address in %s", url);
    proxy->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)to)};
    inet_pton(AF_INET, address, &proxy->to.sin_addr);
    struct buf own = {0};
    buf_add(&own, url, (size_t)(host - url));
    buf_format(&own, "127.0.0.1:%d%s?sslmode=disable&gssencmode=disable", port, path);
    proxy->url = buf_take(&own);
}

struct pg_proxy *pg_proxy_start(const char *url) {
    struct pg_proxy *proxy = MEM_NEW(struct pg_proxy);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    pthread_mutex_init(&proxy->lock, NULL);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (bind(proxy->listener, (struct sockaddr *)&here, size) < 0 ||
        listen(proxy->listener, SESSIONS) < 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&here, &size) < 0)
        program_give_up("proxy: %s", strerror(errno));
    take_url(proxy, url, ntohs(here.sin_port));
    if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        program_give_up("proxy: no thread");
    return proxy;
}

const char *pg_proxy_url(const struct pg_proxy *proxy) { return proxy->url; }

/* Ends a change under the lock: the thread looks at the sockets anew. */
static void changed(struct pg_proxy *proxy) {
    const uint64_t one = 1;
    if (write(proxy->wake_fd, &one, sizeof one) < 0)
        program_give_up("proxy: %s", strerror(errno));
    pthread_mutex_unlock(&proxy->lock);
}

void pg_proxy_stop(struct pg_proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    proxy->stopping = true;
    changed(proxy);
    pthread_join(proxy->thread, NULL);
    for (int i = 0; i < SESSIONS; i++)
        end_session(&proxy->sessions[i]);
    close(proxy->listener);
    close(proxy->wake_fd);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy->url);
    free(proxy);
}

void pg_proxy_hold(struct pg_proxy *proxy, const char *name, enum pg_proxy_way way,
                   const char *text) {
    int found = 0;
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < SESSIONS; i++) {
        struct session *session = &proxy->sessions[i];
        if (!session->open || session->client < 0 || strcmp(session->name, name) != 0)
            continue;
        session->hold[way] |= !text;
        snprintf(session->from[way], sizeof session->from[way], "%s", text ? text : "");
        found++;
    }
    changed(proxy);
    if (found == 0)
        program_give_up("proxy: no session \"%s\" is open", name);
}

struct wanted {
    struct pg_proxy *proxy;
    size_t bytes;
};

static bool is_held(void *arg) {
    const struct wanted *wanted = arg;
    size_t held = 0;
    pthread_mutex_lock(&wanted->proxy->lock);
    for (int i = 0; i < SESSIONS; i++)
        for (int way = 0; way < 2; way++)
            held += wanted->proxy->sessions[i].held[way].length;
    pthread_mutex_unlock(&wanted->proxy->lock);
    return held >= wanted->bytes;
}

bool pg_proxy_wait_held(struct pg_proxy *proxy, size_t bytes, int64_t timeout) {
    return test_wait(is_held, &(struct wanted){proxy, bytes}, timeout);
}

void pg_proxy_cut_clients(struct pg_proxy *proxy, const char *name) {
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < SESSIONS; i++) {
        struct session *session = &proxy->sessions[i];
        if (!session->open || session->client < 0 || strcmp(session->name, name) != 0 ||
            !(session->hold[0] || session->hold[1]))
            continue;
        close(session->client);
        session->client = -1;
    }
    changed(proxy);
}

void pg_proxy_release(struct pg_proxy *proxy, size_t keep) {
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < SESSIONS; i++) {
        struct session *session = &proxy->sessions[i];
        struct buf *held = &session->held[PG_PROXY_TO_SERVER];
        if (!session->open || held->length <= keep)
            continue;
        size_t n = held->length - keep;
        char *all = buf_take(held);
        send_all(session->server, all, n);
        buf_add(held, all + n, keep);
        free(all);
    }
    changed(proxy);
}

bool pg_proxy_heard(struct pg_proxy *proxy, const char *text) {
    bool heard = false;
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < SESSIONS; i++) {
        const struct buf *said = &proxy->sessions[i].held[PG_PROXY_TO_CLIENT];
        heard |= proxy->sessions[i].client < 0 && said->length > 0 &&
                 memmem(said->data, said->length, text, strlen(text)) != NULL;
    }
    pthread_mutex_unlock(&proxy->lock);
    return heard;
}

void pg_proxy_drop(struct pg_proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    for (int i = 0; i < SESSIONS; i++)
        if (proxy->sessions[i].open && proxy->sessions[i].client < 0)
            end_session(&proxy->sessions[i]);
    changed(proxy);
}
