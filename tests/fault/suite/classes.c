/* The job classes of the fault suite. Each run appends two lines to a record file, so that the
 * auditor knows what was run without asking the database:
 *     <job id> <attempt> begin|end <incarnation of jobsd> <ms of the monotonic clock>
 * A run that was stopped or failed has ended too. */
#include <jobs.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct record {
    int fd;
    char incarnation[16];
};

static int open_record(void **ret_shared, struct jobs_error *err) {
    const char *file = getenv("FAULT_SUITE_RECORD"), *who = getenv("FAULT_SUITE_INCARNATION");
    struct record *record = calloc(1, sizeof *record);
    if (record && file && who) {
        record->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        snprintf(record->incarnation, sizeof record->incarnation, "%s", who);
        if (record->fd >= 0) {
            *ret_shared = record;
            return 0;
        }
    }
    snprintf(err->text, sizeof err->text, "no record: %s", strerror(errno));
    err->code = JOBS_ECONFIG;
    free(record);
    return err->code;
}

static void close_record(void *shared) {
    struct record *record = shared;
    close(record->fd);
    free(record);
}

/* One write: lines of several processes do not mix. A run that cannot be recorded must not be. */
static void note(struct job *job, const char *what) {
    const struct record *record = job_shared(job);
    struct timespec now;
    char line[128];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int n = snprintf(line, sizeof line, "%s %u %s %s %lld\n", job_id(job), job_attempt(job), what,
                     record->incarnation,
                     (long long)now.tv_sec * 1000 + (long long)now.tv_nsec / 1000000);
    if (write(record->fd, line, (size_t)n) != n)
        abort();
}

static int succeed(struct job *job) {
    char result[64];
    note(job, "end");
    snprintf(result, sizeof result, "{\"attempt\": %u}", job_attempt(job));
    return job_succeed(job, result);
}

static int run_quick(struct job *job) {
    note(job, "begin");
    return succeed(job);
}

/* Parameter "ms" in ten steps. */
static int run_worker(struct job *job) {
    int64_t ms = job_integer(job, "ms", 100);
    note(job, "begin");
    job_set_completion_count(job, 10);
    for (int step = 0; step < 10; step++) {
        if (!job_sleep(job, ms / 10)) {
            note(job, "end");
            return job_aborted(job);
        }
        job_advance_completion(job, 1);
    }
    return succeed(job);
}

/* Fails the first "failures" attempts. */
static int run_flaky(struct job *job) {
    note(job, "begin");
    if (job_attempt(job) > job_integer(job, "failures", 1))
        return succeed(job);
    note(job, "end");
    return job_fail(job, "attempt %u is one too early", job_attempt(job));
}

static int run_snoozer(struct job *job) {
    note(job, "begin");
    if (job_attempt(job) > 1)
        return succeed(job);
    note(job, "end");
    return job_snooze(job, job_integer(job, "ms", 100));
}

static int run_doomed(struct job *job) {
    note(job, "begin");
    note(job, "end");
    return job_fail_for_good(job, "no attempt will do");
}

/* Leaves a file behind in its workspace. */
static int run_scribe(struct job *job) {
    char path[4096], text[512];
    note(job, "begin");
    memset(text, 'x', sizeof text);
    snprintf(path, sizeof path, "%s/page", job_workspace(job));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, sizeof text) == (ssize_t)sizeof text;
    if (fd >= 0)
        close(fd);
    if (written)
        return succeed(job);
    note(job, "end");
    return job_fail(job, "cannot write: %s", strerror(errno));
}

/* ---- of test_fault_takeover.c ---- */

/* The first attempt goes on until it is stopped. */
static int run_holder(struct job *job) {
    note(job, "begin");
    if (job_attempt(job) > 1)
        return succeed(job);
    job_sleep(job, INT64_C(3600000));
    note(job, "end");
    return job_aborted(job);
}

/* Looks at no stop. */
static int run_deaf(struct job *job) {
    int64_t ms = job_integer(job, "ms", 100);
    note(job, "begin");
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    return succeed(job);
}

/* Takes its jobsd with it. */
static int run_bomb(struct job *job) {
    note(job, "begin");
    kill(getpid(), SIGKILL);
    return succeed(job);
}

#define RECORDED .open = open_record, .close = close_record
static const struct job_class quick = JOB_CLASS(.name = "quick", .run = run_quick, RECORDED);
static const struct job_class worker = JOB_CLASS(.name = "worker", .run = run_worker, RECORDED);
static const struct job_class flaky =
    JOB_CLASS(.name = "flaky", .run = run_flaky, RECORDED, .backoff = 50, .backoff_max = 200);
static const struct job_class snoozer = JOB_CLASS(.name = "snoozer", .run = run_snoozer, RECORDED);
static const struct job_class doomed = JOB_CLASS(.name = "doomed", .run = run_doomed, RECORDED);
static const struct job_class once =
    JOB_CLASS(.name = "once", .run = run_worker, RECORDED, .at_most_once = true);
static const struct job_class child =
    JOB_CLASS(.name = "child", .run = run_worker, RECORDED, .kind = JOB_PROCESS);
static const struct job_class scribe =
    JOB_CLASS(.name = "scribe", .run = run_scribe, RECORDED, .need_workspace = true,
              .attempts = 1000, .backoff = 200, .backoff_max = 1000);
static const struct job_class holder = JOB_CLASS(.name = "holder", .run = run_holder, RECORDED);
static const struct job_class deaf = JOB_CLASS(.name = "deaf", .run = run_deaf, RECORDED);
static const struct job_class bomb = JOB_CLASS(.name = "bomb", .run = run_bomb, RECORDED);

JOB_CLASSES(&quick, &worker, &flaky, &snoozer, &doomed, &once, &child, &scribe, &holder, &deaf,
            &bomb);
