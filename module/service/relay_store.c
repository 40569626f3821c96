/* The relay and its database session. */
#include "module/service/relay_private.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_WAIT CLOCK_SECOND
#define DELETE_WAIT (20 * CLOCK_MS)

void relay_sql_failed(struct relay *relay, const struct jobs_error *why) {
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

void relay_sql_succeeded(struct relay *relay) {
    struct relay *top = relay->top;
    if (top->sql_down)
        log_info(top->log, "datasource %s: the relay reads the outbox again", top->datasource);
    top->sql_down = false;
}

/* Another server may answer now, which has given out other ids. */
static void know_nothing(struct relay *top) {
    const char *tenant;
    void *line;
    relay_know_nothing(top);
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &line);)
        relay_know_nothing(line);
}

/* To plan a read takes longer than most reads, and there is one after every commit. */
static int prepare(struct sql *sql, struct jobs_error *err) {
    static const char *const names[] = {"outbox_read", "outbox_delete", "outbox_split",
                                        "parked_read", "parked_delete", "parked_tenants"};
    int rc = sql_call(sql, "relay_settings", NULL, SQL_ONE, NULL, err);
    return rc < 0 ? rc : sql_prepare(sql, names, sizeof names / sizeof *names, err);
}

void relay_open(struct relay *relay, int64_t now) {
    if (relay->sql || now < relay->next_open)
        return;
    struct jobs_error err;
    struct sql *sql = NULL;
    int rc = sql_open(&relay->sql_options, &sql, &err);
    if (rc == 0)
        rc = prepare(sql, &err);
    if (rc == 0) {
        relay->sql = sql;
        know_nothing(relay);
        relay->draining = true;
        relay->next_look = 0;
        return;
    }
    sql_close(sql);
    relay_sql_failed(relay, &err);
}

static void add_ids(struct buf *buf, const struct list *rows) {
    LIST_EACH (rows, p)
        sql_array_integer(buf, LIST_ENTRY(p, struct relay_row, link)->id);
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
        relay_sql_failed(relay, &err); /* they are deleted later: nothing is sent again meanwhile */
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

static void tell_tenants(struct relay *top, const struct sql_result *result,
                         void (*has)(struct relay *top, const char *tenant)) {
    int column = sql_column(result, "tenant");
    for (size_t i = 0; i < sql_count(result); i++) {
        const char *tenant = sql_get(result, i, column);
        if (tenant)
            has(top, tenant);
    }
}

/* Of what lines read earlier, these ids are to be looked at again. */
static void reopen(void *arg, int64_t first, int64_t last) {
    struct relay *top = arg;
    const char *tenant;
    void *value;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value);) {
        struct relay *line = value;
        floor_reopen(&line->floor, first, last);
    }
}

/* Ids that were moved. They may have become visible late. */
static void take_moved(struct relay *top, const char *literal) {
    size_t count;
    char **ids = sql_array_read(literal, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t id = strtoll(ids[i], NULL, 10);
        if (id <= top->lines_high)
            reopen(top, id, id);
        floor_take(&top->floor, id);
    }
    free(ids);
}

/* Returns the id up to which it has looked. */
static int64_t take_split(struct relay *top, const struct sql_result *result, size_t *ret_rows) {
    const char *moved = sql_get(result, 0, sql_column(result, "ids"));
    int64_t rows = sql_get_integer(result, 0, sql_column(result, "rows"), 0), last = INT64_MAX;
    if (rows == RELAY_ROWS)
        last = sql_get_integer(result, 0, sql_column(result, "last"), 0);
    take_moved(top, moved ? moved : "{}");
    relay_looked(top, result, last, reopen);
    *ret_rows = (size_t)rows;
    return last;
}

bool relay_split(struct relay *top, void (*has)(struct relay *top, const char *tenant)) {
    int64_t began = clock_now();
    bool sweep = began >= top->next_sweep;
    relay_put_ranges(top, sweep);
    struct sql_parameters p = {0};
    sql_add_text(&p, top->list.data);
    sql_add_text(&p, top->lasts.data);
    sql_add_integer(&p, RELAY_ROWS);
    sql_add_boolean(&p, floor_wants_fence(&top->floor));
    struct sql_result *result;
    struct jobs_error err;
    if (sql_call(top->sql, "outbox_split", &p, SQL_ROWS, &result, &err) < 0) {
        relay_sql_failed(top, &err);
        return false;
    }
    relay_sql_succeeded(top);
    size_t rows;
    int64_t up_to = take_split(top, result, &rows);
    if (sweep)
        relay_plan_sweep(top, began, up_to, rows);
    tell_tenants(top, result, has);
    sql_result_free(result);
    return rows == RELAY_ROWS;
}

bool relay_look(struct relay *top, void (*has)(struct relay *top, const char *tenant)) {
    struct sql_result *result;
    struct jobs_error err;
    if (sql_call(top->sql, "parked_tenants", NULL, SQL_ROWS, &result, &err) < 0) {
        relay_sql_failed(top, &err);
        return false;
    }
    relay_sql_succeeded(top);
    tell_tenants(top, result, has);
    sql_result_free(result);
    return true;
}
