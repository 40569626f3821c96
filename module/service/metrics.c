#include "module/service/metrics.h"

#include "module/base/clock.h"
#include "module/base/prometheus.h"
#include "module/service/datasource.h"
#include "module/service/metrics_private.h"
#include "module/worker/workspace_base.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- samples without a datasource ---- */

static void one(struct buf *out, const char *name, const char *type, const char *help,
                enum prometheus_unit unit, int64_t value) {
    prometheus_family(out, name, type, help);
    prometheus_sample(out, &(struct prometheus_series){.name = name}, unit, value);
}

static void write_build(struct buf *out, struct job_service *service) {
    const struct prometheus_label labels[] = {{"version", JOBS_VERSION},
                                              {"service", config_text(service_config(service),
                                                                      "jobs.service")},
                                              {"name", service->name}};
    prometheus_family(out, "jobs_build_info", "gauge",
                      "Always 1; its labels say which release this instance runs.");
    prometheus_sample(out, &(struct prometheus_series){"jobs_build_info", labels, 3},
                      PROMETHEUS_PLAIN, 1);
    one(out, "jobs_uptime_seconds", "gauge", "Since this instance started.", PROMETHEUS_MICRO,
        clock_now() - service->started_at);
}

static void write_pool(struct buf *out, struct job_service *service) {
    struct pool_stats pool;
    pool_get_stats(service->pool, &pool);
    one(out, "jobs_pool_slots", "gauge", "Slots of the pool (jobs.pool.size).", PROMETHEUS_PLAIN,
        (int64_t)pool.slots);
    one(out, "jobs_pool_running", "gauge", "Slots that run a job.", PROMETHEUS_PLAIN,
        (int64_t)pool.running);
    one(out, "jobs_pool_queued", "gauge", "Jobs in the pool that wait for a slot.",
        PROMETHEUS_PLAIN, (int64_t)pool.queued);
    one(out, "jobs_pool_reserved", "gauge", "Slots kept free for a claim that is under way.",
        PROMETHEUS_PLAIN, (int64_t)pool.reserved);
    one(out, "jobs_pool_stuck", "gauge", "Slots whose run ignores its stop: lost until it returns.",
        PROMETHEUS_PLAIN, (int64_t)pool.stuck);
}

static void write_workspace(struct buf *out, struct job_service *service) {
    int used = workspace_base_used(service->workspace_dir);
    if (used >= 0)
        one(out, "jobs_workspace_used_ratio", "gauge",
            "How full the file system of jobs.workspace.dir is.", PROMETHEUS_MICRO, used * 10000);
    one(out, "jobs_workspace_limit_ratio", "gauge",
        "Above it jobs that need a workspace wait (jobs.workspace.max.percent); 0: no limit.",
        PROMETHEUS_MICRO,
        config_integer(service_config(service), "jobs.workspace.max.percent") * 10000);
}

/* How far running jobs are, told over the broker. */
static void write_progress(struct buf *out, struct job_service *service) {
    struct progress_stats progress;
    if (!service->progress)
        return;
    progress_get_stats(service->progress, &progress);
    one(out, "jobs_progress_published_total", "counter", "Messages of progress sent.",
        PROMETHEUS_PLAIN, (int64_t)progress.published);
    one(out, "jobs_progress_dropped_total", "counter",
        "Messages of progress dropped, the broker did not take them in time.", PROMETHEUS_PLAIN,
        (int64_t)progress.dropped);
}

static int64_t count_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = -3; /* ".", ".." and this one */
    for (; dir && readdir(dir); n++)
        ;
    if (dir)
        closedir(dir);
    return n < 0 ? 0 : n;
}

static int64_t resident_bytes(void) {
    long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%lld %lld", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void write_process(struct buf *out) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    one(out, "process_cpu_seconds_total", "counter", "Processor time used by this process.",
        PROMETHEUS_MICRO,
        (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CLOCK_SECOND + usage.ru_utime.tv_usec +
            usage.ru_stime.tv_usec);
    one(out, "process_resident_memory_bytes", "gauge", "Resident memory of this process.",
        PROMETHEUS_PLAIN, resident_bytes());
    one(out, "process_open_fds", "gauge", "Open file descriptors of this process.",
        PROMETHEUS_PLAIN, count_descriptors());
}

void metrics_write(struct job_service *service, struct buf *out) {
    write_build(out, service);
    write_pool(out, service);
    write_workspace(out, service);
    metrics_write_datasources(service, out);
    metrics_write_figures(service, out);
    write_progress(out, service);
    write_process(out);
}
