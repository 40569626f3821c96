/* Half of the most that is possible, for long, with a broker, a subscriber and retention: what
 * grows, and what stays level? */
#include "tests/bench/soak.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/load.h"
#include "tests/bench/picture.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"
#include "tests/bench/system.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TIME,
    ENDED,
    EVENTS,
    P50,
    P99,
    MEMORY,
    JOBS_SIZE,
    OUTBOX_SIZE,
    READY_SIZE,
    ALL_SIZE,
    DEAD,
    BACKLOG,
    COLUMNS
};
static const struct report_column columns[] = {{"time", "s", 0},         {"ended", "jobs/s", 0},
                                               {"events", "per s", 0},   {"p50", "ms", 1},
                                               {"p99", "ms", 1},         {"jobsd", "MiB", 1},
                                               {"jobs table", "MiB", 1}, {"outbox", "MiB", 1},
                                               {"ready", "MiB", 1},      {"all tables", "MiB", 1},
                                               {"dead rows", "", 0},     {"outbox rows", "", 0},
                                               {NULL, NULL, 0}};

static double size_of(const struct bench *bench, const char *table) {
    return bench_number(bench, "select pg_total_relation_size('%s') / 1048576.0", table);
}

struct soak {
    struct bench *bench;
    struct child jobsd;
    struct subscriber *subscriber;
    struct purger *purger;
    struct delays *delays;
    int64_t began, at;
    double ended, events;
};

/* What was removed since has ended too. */
static double ended(const struct soak *soak) {
    double removed = (double)purger_removed(soak->purger);
    return removed + bench_number(soak->bench, "select coalesce(sum(n), 0) from v_job_count "
                                               "where status = 'SUCCEEDED'");
}

static void sample(struct soak *soak, double *row) {
    const struct bench *bench = soak->bench;
    int64_t now = clock_now();
    double took = (double)(now - soak->at) / 1e6;
    double jobs = ended(soak), events = (double)subscriber_count(soak->subscriber);
    row[TIME] = (double)(now - soak->began) / 1e6;
    row[ENDED] = (jobs - soak->ended) / took;
    row[EVENTS] = (events - soak->events) / took;
    struct bench_latency delay = delays_take(soak->delays);
    row[P50] = delay.p50;
    row[P99] = delay.p99;
    row[MEMORY] = system_memory(soak->jobsd.pid);
    row[JOBS_SIZE] = size_of(bench, "t_job_info");
    row[OUTBOX_SIZE] = size_of(bench, "t_job_outbox");
    row[READY_SIZE] = size_of(bench, "t_job_ready");
    row[ALL_SIZE] = bench_number(bench,
                                 "select sum(pg_total_relation_size(relid)) / 1048576.0 "
                                 "from pg_stat_user_tables where schemaname = '%s'",
                                 bench->schema);
    row[DEAD] =
        bench_number(bench,
                     "select sum(n_dead_tup) from pg_stat_user_tables where schemaname = '%s'",
                     bench->schema);
    row[BACKLOG] = bench_number(bench, "select count(*) from t_job_outbox");
    soak->at = now;
    soak->ended = jobs;
    soak->events = events;
}

/* The most that is submitted, run and heard of by a subscriber; four events a job. */
static double half_of_most(struct bench *bench) {
    const struct job_class *const classes[] = {&load_class, NULL};
    bench_begin(bench, 10);
    struct subscriber *subscriber = subscriber_open(bench, NULL, NULL);
    struct job_service *service = bench_service(bench, true, classes, NULL);
    int64_t began = clock_now();
    load_maximum(bench, 10);
    double jobs = bench_number(bench, "select sum(n) from v_job_count");
    int64_t last = subscriber_wait(subscriber, 4 * (size_t)jobs);
    bench_stop(service);
    subscriber_close(subscriber);
    bench_end(bench);
    return jobs * 1e6 / (double)(last - began) / 2;
}

static void draw(const struct bench *bench, double rate, const double *rows, size_t count) {
    static const struct {
        const char *title, *unit;
        size_t column;
    } of[] = {
        {"Jobs ended", "per second", ENDED},  {"Events at a subscriber", "per second", EVENTS},
        {"Submit to start, p50", "ms", P50},  {"Submit to start, p99", "ms", P99},
        {"Memory of jobsd", "MiB", MEMORY},   {"All tables", "MiB", ALL_SIZE},
        {"Dead rows", "in all tables", DEAD}, {"Outbox", "rows that wait", BACKLOG}};
    enum { LINES = sizeof of / sizeof *of };
    struct picture_line lines[LINES];
    double *all = mem_zero((LINES + 1) * count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[LINES * count + i] = rows[i * COLUMNS + TIME] / 60;
        for (size_t line = 0; line < LINES; line++)
            all[line * count + i] = rows[i * COLUMNS + of[line].column];
    }
    for (size_t line = 0; line < LINES; line++)
        lines[line] = (struct picture_line){of[line].title, of[line].unit, all + line * count};
    char title[200], number[40];
    snprintf(title, sizeof title, "%s jobs/s, with broadcast, a subscriber and retention",
             picture_number(rate, 0, number));
    picture_lines(&(struct picture){bench, "soak", title}, "min", all + LINES * count, count, lines,
                  LINES);
    free(all);
}

static void wait_until(struct soak *soak, int64_t end) {
    for (int64_t left; (left = end - clock_now()) > 0;) {
        poll(NULL, 0, left < CLOCK_SECOND ? (int)(left / CLOCK_MS) + 1 : 1000);
        delays_collect(soak->delays);
    }
}

static void run(struct bench *bench, struct report *report, double rate, double seconds,
                size_t samples) {
    const struct load_shape shape = {.class_name = "noop", .tenants = 10};
    double *rows = mem_zero(samples * COLUMNS, sizeof *rows);
    struct soak soak = {.bench = bench};
    bench_begin(bench, 10);
    soak.subscriber = subscriber_open(bench, NULL, NULL);
    daemon_start(bench, &soak.jobsd, true, NULL);
    bench_wait_idle(bench);
    struct pacer *pacer = pacer_start(bench, &shape, rate);
    soak.purger = purger_start(bench, seconds / 6);
    soak.delays = delays_start(bench);
    soak.began = soak.at = clock_now();
    for (size_t i = 0; i < samples; i++) {
        int64_t next = soak.began + (int64_t)(seconds * 1e6 * (double)(i + 1) / (double)samples);
        wait_until(&soak, next);
        sample(&soak, rows + i * COLUMNS);
        report_row(report, "", rows + i * COLUMNS);
        report_csv(report);
        draw(bench, rate, rows, i + 1); /* all that there is, should this be cut short */
    }
    purger_stop(soak.purger);
    delays_stop(soak.delays);
    pacer_stop(pacer);
    child_stop(&soak.jobsd);
    subscriber_close(soak.subscriber);
    bench_end(bench);
    free(rows);
}

int bench_soak(struct bench *bench, char **argv) {
    size_t minutes = 60, rate = 0, samples = 60;
    const struct bench_option options[] = {{"--minutes", &minutes, 10000, "of load"},
                                           {"--rate", &rate, 100000,
                                            "jobs per second; 0: half of the most"},
                                           {"--samples", &samples, 10000, "rows of the table"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 1000000);
    alarm((unsigned)(minutes * 60 + 600));
    struct report *report = report_new(bench, "soak");
    double load = rate > 0 ? (double)rate : half_of_most(bench);
    report_note(report, "%.0f jobs/s; finished jobs are kept for %.1f minutes", load,
                (double)minutes / 6);
    report_table(report, "over time", columns);
    run(bench, report, load, (double)minutes * 60, samples);
    report_end(report);
    return 0;
}
