/* The relay and its database session. */
#include "module/service/relay_private.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_WAIT CLOCK_SECOND
#define READ_WAIT_LEAST (20 * CLOCK_MS)
#define READ_WAIT_MOST (250 * CLOCK_MS)
#define DELETE_WAIT (20 * CLOCK_MS)

/* Logs the first failure in a row and waits; a broken session is closed. What is in hand stays
 * good. */
static void fail(struct relay *relay, const struct jobs_error *why) {
    struct relay *top = relay->top;
    if (!top->sql_down)
        log_warning(top->log, "datasource %s: the relay waits: %s", top->datasource, why->text);
    top->sql_down = true;
    if (top->sql && sql_is_broken(top->sql)) {
        sql_close(top->sql);
        top->sql = NULL;
    }
    top->next_open = top->next_split = top->next_look = clock_now() + OPEN_WAIT;
    relay->next_read = relay->next_delete = top->next_open;
}

static void succeed(struct relay *relay) {
    struct relay *top = relay->top;
    if (top->sql_down)
        log_info(top->log, "datasource %s: the relay reads the outbox again", top->datasource);
    top->sql_down = false;
}

void relay_open(struct relay *relay, int64_t now) {
    if (relay->sql || now < relay->next_open)
        return;
    struct jobs_error err;
    struct sql *sql = NULL;
    int rc = sql_open(&relay->sql_options, &sql, &err);
    if (rc == 0)
        rc = sql_call(sql, "relay_settings", NULL, SQL_ONE, NULL, &err);
    if (rc == 0) {
        relay->sql = sql;
        relay->draining = true;
        relay->next_look = 0;
        return;
    }
    sql_close(sql);
    fail(relay, &err);
}

/* Events that wait because a queue refuses them do not keep the others from being read. */
bool relay_has_room(const struct relay *relay) {
    const struct relay_hand *hand = &relay->hand;
    return hand->events - hand->stuck < relay->wanted / 2 && hand->events < RELAY_MOST &&
           hand->bytes < relay->most_bytes && hand->done_count < 4 * RELAY_ROWS;
}

/* Rows hold one event or hundreds; the last ones tell what to expect. */
static size_t rows_to_ask_for(const struct relay *relay) {
    size_t room = relay->wanted - (relay->hand.events - relay->hand.stuck);
    size_t rows = room / relay->row_size + 1;
    return rows < RELAY_ROWS ? rows : RELAY_ROWS;
}

static void add_ids(struct buf *buf, const struct list *rows) {
    LIST_EACH (rows, p)
        sql_array_integer(buf, LIST_ENTRY(p, struct relay_row, link)->id);
}

static void take_rows(struct relay *relay, const struct sql_result *result) {
    struct relay_columns columns;
    relay_columns_find(result, &columns);
    size_t events = 0;
    for (size_t i = 0; i < sql_count(result); i++) {
        struct relay_row *row;
        struct jobs_error err;
        if (relay_row_read(result, i, &columns, &row, &err) < 0) {
            log_error(relay->log, "datasource %s: outbox row %lld is skipped: %s",
                      relay->datasource, (long long)row->id, err.text);
            atomic_fetch_add(&relay->top->unreadable, 1);
        }
        events += row->event_count;
        hand_add(&relay->hand, row);
    }
    if (sql_count(result) > 0)
        relay->row_size = events / sql_count(result) + 1;
}

/* After something was found it looks soon again, then more and more seldom. */
static void plan_next(struct relay *relay, size_t found, int64_t now) {
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

void relay_read(struct relay *relay, int64_t now) {
    if (!relay->tenant && atomic_exchange(&relay->woken, false) && !relay->sql_down) {
        relay->next_read = now;
        relay->read_wait = 0;
    }
    struct sql *sql = relay->top->sql;
    if (!sql || now < relay->next_read || !relay_has_room(relay))
        return;
    sql_array_begin(&relay->list);
    add_ids(&relay->list, &relay->hand.rows);
    add_ids(&relay->list, &relay->hand.done);
    sql_array_end(&relay->list);
    size_t limit = rows_to_ask_for(relay);
    struct sql_parameters p = {0};
    sql_add_text(&p, relay->list.data);
    sql_add_integer(&p, (int64_t)limit);
    if (relay->tenant)
        sql_add_text(&p, relay->tenant);
    struct sql_result *result = NULL;
    struct jobs_error err;
    if (sql_call(sql, relay->tenant ? "parked_read" : "outbox_read", &p, SQL_ROWS, &result, &err) <
        0) {
        fail(relay, &err);
        return;
    }
    succeed(relay);
    relay->more = sql_count(result) == limit;
    take_rows(relay, result);
    plan_next(relay, sql_count(result), clock_now());
    sql_result_free(result);
}

/* In batches: the first row that is done with waits a little for others. */
static bool is_time_to_delete(struct relay *relay, int64_t now) {
    if (!relay->top->sql || relay->hand.done_count == 0)
        return false;
    if (now == INT64_MAX)
        return true;
    if (relay->next_delete == 0)
        relay->next_delete = now + DELETE_WAIT;
    return now >= relay->next_delete ||
           (relay->hand.done_count >= RELAY_ROWS && !relay->top->sql_down);
}

void relay_delete(struct relay *relay, int64_t now) {
    if (!is_time_to_delete(relay, now))
        return;
    sql_array_begin(&relay->list);
    add_ids(&relay->list, &relay->hand.done);
    sql_array_end(&relay->list);
    struct sql_parameters p = {0};
    sql_add_text(&p, relay->list.data);
    if (relay->tenant)
        sql_add_text(&p, relay->tenant);
    struct jobs_error err;
    if (sql_call(relay->top->sql, relay->tenant ? "parked_delete" : "outbox_delete", &p,
                 SQL_NOTHING, NULL, &err) < 0) {
        fail(relay, &err); /* they are deleted later: nothing is sent again meanwhile */
        return;
    }
    struct list *done = &relay->hand.done;
    LIST_EACH (done, link) {
        list_remove(link);
        relay_row_free(LIST_ENTRY(link, struct relay_row, link));
    }
    relay->hand.done_count = 0;
    relay->next_delete = 0;
}

/* Calls a statement that answers with tenants. Returns its rows' column `rows`, or how many tenants;
 * -1: it failed. */
static int64_t call_tenants(struct relay *top, const char *name, int64_t limit,
                            void (*has)(struct relay *top, const char *tenant)) {
    struct sql_parameters p = {0};
    struct sql_result *result;
    struct jobs_error err;
    if (limit > 0)
        sql_add_integer(&p, limit);
    if (sql_call(top->sql, name, &p, SQL_ROWS, &result, &err) < 0) {
        fail(top, &err);
        return -1;
    }
    succeed(top);
    size_t count = sql_count(result);
    int64_t ret = (int64_t)count;
    for (size_t i = 0; i < count; i++)
        has(top, sql_get(result, i, sql_column(result, "tenant")));
    if (limit > 0)
        ret = count ? sql_get_integer(result, 0, sql_column(result, "rows"), 0) : 0;
    sql_result_free(result);
    return ret;
}

bool relay_split(struct relay *top, void (*has)(struct relay *top, const char *tenant)) {
    return call_tenants(top, "outbox_split", RELAY_ROWS, has) == RELAY_ROWS;
}

bool relay_look(struct relay *top, void (*has)(struct relay *top, const char *tenant)) {
    return call_tenants(top, "parked_tenants", 0, has) >= 0;
}
