/* From the live reader to the listeners. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/feed/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MOST (100 * CLOCK_MS) /* so long an event may wait for others */
#define BATCH_BYTES ((size_t)64 << 10)
#define PER_LISTENER 100 /* microseconds: with few of them batches are short */
#define AHEAD_MOST \
    (5 * CLOCK_SECOND) /* another instance's reader may be quicker, but not so much */
#define PIECE ((size_t)64 << 10)

/* ---- groups ---- */

static char *key_of(const struct feed_filter *f) {
    struct buf key = {0};
    buf_format(&key, "%s\n%u\n%s\n%s\n%d\n%zu %s%s", f->tenant, f->statuses, f->class_name, f->id,
               f->progress, strlen(f->related_type), f->related_type, f->related_id);
    return buf_take(&key);
}

static struct audience *audience_of(struct feed *feed, const char *tenant) {
    struct audience *audience = table_get(&feed->audiences, tenant);
    if (audience)
        return audience;
    audience = MEM_NEW(struct audience);
    snprintf(audience->tenant, sizeof audience->tenant, "%s", tenant);
    list_init(&audience->groups);
    table_put(&feed->audiences, tenant, audience);
    return audience;
}

static struct group *group_of(struct feed *feed, const struct feed_filter *filter) {
    char *key = key_of(filter);
    struct group *group = table_get(&feed->groups, key);
    if (group) {
        free(key);
        return group;
    }
    group = MEM_NEW(struct group);
    group->filter = *filter;
    group->key = key;
    group->audience = audience_of(feed, filter->tenant);
    list_init(&group->listeners);
    list_init(&group->dirty);
    list_push_back(&group->audience->groups, &group->link);
    table_put(&feed->groups, key, group);
    return group;
}

static void drop_if_empty(struct feed *feed, struct group *group) {
    struct audience *audience = group->audience;
    if (!list_empty(&group->listeners))
        return;
    table_take(&feed->groups, group->key);
    list_remove(&group->link);
    list_remove(&group->dirty);
    buf_done(&group->batch);
    free(group->key);
    free(group);
    if (!list_empty(&audience->groups))
        return;
    table_take(&feed->audiences, audience->tenant);
    free(audience);
}

/* The group may be empty then. */
static void cut(struct feed *feed, struct listener *listener) {
    list_remove(&listener->link);
    feed->live--;
    listener_close(feed, listener, true);
}

static void flush_group(struct feed *feed, struct group *group) {
    if (group->batched == 0)
        return;
    LIST_EACH (&group->listeners, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        atomic_fetch_add_explicit(&feed->sent, group->batched, memory_order_relaxed);
        if (!listener_write(listener, group->batch.data, group->batch.length))
            cut(feed, listener);
    }
    group->batched = 0;
    buf_clear(&group->batch);
    list_remove(&group->dirty);
}

/* ---- coming in ---- */

/* Gives it of the ring what it wants, or as much as it takes now. */
static bool write_past(struct feed *feed, struct listener *listener) {
    bool open = true;
    size_t i = ring_find(&feed->ring, listener->next);
    for (; open && i < feed->ring.count && !listener_is_full(listener); i++) {
        const struct feed_event *event = ring_at(&feed->ring, i);
        listener->next = event->offset + 1;
        if (!feed_filter_takes(&listener->filter, event))
            continue;
        buf_add(&listener->batch, event->text, event->length);
        atomic_fetch_add_explicit(&feed->sent, 1, memory_order_relaxed);
        if (listener->batch.length > PIECE)
            open = listener_write_batch(listener);
    }
    if (i == feed->ring.count)
        listener->next = feed->ring.next;
    return listener_write_batch(listener) && open;
}

/* Where it is, for a reconnect before the next event. */
static bool write_place(struct feed *feed, struct listener *listener) {
    char text[64] = ":\n\n";
    if (feed->ring.next > 0)
        snprintf(text, sizeof text, ":\nid: %lld\n\n", (long long)(feed->ring.next - 1));
    return listener_write(listener, text, strlen(text));
}

/* It has everything: from now on it gets what its group gets. */
static bool become_live(struct feed *feed, struct listener *listener) {
    struct group *group = group_of(feed, &listener->filter);
    flush_group(feed, group); /* what it holds is of the ring, too */
    if (!write_place(feed, listener)) {
        drop_if_empty(feed, group);
        return false;
    }
    buf_done(&listener->batch);
    listener->group = group;
    list_push_back(&group->listeners, &listener->link);
    feed->live++;
    return true;
}

/* What the ring has for it; then it is live. One that takes no more now stays behind. */
static void follow(struct feed *feed, struct listener *listener) {
    bool open = write_past(feed, listener);
    if (open && listener->next < feed->ring.next)
        list_push_back(&feed->behind, &listener->link);
    else if (!open || !become_live(feed, listener))
        listener_close(feed, listener, true);
}

/* From now on: but for what came between its arrival and the moment when the reader was there. */
static void begin_now(struct feed *feed, struct listener *listener) {
    const struct feed_ring *ring = &feed->ring;
    size_t i = ring->count;
    while (i > 0 && ring_at(ring, i - 1)->date >= listener->joined - CLOCK_SECOND)
        i--;
    bool waited = feed->source.settled_at > listener->joined_at;
    listener->next = waited && i < ring->count ? ring_at(ring, i)->offset : ring->next;
}

void fan_admit(struct feed *feed, struct listener *listener) {
    const struct feed_ring *ring = &feed->ring;
    if (!feed->source.settled && (ring->next < 0 || listener->next < 0)) {
        list_push_back(&feed->waiting, &listener->link);
        return;
    }
    if (listener->next < 0)
        begin_now(feed, listener);
    if (listener->next < ring->next && listener->next < ring->from) {
        atomic_fetch_add(&feed->replaying, 1);
        mail_put(&feed->to_replay, listener);
    } else if (listener->next > ring->next && ring->next >= 0) {
        listener->ahead_since = clock_now();
        list_push_back(&feed->ahead, &listener->link);
    } else if (ring->next < 0 && listener->next > 0) { /* the log is empty: made anew */
        if (listener_tell_gap(feed, listener, -1))
            follow(feed, listener);
        else
            listener_close(feed, listener, true);
    } else {
        follow(feed, listener);
    }
}

static void look_at_ahead(struct feed *feed, int64_t now) {
    int64_t next = feed->ring.next;
    bool sure = feed->source.settled && now - feed->source.opened_at > AHEAD_MOST;
    LIST_EACH (&feed->ahead, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        bool reached = listener->next <= next;
        if (!reached && !(sure && now - listener->ahead_since > AHEAD_MOST))
            continue;
        list_remove(p);
        if (reached || listener_tell_gap(feed, listener, next))
            fan_admit(feed, listener);
        else
            listener_close(feed, listener, true);
    }
}

/* Those that have room again go on, or to the replay when the ring has forgotten their place. */
static void look_at_behind(struct feed *feed) {
    struct list behind;
    list_init(&behind);
    list_move_all(&behind, &feed->behind);
    for (struct list *p; (p = list_pop_front(&behind));) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        bool there = listener->next >= feed->ring.from && feed->ring.from >= 0;
        if (there && listener_is_full(listener))
            list_push_back(&feed->behind, p);
        else
            fan_admit(feed, listener);
    }
}

void fan_look_again(struct feed *feed) {
    struct list waiting;
    list_init(&waiting);
    if (feed->source.settled)
        list_move_all(&waiting, &feed->waiting);
    for (struct list *p; (p = list_pop_front(&waiting));)
        fan_admit(feed, LIST_ENTRY(p, struct listener, link));
    look_at_ahead(feed, clock_now());
    look_at_behind(feed);
}

/* ---- going out ---- */

static void add_to_audience(struct feed *feed, const char *tenant, const struct feed_event *event) {
    struct audience *audience = table_get(&feed->audiences, tenant);
    if (!audience)
        return;
    LIST_EACH (&audience->groups, p) {
        struct group *group = LIST_ENTRY(p, struct group, link);
        if (!feed_filter_takes(&group->filter, event))
            continue;
        if (group->batched++ == 0)
            list_push_back(&feed->dirty, &group->dirty);
        buf_add(&group->batch, event->text, event->length);
        if (group->batch.length > BATCH_BYTES)
            flush_group(feed, group);
    }
}

void fan_event(struct feed *feed, const struct feed_event *event) {
    add_to_audience(feed, event->tenant, event);
    add_to_audience(feed, "", event);
}

int64_t fan_due(const struct feed *feed) {
    int64_t wait = (int64_t)feed->live * PER_LISTENER;
    return list_empty(&feed->dirty) ? INT64_MAX
                                    : feed->flushed_at + (wait < BATCH_MOST ? wait : BATCH_MOST);
}

void fan_flush(struct feed *feed) {
    feed->flushed_at = clock_now();
    LIST_EACH (&feed->dirty, p) {
        struct group *group = LIST_ENTRY(p, struct group, dirty);
        flush_group(feed, group);
        drop_if_empty(feed, group);
    }
}

/* Calls each(arg) for every live listener; those for which it is false are cut. */
static void each_live(struct feed *feed,
                      bool (*each)(struct feed *feed, struct listener *listener, const void *arg),
                      const void *arg) {
    void *value;
    for (size_t at = 0; table_next(&feed->groups, &at, NULL, &value);) {
        struct group *group = value;
        LIST_EACH (&group->listeners, p) {
            struct listener *listener = LIST_ENTRY(p, struct listener, link);
            if (!each(feed, listener, arg))
                cut(feed, listener);
        }
        drop_if_empty(feed, group);
    }
}

struct span {
    int64_t from, to;
};

static bool tell_gap(struct feed *feed, struct listener *listener, const void *arg) {
    const struct span *gap = arg;
    listener->next = gap->from;
    return listener_tell_gap(feed, listener, gap->to);
}

void fan_gap(struct feed *feed, int64_t from, int64_t to) {
    const struct span gap = {from, to};
    fan_flush(feed);
    each_live(feed, tell_gap, &gap);
}

struct comment {
    const char *text;
    int64_t now;
};

static bool beat(struct feed *feed, struct listener *listener, const void *arg) {
    const struct comment *comment = arg;
    /* With an empty log there is no place to come back to: it stays until there is. */
    if (feed->ring.next > 0 && listener_is_over(listener, feed->ring.next, comment->now))
        return false;
    return listener_beat(listener, comment->text, comment->now);
}

static void beat_list(struct feed *feed, struct list *list, int64_t now) {
    LIST_EACH (list, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        if (!listener_is_over(listener, listener->next, now) &&
            listener_beat(listener, ":\n\n", now))
            continue;
        list_remove(p);
        listener_close(feed, listener, true);
    }
}

/* Beside the comment the place in the log: who comes back finds it although no event matched. Those
 * whose time is up are ended. */
void fan_beat(struct feed *feed, int64_t now) {
    char text[64] = ":\n\n";
    fan_flush(feed); /* so that everything before the place has been given out */
    if (feed->ring.next > 0)
        snprintf(text, sizeof text, ":\nid: %lld\n\n", (long long)(feed->ring.next - 1));
    each_live(feed, beat, &(struct comment){text, now});
    beat_list(feed, &feed->waiting, now);
    beat_list(feed, &feed->ahead, now);
    beat_list(feed, &feed->behind, now);
}

static bool end(struct feed *feed, struct listener *listener, const void *arg) {
    (void)feed, (void)listener, (void)arg;
    return false;
}

static void close_list(struct feed *feed, struct list *list) {
    for (struct list *p; (p = list_pop_front(list));)
        listener_close(feed, LIST_ENTRY(p, struct listener, link), false);
}

void fan_close(struct feed *feed) {
    each_live(feed, end, NULL);
    close_list(feed, &feed->waiting);
    close_list(feed, &feed->ahead);
    close_list(feed, &feed->behind);
    table_done(&feed->groups, NULL);
    table_done(&feed->audiences, NULL);
}
