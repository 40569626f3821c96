/* A connection string with several hosts: the one that takes writes is found, also past one that
 * refuses, is read-only, or does not answer at all, as a host that lost its power. */
#include "module/base/clock.h"
#include "sql/hosts.h"
#include "sql/sql.h"
#include "tests/lib/servers.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Takes connections and says nothing, ever. `listening` false: refuses them. */
static int silent_port(int *ret_fd, bool listening) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    if (listening)
        assert_int_equal(listen(fd, 10), 0);
    *ret_fd = fd;
    return ntohs(address.sin_port);
}

static int open_session(const char *url, int64_t wait, struct jobs_error *err) {
    struct sql_options options = {.url = url, .schema = "jobs", .connect_timeout = wait};
    struct sql *sql = NULL;
    int rc = sql_open(&options, &sql, err);
    sql_close(sql);
    return rc;
}

static void a_host_that_does_not_answer_is_passed_over(void **state) {
    (void)state;
    const char *url = test_database();
    const char *database = strrchr(url, '/') + 1;
    int real = atoi(strrchr(url, ':') + 1), fds[2];
    int silent = silent_port(&fds[0], true), refusing = silent_port(&fds[1], false);
    char text[300];
    struct jobs_error err = {0};
    snprintf(text, sizeof text,
             "postgresql://jobs@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/"
             "%s?target_session_attrs=read-write",
             silent, refusing, real, database);
    int64_t began = clock_now();
    if (open_session(text, 3000 * test_time_factor(), &err) < 0)
        fail_msg("%s", err.text);
    assert_true(clock_now() - began < 3 * CLOCK_SECOND * test_time_factor());
    snprintf(text, sizeof text,
             "host=127.0.0.1 hostaddr=127.0.0.1,127.0.0.1 port=%d,%d user=jobs "
             "dbname=%s",
             silent, real, database);
    assert_int_equal(open_session(text, 1000, &err), JOBS_EDB);
    assert_non_null(strstr(err.text, "could not match 1 host names to 2 hostaddr values"));
    snprintf(text, sizeof text,
             "host=a.invalid,b.invalid hostaddr=127.0.0.1,127.0.0.1 port=%d,%d user=jobs dbname=%s",
             silent, real, database);
    if (open_session(text, 3000 * test_time_factor(), &err) < 0)
        fail_msg("%s", err.text);
    snprintf(text, sizeof text, "host=127.0.0.1,127.0.0.1 port=%d,%d user=jobs dbname=%s", silent,
             refusing, database);
    assert_int_equal(open_session(text, 400, &err), JOBS_EDB);
    assert_non_null(strstr(err.text, "no answer in time"));
    assert_non_null(strstr(err.text, "refused"));
    close(fds[0]);
    close(fds[1]);
}

static void lists_are_read_as_libpq_does(void **state) {
    (void)state;
    struct hosts h;
    hosts_read(&h, "postgresql://u@a:1,b:2,[::1]:3/d");
    assert_int_equal(h.count, 3);
    assert_string_equal(h.names[2], "::1");
    assert_string_equal(h.ports[1], "2");
    assert_null(h.addresses);
    hosts_done(&h);
    hosts_read(&h, "host=a,b port=5433");
    assert_int_equal(h.count, 2);
    assert_string_equal(h.ports[1], "5433");
    hosts_done(&h);
    static const char *const by_libpq[] = {
        "host=a",  "dbname=x", "host=a,,b", "host=a,b port=1,2,3", "postgresql://a:1,b/d",
        "nonsense"};
    for (size_t i = 0; i < sizeof by_libpq / sizeof *by_libpq; i++) {
        hosts_read(&h, by_libpq[i]);
        assert_int_equal(h.count, 0);
        hosts_done(&h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_does_not_answer_is_passed_over),
        cmocka_unit_test(lists_are_read_as_libpq_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
