/* Clients of server-sent events: any number of streams, read by one thread. Include cmocka's friends
 * and cmocka.h as well. */
#ifndef TESTS_LIB_SSE_H
#define TESTS_LIB_SSE_H
#include "tests/lib/event_source.h"

struct sse_pool;
struct sse_pool *sse_pool_start(void);
void sse_pool_stop(struct sse_pool *pool); /* closes what is open, frees the streams */

struct sse; /* one stream */
/* `path` with its query; `last_id` -1: none is sent. */
struct sse *sse_open(struct sse_pool *pool, const char *base, const char *token, const char *path,
                     int64_t last_id);
/* Reads no more, so that the server's buffers fill; or goes on. */
void sse_pause(struct sse *sse, bool paused);
void sse_close(struct sse *sse);
/* `closed`: the server has ended it. */
struct ear_counts sse_get(struct sse *sse);
int sse_status(struct sse *sse); /* of HTTP; 0: not yet */
bool sse_wait(struct sse *sse, size_t events, int64_t timeout);
/* All that came, up to 64 KiB; caller frees. */
char *sse_text(struct sse *sse);
#endif
