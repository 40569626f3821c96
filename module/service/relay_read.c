/* The relay reads the outbox: without a cursor, yet not from the first row on each time
 * (relay_floor.h). */
#include "module/service/relay_private.h"

#include "module/base/mem.h"

#include <stdlib.h>

enum { ROWS_LEAST = 10 };
#define READ_WAIT_LEAST (20 * CLOCK_MS)
#define READ_WAIT_MOST (250 * CLOCK_MS)
#define SWEEP_WAIT CLOCK_SECOND
#define SWEEP_PIECE_WAIT (250 * CLOCK_MS)
#define SWEEP_PART 50 /* all lines together sweep for this part of the time at most */

/* Events that wait because a queue refuses them do not keep the others from being read. */
bool relay_has_room(const struct relay *relay) {
    const struct relay_hand *hand = &relay->hand;
    return hand->events - hand->stuck < relay->wanted / 2 && hand->events < RELAY_MOST &&
           hand->bytes < relay->most_bytes && hand->done_count < 4 * RELAY_ROWS;
}

/* Rows hold one event or hundreds; the last ones tell what to expect. Few of them tell little: what
 * waits behind them may be a thousand times as large. */
static size_t rows_to_ask_for(const struct relay *relay) {
    size_t room = relay->wanted - (relay->hand.events - relay->hand.stuck);
    size_t rows = room / relay->row_size + 1, most = 2 * relay->found + ROWS_LEAST;
    most = most < RELAY_ROWS ? most : RELAY_ROWS;
    return rows < most ? rows : most;
}

/* ---- What is known ---- */

static int in_order(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int64_t *add_rows(int64_t *at, const struct list *rows) {
    LIST_EACH (rows, p)
        *at++ = LIST_ENTRY(p, struct relay_row, link)->id;
    return at;
}

static void take_hand(struct relay_floor *floor, const struct relay_hand *hand) {
    size_t count = hand->row_count + hand->done_count;
    int64_t *ids = mem_alloc((count + 1) * sizeof *ids);
    add_rows(add_rows(ids, &hand->rows), &hand->done);
    qsort(ids, count, sizeof *ids, in_order);
    for (size_t i = 0; i < count; i++)
        floor_take(floor, ids[i]);
    free(ids);
}

void relay_know_nothing(struct relay *relay) {
    floor_done(&relay->floor);
    take_hand(&relay->floor, &relay->hand);
    relay->next_sweep = 0;
    relay_sweep_init(&relay->sweep);
}

void relay_forget(struct relay *relay) {
    int64_t lowest = INT64_MAX;
    LIST_EACH (&relay->hand.rows, p) {
        int64_t id = LIST_ENTRY(p, struct relay_row, link)->id;
        lowest = id < lowest ? id : lowest;
    }
    hand_forget(&relay->hand);
    floor_reopen(&relay->floor, lowest, INT64_MAX);
    take_hand(&relay->floor, &relay->hand);
}

/* ---- What is asked for ---- */

/* Another relay may yet park what the outbox did not show. */
static void add_gaps(struct relay_floor *floor, const struct relay_floor *top) {
    for (size_t i = 0; i < top->count; i++)
        floor_reopen(floor, top->gaps[i].first, top->gaps[i].last);
}

static void put_ranges(const struct relay_floor *floor, struct buf *first, struct buf *last) {
    sql_array_begin(first);
    sql_array_begin(last);
    for (size_t i = 0; i < floor->count; i++) {
        sql_array_integer(first, floor->gaps[i].first);
        sql_array_integer(last, floor->gaps[i].last);
    }
    sql_array_integer(first, floor->high + 1);
    sql_array_integer(last, INT64_MAX);
    sql_array_end(first);
    sql_array_end(last);
}

/* A sweep also asks for what is not in hand of its piece, whatever is thought to be known. */
void relay_put_ranges(struct relay *relay, bool sweep) {
    const struct relay *top = relay->top;
    struct relay_floor asked;
    if (!sweep && relay == top) {
        put_ranges(&relay->floor, &relay->list, &relay->lasts);
        return;
    }
    floor_init(&asked, false);
    asked.high = relay->floor.high;
    add_gaps(&asked, &relay->floor);
    add_gaps(&asked, &top->floor);
    if (sweep) {
        relay_sweep_begin(&relay->sweep, relay->floor.high);
        floor_reopen(&asked, relay->sweep.from, relay->sweep.to);
    }
    take_hand(&asked, &relay->hand);
    put_ranges(&asked, &relay->list, &relay->lasts);
    floor_done(&asked);
}

/* ---- Reading ---- */

static void take_row(struct relay *relay, const struct sql_result *result, size_t i,
                     const struct relay_columns *columns, size_t *events) {
    struct relay_row *row;
    struct jobs_error err;
    if (relay_row_read(result, i, columns, &row, &err) < 0) {
        log_error(relay->log, "datasource %s: outbox row %lld is skipped: %s", relay->datasource,
                  (long long)row->id, err.text);
        atomic_fetch_add(&relay->top->unreadable, 1);
    }
    *events += row->event_count;
    floor_take(&relay->floor, row->id);
    if (relay->tenant && row->id > relay->top->lines_high)
        relay->top->lines_high = row->id;
    hand_add(&relay->hand, row);
}

/* Returns how many rows there were. */
static size_t take_rows(struct relay *relay, const struct sql_result *result) {
    struct relay_columns columns;
    relay_columns_find(result, &columns);
    size_t events = 0, count = sql_count(result);
    if (count == 1 && !sql_get(result, 0, columns.id))
        return 0;
    for (size_t i = 0; i < count; i++)
        take_row(relay, result, i, &columns, &events);
    if (count > 0)
        relay->row_size = events / count + 1;
    return count;
}

void relay_looked(struct relay *relay, const struct sql_result *result, int64_t up_to,
                  void (*closed)(void *arg, int64_t first, int64_t last)) {
    int64_t oldest = 0, fence = 0;
    if (relay == relay->top) {
        oldest = sql_get_integer(result, 0, sql_column(result, "oldest"), 0);
        fence = sql_get_integer(result, 0, sql_column(result, "fence"), 0);
    }
    floor_looked(&relay->floor, up_to, oldest, closed, relay);
    if (fence > 0)
        floor_fence(&relay->floor, fence);
}

/* Returns the id up to which it has looked. */
static int64_t take_result(struct relay *relay, const struct sql_result *result, size_t limit) {
    size_t count = take_rows(relay, result);
    relay->more = count == limit;
    int64_t last = INT64_MAX;
    if (relay->more)
        last = sql_get_integer(result, count - 1, sql_column(result, "id"), 0);
    relay_looked(relay, result, last, NULL);
    relay->found = count;
    return last;
}

/* After something was found it looks soon again, then more and more seldom. */
static void plan_next(struct relay *relay, int64_t now) {
    size_t found = relay->found;
    if (relay->tenant) { /* told when there is something */
        relay->next_read = found > 0 ? now : INT64_MAX;
        return;
    }
    if (found > 0 || relay->read_wait == 0)
        relay->read_wait = READ_WAIT_LEAST;
    else if (relay->read_wait < READ_WAIT_MOST / 2)
        relay->read_wait *= 2;
    else
        relay->read_wait = READ_WAIT_MOST;
    relay->next_read = relay->more ? now : now + relay->read_wait;
}

/* It costs the more the more dead rows there are. */
void relay_plan_sweep(struct relay *relay, int64_t began, int64_t up_to, size_t found) {
    int64_t now = clock_now(), took = now - began;
    size_t lines = relay->top->lines.count;
    int64_t wait = took * SWEEP_PART * (int64_t)(lines > 0 ? lines : 1);
    bool last = relay_sweep_end(&relay->sweep, relay->floor.high, up_to, took, found);
    int64_t least = last ? SWEEP_WAIT : SWEEP_PIECE_WAIT;
    relay->next_sweep = now + (wait > least ? wait : least);
}

static int read_rows(struct relay *relay, bool sweep, size_t limit, struct sql_result **ret,
                     struct jobs_error *err) {
    relay_put_ranges(relay, sweep);
    struct sql_parameters p = {0};
    sql_add_text(&p, relay->list.data);
    sql_add_text(&p, relay->lasts.data);
    sql_add_integer(&p, (int64_t)limit);
    if (relay->tenant)
        sql_add_text(&p, relay->tenant);
    else
        sql_add_boolean(&p, floor_wants_fence(&relay->floor));
    return sql_call(relay->top->sql, relay->tenant ? "parked_read" : "outbox_read", &p, SQL_ROWS,
                    ret, err);
}

void relay_read(struct relay *relay, int64_t now) {
    if (!relay->tenant && atomic_exchange(&relay->woken, false) && !relay->sql_down) {
        relay->next_read = now;
        relay->read_wait = 0;
    }
    if (!relay->top->sql || now < relay->next_read || !relay_has_room(relay))
        return;
    bool sweep = now >= relay->next_sweep;
    size_t limit = rows_to_ask_for(relay);
    struct sql_result *result = NULL;
    struct jobs_error err;
    int64_t began = clock_now(), up_to;
    if (read_rows(relay, sweep, limit, &result, &err) < 0) {
        relay_sql_failed(relay, &err);
        return;
    }
    relay_sql_succeeded(relay);
    up_to = take_result(relay, result, limit);
    if (sweep)
        relay_plan_sweep(relay, began, up_to, relay->found);
    plan_next(relay, clock_now());
    sql_result_free(result);
}
