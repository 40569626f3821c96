/* jobsd with its HTTP interface, and what is measured of it from outside, over sockets. Clients are
 * driven by one thread each, with epoll. */
#ifndef TESTS_BENCH_API_H
#define TESTS_BENCH_API_H
#include "module/store/access.h"
#include "tests/bench/system.h"

struct api_server {
    struct bench *bench;
    struct child jobsd;
    int port;
    char token[STORE_SECRET]; /* operator of t0 */
};
/* On the schema of `bench`, which has t0; answers when this returns. sessions: jobs.api.sessions. */
void api_server_start(struct api_server *server, struct bench *bench, bool with_broker,
                      size_t sessions);
void api_server_stop(struct api_server *server);
/* A connection, non-blocking; ends the program when there is none. */
int api_dial(const struct api_server *server);
/* Sends a request, which must find room; false: the server has closed the connection. */
bool api_send(int fd, const char *request, size_t length);
/* Descriptors for so many connections, of us and of the children we start. */
void api_allow_files(size_t connections);
/* Runnable processes of this machine over the last minute: who else was at work. */
double api_load(void);

/* ---- Submits ---- */
struct api_submits {
    size_t acknowledged, refused;
    double seconds;
    struct bench_latency latency; /* of those acknowledged, ms */
};
/* Each connection submits a no-op job of t0, waits for the answer, and does so again. Returns when
 * all have their answers. */
void api_submit(const struct api_server *server, size_t connections, double seconds,
                struct api_submits *ret);

/* ---- Streams of events of t0 ---- */
struct api_streams;
/* Returns when all of them are live. */
struct api_streams *api_streams_open(const struct api_server *server, size_t count);
/* Reads for so long, or until each has had `events`; 0: for the whole time. */
void api_streams_read(struct api_streams *streams, double seconds, size_t events);
struct api_streams_counts {
    size_t least, most;           /* events of one stream */
    size_t gaps;                  /* places where ids are not one after the other */
    size_t closed;                /* streams that the server has ended */
    double bytes;                 /* of all */
    struct bench_latency latency; /* ms from a submit to its QUEUED at some of the streams */
};
void api_streams_get(struct api_streams *streams, struct api_streams_counts *ret);
void api_streams_close(struct api_streams *streams);
#endif
