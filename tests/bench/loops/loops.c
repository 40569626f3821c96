/* The hot loops of jobsd, each some thousand times over, for callgrind to count their instructions:
 * bench_loops NAME. The counting begins and ends with the function loop_NAME; what is printed is
 * how many items it went over. */
#include "module/base/buf.h"
#include "module/base/table.h"
#include "module/job/event.h"
#include "module/service/receipts.h"
#include "module/service/shares.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 20
#define TENANTS 200
#define JOBS 500 /* of a tick */

/* Whom callgrind is told to watch must be there by name. */
#define WATCHED __attribute__((noinline, used))
size_t loop_shares(void);
size_t loop_event(void);
size_t loop_books(void);

static char tenants[TENANTS][32], ids[JOBS][37]; /* made before the counting */

static void make_names(void) {
    for (size_t i = 0; i < TENANTS; i++)
        snprintf(tenants[i], sizeof tenants[i], "tenant-%zu", i);
    for (size_t i = 0; i < JOBS; i++)
        snprintf(ids[i], sizeof ids[i], "0190c8f2-%04x-7abc-8def-%012x", (unsigned)i,
                 (unsigned)i * 2654435761u);
}

/* Dealing 500 places among 200 hungry tenants, and correcting what each was charged. */
WATCHED size_t loop_shares(void) {
    struct shares shares;
    struct share *dealt[JOBS];
    shares_init(&shares);
    for (size_t i = 0; i < TENANTS; i++)
        shares_set_hungry(&shares, shares_find(&shares, "", tenants[i % TENANTS]), true);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t count = shares_deal(&shares, JOBS, JOBS, dealt, JOBS);
        for (size_t i = 0; i < count; i++) {
            dealt[i]->got = dealt[i]->quota;
            for (size_t k = 0; k < dealt[i]->quota; k++)
                shares_ended(dealt[i], 1000, 900);
            shares_settle(&shares, dealt[i]);
        }
    }
    shares_done(&shares);
    return (size_t)ROUNDS * JOBS;
}

/* Id, routing key and body of an event. */
WATCHED size_t loop_event(void) {
    struct buf text = {0};
    for (size_t i = 0; i < (size_t)ROUNDS * JOBS; i++) {
        const struct job_event event = {.service = "jobs",
                                        .tenant = "tenant-1",
                                        .id = "0190c8f2-1234-7abc-8def-0123456789ab",
                                        .class_name = "print-invoice",
                                        .status = i % 2 ? JOB_RUNNING : JOB_SUCCEEDED,
                                        .version = (int64_t)(i % 9),
                                        .attempt = 1,
                                        .percent = 100,
                                        .date = 1700000000000000 + (int64_t)i,
                                        .extras = i % 2 ? NULL : "{\"owner\":\"billing\"}"};
        struct jobs_error err;
        job_event_id(&event, &text);
        if (job_event_key(&event, &text, &err) < 0 || job_event_body(&event, &text, &err) < 0)
            exit(1);
    }
    buf_done(&text);
    return (size_t)ROUNDS * JOBS;
}

/* What the dispatcher writes down of a job around its claim and its end: receipt, place in the
 * table of jobs, arrays of the statement. */
WATCHED size_t loop_books(void) {
    static struct receipt *of[JOBS];
    struct receipts receipts;
    struct table by_id = {0};
    struct buf id_array = {0}, versions = {0};
    receipts_init(&receipts);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < JOBS; i++) {
            of[i] = receipts_find(&receipts, (int64_t)round, tenants[i % TENANTS], "");
            receipt_join(of[i]);
            table_put(&by_id, ids[i], &of[i]);
        }
        buf_clear(&id_array);
        buf_clear(&versions);
        sql_array_begin(&id_array);
        sql_array_begin(&versions);
        for (size_t i = 0; i < JOBS; i++) {
            sql_array_plain(&id_array, ids[i]);
            sql_array_integer(&versions, (int64_t)i);
        }
        sql_array_end(&id_array);
        sql_array_end(&versions);
        for (size_t i = 0; i < JOBS; i++) {
            table_take(&by_id, ids[i]);
            receipt_leave(&receipts, of[i]);
        }
        LIST_EACH (&receipts.closable, p)
            receipt_closed(&receipts, LIST_ENTRY(p, struct receipt, link));
    }
    table_done(&by_id, NULL);
    receipts_done(&receipts);
    buf_done(&id_array);
    buf_done(&versions);
    return (size_t)ROUNDS * JOBS;
}

int main(int argc, char **argv) {
    size_t items = 0;
    make_names();
    if (argc > 1 && strcmp(argv[1], "shares") == 0)
        items = loop_shares();
    else if (argc > 1 && strcmp(argv[1], "event") == 0)
        items = loop_event();
    else if (argc > 1 && strcmp(argv[1], "books") == 0)
        items = loop_books();
    printf("%zu\n", items);
    return items > 0 ? 0 : 2;
}
