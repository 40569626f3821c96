/* Submits: one at a time by job_submit from many connections (submits_turns.c), and batches through
 * the C API. */
#include "tests/bench/submits.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/report.h"
#include "tests/bench/system.h"

#include <stdio.h>
#include <stdlib.h>

static const struct report_column batches[] = {{"submit", "jobs/s", 0},
                                               {"server CPU", "us/job", 1},
                                               {NULL, NULL, 0}};

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
    struct turns turns = {.connections = 16, .rounds = 15, .ms = 1000};
    size_t jobs = 50000;
    const struct bench_option options[] = {
        {"--connections", &turns.connections, TURNS_CONNECTIONS, "that submit one at a time"},
        {"--rounds", &turns.rounds, TURNS_ROUNDS, "of turns of these"},
        {"--ms", &turns.ms, 60000, "of each turn"},
        {"--jobs", &jobs, 10000000, "that are submitted in batches"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "submit");
    submit_turns(bench, report, &turns);
    report_table(report, "through the C API, one connection", batches);
    one_batch_size(bench, report, 1, jobs / 50 + 1);
    for (size_t size = 10; size <= 10000; size *= 10)
        one_batch_size(bench, report, size, (jobs / (size == 10 ? 10 : 1) / size + 1) * size);
    report_end(report);
    return 0;
}
