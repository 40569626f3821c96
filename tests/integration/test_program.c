/* Programs as job classes: what they are given, what they may say, every way to go wrong, limits, the ladder of a stop.
 * Runs are executed directly: no server is needed. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "tests/lib/children.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SH "#!/bin/sh\n"

static int down(void **state) {
    (void)state;
    children_down();
    return 0;
}

/* One script as the class of its name, without settings. */
static void script(const char *name, const char *text) {
    children_script(name, text);
    children_load(NULL, NULL);
}

/* ---- what a program is given and says ---- */

static void job_line_and_environment(void **state) {
    (void)state;
    children_script(
        "echo.sh",
        SH "read -r line; [ -z \"$(cat)\" ] || exit 3\n"
           "echo \"{\\\"result\\\":{\\\"line\\\":$line,\\\"env\\\":\\\"$JOBS_ID $JOBS_TENANT "
           "$JOBS_CLASS $JOBS_ATTEMPT $JOBS_WORKSPACE $TRACEPARENT $EXTRA\\\"}}\" >&3");
    children_load(NULL, "jobs.class.echo.sh.env.EXTRA=a b", NULL);
    children_expect(
        "echo.sh", "{\"n\":12345678901234567890123,\n \"s\": \"x\"}", 0, RUN_SUCCEEDED, NULL, NULL,
        "{\"line\":{\"id\":\"0192aaaa-0000-7000-8000-000000000001\",\"tenant\":\"acme\","
        "\"class\":\"echo.sh\",\"attempt\":2,\"attempts\":5,"
        "\"parameters\":{\"n\":12345678901234567890123,  \"s\": \"x\"},\"workspace\":null,"
        "\"traceparent\":\"00-ab-cd-01\",\"deadline\":null},"
        "\"env\":\"0192aaaa-0000-7000-8000-000000000001 acme echo.sh 2  00-ab-cd-01 a b\"}");
}

static void environment_is_clean(void **state) {
    (void)state;
    setenv("SECRET_OF_THE_DAEMON", "x", 1);
    script("env.sh",
           SH "env | grep -c SECRET >&2; ls /proc/self/fd | wc -l >&2; umask >&2; pwd >&2;\n"
              "grep -c 'SigIgn:.*[1-9a-f]' /proc/self/status >&2; "
              "grep -c 'SigBlk:.*[1-9a-f]' /proc/self/status >&2; exit 65");
    /* 0 to 3, and the one that ls has of the directory */
    children_expect("env.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "stderr:\n0\n5\n0022\n/\n0\n0",
                    NULL);
    unsetenv("SECRET_OF_THE_DAEMON");
}

static void a_workspace_is_where_it_works(void **state) {
    (void)state;
    children_script(
        "here.sh",
        SH "echo data >file; pwd >&2; [ \"$PWD\" = \"$JOBS_WORKSPACE\" ] && ls -l >&2; exit 65");
    children_load(NULL, "jobs.class.here.sh.workspace=true", NULL);
    children_expect("here.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "000001/7\n", NULL);
    struct stat status;
    char path[300];
    snprintf(path, sizeof path, "%s/acme/0192aaaa-0000-7000-8000-000000000001",
             children_directory());
    assert_int_equal(stat(path, &status), -1);
}

static void progress_log_and_result(void **state) {
    (void)state;
    script("speak", SH "echo '{\"count\":4}' >&3; echo '{\"advance\":1}' >&3; echo plain\n"
                       "echo '::job {\"log\":\"half way\",\"level\":\"warning\"}'; echo oops >&2\n"
                       "echo '{\"advance\":1,\"text\":\"clearing caches\"}' >&3; exit 3");
    struct job *job = children_run("speak", "{}", 0);
    assert_int_equal(run_percent(job), 50);
    assert_int_equal(run_outcome(job)->end, RUN_FAILED);
    const char *log = run_outcome(job)->log;
    assert_non_null(log);
    assert_non_null(strstr(log, "--- log\n"));
    assert_non_null(strstr(log, "half way\n"));
    assert_non_null(strstr(log, "clearing caches\n"));
    assert_non_null(strstr(log, "--- stdout\nplain\n"));
    assert_non_null(strstr(log, "--- stderr\noops\n"));
    run_free(job);
    /* What it is doing is a line in the log when it changes, not at every step. */
    script("steps", SH "for t in a a b b a; do echo \"{\\\"text\\\":\\\"page $t\\\"}\" >&3; done");
    job = children_run("steps", "{}", 0);
    assert_string_equal(run_outcome(job)->log, "--- log\npage a\npage b\npage a\n");
    run_free(job);
    script("percent", SH "echo '{\"completion\":37}' >&3; echo '{\"completion\":12}' >&3; exit 1");
    job = children_run("percent", "{}", 0);
    assert_int_equal(run_percent(job), 37);
    run_free(job);
}

static void every_end_has_its_outcome(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum run_end end;
        const char *kind, *error, *result;
        int64_t delay;
    } cases[] = {
        {"exit 0", RUN_SUCCEEDED, NULL, NULL, NULL, 0},
        {"echo '{\"result\":[1, 2]}' >&3", RUN_SUCCEEDED, NULL, NULL, "[1, 2]", 0},
        {"printf '{\"result\":7}' >&3", RUN_SUCCEEDED, NULL, NULL, "7", 0},
        {"echo '::job {\"result\":8}'", RUN_SUCCEEDED, NULL, NULL, "8", 0},
        {"exit 3", RUN_FAILED, "ERROR", "exit code 3", NULL, 0},
        {"echo why >&2; exit 65", RUN_FAILED_FOR_GOOD, "ERROR", "exit code 65", NULL, 0},
        {"echo '{\"result\":1}' >&3; exit 1", RUN_FAILED, "ERROR", "exit code 1", NULL, 0},
        {"echo '{\"error\":\"no paper\"}' >&3", RUN_FAILED, "ERROR", "no paper", NULL, 0},
        {"echo '{\"error\":\"no paper\"}' >&3; exit 2", RUN_FAILED, "ERROR", "no paper", NULL, 0},
        {"echo '{\"error\":\"no paper\"}' >&3; exit 65", RUN_FAILED_FOR_GOOD, "ERROR", "no paper",
         NULL, 0},
        {"echo '{\"error\":\"no paper\",\"retry\":false}' >&3", RUN_FAILED_FOR_GOOD, "ERROR",
         "no paper", NULL, 0},
        {"echo '{\"error\":\"no paper\",\"retry\":\"30s\"}' >&3; exit 1", RUN_RETRY_IN, "ERROR",
         "no paper", NULL, 30000},
        {"echo '{\"snooze\":\"5m\"}' >&3", RUN_SNOOZED, NULL, NULL, NULL, 300000},
        {"echo '{\"error\":\"x\"}' >&3; echo '{\"result\":1}' >&3", RUN_SUCCEEDED, NULL, NULL, "1",
         0},
        {"echo boom >&2; kill -SEGV $$", RUN_FAILED, "CRASH", "killed by signal 11 (SIGSEGV", NULL,
         0},
        {"kill -KILL $$", RUN_FAILED, "CRASH", "signal 9", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        snprintf(text, sizeof text, SH "%s\n", cases[i].text);
        script("end.sh", text);
        struct job *job = children_run("end.sh", "{}", 0);
        assert_int_equal(run_outcome(job)->delay, cases[i].delay);
        run_free(job);
        children_expect("end.sh", "{}", 0, cases[i].end, cases[i].kind, cases[i].error,
                        cases[i].result);
    }
}

static void a_command_has_arguments(void **state) {
    (void)state;
    children_load(NULL,
                  "jobs.class.say.command=/bin/sh -c 'echo \"{\\\\\"result\\\\\":\\\\\"$0 "
                  "$1\\\\\"}\" >&3' \"a b\" \\x41",
                  NULL);
    children_expect("say", "{}", 0, RUN_SUCCEEDED, NULL, NULL, "\"a b A\"");
}

static void a_command_may_be_a_shells(void **state) {
    (void)state;
    children_load(
        NULL, "jobs.class.pipe.shell=true", "jobs.class.pipe.env.WORD=deep blue",
        "jobs.class.pipe.command=read -r job; n=$(printf %s \"$job\" | grep -c '; touch'); "
        "echo \"{\\\"result\\\":\\\"$n $WORD $0\\\"}\" >&3",
        "jobs.class.plain.shell=false", "jobs.class.plain.command=/bin/echo $HOME | cat", NULL);
    /* What a job carries is data: it never reaches the shell's command. */
    children_expect("pipe", "{\"x\":\"'; touch /tmp/never; '\"}", 0, RUN_SUCCEEDED, NULL, NULL,
                    "\"1 deep blue pipe\"");
    struct job *job = children_run("plain", "{}", 0);
    assert_non_null(strstr(run_outcome(job)->log, "--- stdout\n$HOME | cat\n"));
    run_free(job);
}

/* ---- bad input ---- */

static void what_cannot_be_started_says_why(void **state) {
    (void)state;
    children_script("no-interpreter", "#!/no/such/interpreter\n");
    children_script("dos", "#!/bin/sh\r\nexit 0\r\n");
    children_script("no-format", "\177ELF nonsense");
    children_load(NULL, "jobs.class.gone.command=/no/such/program -x",
                  "jobs.class.locked.command=/etc/passwd", NULL);
    children_expect("no-interpreter", "{}", 0, RUN_FAILED, "CLASS", "interpreter of its first line",
                    NULL);
    children_expect("dos", "{}", 0, RUN_FAILED, "CLASS", "save it with Unix line ends", NULL);
    children_expect("no-format", "{}", 0, RUN_FAILED, "CLASS", "first line name the interpreter",
                    NULL);
    children_expect("gone", "{}", 0, RUN_FAILED, "CLASS", "/no/such/program cannot be started",
                    NULL);
    children_expect("locked", "{}", 0, RUN_FAILED, "CLASS", "is it executable", NULL);
    assert_true(children_said("/no/such/program cannot be executed"));
    children_wait_none(-1);
}

static void garbage_is_told(void **state) {
    (void)state;
    script("bad.sh", SH "echo 'Hello!' >&3; echo '{\"result\":1}' >&3");
    children_expect("bad.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "RESULT",
                    "no JSON object: Hello! (descriptor 3, and stdout behind \"::job \", take JSON",
                    NULL);
    script("bad.sh", SH "printf '{\"result\":{\"a\":' >&3");
    children_expect("bad.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "RESULT", "cannot be read", NULL);
    script("bad.sh",
           SH "head -c 10485760 /dev/zero | tr '\\0' x | sed 's/^/{\"result\":\"/;s/$/\"}/' >&3");
    children_expect("bad.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "RESULT",
                    "(a result may have 1048576): put what is larger into a store", NULL);
    script("bad.sh",
           SH "head -c 1048600 /dev/zero | tr '\\0' x | sed 's/^/{\"result\":\"/;s/$/\"}/' >&3");
    children_expect("bad.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "RESULT", "over the limit of 1048576",
                    NULL);
    script("bad.sh", SH "head -c 100000 /dev/urandom >&3; head -c 100000 /dev/urandom; head -c "
                        "10000 /dev/urandom >&2");
    struct job *job = children_run("bad.sh", "{}", 0);
    assert_string_equal(run_outcome(job)->error_kind, "RESULT");
    run_free(job);
}

static void a_flood_of_output_is_cut(void **state) {
    (void)state;
    script("flood.sh", SH
           "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last; echo '{\"result\":1}' >&3");
    struct job *job = children_run("flood.sh", "{}", 0);
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    assert_true(strlen(run_outcome(job)->log) < RUN_LOG_MAX);
    assert_non_null(strstr(run_outcome(job)->log, "(the last of 10000000"));
    assert_non_null(strstr(run_outcome(job)->log, "last\n"));
    run_free(job);
}

static void closed_pipes_are_no_failure(void **state) {
    (void)state;
    script("closes.sh", SH "exec 0<&- 1>&- 2>&- 3>&-; sleep 0.1; exit 0");
    struct buf big = {0};
    buf_text(&big, "{\"x\":\"");
    for (int i = 0; i < 300000; i++)
        buf_char(&big, 'y');
    buf_text(&big, "\"}");
    children_expect("closes.sh", buf_get(&big), 0, RUN_SUCCEEDED, NULL, NULL,
                    NULL); /* nobody reads it */
    script("reads.sh", SH "wc -c | { read -r n; echo \"{\\\"result\\\":$n}\" >&3; }");
    struct job *job = children_run("reads.sh", buf_get(&big), 0);
    assert_true(atoi(run_outcome(job)->result) > 300000);
    run_free(job);
    buf_done(&big);
}

/* A keeper goes just after its last report. */
static void wait_for_spawner_alone(void) {
    for (int64_t until = clock_now() + CLOCK_SECOND * test_time_factor();
         children_alive((int)getpid()) > 1;) {
        assert_true(clock_now() < until);
        poll(NULL, 0, 1);
    }
}

static void what_it_leaves_behind_is_killed(void **state) {
    (void)state;
    script("leaves.sh",
           SH "sleep 1000 & setsid sleep 1001 & setsid sh -c 'sleep 1002 & exec sleep 1003' &\n"
              "(trap '' TERM HUP; (sleep 1004; :) &) & echo '{\"result\":1}' >&3; sleep 0.1");
    children_expect("leaves.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, "1");
    wait_for_spawner_alone();
}

static void nonsense_settings_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"jobs.class.x.command=relative/path", "no absolute path"},
        {"jobs.class.x.command=/bin/sh 'open", "quote"},
        {"jobs.class.x.command=cat | wc", "jobs.class.x.shell=true"},
        {"jobs.class.x.shell=true", "no jobs.class.x.command"},
        {"jobs.class.x.shell=perhaps", "shell"},
        {"jobs.class.x.idle=soon", "idle"},
        {"jobs.cgroup=perhaps", "auto, off or an absolute path"},
        {"jobs.class.x.kind=program", "no jobs.class.x.command"},
        {"jobs.class.noop.kind=program", "thread or process"},
        {"jobs.class.noop.command=/bin/true", "already"},
        {"jobs.class.x.memory=0", "memory"},
        {"jobs.class.x.files=3", "files"},
        {"jobs.class.x.nice=100", "nice"},
        {"jobs.class.x.jobs=0", "jobs"},
        {"jobs.class.x.cpu=1ms", "cpu"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jobs_error err = {0};
        assert_int_equal(children_try(NULL, (const char *const[]){cases[i][0], NULL}, &err),
                         JOBS_ECONFIG);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.text);
    }
    struct jobs_error err = {0};
    assert_int_equal(children_try(NULL,
                                  (const char *const[]){"jobs.class.x.command=/bin/true",
                                                        "jobs.class.x.user=no-such-user", NULL},
                                  &err),
                     JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "no user no-such-user"));
    children_load(NULL, "jobs.class.noop.memory=1G", "jobs.class.nop.timeout=1s",
                  "jobs.class.a.b.env.X_Y=1", NULL);
    assert_true(children_said("jobs.class.nop.… has no effect: there is no such class here; "
                              "similar: noop"));
    assert_true(children_said("jobs.class.a.b.… has no effect"));
    assert_true(children_said("jobs.class.noop.memory has no effect"));
}

static void files_that_are_no_programs_are_left_alone(void **state) {
    (void)state;
    char path[300];
    children_script("good", SH "exit 0");
    children_script("-bad name", SH "exit 0");
    children_script("kit.py", "import os\n");
    snprintf(path, sizeof path, "%s/kit.py", children_directory());
    assert_int_equal(chmod(path, 0644), 0);
    children_load(NULL, NULL);
    children_expect("good", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    assert_true(children_said("kit.py is no class: not executable"));
    assert_true(children_said("-bad name is no class"));
}

/* ---- limits ---- */

static void limits_hold(void **state) {
    (void)state;
    char path[300];
    struct stat status;
    if (stat("/usr/bin/python3", &status) != 0)
        skip();
    children_script("greedy.py",
                    "#!/usr/bin/python3\nimport time\nx=[]\nfor i in range(400):\n"
                    "    x.append(bytearray(1<<20))\n    time.sleep(0.002)\ntime.sleep(30)\n");
    children_script("busy.sh", SH "while :; do :; done");
    children_script(
        "deaf.py",
        "#!/usr/bin/python3\nimport signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "while True: pass\n");
    children_script("limits.sh", SH "ulimit -n >&2; nice >&2; ulimit -t >&2; exit 65");
    children_load(NULL, "jobs.class.greedy.py.memory=100M", "jobs.class.busy.sh.cpu=1s",
                  "jobs.class.deaf.py.cpu=1s", "jobs.class.limits.sh.files=77",
                  "jobs.class.limits.sh.nice=7", "jobs.class.limits.sh.cpu=90s", NULL);
    children_expect("greedy.py", "{}", 0, RUN_FAILED, "CRASH", "killed at its memory limit", NULL);
    children_expect("busy.sh", "{}", 0, RUN_FAILED, "CRASH", "killed at its processor time limit",
                    NULL);
    children_expect("deaf.py", "{}", 0, RUN_FAILED, "CRASH", "killed at its processor time limit",
                    NULL);
    children_expect("limits.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "stderr:\n77\n7\n90", NULL);
    snprintf(path, sizeof path, "%s/greedy.py", children_directory());
    unlink(path);
}

static void another_user_when_root(void **state) {
    (void)state;
    children_script("who.sh", SH "id -un >&2; id -G >&2; touch here && ls -A >&2; echo $HOME >&2\n"
                                 "cd / && cd \"$JOBS_WORKSPACE\" && echo back >&2\n"
                                 "grep NoNewPrivs /proc/self/status >&2; exit 65");
    const char *const settings[] = {"jobs.class.who.sh.user=nobody",
                                    "jobs.class.who.sh.workspace=true", NULL};
    struct jobs_error err = {0};
    if (geteuid() != 0) {
        assert_int_equal(children_try(NULL, settings, &err), JOBS_ECONFIG);
        assert_non_null(strstr(err.text, "only root"));
        return;
    }
    if (children_try(NULL, settings, &err) < 0)
        fail_msg("%s", err.text);
    children_expect("who.sh", "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR",
                    "stderr:\nnobody\n65534\nhere\n/nonexistent\nback\nNoNewPrivs:\t1", NULL);
}

/* ---- the ladder ---- */

static void stop_is_a_signal_then_the_end(void **state) {
    (void)state;
    int64_t begin = clock_now();
    script("polite.sh", SH "trap 'echo bye >&2; exit 0' TERM; sleep 100 & wait");
    children_expect("polite.sh", "{}", 200, RUN_FAILED, "TIMEOUT", "timeout of 200 ms", NULL);
    assert_true(clock_now() - begin < 4 * CLOCK_SECOND * test_time_factor());
    begin = clock_now();
    script(
        "deaf.sh", SH
        "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 100; sleep 100\" & sleep 101; sleep 102");
    children_expect("deaf.sh", "{}", 200, RUN_FAILED, "TIMEOUT", "timeout of 200 ms", NULL);
    assert_true(clock_now() - begin < 9 * CLOCK_SECOND * test_time_factor());
    wait_for_spawner_alone();
}

static void *stop_soon(void *arg) {
    struct job *job = arg;
    while (run_percent(job) < 10)
        poll(NULL, 0, 5);
    run_stop(job, RUN_STOP_REQUESTED);
    return NULL;
}

static void a_stop_request_ends_it(void **state) {
    (void)state;
    pthread_t thread;
    script("long.sh", SH "echo '{\"completion\":10}' >&3; exec sleep 100");
    struct job *job = children_job("long.sh", "{}", 0);
    pthread_create(&thread, NULL, stop_soon, job);
    run_execute(job);
    pthread_join(thread, NULL);
    assert_int_equal(run_outcome(job)->end, RUN_ABORTED);
    run_free(job);
}

/* ---- programs that stay ---- */

#define STAYS                                                                    \
    SH "n=0; while read -r line; do n=$((n+1)); case $line in\n"                 \
       "*crash*) kill -SEGV $$;; *quit*) exit 0;; *silent*) sleep 100;;\n"       \
       "*garbage*) echo nonsense >&3;; *hang*) trap '' TERM; sleep 100;; esac\n" \
       "echo \"{\\\"result\\\":\\\"$$ $n\\\",\\\"end\\\":true}\" >&3; done"

static int number_of(const char *parameters, int *ret_pid) {
    struct job *job = children_run("stays.sh", parameters, 0);
    const struct run_outcome *o = run_outcome(job);
    int n = 0;
    if (o->end != RUN_SUCCEEDED || sscanf(o->result, "\"%d %d", ret_pid, &n) != 2)
        fail_msg("%s: %s", o->error_kind ? o->error_kind : "", o->error ? o->error : o->result);
    run_free(job);
    return n;
}

static void a_program_that_stays_takes_one_job_after_another(void **state) {
    (void)state;
    int first, pid;
    children_script("stays.sh", STAYS);
    children_load(NULL, "jobs.class.stays.sh.jobs=3", NULL);
    assert_int_equal(number_of("{}", &first), 1);
    assert_int_equal(number_of("{}", &pid), 2);
    assert_int_equal(pid, first);
    assert_int_equal(number_of("{}", &pid), 3);
    assert_int_equal(number_of("{}", &pid), 1); /* a new one */
    assert_int_not_equal(pid, first);
    children_expect("stays.sh", "{\"x\":\"crash\"}", 0, RUN_FAILED, "CRASH", "SIGSEGV", NULL);
    assert_int_equal(number_of("{}", &pid), 1);
    children_expect("stays.sh", "{\"x\":\"quit\"}", 0, RUN_FAILED, "CRASH", "{\"end\":true}", NULL);
    children_expect("stays.sh", "{\"x\":\"garbage\"}", 0, RUN_FAILED_FOR_GOOD, "RESULT", "nonsense",
                    NULL);
    assert_int_equal(number_of("{}", &pid), 1);
    children_expect("stays.sh", "{\"x\":\"silent\"}", 200, RUN_FAILED, "TIMEOUT", "200 ms", NULL);
    assert_int_equal(number_of("{}", &pid), 1);
    kill(pid, SIGKILL); /* while it waits: the next job does not notice */
    while (kill(pid, 0) == 0)
        poll(NULL, 0, 1);
    assert_int_equal(number_of("{}", &pid), 1);
}

static bool is_gone(void *arg) { return kill(*(int *)arg, 0) < 0; }

static void one_that_nobody_needs_is_ended(void **state) {
    (void)state;
    int first, second, third;
    children_script("stays.sh", STAYS);
    children_load(NULL, "jobs.class.stays.sh.jobs=1000", "jobs.class.stays.sh.idle=200ms", NULL);
    assert_int_equal(number_of("{}", &first), 1);
    assert_int_equal(number_of("{}", &second), 2);
    assert_int_equal(second, first);
    assert_true(test_wait(is_gone, &first, 5000));
    assert_int_equal(number_of("{}", &second), 1); /* a new one, and nobody has noticed */
    assert_true(test_wait(is_gone, &second, 5000));
    children_load(NULL, "jobs.class.stays.sh.jobs=1000", "jobs.class.stays.sh.idle=0", NULL);
    assert_int_equal(number_of("{}", &first), 1);
    assert_false(test_wait(is_gone, &first, 300 / test_time_factor()));
    assert_int_equal(number_of("{}", &third), 2);
    assert_int_equal(third, first);
}

/* Jobs come about when children are due to go: none is lost or told that its child went. */
static void idle_ends_and_jobs_cross(void **state) {
    (void)state;
    int pid;
    children_script("stays.sh", STAYS);
    children_load(NULL, "jobs.class.stays.sh.jobs=1000", "jobs.class.stays.sh.idle=5ms", NULL);
    for (int i = 0; i < 100; i++) {
        number_of("{}", &pid);
        poll(NULL, 0, 3 + i % 5);
    }
}

/* ---- nothing is left ---- */

static void two_hundred_runs_leave_nothing(void **state) {
    (void)state;
    children_script("quick.sh", SH "sleep 100 & echo '{\"result\":1}' >&3");
    children_script("stays.sh", STAYS);
    children_load(NULL, "jobs.class.stays.sh.jobs=7", NULL);
    children_expect("quick.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, "1");
    size_t descriptors = children_descriptors();
    int pid;
    for (int i = 0; i < 100; i++) {
        children_expect("quick.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, "1");
        number_of("{}", &pid);
    }
    assert_true(children_descriptors() <= descriptors + 5); /* of the one that stays */
    children_unload();
    assert_int_equal(children_alive((int)getpid()), 0);
    assert_true(children_descriptors() < descriptors);
}

static void a_spawner_that_is_killed_is_replaced(void **state) {
    (void)state;
    script("quick.sh", SH "echo '{\"result\":1}' >&3");
    for (int i = 0; i < 3; i++) {
        children_expect("quick.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, "1");
        char command[100];
        snprintf(command, sizeof command, "pkill -KILL -f '^jobs-spawner %d$'", (int)getpid());
        assert_int_equal(system(command), 0);
        while (children_alive((int)getpid()) > 0)
            poll(NULL, 0, 1);
    }
}

/* The "daemon" is a forked process; it says when its job runs, and is killed. */
static void children_die_with_the_daemon(void **state) {
    (void)state;
    script("orphan.sh",
           SH "setsid sleep 1001 & (setsid sh -c 'trap \"\" TERM HUP; sleep 1002; sleep 1003' &)\n"
              "sleep 0.2; touch $0.runs; sleep 1004");
    pid_t daemon = fork();
    if (daemon == 0) {
        children_run("orphan.sh", "{}", 0);
        _exit(0);
    }
    char path[300];
    snprintf(path, sizeof path, "%s/orphan.sh.runs", children_directory());
    while (access(path, F_OK) != 0)
        poll(NULL, 0, 5);
    assert_true(children_alive((int)daemon) >= 5);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    int64_t begin = clock_now();
    children_wait_none((int)daemon);
    assert_true(clock_now() - begin < 3 * CLOCK_SECOND * test_time_factor());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(job_line_and_environment, down),
        cmocka_unit_test_teardown(environment_is_clean, down),
        cmocka_unit_test_teardown(a_workspace_is_where_it_works, down),
        cmocka_unit_test_teardown(progress_log_and_result, down),
        cmocka_unit_test_teardown(every_end_has_its_outcome, down),
        cmocka_unit_test_teardown(a_command_has_arguments, down),
        cmocka_unit_test_teardown(a_command_may_be_a_shells, down),
        cmocka_unit_test_teardown(what_cannot_be_started_says_why, down),
        cmocka_unit_test_teardown(garbage_is_told, down),
        cmocka_unit_test_teardown(a_flood_of_output_is_cut, down),
        cmocka_unit_test_teardown(closed_pipes_are_no_failure, down),
        cmocka_unit_test_teardown(what_it_leaves_behind_is_killed, down),
        cmocka_unit_test_teardown(nonsense_settings_are_refused, down),
        cmocka_unit_test_teardown(files_that_are_no_programs_are_left_alone, down),
        cmocka_unit_test_teardown(limits_hold, down),
        cmocka_unit_test_teardown(another_user_when_root, down),
        cmocka_unit_test_teardown(stop_is_a_signal_then_the_end, down),
        cmocka_unit_test_teardown(a_stop_request_ends_it, down),
        cmocka_unit_test_teardown(a_program_that_stays_takes_one_job_after_another, down),
        cmocka_unit_test_teardown(one_that_nobody_needs_is_ended, down),
        cmocka_unit_test_teardown(idle_ends_and_jobs_cross, down),
        cmocka_unit_test_teardown(two_hundred_runs_leave_nothing, down),
        cmocka_unit_test_teardown(a_spawner_that_is_killed_is_replaced, down),
        cmocka_unit_test_teardown(children_die_with_the_daemon, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
