/* Events of the outbox beside a bare publisher with confirms: through an exchange of the same kind,
 * messages of the same size, keys alike, to the same kind of subscriber; and with no queue bound but
 * for the first message and the last. The time is that between these two at a subscriber, for both.
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

/* A service that has started, and sent an event: what is measured is the relay, not the start of a
 * daemon, as little as the bare publisher's login. */
static struct job_service *settled(struct bench *bench, const char *const *settings) {
    bench_sql(bench, "update t_tenant set state = 'PAUSED'");
    struct job_service *service = bench_service(bench, true, NULL, settings);
    bench_submit(bench, "noop", 1, 1);
    while (bench_number(bench, "select exists(select from t_job_outbox)::int") > 0)
        poll(NULL, 0, 20);
    bench_wait_idle(bench);
    return service;
}

/* They come into sight all at once, of jobs that nobody runs. */
static void commit_events(struct bench *bench, size_t events) {
    bench_sql(bench, "begin");
    bench_submit(bench, BROADCAST_MARK, 1, 10);
    bench_submit(bench, "noop", events - 2, 10);
    bench_submit(bench, BROADCAST_MARK, 1, 10);
    bench_sql(bench, "commit");
}

/* Events/s from the first to the last at a subscriber. */
static double rate(struct subscriber *subscriber, size_t received, size_t events) {
    int64_t last = subscriber_wait(subscriber, received);
    return (double)events * 1e6 / (double)(last - subscriber_first(subscriber));
}

/* *ret_size (may be NULL): bytes of an event. */
static double relay(struct bench *bench, size_t events, const char *const *settings, bool bound,
                    size_t *ret_size) {
    bench_begin(bench, 10);
    struct job_service *service = settled(bench, settings);
    struct subscriber *subscriber =
        bound ? subscriber_open(bench, NULL, NULL) : subscriber_open_class(bench, BROADCAST_MARK);
    commit_events(bench, events);
    double ret = rate(subscriber, bound ? events : 2, events);
    if (ret_size)
        *ret_size = subscriber_bytes(subscriber) / events;
    bench_stop(service);
    subscriber_close(subscriber);
    bench_end(bench);
    return ret;
}

static double bare(struct bench *bench, size_t events, size_t size, bool bound) {
    bench_begin(bench, 1);
    struct subscriber *subscriber =
        bound ? subscriber_open(bench, NULL, NULL) : subscriber_open_class(bench, BROADCAST_MARK);
    broadcast_bare(bench, events, size);
    double ret = rate(subscriber, bound ? events : 2, events);
    subscriber_close(subscriber);
    bench_end(bench);
    return ret;
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
        row[RELAY] = relay(bench, events, without_log, true, &size);
        row[BARE] = bare(bench, events, size, true);
        row[RELAY_UNBOUND] = relay(bench, events, without_log, false, NULL);
        row[BARE_UNBOUND] = bare(bench, events, size, false);
        row[LOGGED] = relay(bench, events, NULL, true, NULL);
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
