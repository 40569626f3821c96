#include "module/api/stream.h"

#include "module/api/request.h"
#include "module/api/server.h"
#include "module/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MOST = 8192 /* bytes, of a stream that has nothing to send */ };

/* Two hold it: who writes, and the response. The second that lets go frees it. */
struct api_stream {
    pthread_mutex_t lock;
    struct MHD_Connection *connection; /* NULL: not begun, or the client is gone */
    struct buf waiting;
    size_t sent, limit; /* sent: of `waiting`, from its beginning */
    bool suspended, ended, gone;
    int holders;
};

static void let_go(struct api_stream *stream) { /* takes the lock along */
    bool last = --stream->holders == 0;
    pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&stream->lock);
    buf_done(&stream->waiting);
    free(stream);
}

struct api_stream *api_stream_begin(struct api_request *r, size_t limit) {
    struct api_stream *stream = MEM_NEW(struct api_stream);
    pthread_mutex_init(&stream->lock, NULL);
    stream->limit = limit;
    stream->holders = 2;
    request_of(r)->stream = stream;
    return stream;
}

/* ---- the response's side: HTTP thread ---- */

/* All was sent. What a stream needed when it lagged it does not keep: the next one lags with it. */
static void forget_all(struct api_stream *stream) {
    if (stream->waiting.capacity > KEPT_MOST)
        buf_done(&stream->waiting);
    buf_clear(&stream->waiting);
    stream->sent = 0;
}

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t most) {
    struct api_stream *stream = cls;
    (void)position;
    pthread_mutex_lock(&stream->lock);
    size_t n = stream->waiting.length - stream->sent;
    ssize_t ret = 0;
    if (n > 0) {
        n = n < most ? n : most;
        memcpy(to, stream->waiting.data + stream->sent, n);
        stream->sent += n;
        if (stream->sent == stream->waiting.length)
            forget_all(stream);
        ret = (ssize_t)n;
    } else if (stream->ended) {
        ret = MHD_CONTENT_READER_END_OF_STREAM;
    } else { /* sleeps until somebody writes */
        MHD_suspend_connection(stream->connection);
        stream->suspended = true;
    }
    pthread_mutex_unlock(&stream->lock);
    return ret;
}

static void response_gone(void *cls) {
    struct api_stream *stream = cls;
    pthread_mutex_lock(&stream->lock);
    stream->gone = true;
    stream->connection = NULL;
    let_go(stream);
}

struct MHD_Response *stream_response(struct api_stream *stream, struct MHD_Connection *connection) {
    pthread_mutex_lock(&stream->lock);
    stream->connection = connection;
    pthread_mutex_unlock(&stream->lock);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_stream, stream,
                                             response_gone);
}

/* ---- the writer's side: any thread ---- */

static void wake(struct api_stream *stream) {
    if (stream->suspended && stream->connection)
        MHD_resume_connection(stream->connection);
    stream->suspended = false;
}

/* A reader that never catches up quite: what was sent does not pile up. */
static void forget_sent(struct api_stream *stream) {
    size_t rest = stream->waiting.length - stream->sent;
    if (stream->sent < 65536 || stream->sent < rest)
        return;
    memmove(stream->waiting.data, stream->waiting.data + stream->sent, rest);
    stream->waiting.length = rest;
    stream->waiting.data[rest] = '\0';
    stream->sent = 0;
}

bool api_stream_write(struct api_stream *stream, const void *data, size_t length) {
    pthread_mutex_lock(&stream->lock);
    forget_sent(stream);
    bool room = stream->waiting.length - stream->sent + length <= stream->limit;
    bool open = !stream->gone && !stream->ended;
    if (open && room)
        buf_add(&stream->waiting, data, length);
    else
        stream->ended = true;
    if (open)
        wake(stream);
    pthread_mutex_unlock(&stream->lock);
    return open && room;
}

size_t api_stream_pending(struct api_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    size_t n = stream->waiting.length - stream->sent;
    pthread_mutex_unlock(&stream->lock);
    return n;
}

bool api_stream_is_open(const struct api_stream *stream) {
    struct api_stream *s = (struct api_stream *)(uintptr_t)stream;
    pthread_mutex_lock(&s->lock);
    bool open = !s->gone && !s->ended;
    pthread_mutex_unlock(&s->lock);
    return open;
}

void api_stream_free(struct api_stream *stream) {
    if (!stream)
        return;
    pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    wake(stream);
    let_go(stream);
}
