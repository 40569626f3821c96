/* The client of event streams: counts what each gets, and whether ids follow one another. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/api.h"
#include "tests/bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLED = 20 /* one stream of so many tells delays */, DELAYS_MOST = 1000000 };
enum { OPEN_SECONDS = 30 };

struct stream {
    int fd;
    bool open, sampled;
    int comments;       /* the first with the headers, the second when it is live */
    bool is_status;     /* the event that is being read */
    long long id, last; /* of that; of the last event, -1: none */
    size_t events, gaps;
    struct buf rest; /* a line that is not whole */
};

struct api_streams {
    struct stream *all;
    size_t count, closed;
    int epoll;
    double bytes;
    double *delays;
    size_t delay_count;
};

static void end_stream(struct api_streams *streams, struct stream *s) {
    if (!s->open)
        return;
    epoll_ctl(streams->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    s->open = false;
    streams->closed++;
}

/* ---- what comes ---- */

/* {"jobId":"…","jobEventType":"QUEUED",…}: the id tells when it was submitted. */
static void note_delay(struct api_streams *streams, const char *data) {
    const char *id = strstr(data, "\"jobId\":\"");
    if (!id || !strstr(data, "\"jobEventType\":\"QUEUED\"") || streams->delay_count == DELAYS_MOST)
        return;
    streams->delays[streams->delay_count++] =
        (double)(load_now() - load_submitted_at(id + 9)) / 1000;
}

static void end_event(struct stream *s) {
    if (!s->is_status)
        return;
    s->gaps += s->last >= 0 && s->id != s->last + 1;
    s->last = s->id;
    s->events++;
    s->is_status = false;
}

/* A line ends with a null byte. */
static void take_line(struct api_streams *streams, struct stream *s, const char *line) {
    if (strncmp(line, "id: ", 4) == 0) {
        s->id = atoll(line + 4);
    } else if (line[0] == ':') {
        s->comments++;
    } else if (strncmp(line, "event: ", 7) == 0) {
        s->is_status = strcmp(line + 7, "status") == 0;
        s->gaps += strcmp(line + 7, "gap") == 0;
    } else if (s->sampled && s->is_status && strncmp(line, "data: ", 6) == 0) {
        note_delay(streams, line);
    } else if (!*line) {
        end_event(s);
    }
}

static void take_data(struct api_streams *streams, struct stream *s, char *data, size_t length) {
    char *end, *stop = data + length;
    for (; (end = memchr(data, '\n', (size_t)(stop - data))); data = end + 1) {
        *end = '\0';
        if (s->rest.length > 0) {
            buf_text(&s->rest, data);
            take_line(streams, s, s->rest.data);
            buf_clear(&s->rest);
        } else {
            take_line(streams, s, data);
        }
    }
    buf_add(&s->rest, data, (size_t)(stop - data));
}

static void take(struct api_streams *streams, struct stream *s) {
    static char data[256 * 1024];
    ssize_t n = recv(s->fd, data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_stream(streams, s);
        return;
    }
    streams->bytes += (double)n;
    take_data(streams, s, data, (size_t)n);
}

static bool all_have(const struct api_streams *streams, size_t events) {
    for (size_t i = 0; i < streams->count; i++)
        if (streams->all[i].open && streams->all[i].events < events)
            return false;
    return true;
}

static void read_once(struct api_streams *streams) {
    struct epoll_event events[256];
    int n = epoll_wait(streams->epoll, events, 256, 20);
    for (int i = 0; i < n; i++)
        take(streams, events[i].data.ptr);
}

void api_streams_read(struct api_streams *streams, double seconds, size_t events) {
    int64_t end = clock_now() + (int64_t)(seconds * 1e6);
    while (clock_now() < end && !(events > 0 && all_have(streams, events)))
        read_once(streams);
}

/* ---- life ---- */

static bool all_live(const struct api_streams *streams) {
    for (size_t i = 0; i < streams->count; i++)
        if (streams->all[i].comments < 2)
            return false;
    return true;
}

/* HTTP/1.0: the answer is not in chunks. */
static void open_stream(struct api_streams *streams, const struct api_server *server,
                        struct stream *s) {
    char request[400];
    int length = snprintf(request, sizeof request,
                          "GET /api/v1/tenants/t0/events?progress=false HTTP/1.0\r\n"
                          "Host: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n",
                          server->port, server->token);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    s->fd = api_dial(server);
    s->open = true;
    s->last = -1;
    epoll_ctl(streams->epoll, EPOLL_CTL_ADD, s->fd, &event);
    if (!api_send(s->fd, request, (size_t)length))
        bench_die("stream", "the server closed it");
}

struct api_streams *api_streams_open(const struct api_server *server, size_t count) {
    struct api_streams *streams = MEM_NEW(struct api_streams);
    streams->all = mem_zero(count, sizeof *streams->all);
    streams->delays = mem_zero(DELAYS_MOST, sizeof *streams->delays);
    streams->count = count;
    streams->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        streams->all[i].sampled = i % SAMPLED == 0;
        open_stream(streams, server, &streams->all[i]);
    }
    int64_t end = clock_now() + OPEN_SECONDS * CLOCK_SECOND;
    while (!all_live(streams) && streams->closed == 0 && clock_now() < end)
        read_once(streams);
    if (!all_live(streams))
        bench_die("streams", "not all of them were live in time");
    return streams;
}

void api_streams_get(struct api_streams *streams, struct api_streams_counts *ret) {
    *ret = (struct api_streams_counts){.least = SIZE_MAX,
                                       .closed = streams->closed,
                                       .bytes = streams->bytes};
    for (size_t i = 0; i < streams->count; i++) {
        const struct stream *s = &streams->all[i];
        ret->least = s->events < ret->least ? s->events : ret->least;
        ret->most = s->events > ret->most ? s->events : ret->most;
        ret->gaps += s->gaps;
    }
    if (streams->delay_count > 0)
        ret->latency = bench_latency_of(streams->delays, streams->delay_count);
}

void api_streams_close(struct api_streams *streams) {
    for (size_t i = 0; i < streams->count; i++) {
        close(streams->all[i].fd);
        buf_done(&streams->all[i].rest);
    }
    close(streams->epoll);
    free(streams->all);
    free(streams->delays);
    free(streams);
}
