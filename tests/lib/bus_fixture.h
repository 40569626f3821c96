/* For tests of the bus: a connection to the shared broker with an exchange and a queue of the
 * test's own. Include cmocka's friends and cmocka.h as well. */
#ifndef TESTS_LIB_BUS_FIXTURE_H
#define TESTS_LIB_BUS_FIXTURE_H
#include "tests/lib/bus_log.h"

struct fixture {
    struct bus *bus; /* with confirms */
    struct bus_log *log;
    char exchange[256]; /* topic, auto-delete */
    char queue[256];    /* exclusive, bound with # */
};

int fixture_up(void **state);
int fixture_down(void **state);
#define BUS_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_up, fixture_down)

/* Both fail the test on an error. heartbeat in seconds, 0 = default. */
struct bus *fixture_open(const char *url, int heartbeat);
/* A mandatory message; returns its tag. */
uint64_t fixture_publish(struct fixture *f, const char *exchange, const char *key,
                         const char *body);

/* Fails the test with the error's text; `call` names its error &err. */
#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)
#endif
