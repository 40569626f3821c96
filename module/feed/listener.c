#include "module/base/clock.h"
#include "module/feed/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool listener_write(struct listener *listener, const char *data, size_t length) {
    if (length == 0)
        return true;
    listener->wrote_at = clock_now();
    return listener->sink.write(listener->sink.arg, data, length);
}

bool listener_write_batch(struct listener *listener) {
    bool open = listener_write(listener, listener->batch.data, listener->batch.length);
    buf_clear(&listener->batch);
    return open;
}

bool listener_is_full(const struct listener *listener) {
    return listener->sink.pending(listener->sink.arg) + listener->batch.length > FEED_AHEAD;
}

void listener_close(struct feed *feed, struct listener *listener, bool cut) {
    listener->sink.close(listener->sink.arg);
    atomic_fetch_sub(&feed->listeners, 1);
    atomic_fetch_add(&feed->cut, cut && !listener->over);
    buf_done(&listener->batch);
    free(listener);
}

bool listener_tell_gap(struct feed *feed, struct listener *listener, int64_t next) {
    char id[40] = "", text[160];
    if (next > 0)
        snprintf(id, sizeof id, "id: %lld\n", (long long)next - 1);
    int length =
        snprintf(text, sizeof text, "%sevent: gap\ndata: {\"after\":%lld,\"next\":%lld}\n\n", id,
                 (long long)listener->next - 1, (long long)next);
    listener->next = next;
    atomic_fetch_add(&feed->gaps, 1);
    return listener_write(listener, text, (size_t)length);
}

bool listener_is_over(struct listener *listener, int64_t next, int64_t now) {
    char place[64];
    if (!listener->sink.until || now < listener->sink.until)
        return false;
    listener->over = true;
    listener_write_batch(listener);
    if (next > 0) {
        snprintf(place, sizeof place, ":\nid: %lld\n\n", (long long)next - 1);
        listener_write(listener, place, strlen(place));
    }
    return true;
}

bool listener_beat(struct listener *listener, const char *text, int64_t now) {
    if (now - listener->wrote_at < FEED_BEAT_SECONDS * CLOCK_SECOND)
        return true;
    return listener_write(listener, text, strlen(text));
}
