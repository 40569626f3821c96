#include "module/daemon/daemon.h"
#include "module/base/clock.h"
#include "module/base/config.h"
#include "module/base/log.h"
#include "module/daemon/notify.h"
#include "module/jobs.h"
#include "module/service/health.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { STATUS_MS = 5000 };

struct process {
    const struct options *options;
    struct config *config; /* for grace and log; the service has read its own */
    struct job_service *service;
    struct log log;
    int signals; /* signalfd */
    bool reload_refused;
};

/* ---- Signals ---- */

/* Blocked for good, before any thread is there, so that all of them inherit it; read from the
 * signalfd. SIGUSR1 and SIGUSR2 mean nothing and must not kill. SIGQUIT keeps its core dump. */
static int take_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The next signal, or 0 as soon as `other` (-1: none) is readable or `timeout` ms (-1: without limit)
 * are over. */
static int next_signal(const struct process *process, int other, int timeout) {
    for (;;) {
        struct pollfd fds[2] = {{.fd = process->signals, .events = POLLIN},
                                {.fd = other, .events = POLLIN}};
        int ready = poll(fds, 2, timeout);
        if (ready < 0)
            continue; /* EINTR: a debugger came or went */
        struct signalfd_siginfo info;
        if (ready == 0 || fds[1].revents)
            return 0;
        if (read(process->signals, &info, sizeof info) == sizeof info)
            return (int)info.ssi_signo;
    }
}

/* ---- Settings ---- */

static void use_config(struct process *process, struct config *config) {
    bool json = strcmp(config_text(config, "jobs.log.format"), "json") == 0;
    if (!process->config) /* the format stays until the next start */
        process->log.sink = json ? log_json_sink : log_text_sink;
    process->log.level = (enum log_level)config_integer(config, "jobs.log.level");
    config_free(process->config);
    process->config = config;
}

/* Without a log: the service warns when it reads the same. */
static int load(const struct options *options, struct config **ret, struct jobs_error *err) {
    struct config *config;
    int code = config_load(options->file, environ, options->settings, NULL, &config, err);
    if (code)
        return code;
    code = config_need_datasource(config, err);
    if (code)
        config_free(config);
    else
        *ret = config;
    return code;
}

/* ---- Start, reload, stop ---- */

static int start(struct process *process, struct jobs_error *err) {
    struct config *config;
    int code = load(process->options, &config, err);
    if (code)
        return code;
    use_config(process, config);
    const struct job_service_options options = {
        .size = sizeof options,
        .file = process->options->file,
        .settings = process->options->settings,
    };
    return job_service_start(&options, &process->service, err);
}

static void reload(struct process *process) {
    struct jobs_error err;
    struct config *config = NULL;
    notify_reloading();
    int code = load(process->options, &config, &err);
    if (code == 0)
        code = job_service_reload(process->service, &err);
    if (code) {
        log_error(&process->log, "reload refused, nothing has changed: %s", err.text);
        config_free(config);
    } else {
        log_info(&process->log, "settings read again");
        config_log_changes(process->config, config, &process->log);
        use_config(process, config);
    }
    process->reload_refused = code != 0;
    notify_ready(code ? "running; the last reload was refused" : "running");
}

static int64_t grace_of(const struct process *process) {
    return config_integer(process->config, "jobs.shutdown.grace.ms");
}

struct stop {
    struct job_service *service;
    int64_t grace;
    int done; /* eventfd */
    int code;
    struct jobs_error err;
};

static void *stop_thread(void *arg) {
    struct stop *stop = arg;
    stop->code = job_service_stop(stop->service, stop->grace, &stop->err);
    eventfd_write(stop->done, 1);
    return NULL;
}

/* A second signal while the runs are waited for: the process ends now, as if it had crashed. One
 * that comes within a second is the first one's echo: timeout(1) and others signal the process and
 * then its group. */
static void wait_for_stop(const struct process *process, int done) {
    int64_t begun = clock_now();
    for (int got; (got = next_signal(process, done, -1)) != 0;)
        if ((got == SIGTERM || got == SIGINT) && clock_now() - begun > CLOCK_SECOND) {
            log_error(&process->log, "second SIG%s: ended at once, with jobs still running",
                      sigabbrev_np(got));
            _exit(EXIT_FAILED);
        }
}

static int stop(struct process *process) {
    struct stop stop = {.service = process->service,
                        .grace = grace_of(process),
                        .done = eventfd(0, EFD_CLOEXEC)};
    pthread_t thread;
    notify_stopping(stop.grace);
    if (stop.done >= 0 && pthread_create(&thread, NULL, stop_thread, &stop) == 0) {
        wait_for_stop(process, stop.done);
        pthread_join(thread, NULL);
    } else {
        stop_thread(&stop); /* no descriptor or thread left: without a second signal */
    }
    if (stop.done >= 0)
        close(stop.done);
    if (stop.code)
        log_error(&process->log, "stopped with an error: %s", stop.err.text);
    else
        log_info(&process->log, "stopped");
    return stop.code ? EXIT_FAILED : EXIT_OK;
}

/* For `systemctl status`. */
static void tell_status(const struct process *process) {
    struct buf line = {0};
    health_line(process->service, &line);
    if (process->reload_refused)
        buf_text(&line, "; the last reload was refused");
    notify_status(buf_get(&line));
    buf_done(&line);
}

static int serve(struct process *process) {
    for (;;) {
        int got = next_signal(process, -1, STATUS_MS);
        if (got == 0) {
            tell_status(process);
        } else if (got == SIGHUP) {
            reload(process);
        } else if (got == SIGTERM || got == SIGINT) {
            log_info(&process->log, "SIG%s: no new jobs, running ones may go on for %" PRId64 " ms",
                     sigabbrev_np(got), grace_of(process));
            return stop(process);
        }
    }
}

int daemon_run(const struct options *options) {
    struct process process = {.options = options, .log = {LOG_LEVEL_INFO, log_text_sink, NULL}};
    struct jobs_error err;
    process.signals = take_signals();
    if (process.signals < 0) {
        log_error(&process.log, "signalfd: %s", strerrordesc_np(errno));
        return EXIT_FAILED;
    }
    int status;
    int code = start(&process, &err);
    if (code == 0) {
        notify_ready("running");
        status = serve(&process);
    } else {
        log_error(&process.log, "%s", err.text);
        status = code == JOBS_ECONFIG ? EXIT_CONFIG : EXIT_FAILED;
    }
    config_free(process.config);
    close(process.signals);
    return status;
}
