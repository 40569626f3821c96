/* A row of the outbox in the relay's hands: the status changes that one statement made. */
#ifndef SERVICE_RELAY_ROW_H
#define SERVICE_RELAY_ROW_H
#include "module/base/list.h"
#include "module/job/event.h"
#include "sql/sql.h"

enum relay_column {
    COLUMN_IDS,
    COLUMN_TENANTS,
    COLUMN_CLASS_NAMES,
    COLUMN_MIDDLES,
    COLUMN_STATUSES,
    COLUMN_VERSIONS,
    COLUMN_ATTEMPTS,
    COLUMN_PERCENTS,
    COLUMN_MIDDLE_DATES,
    COLUMN_DATES,
    COLUMN_EXTRAS,
    COLUMN_COUNT
};

struct relay_event {
    struct list link; /* in its job's chain */
    struct relay_row *row;
    size_t index;
    bool middle; /* the status passed through, at the version before */
};

struct relay_row {
    struct list link;
    int64_t id;
    size_t count;                 /* jobs */
    char **columns[COLUMN_COUNT]; /* as of sql_array_read; NULL once nothing is open */
    struct relay_event *events;   /* event_count of them, middles first */
    size_t event_count, open;     /* open: not yet done with */
    size_t bytes;                 /* memory, roughly */
};

/* Where the columns of a result of outbox_read are. */
struct relay_columns {
    int id, column[COLUMN_COUNT];
};
void relay_columns_find(const struct sql_result *result, struct relay_columns *ret);

/* Reads a row; it is complete in itself and needs the result no more. JOBS_EINVAL: arrays of
 * different lengths or with holes; then *ret is a row without events, so that it can be deleted. */
int relay_row_read(const struct sql_result *result, size_t i, const struct relay_columns *columns,
                   struct relay_row **ret, struct jobs_error *err);
void relay_row_free(struct relay_row *row);
/* Frees what the events are made of; id and link stay. */
void relay_row_shrink(struct relay_row *row);

/* The job's id; and its tenant. */
const char *relay_event_job(const struct relay_event *event);
const char *relay_event_tenant(const struct relay_event *event);
/* The event for job_event_body; its texts are the row's. JOBS_EINVAL: a status that nobody
 * knows. */
int relay_event_get(const struct relay_event *event, const char *service, struct job_event *ret,
                    struct jobs_error *err);
#endif
