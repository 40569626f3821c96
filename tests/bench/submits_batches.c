/* Submits in batches through the C API: what the size of a batch does, and several connections. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/submits.h"
#include "tests/bench/system.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct report_column columns[] = {{"submit", "jobs/s", 0},
                                               {"server CPU", "us/job", 1},
                                               {NULL, NULL, 0}};

struct sender {
    pthread_t thread;
    struct job_info_service infos; /* a connection of its own */
    size_t size, jobs;             /* of a batch; in all */
};

static void *send_all(void *arg) {
    const struct sender *sender = arg;
    struct job_info *infos = mem_zero(sender->size, sizeof *infos);
    struct job_uuid *ids = mem_zero(sender->size, sizeof *ids);
    struct jobs_error err;
    for (size_t i = 0; i < sender->size; i++)
        infos[i] = (struct job_info){.size = sizeof infos[i],
                                     .tenant = i % 2 ? "t0" : "t1",
                                     .class_name = "noop"};
    for (size_t done = 0; done < sender->jobs; done += sender->size)
        if (job_info_create_as_queued(&sender->infos, infos, sender->size, ids, &err) < 0)
            bench_die("submit", err.text);
    free(infos);
    free(ids);
    return NULL;
}

static void one(struct bench *bench, struct report *report, const char *label, size_t connections,
                size_t size, size_t jobs) {
    struct sender senders[BATCH_CONNECTIONS];
    bench_begin(bench, 10);
    size_t each = (jobs / connections / size + 1) * size;
    for (size_t i = 0; i < connections; i++)
        senders[i] = (struct sender){.infos = {.db = bench_connect(bench), .schema = bench->schema},
                                     .size = size,
                                     .jobs = each};
    pid_t postmaster = system_postmaster(bench);
    double cpu = system_cpu_tree(postmaster), all = (double)(each * connections);
    int64_t began = clock_now();
    for (size_t i = 0; i < connections; i++)
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    for (size_t i = 0; i < connections; i++)
        pthread_join(senders[i].thread, NULL);
    double rate = all * 1e6 / (double)(clock_now() - began);
    cpu = system_cpu_tree(postmaster) - cpu;
    report_row(report, label, (double[]){rate, cpu * 1e6 / all});
    for (size_t i = 0; i < connections; i++)
        PQfinish(senders[i].infos.db);
    bench_end(bench);
}

void submit_batches(struct bench *bench, struct report *report, size_t jobs) {
    char label[40];
    report_table(report, "through the C API, one connection", columns);
    one(bench, report, "batches of 1", 1, 1, jobs / 50);
    for (size_t size = 10; size <= 10000; size *= 10) {
        snprintf(label, sizeof label, "batches of %zu", size);
        one(bench, report, label, 1, size, jobs / (size == 10 ? 10 : 1));
    }
    report_table(report, "through the C API, several connections, batches of 1000", columns);
    for (size_t connections = 1; connections <= BATCH_CONNECTIONS; connections *= 2) {
        snprintf(label, sizeof label, "%zu connection%s", connections, connections > 1 ? "s" : "");
        one(bench, report, label, connections, 1000, jobs);
    }
}
