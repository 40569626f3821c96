/* The subscribers in examples/subscriber, Python and Node.js: a queue that collects while they are
 * away, and the log read again. The Node.js ones run on the client that is pinned there, installed
 * into the build folder. */
#include "module/base/buf.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER SOURCE_DIR "/examples/subscriber/"
#define MODULES BUILD_DIR "/subscriber"

struct fixture {
    const char *url;
    char tenant[64], queue[100], log[200];
    struct test_service *service;
};

static int up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    const char *service = test_service_name();
    char amqp[300], name[100];
    f->url = service_database();
    snprintf(f->tenant, sizeof f->tenant, "t-%s", service);
    snprintf(f->queue, sizeof f->queue, "%s.reports", f->tenant);
    snprintf(f->log, sizeof f->log, "%s.events.log", service);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", test_amqp_url());
    snprintf(name, sizeof name, "jobs.service=%s", service);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", service, 1);
    setenv("JOBS_TENANT", f->tenant, 1);
    setenv("NODE_PATH", MODULES "/node_modules", 1);
    free(jobctl(0, "tenant create %s", f->tenant));
    f->service = service_start(f->url, NULL, amqp, name, NULL);
    *state = f;
    return 0;
}

static int down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    free(f);
    return 0;
}

/* ---- what a subscriber prints ---- */

static int read_file(const char *path, struct buf *ret) {
    char chunk[4096];
    int lines = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    buf_clear(ret);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buf_add(ret, chunk, n);
    fclose(file);
    for (const char *p = buf_get(ret); *p; p++)
        lines += *p == '\n';
    return lines;
}

struct output {
    char path[40];
    int least; /* lines */
    struct buf text;
};

static bool has_lines(void *arg) {
    struct output *output = arg;
    return read_file(output->path, &output->text) >= output->least;
}

/* Runs it until it has printed so many lines, then ends it as Ctrl-C does. Caller frees. */
static char *listen_with(const char *const *argv, int least) {
    struct output output = {.path = "/tmp/test-subscribers.XXXXXX", .least = least};
    close(mkstemp(output.path));
    pid_t pid = program_start(argv, NULL, output.path);
    bool enough = test_wait(has_lines, &output, 30000);
    int status = program_end(pid, SIGINT, 10000);
    read_file(output.path, &output.text);
    unlink(output.path);
    if (!enough || status != 0)
        fail_msg("%s: status %d, it printed: %s", argv[1], status, buf_get(&output.text));
    return buf_take(&output.text);
}

/* A job that SUCCEEDED: its id. Caller frees. */
static char *run_job(const struct fixture *f) {
    char *id = submit(f->url, "'%s', 'count'", f->tenant);
    wait_status(f->url, id, "SUCCEEDED");
    return id;
}

static const char *const life[] = {"1 QUEUED", "2 TO_BE_RUN", "3 RUNNING", "4 SUCCEEDED"};

/* Is the life of this job printed line by line from `first` on, and nothing else of it? */
static void assert_life(const char *text, const char *id, int first) {
    int next = first;
    for (const char *line = text; (line = strstr(line, id)); line += 36, next++) {
        assert_true(next < 4);
        if (strncmp(line + 37, life[next], strlen(life[next])) != 0)
            fail_msg("not \"%s\" at %.100s in %s", life[next], line, text);
    }
    assert_int_equal(next, 4);
}

/* ---- the programs ---- */

static void need_python(void) {
    char *ignored;
    int status =
        program_run((const char *const[]){"/usr/bin/python3", "-c", "import pika", NULL}, &ignored);
    free(ignored);
    if (status != 0) {
        print_message("there is no pika here (Debian package python3-pika)\n");
        skip();
    }
}

/* The client as it is pinned, unless it is there already. */
static void need_node(void) {
    char *output;
    int status = program_run((const char *const[]){"sh", "-c", "command -v npm", NULL}, &output);
    free(output);
    if (status != 0) {
        print_message("there is no npm here\n");
        skip();
    }
    static const char script[] =
        "mkdir -p \"$2\" && cd \"$2\" && cmp -s \"$1/package-lock.json\" installed && exit 0; "
        "cp \"$1/package.json\" \"$1/package-lock.json\" . && "
        "npm ci --no-audit --no-fund --ignore-scripts && cp package-lock.json installed";
    status = program_run((const char *const[]){"sh", "-c", script, "sh", FOLDER, MODULES, NULL},
                         &output);
    if (status != 0)
        fail_msg("npm ci: %s", output);
    free(output);
}

/* A queue collects while nobody is there; what was acknowledged does not come again. */
static void take_from_queue(const struct fixture *f, const char *interpreter, const char *program) {
    const char *const argv[] = {interpreter, program, f->queue, NULL};
    free(jobctl(0, "subscribe %s", f->queue));
    char *first = run_job(f), *second = run_job(f);
    char *text = listen_with(argv, 8);
    assert_life(text, first, 0);
    assert_life(text, second, 0);
    free(text);
    char *third = run_job(f);
    text = listen_with(argv, 4);
    assert_life(text, third, 0);
    assert_null(strstr(text, first));
    free(jobctl(0, "subscribe --delete %s", f->queue));
    free(first), free(second), free(third), free(text);
}

/* The log from the first event on, and from one in the middle. */
static void replay(const struct fixture *f, const char *interpreter, const char *program) {
    char *first = run_job(f), *second = run_job(f), offset[24];
    int lines = 4 * (int)test_sql_integer(f->url, "select count(*) from jobs.t_job_info");
    char *text =
        listen_with((const char *const[]){interpreter, program, f->log, "first", NULL}, lines);
    assert_life(text, first, 0);
    assert_life(text, second, 0);
    const char *line = strstr(text, second); /* its first event; the third one's offset is wanted */
    for (int i = 0; i < 2; i++)
        line = strstr(line + 1, second); /* not counted on: offsets have holes */
    while (line > text && line[-1] != '\n')
        line--;
    snprintf(offset, sizeof offset, "%lld", atoll(line));
    free(text);
    text = listen_with((const char *const[]){interpreter, program, f->log, offset, NULL}, 2);
    assert_life(text, second, 2);
    assert_null(strstr(text, first));
    free(first), free(second), free(text);
}

static void python_takes_from_a_queue(void **state) {
    need_python();
    take_from_queue(*state, "/usr/bin/python3", FOLDER "queue.py");
}

static void python_reads_the_log_again(void **state) {
    need_python();
    replay(*state, "/usr/bin/python3", FOLDER "replay.py");
}

static void node_takes_from_a_queue(void **state) {
    need_node();
    take_from_queue(*state, "node", FOLDER "queue.js");
}

static void node_reads_the_log_again(void **state) {
    need_node();
    replay(*state, "node", FOLDER "replay.js");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(python_takes_from_a_queue),
                                       cmocka_unit_test(python_reads_the_log_again),
                                       cmocka_unit_test(node_takes_from_a_queue),
                                       cmocka_unit_test(node_reads_the_log_again)};
    return cmocka_run_group_tests(tests, up, down);
}
