/* jobctl run: one class, on a thread of this process or in a child, as jobsd would run it. No
 * database, no broker. */
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/print.h"
#include "module/job/classes.h"
#include "module/worker/builtin.h"
#include "module/worker/children.h"
#include "module/worker/loader.h"
#include "module/worker/run.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOCAL_ID "00000000-0000-7000-8000-000000000000"

struct local_run {
    struct cli *cli;
    struct job *job;
    int ended_fd;
    bool terminal; /* of stderr: a bar, not lines */
    unsigned shown;
};

static void *execute(void *arg) {
    struct local_run *local = arg;
    uint64_t one = 1;
    run_execute(local->job);
    ssize_t n = write(local->ended_fd, &one, sizeof one); /* an eventfd with room: cannot fail */
    (void)n;
    return NULL;
}

static void log_line(void *arg, const struct job *job, int level, const char *text) {
    (void)arg;
    (void)job;
    struct buf clean = {0};
    print_clean(&clean, text, false);
    fprintf(stderr, "%s: %s\n", log_level_name(level), buf_get(&clean));
    buf_done(&clean);
}

static void show_progress(struct local_run *local, bool last) {
    unsigned percent = run_percent(local->job);
    struct buf bar = {0};
    if (percent == local->shown && !last)
        return;
    local->shown = percent;
    if (local->terminal) {
        buf_char(&bar, '\r');
        print_bar(&bar, percent, 40);
        buf_format(&bar, " %3u %%%s", percent, last ? "\n" : "");
    } else if (!last)
        buf_format(&bar, "%u %%\n", percent);
    fputs(buf_get(&bar), stderr);
    buf_done(&bar);
}

/* Shows the progress until the run has ended; a signal asks it to stop. */
static void watch_run(struct local_run *local, int signal_fd) {
    for (;;) {
        struct pollfd fds[2] = {{.fd = local->ended_fd, .events = POLLIN},
                                {.fd = signal_fd, .events = POLLIN}};
        poll(fds, 2, 100);
        struct signalfd_siginfo got;
        if (fds[1].revents && read(signal_fd, &got, sizeof got) > 0) {
            cli_note("asking it to stop");
            run_stop(local->job, RUN_STOP_REQUESTED);
        }
        bool ended = fds[0].revents;
        show_progress(local, ended);
        if (ended)
            return;
    }
}

static const char *const ends[] = {
    [RUN_SUCCEEDED] = "SUCCEEDED",    [RUN_FAILED] = "FAILED",
    [RUN_FAILED_FOR_GOOD] = "FAILED", [RUN_RETRY_IN] = "FAILED, try again",
    [RUN_SNOOZED] = "SNOOZED",        [RUN_ABORTED] = "ABORTED",
};

static int print_outcome(struct local_run *local) {
    const struct run_outcome *outcome = run_outcome(local->job);
    struct buf out = {0};
    if (local->cli->json) {
        json_begin(&out);
        json_text(&out, "status", ends[outcome->end]);
        json_integer(&out, "percent_completed", run_percent(local->job));
        json_raw(&out, "result", outcome->result);
        json_text(&out, "result_class_name", outcome->result_class_name);
        json_text(&out, "error_kind", outcome->error_kind);
        json_text(&out, "error", outcome->error);
        json_end(&out);
        buf_char(&out, '\n');
    } else {
        if (outcome->result)
            buf_format(&out, "%s\n", outcome->result);
        struct buf error = {0}; /* what a program wrote must not drive the terminal */
        print_clean(&error, outcome->error ? outcome->error : "", true);
        if (outcome->end != RUN_SUCCEEDED)
            fprintf(stderr, "jobctl: %s%s%s%s%s\n", ends[outcome->end],
                    outcome->error_kind ? " " : "", outcome->error_kind ? outcome->error_kind : "",
                    outcome->error ? ": " : "", buf_get(&error));
        buf_done(&error);
    }
    int status = print_flush(&out);
    buf_done(&out);
    return status ? status : outcome->end == RUN_SUCCEEDED ? EXIT_OK : EXIT_FAILED;
}

/* Runs the job on a thread of its own that sees no signals. */
static int run_watched(struct local_run *local) {
    sigset_t signals;
    pthread_t thread;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    local->ended_fd = eventfd(0, EFD_CLOEXEC);
    if (signal_fd < 0 || local->ended_fd < 0 ||
        pthread_create(&thread, NULL, execute, local) != 0) {
        cli_note("no descriptor or thread is to be had");
        return EXIT_FAILED;
    }
    watch_run(local, signal_fd);
    pthread_join(thread, NULL);
    close(signal_fd);
    close(local->ended_fd);
    return print_outcome(local);
}

/* Roots that are not configured are no limit here: the user reads what the user may read. */
static const char *root_of(const struct cli *cli, const char *class_name) {
    const char *root = config_class_text(cli->config, class_name, "root");
    return root && *root ? root : "/";
}

/* `log` must live as long as the classes. */
static int load_classes(struct cli *cli, struct classes *classes, const struct log *log) {
    struct jobs_error err;
    const char *dir = cli_text(cli, "classes-dir");
    int rc =
        builtin_add(classes, root_of(cli, "sha256-manifest"), root_of(cli, "file-stats"), &err);
    dir = dir ? dir : config_text(cli->config, "jobs.classes.dir");
    if (rc == 0)
        rc = loader_add_directory(classes, dir, log, &err);
    if (rc == 0)
        rc = children_add(classes, cli->config, dir, log, &err);
    return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

static int unknown_class(const struct classes *classes, const char *name) {
    struct jobs_error err;
    size_t count = classes_count(classes);
    const char **names = mem_zero(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = classes_at(classes, i)->class->name;
    char *similar = classes_similar(names, count, name);
    const char *why = classes_why_not(classes, name);
    error_set(&err, JOBS_ENOENT, "there is no class \"%.128s\"%s%s%s%s%s", name, why ? ": " : "",
              why ? why : "", *similar ? " (did you mean " : "", similar, *similar ? "?)" : "");
    free(similar);
    free(names);
    return cli_fail(&err);
}

/* What the run left of its base is empty directories. */
static void remove_base(const char *base) {
    struct buf tenant = {0};
    buf_format(&tenant, "%s/local", base);
    rmdir(buf_get(&tenant));
    rmdir(base);
    buf_done(&tenant);
}

static int run_class(struct cli *cli, struct classes *classes, const char *parameters) {
    const char *name = cli->command.arguments[0];
    struct jobs_error failure = {0};
    classes_open(classes, &failure); /* one that does not open is gone; does it matter here? */
    const struct class_entry *entry = classes_find(classes, name);
    if (!entry)
        return failure.code && strstr(failure.text, name) ? cli_fail(&failure)
                                                          : unknown_class(classes, name);
    int64_t timeout = config_class_integer(cli->config, name, "timeout", entry->class->timeout);
    int64_t workspace = config_class_integer(cli->config, name, "workspace", -1);
    int status = cli_duration(cli, "timeout", &timeout);
    if (status)
        return status;
    char base[] = "/tmp/jobctl-run.XXXXXX";
    if (!mkdtemp(base)) {
        cli_note("%s cannot be made", base);
        return EXIT_FAILED;
    }
    struct run_order order = {.id = LOCAL_ID,
                              .tenant = "local",
                              .class_name = name,
                              .parameters = parameters,
                              .attempt = 1,
                              .attempts = 1,
                              .version = 1,
                              .timeout = timeout,
                              .workspace_base = base,
                              .workspace = workspace < 0   ? 0
                                           : workspace > 0 ? 1
                                                           : -1};
    struct local_run local = {.cli = cli,
                              .job = run_new(&order, entry->class, entry->shared),
                              .terminal = isatty(STDERR_FILENO)};
    run_set_log(local.job, log_line, NULL);
    status = run_watched(&local);
    run_free(local.job);
    remove_base(base);
    return status;
}

int verb_run(struct cli *cli) {
    struct buf parameters = {0};
    int status = cli_parameters(cli, &parameters);
    if (!status)
        status = cli_configure(cli);
    if (!status) {
        struct log log = {LOG_LEVEL_WARNING, log_text_sink, NULL};
        struct classes *classes = classes_new();
        status = load_classes(cli, classes, &log);
        if (!status)
            status = run_class(cli, classes, buf_get(&parameters));
        classes_free(classes);
    }
    buf_done(&parameters);
    return status;
}
