/* Classes of kind process: one that tells what it sees, and one for every way to harm itself. */
#include <jobs.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int opened;

static int open_shared(void **ret_shared, struct jobs_error *err) {
    (void)err;
    opened++;
    *ret_shared = &opened;
    return 0;
}

static int tell(struct job *job) {
    char text[1200], cwd[500];
    job_set_completion_count(job, 4);
    job_advance_completion(job, 2);
    job_log(job, 1, "telling %s", job_string(job, "s", "nothing"));
    printf("on stdout\n");
    fprintf(stderr, "on stderr\n");
    if (!getcwd(cwd, sizeof cwd))
        return job_fail(job, "no directory");
    snprintf(text, sizeof text, "[%d,\"%s\",\"%s\",\"%s\",\"%s\",%u,%d,%s,%s]",
             *(int *)job_shared(job), job_id(job), job_tenant(job), job_class_name(job),
             job_traceparent(job), job_attempt(job),
             strcmp(cwd, *job_workspace(job) ? job_workspace(job) : "/") == 0, job_json(job, "n"),
             job_boolean(job, "stop", false) ? "1" : "0");
    return job_succeed_as(job, "Told", text);
}

static const struct job_parameter tell_parameters[] = {{.name = "s", .type = JOB_STRING},
                                                       {.name = "n", .type = JOB_NUMBER},
                                                       {.name = "stop",
                                                        .type = JOB_BOOLEAN,
                                                        .optional = true},
                                                       {.name = NULL}};
static const struct job_class class_tell =
    JOB_CLASS(.name = "tell", .run = tell, .open = open_shared, .kind = JOB_PROCESS,
              .parameters = tell_parameters);

static int who(struct job *job) {
    char text[40];
    snprintf(text, sizeof text, "%d", (int)getpid());
    return job_succeed(job, text);
}
static const struct job_class class_who = JOB_CLASS(.name = "who", .run = who, .kind = JOB_PROCESS);

static int end(struct job *job) {
    const char *how = job_string(job, "how", "");
    if (strcmp(how, "fail") == 0)
        return job_fail(job, "no paper");
    if (strcmp(how, "good") == 0)
        return job_fail_for_good(job, "never");
    if (strcmp(how, "retry") == 0)
        return job_retry_in(job, 7000, "later");
    if (strcmp(how, "snooze") == 0)
        return job_snooze(job, 9000);
    if (strcmp(how, "abort") == 0)
        return job_aborted(job);
    if (strcmp(how, "number") == 0)
        return 42;
    if (strcmp(how, "big") == 0) {
        size_t n = (size_t)10 << 20;
        char *big = malloc(n + 3);
        memset(big, 'x', n + 2);
        big[0] = big[n + 1] = '"', big[n + 2] = '\0';
        int code = job_succeed(job, big);
        free(big);
        return code;
    }
    return 0;
}
static const struct job_class class_end = JOB_CLASS(.name = "end", .run = end, .kind = JOB_PROCESS);

static int harm(struct job *job) {
    const char *how = job_string(job, "how", "");
    fprintf(stderr, "about to %s\n", how);
    if (strcmp(how, "segv") == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would tell it in its own way */
        raise(SIGSEGV);
    }
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        exit(3);
    if (strcmp(how, "exit0") == 0)
        _exit(0);
    if (strcmp(how, "memory") == 0)
        for (size_t i = 0; i < 400; i++) {
            memset(malloc(1 << 20), 1, 1 << 20);
            usleep(2000);
        }
    if (strcmp(how, "answers") == 0)
        return write(4, "This is no frame, is it? It is not.", 35) == 35 ? 0 : 1;
    if (strcmp(how, "fork") == 0 && fork() == 0) {
        setsid();
        execl("/bin/sleep", "sleep", "1001", (char *)NULL);
    }
    if (strcmp(how, "deaf") == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            sleep(100);
    }
    return 0;
}
static const struct job_class class_harm =
    JOB_CLASS(.name = "harm", .run = harm, .kind = JOB_PROCESS);

static int wait_for_stop(struct job *job) {
    job_advance_completion(job, 10);
    return job_sleep(job, 100000) ? 0 : job_aborted(job);
}
static const struct job_class class_wait =
    JOB_CLASS(.name = "wait", .run = wait_for_stop, .kind = JOB_PROCESS);

/* Only in a child: the process that loads the file for its table must not fail by it. */
static int cannot_open(void **ret_shared, struct jobs_error *err) {
    (void)ret_shared;
    snprintf(err->text, sizeof err->text, "no licence");
    return JOBS_EINVAL;
}
static const struct job_class class_closed =
    JOB_CLASS(.name = "closed", .run = who, .open = cannot_open, .kind = JOB_PROCESS);

JOB_CLASSES(&class_tell, &class_who, &class_end, &class_harm, &class_wait, &class_closed);
