#include "tests/bench/api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_MOST = 30000 /* ms */, FILES_OTHER = 200 };

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)port)};
}

static int free_port(void) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        bench_die("port", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

/* -1: nobody listens yet. */
static int dial(int port) {
    struct sockaddr_in address = loopback(port);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_die("socket", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int api_dial(const struct api_server *server) {
    int fd = dial(server->port);
    if (fd < 0)
        bench_die("connect to jobsd", strerror(errno));
    return fd;
}

bool api_send(int fd, const char *request, size_t length) {
    return send(fd, request, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void wait_until_it_listens(const struct api_server *server) {
    int fd;
    for (int ms = 0; (fd = dial(server->port)) < 0; ms += 20) {
        if (ms > START_MOST)
            bench_die("jobsd", "does not listen");
        poll(NULL, 0, 20);
    }
    close(fd);
}

void api_server_start(struct api_server *server, struct bench *bench, bool with_broker,
                      size_t sessions) {
    char listen[60], own[60];
    *server = (struct api_server){.bench = bench, .port = free_port()};
    snprintf(listen, sizeof listen, "jobs.api.listen=127.0.0.1:%d", server->port);
    snprintf(own, sizeof own, "jobs.api.sessions=%zu", sessions);
    const char *const settings[] = {listen,
                                    own,
                                    "jobs.api.rate=0",
                                    "jobs.api.connections=20000",
                                    "jobs.api.connections.address=20000",
                                    "jobs.amqp.log.age=1d",
                                    NULL};
    const struct store_token token = {.name = "bench", .tenant = "t0", .role = "operator"};
    struct job_uuid id;
    struct jobs_error err;
    if (store_token_create(&bench->infos, &token, &id, server->token, &err) < 0)
        bench_die("token", err.text);
    daemon_start(bench, &server->jobsd, with_broker, settings);
    bench_wait_idle(bench);
    wait_until_it_listens(server);
}

void api_server_stop(struct api_server *server) { child_stop(&server->jobsd); }

void api_allow_files(size_t connections) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = connections + FILES_OTHER;
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    limit.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        bench_die("descriptors for so many connections", strerror(errno));
}

double api_load(void) {
    double load;
    return getloadavg(&load, 1) == 1 ? load : 0;
}
