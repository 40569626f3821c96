/* Submits: one at a time by job_submit from many connections, each durable, with nobody asleep,
 * beside a daemon that sleeps, and with a notification every time; and batches through the C API.
 */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/report.h"
#include "tests/bench/system.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PAIRS_MOST 50
#define CONNECTIONS_MOST 100
#define SLEEPER "00000000-0000-7000-8000-00000000beef"

static const struct report_column singles[] = {{"nobody sleeps", "jobs/s", 0},
                                               {"beside a sleeper", "jobs/s", 0},
                                               {"notify each time", "jobs/s", 0},
                                               {NULL, NULL, 0}};
static const struct report_column batches[] = {{"submit", "jobs/s", 0},
                                               {"server CPU", "us/job", 1},
                                               {NULL, NULL, 0}};

struct submitter {
    pthread_t thread;
    PGconn *db;
    atomic_bool *ending;
    size_t count;
};

static void *submit(void *arg) {
    struct submitter *s = arg;
    PGresult *result = PQprepare(s->db, "s", "select job_submit('t0', 'noop')", 0, NULL);
    while (PQresultStatus(result) == PGRES_COMMAND_OK ||
           PQresultStatus(result) == PGRES_TUPLES_OK) {
        PQclear(result);
        if (atomic_load(s->ending))
            return NULL;
        result = PQexecPrepared(s->db, "s", 0, NULL, NULL, NULL, 0);
        s->count++;
    }
    bench_die("job_submit", PQerrorMessage(s->db));
}

/* Jobs/s of so many connections together. */
static double measure(const struct bench *bench, size_t connections, double seconds) {
    static struct submitter all[CONNECTIONS_MOST];
    atomic_bool ending = false;
    for (size_t i = 0; i < connections; i++)
        all[i] = (struct submitter){.db = bench_connect(bench), .ending = &ending};
    int64_t began = clock_now();
    for (size_t i = 0; i < connections; i++)
        pthread_create(&all[i].thread, NULL, submit, &all[i]);
    poll(NULL, 0, (int)(seconds * 1000));
    atomic_store(&ending, true);
    size_t count = 0;
    for (size_t i = 0; i < connections; i++) {
        pthread_join(all[i].thread, NULL);
        count += all[i].count;
        PQfinish(all[i].db);
    }
    return (double)count * 1e6 / (double)(clock_now() - began);
}

/* The daemon's tenants are paused: it wakes up, and has nothing to run. */
static void single(struct bench *bench, size_t connections, double seconds, double *ret) {
    struct child jobsd;
    bench_begin(bench, 1);
    ret[0] = measure(bench, connections, seconds);
    bench_end(bench);
    bench_begin(bench, 1);
    bench_sql(bench, "update t_tenant set state = 'PAUSED'");
    daemon_start(bench, &jobsd, false, NULL);
    bench_wait_idle(bench);
    ret[1] = measure(bench, connections, seconds);
    child_stop(&jobsd);
    bench_end(bench);
    bench_begin(bench, 1);
    bench_sql(bench, "update t_job_wake set sleepers = '{" SLEEPER "}'");
    ret[2] = measure(bench, connections, seconds);
    bench_end(bench);
}

static void singles_table(struct bench *bench, struct report *report, size_t connections,
                          size_t pairs, double seconds) {
    static double all[3][PAIRS_MOST];
    double kept[PAIRS_MOST], row[3], medians[3];
    report_table(report, "one at a time", singles);
    for (size_t pair = 0; pair < pairs; pair++) {
        char label[40];
        single(bench, connections, seconds, row);
        snprintf(label, sizeof label, "%zu connections", connections);
        report_row(report, label, row);
        for (size_t i = 0; i < 3; i++)
            all[i][pair] = row[i];
        kept[pair] = row[1] / row[0];
    }
    for (size_t i = 0; i < 3; i++)
        medians[i] = bench_median(all[i], pairs);
    report_row(report, "median", medians);
    report_note(report, "beside a sleeper against nobody sleeps, median of the pairs: %.2f",
                bench_median(kept, pairs));
}

static void one_batch_size(struct bench *bench, struct report *report, size_t size, size_t jobs) {
    char label[40];
    bench_begin(bench, 10);
    pid_t postmaster = system_postmaster(bench);
    struct job_info *infos = mem_zero(size, sizeof *infos);
    struct job_uuid *ids = mem_zero(size, sizeof *ids);
    for (size_t i = 0; i < size; i++)
        infos[i] = (struct job_info){.size = sizeof infos[i],
                                     .tenant = i % 2 ? "t0" : "t1",
                                     .class_name = "noop"};
    struct jobs_error err;
    double cpu = system_cpu_tree(postmaster);
    int64_t began = clock_now();
    for (size_t done = 0; done < jobs; done += size)
        if (job_info_create_as_queued(&bench->infos, infos, size, ids, &err) < 0)
            bench_die("submit", err.text);
    double rate = (double)jobs * 1e6 / (double)(clock_now() - began);
    cpu = system_cpu_tree(postmaster) - cpu;
    snprintf(label, sizeof label, "batches of %zu", size);
    report_row(report, label, (double[]){rate, cpu * 1e6 / (double)jobs});
    free(infos);
    free(ids);
    bench_end(bench);
}

int bench_submits(struct bench *bench, char **argv) {
    size_t connections = 16, seconds = 8, pairs = 3, jobs = 50000;
    const struct bench_option options[] = {
        {"--connections", &connections, CONNECTIONS_MOST, "that submit one at a time"},
        {"--seconds", &seconds, 3600, "of each measurement of these"},
        {"--pairs", &pairs, PAIRS_MOST, "times, in turns"},
        {"--jobs", &jobs, 10000000, "that are submitted in batches"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "submit");
    singles_table(bench, report, connections, pairs, (double)seconds);
    report_table(report, "through the C API, one connection", batches);
    one_batch_size(bench, report, 1, jobs / 50 + 1);
    for (size_t size = 10; size <= 10000; size *= 10)
        one_batch_size(bench, report, size, (jobs / (size == 10 ? 10 : 1) / size + 1) * size);
    report_end(report);
    return 0;
}
