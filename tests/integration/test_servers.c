/* The test servers themselves: fresh databases are apart, a crash keeps what was committed, a
 * broker comes back on its old port, waiting ends. */
#include "module/base/buf.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void databases_are_apart(void **state) {
    (void)state;
    const char *first = test_database(), *second = test_database();
    assert_string_not_equal(first, second);
    test_sql(first, "create table t(i int)");
    assert_int_equal(test_sql_integer(first, "select count(*) from pg_class where relname = 't'"),
                     1);
    assert_int_equal(test_sql_integer(second, "select count(*) from pg_class where relname = 't'"),
                     0);
}

static void values_come_as_text_or_null(void **state) {
    (void)state;
    const char *db = test_database();
    char *text = test_sql_value(db, "select '%s'::text", "a");
    assert_string_equal(text, "a");
    free(text);
    assert_null(test_sql_value(db, "select null"));
    assert_null(test_sql_value(db, "select 1 where false"));
    assert_int_equal(test_sql_integer(db, "select null"), -1);
}

static void the_server_is_durable_and_speaks_utc(void **state) {
    (void)state;
    const char *db = test_database();
    assert_int_equal(
        test_sql_integer(
            db, "select count(*) from pg_settings where (name, setting) in (('fsync', 'on'), "
                "('synchronous_commit', 'on'), ('listen_addresses', '127.0.0.1'), "
                "('TimeZone', 'UTC'), ('unix_socket_directories', ''))"),
        5);
}

static bool count_down(void *arg) { return --*(int *)arg == 0; }

static bool never(void *arg) {
    (void)arg;
    return false;
}

static void waiting_ends_with_the_condition_or_the_time(void **state) {
    (void)state;
    int left = 4;
    assert_true(test_wait(count_down, &left, 10000));
    assert_int_equal(left, 0);
    assert_false(test_wait(never, NULL, 20));
    const char *db = test_database();
    assert_true(test_wait_sql(db, 1000, "select %d = 1", 1));
    assert_false(test_wait_sql(db, 20, "select false"));
}

static void names_are_unique(void **state) {
    (void)state;
    assert_string_not_equal(test_service_name(), test_service_name());
}

static void a_crashed_server_has_what_was_committed(void **state) {
    (void)state;
    struct test_pg *pg = test_pg_start();
    const char *db = test_pg_database(pg);
    test_sql(db, "create table t as select generate_series(1, 100) i");
    test_pg_crash(pg);
    test_pg_restart(pg);
    assert_int_equal(test_sql_integer(db, "select count(*) from t"), 100);
    test_pg_stop(pg);
    test_pg_restart(pg);
    assert_int_equal(test_sql_integer(db, "select count(*) from t"), 100);
    test_pg_free(pg);
}

/* Does a broker answer at the URL's port? It closes a connection that does not speak AMQP, after
 * its own header. */
static bool answers(const char *url) {
    unsigned port = (unsigned)strtoul(strrchr(url, ':') + 1, NULL, 10);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char header[8] = {0};
    bool yes = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
               write(fd, "nonsense", 8) == 8 &&
               recv(fd, header, sizeof header, MSG_WAITALL) == sizeof header &&
               memcmp(header, "AMQP", 4) == 0;
    close(fd);
    return yes;
}

static void a_broker_comes_back_on_its_port(void **state) {
    (void)state;
    struct test_broker *broker = test_broker_start();
    const char *url = test_broker_url(broker);
    assert_true(answers(url));
    test_broker_ctl(broker, "add_vhost", "kept", NULL);
    test_broker_stop(broker);
    assert_false(answers(url));
    test_broker_restart(broker);
    assert_true(answers(url));
    test_broker_ctl(broker, "delete_vhost", "kept",
                    NULL); /* ends the program when it is not there */
    test_broker_kill(broker);
    assert_false(answers(url));
    test_broker_free(broker);
}

static void virtual_hosts_are_made_on_the_shared_broker(void **state) {
    (void)state;
    assert_true(answers(test_amqp_url()));
    const char *url = test_vhost();
    test_amqp_ctl("list_queues", "-p", strrchr(url, '/') + 1, NULL);
}

static bool has_line(void *path) {
    struct stat info;
    return stat(path, &info) == 0 && info.st_size > 0;
}

static bool is_gone(void *path) { return access(path, F_OK) != 0; }

/* The owner writes the folder's name when PostgreSQL runs in it, and is killed before it can clean
 * up. */
static void servers_end_with_an_owner_that_was_killed(void **state) {
    (void)state;
    char path[] = "/tmp/jobs-test-XXXXXX", dir[200] = "", pid_path[220];
    close(mkstemp(path));
    char script[] = "dir=$(" SOURCE_DIR "/tests/lib/servers.sh create $$) && " SOURCE_DIR
                    "/tests/lib/servers.sh pg-start $dir && echo $dir >$OUT; sleep 1000";
    char out[64];
    snprintf(out, sizeof out, "OUT=%s", path);
    pid_t owner = program_start((const char *const[]){"bash", "-c", script, NULL},
                                (const char *const[]){out, NULL}, "/dev/null");
    assert_true(test_wait(has_line, path, 30000));
    FILE *file = fopen(path, "re");
    assert_non_null(fgets(dir, sizeof dir, file));
    fclose(file);
    dir[strcspn(dir, "\n")] = '\0';
    snprintf(pid_path, sizeof pid_path, "%s/pg.pid", dir);
    assert_false(is_gone(pid_path));
    file = fopen(pid_path, "re");
    int postgres = 0;
    assert_int_equal(fscanf(file, "%d", &postgres), 1);
    fclose(file);
    char works_in[64]; /* dangles once the process has ended, collected by its parent or not */
    snprintf(works_in, sizeof works_in, "/proc/%d/cwd", postgres);
    assert_false(is_gone(works_in));
    assert_int_equal(program_end(owner, SIGKILL, 10000), 128 + SIGKILL);
    assert_true(test_wait(is_gone, dir, 20000));
    assert_true(is_gone(works_in));
    unlink(path);
}

static void programs_are_run_and_ended(void **state) {
    (void)state;
    char *output;
    assert_int_equal(program_run((const char *const[]){"sh", "-c", "echo out; echo err >&2; exit 3",
                                                       NULL},
                                 &output),
                     3);
    assert_string_equal(output, "out\nerr\n");
    free(output);
    pid_t pid = program_start((const char *const[]){"sleep", "100", NULL}, NULL, NULL);
    assert_int_equal(program_end(pid, SIGTERM, 10000), 128 + SIGTERM);
    pid = program_start((const char *const[]){"sh", "-c", "test \"$A\" = b", NULL},
                        (const char *const[]){"A=b", NULL}, "/dev/null");
    assert_int_equal(program_end(pid, 0, 10000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(values_come_as_text_or_null),
        cmocka_unit_test(the_server_is_durable_and_speaks_utc),
        cmocka_unit_test(waiting_ends_with_the_condition_or_the_time),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(a_crashed_server_has_what_was_committed),
        cmocka_unit_test(a_broker_comes_back_on_its_port),
        cmocka_unit_test(virtual_hosts_are_made_on_the_shared_broker),
        cmocka_unit_test(servers_end_with_an_owner_that_was_killed),
        cmocka_unit_test(programs_are_run_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
