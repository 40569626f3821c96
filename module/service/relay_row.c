#include "module/service/relay_row.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/job/status.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool holes; /* elements may be null */
} layout[COLUMN_COUNT] = {
    [COLUMN_IDS] = {"ids", false},
    [COLUMN_TENANTS] = {"tenants", false},
    [COLUMN_CLASS_NAMES] = {"class_names", false},
    [COLUMN_MIDDLES] = {"middles", true},
    [COLUMN_STATUSES] = {"statuses", false},
    [COLUMN_VERSIONS] = {"versions", false},
    [COLUMN_ATTEMPTS] = {"attempts", false},
    [COLUMN_PERCENTS] = {"percents", false},
    [COLUMN_MIDDLE_DATES] = {"middle_dates", true},
    [COLUMN_DATES] = {"dates", false},
    [COLUMN_EXTRAS] = {"extras", true},
};

void relay_columns_find(const struct sql_result *result, struct relay_columns *ret) {
    ret->id = sql_column(result, "id");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        ret->column[i] = sql_column(result, layout[i].name);
}

static bool has_hole(char *const *elements, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!elements[i])
            return true;
    return false;
}

static int read_columns(struct relay_row *row, const struct sql_result *result, size_t i,
                        const struct relay_columns *columns, struct jobs_error *err) {
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        const char *literal = sql_get(result, i, columns->column[c]);
        size_t count;
        row->columns[c] = sql_array_read(literal ? literal : "{}", &count);
        row->bytes += count * sizeof(char *) + (literal ? strlen(literal) : 0);
        if (c == 0)
            row->count = count;
        if (count != row->count || (!layout[c].holes && has_hole(row->columns[c], count)))
            return error_set(err, JOBS_EINVAL, "its column %s does not fit the others",
                             layout[c].name);
    }
    return 0;
}

static void add_event(struct relay_row *row, size_t index, bool middle) {
    struct relay_event *event = &row->events[row->event_count++];
    *event = (struct relay_event){.row = row, .index = index, .middle = middle};
    list_init(&event->link);
}

int relay_row_read(const struct sql_result *result, size_t i, const struct relay_columns *columns,
                   struct relay_row **ret, struct jobs_error *err) {
    struct relay_row *row = MEM_NEW(struct relay_row);
    list_init(&row->link);
    row->id = sql_get_integer(result, i, columns->id, 0);
    row->bytes = sizeof *row;
    *ret = row;
    int rc = read_columns(row, result, i, columns, err);
    if (rc < 0) {
        relay_row_shrink(row);
        return rc;
    }
    row->events = mem_zero(row->count * 2 + 1, sizeof *row->events);
    row->bytes += row->count * 2 * sizeof *row->events;
    for (size_t at = 0; at < row->count; at++) {
        if (row->columns[COLUMN_MIDDLES][at])
            add_event(row, at, true);
        add_event(row, at, false);
    }
    row->open = row->event_count;
    return 0;
}

void relay_row_shrink(struct relay_row *row) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        free(row->columns[i]);
        row->columns[i] = NULL;
    }
    free(row->events);
    row->events = NULL;
    row->event_count = row->open = 0;
}

void relay_row_free(struct relay_row *row) {
    if (!row)
        return;
    relay_row_shrink(row);
    free(row);
}

static const char *get(const struct relay_event *event, enum relay_column column) {
    return event->row->columns[column][event->index];
}

static int64_t get_integer(const struct relay_event *event, enum relay_column column) {
    const char *text = get(event, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

const char *relay_event_job(const struct relay_event *event) { return get(event, COLUMN_IDS); }

const char *relay_event_tenant(const struct relay_event *event) {
    return get(event, COLUMN_TENANTS);
}

int relay_event_get(const struct relay_event *event, const char *service, struct job_event *ret,
                    struct jobs_error *err) {
    const char *name = get(event, event->middle ? COLUMN_MIDDLES : COLUMN_STATUSES);
    int status = status_of_name(name);
    if (status < 0)
        return error_set(err, JOBS_EINVAL, "the status \"%.40s\" is unknown", name);
    const bool dated = event->middle && get(event, COLUMN_MIDDLE_DATES);
    *ret = (struct job_event){
        .service = service,
        .tenant = relay_event_tenant(event),
        .id = relay_event_job(event),
        .class_name = get(event, COLUMN_CLASS_NAMES),
        .status = (enum job_status)status,
        .version = get_integer(event, COLUMN_VERSIONS) - event->middle,
        .attempt = get_integer(event, COLUMN_ATTEMPTS),
        .percent = event->middle ? 0 : get_integer(event, COLUMN_PERCENTS), /* it only began then */
        .date = get_integer(event, dated ? COLUMN_MIDDLE_DATES : COLUMN_DATES),
        .extras = get(event, COLUMN_EXTRAS),
        .passing = event->middle,
    };
    return 0;
}
