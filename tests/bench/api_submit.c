/* The client of submits: connections that are kept, one request under way on each. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MOST = 4096, ANSWER_WAIT = 30000 /* ms */ };

struct connection {
    int fd;
    int64_t asked;
    size_t length;
    char answer[ANSWER_MOST];
};

struct load {
    struct buf request;
    struct connection *connections;
    int epoll;
    int64_t end;
    size_t under_way;
    struct api_submits *ret;
    double *delays; /* of ret->acknowledged */
    size_t room;
};

static void ask(struct load *load, struct connection *c) {
    c->length = 0;
    c->asked = clock_now();
    if (!api_send(c->fd, load->request.data, load->request.length))
        bench_die("submit", "the server closed a connection");
    load->under_way++;
}

/* Its status; 0: not all of it is here yet. */
static int whole_answer(const struct connection *c) {
    const char *body = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!body || !length || length > body)
        return 0;
    size_t all = (size_t)(body + 4 - c->answer) + strtoul(length + 17, NULL, 10);
    return c->length >= all ? atoi(c->answer + strlen("HTTP/1.1 ")) : 0;
}

static void note(struct load *load, const struct connection *c, int status) {
    struct api_submits *ret = load->ret;
    if (status != 201) {
        if (ret->refused++ == 0)
            fprintf(stderr, "bench: %s\n", c->answer);
        return;
    }
    if (ret->acknowledged == load->room) {
        load->room = load->room * 2 + 10000;
        load->delays = mem_grow(load->delays, load->room, sizeof *load->delays);
    }
    load->delays[ret->acknowledged++] = (double)(clock_now() - c->asked) / 1000;
}

static void take(struct load *load, struct connection *c) {
    ssize_t n = recv(c->fd, c->answer + c->length, ANSWER_MOST - 1 - c->length, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        bench_die("submit", "the server closed a connection");
    c->length += (size_t)n;
    c->answer[c->length] = '\0';
    int status = whole_answer(c);
    if (status == 0)
        return;
    note(load, c, status);
    load->under_way--;
    if (clock_now() < load->end)
        ask(load, c);
}

static void write_request(struct load *load, const struct api_server *server) {
    static const char body[] = "{\"class_name\":\"noop\"}";
    buf_format(&load->request,
               "POST /api/v1/tenants/t0/jobs HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
               "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               server->port, server->token, sizeof body - 1, body);
}

static void open_all(struct load *load, const struct api_server *server, size_t count) {
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = mem_zero(count, sizeof *load->connections);
    for (size_t i = 0; i < count; i++) {
        struct connection *c = &load->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = api_dial(server);
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event);
    }
}

static void close_all(struct load *load, size_t count) {
    for (size_t i = 0; i < count; i++)
        close(load->connections[i].fd);
    close(load->epoll);
    free(load->connections);
    free(load->delays);
    buf_done(&load->request);
}

void api_submit(const struct api_server *server, size_t connections, double seconds,
                struct api_submits *ret) {
    struct load load = {.ret = ret};
    *ret = (struct api_submits){0};
    write_request(&load, server);
    open_all(&load, server, connections);
    int64_t began = clock_now();
    load.end = began + (int64_t)(seconds * 1e6);
    for (size_t i = 0; i < connections; i++)
        ask(&load, &load.connections[i]);
    while (load.under_way > 0) {
        struct epoll_event events[64];
        int n = epoll_wait(load.epoll, events, 64, ANSWER_WAIT);
        if (n == 0)
            bench_die("submit", "no answer came for 30 s");
        for (int i = 0; i < n; i++)
            take(&load, events[i].data.ptr);
    }
    ret->seconds = (double)(clock_now() - began) / 1e6;
    if (ret->acknowledged > 0)
        ret->latency = bench_latency_of(load.delays, ret->acknowledged);
    close_all(&load, connections);
}
