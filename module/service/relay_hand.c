#include "module/service/relay_hand.h"

#include "module/base/clock.h"
#include "module/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t waits[HAND_LEVELS] = {100, 200, 400, 800, 1600, 3200, 5000}; /* ms */

void hand_init(struct relay_hand *hand) {
    *hand = (struct relay_hand){0};
    list_init(&hand->rows);
    list_init(&hand->done);
    list_init(&hand->ready);
    for (size_t i = 0; i < HAND_LEVELS; i++)
        list_init(&hand->waiting[i]);
}

static void free_rows(struct list *rows) {
    LIST_EACH (rows, p) {
        list_remove(p);
        relay_row_free(LIST_ENTRY(p, struct relay_row, link));
    }
}

void hand_forget(struct relay_hand *hand) {
    struct list done;
    list_init(&done);
    list_move_all(&done, &hand->done);
    size_t done_count = hand->done_count;
    free_rows(&hand->rows);
    table_done(&hand->chains, free);
    hand_init(hand);
    list_move_all(&hand->done, &done);
    hand->done_count = done_count;
}

void hand_clear(struct relay_hand *hand) {
    free_rows(&hand->done);
    hand->done_count = 0;
    hand_forget(hand);
}

static void row_done(struct relay_hand *hand, struct relay_row *row) {
    list_remove(&row->link);
    hand->row_count--;
    hand->bytes -= row->bytes;
    relay_row_shrink(row);
    list_push_back(&hand->done, &row->link);
    hand->done_count++;
}

static struct relay_chain *chain_of(struct relay_hand *hand, const char *id) {
    struct relay_chain *chain = table_get(&hand->chains, id);
    if (chain)
        return chain;
    chain = MEM_NEW(struct relay_chain);
    snprintf(chain->id, sizeof chain->id, "%s", id);
    list_init(&chain->events);
    list_init(&chain->link);
    table_put(&hand->chains, chain->id, chain);
    list_push_back(&hand->ready, &chain->link);
    return chain;
}

void hand_add(struct relay_hand *hand, struct relay_row *row) {
    list_push_back(&hand->rows, &row->link);
    hand->row_count++;
    hand->bytes += row->bytes;
    for (size_t i = 0; i < row->event_count; i++) {
        struct relay_event *event = &row->events[i];
        struct relay_chain *chain = chain_of(hand, relay_event_job(event));
        list_push_back(&chain->events, &event->link);
        chain->count++;
        hand->stuck += chain->refused_since != 0;
    }
    hand->events += row->event_count;
    if (row->open == 0)
        row_done(hand, row);
}

struct relay_chain *hand_next(struct relay_hand *hand) {
    struct list *link = list_pop_front(&hand->ready);
    return link ? LIST_ENTRY(link, struct relay_chain, link) : NULL;
}

struct relay_event *hand_first(const struct relay_chain *chain) {
    assert(!list_empty(&chain->events));
    return LIST_ENTRY(chain->events.next, struct relay_event, link);
}

void hand_settle(struct relay_hand *hand, struct relay_chain *chain) {
    struct relay_event *event = hand_first(chain);
    list_remove(&event->link);
    hand->events--;
    if (chain->refused_since)
        hand->stuck -= chain->count;
    chain->refused_since = 0;
    chain->level = 0;
    if (--chain->count > 0) {
        list_push_back(&hand->ready, &chain->link);
    } else {
        table_take(&hand->chains, chain->id);
        free(chain);
    }
    if (--event->row->open == 0)
        row_done(hand, event->row);
}

void hand_refuse(struct relay_hand *hand, struct relay_chain *chain, int64_t now) {
    if (!chain->refused_since) {
        chain->refused_since = now;
        hand->stuck += chain->count;
    }
    chain->due = now + waits[chain->level] * CLOCK_MS;
    list_push_back(&hand->waiting[chain->level], &chain->link);
    if (chain->level < HAND_LEVELS - 1)
        chain->level++;
}

int64_t hand_wake(struct relay_hand *hand, int64_t now) {
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < HAND_LEVELS; i++)
        LIST_EACH (&hand->waiting[i], p) {
            struct relay_chain *chain = LIST_ENTRY(p, struct relay_chain, link);
            if (chain->due > now) {
                next = chain->due < next ? chain->due : next;
                break;
            }
            list_remove(p);
            list_push_back(&hand->ready, p);
        }
    return next;
}
