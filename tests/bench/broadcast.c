/* Events of the outbox beside a bare publisher with confirms: through an exchange of the same kind,
 * messages of the same size, keys alike, to the same kind of subscriber; and with no queue bound.
 */
#include "tests/bench/broadcast.h"
#include "module/base/clock.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>

#define PAIRS_MOST 50

enum { RELAY, BARE, RELAY_UNBOUND, BARE_UNBOUND, LOGGED, RUNNING, KINDS };
/* The stream queue of all events is one more queue to write to: measured by itself. */
static const char *const without_log[] = {"jobs.amqp.log.age=", NULL};
static const struct report_column columns[] = {{"relay", "events/s", 0},
                                               {"bare", "events/s", 0},
                                               {"relay unbound", "events/s", 0},
                                               {"bare unbound", "events/s", 0},
                                               {"relay with log", "events/s", 0},
                                               {"jobs run too", "events/s", 0},
                                               {NULL, NULL, 0}};

/* An outbox full of events that wait for a broker, of jobs that nobody runs meanwhile. */
static void fill(struct bench *bench, size_t events) {
    bench_begin(bench, 10);
    bench_sql(bench, "update t_tenant set state = 'PAUSED'");
    bench_submit(bench, "noop", events, 10);
}

static void wait_sent(const struct bench *bench) {
    while (bench_number(bench, "select exists(select from t_job_outbox)::int") > 0)
        poll(NULL, 0, 5);
}

/* Events/s from the first to the last at the subscriber; *ret_size: bytes of one. */
static double relay_bound(struct bench *bench, size_t events, const char *const *settings,
                          size_t *ret_size) {
    fill(bench, events);
    struct subscriber *subscriber = subscriber_open(bench, NULL, NULL);
    struct job_service *service = bench_service(bench, true, NULL, settings);
    int64_t last = subscriber_wait(subscriber, events), first = subscriber_first(subscriber);
    *ret_size = subscriber_bytes(subscriber) / events;
    bench_stop(service);
    subscriber_close(subscriber);
    bench_end(bench);
    return (double)events * 1e6 / (double)(last - first);
}

/* Events/s from when the outbox begins to shrink until it is empty. */
static double relay_unbound(struct bench *bench, size_t events) {
    fill(bench, events);
    double rows = bench_number(bench, "select count(*) from t_job_outbox");
    struct job_service *service = bench_service(bench, true, NULL, without_log);
    while (bench_number(bench, "select count(*) from t_job_outbox") >= rows)
        poll(NULL, 0, 2);
    int64_t first = clock_now();
    double left =
        bench_number(bench, "select coalesce(sum(cardinality(ids)), 0) from t_job_outbox");
    wait_sent(bench);
    int64_t last = clock_now();
    bench_stop(service);
    bench_end(bench);
    return left * 1e6 / (double)(last - first);
}

static double bare(struct bench *bench, size_t events, size_t size, bool bound) {
    bench_begin(bench, 1);
    struct subscriber *subscriber = bound ? subscriber_open(bench, NULL, NULL) : NULL;
    int64_t took = broadcast_bare(bench, events, size);
    if (subscriber) {
        int64_t last = subscriber_wait(subscriber, events);
        took = last - subscriber_first(subscriber);
        subscriber_close(subscriber);
    }
    bench_end(bench);
    return (double)events * 1e6 / (double)took;
}

static double values[KINDS][PAIRS_MOST];

int bench_broadcast(struct bench *bench, char **argv) {
    size_t events = 50000, pairs = 5, size = 0;
    const struct bench_option options[] = {{"--events", &events, 10000000, "events of each run"},
                                           {"--pairs", &pairs, PAIRS_MOST, "pairs, in turns"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "broadcast");
    report_table(report, "to one subscriber, and to none", columns);
    double medians[KINDS], row[KINDS];
    for (size_t pair = 0; pair < pairs; pair++) {
        char label[20];
        snprintf(label, sizeof label, "%zu", pair + 1);
        row[RELAY] = relay_bound(bench, events, without_log, &size);
        row[BARE] = bare(bench, events, size, true);
        row[RELAY_UNBOUND] = relay_unbound(bench, events);
        row[BARE_UNBOUND] = bare(bench, events, size, false);
        row[LOGGED] = relay_bound(bench, events, NULL, &size);
        row[RUNNING] = measure_events(bench, events / 4);
        for (size_t i = 0; i < KINDS; i++)
            values[i][pair] = row[i];
        report_row(report, label, row);
    }
    double ratios[PAIRS_MOST], unbound[PAIRS_MOST];
    for (size_t pair = 0; pair < pairs; pair++) { /* before the medians put them in order */
        ratios[pair] = values[RELAY][pair] / values[BARE][pair];
        unbound[pair] = values[RELAY_UNBOUND][pair] / values[BARE_UNBOUND][pair];
    }
    for (size_t i = 0; i < KINDS; i++)
        medians[i] = bench_median(values[i], pairs);
    report_row(report, "median", medians);
    report_note(report,
                "relay / bare, median of the pairs: %.2f to a subscriber, %.2f unbound; "
                "%zu bytes each",
                bench_median(ratios, pairs), bench_median(unbound, pairs), size);
    report_end(report);
    return 0;
}
