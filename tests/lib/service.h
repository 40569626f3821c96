/* A JobService inside the test program, on a fresh database; submitting to it and waiting for it.
 * Include cmocka's friends and cmocka.h as well: what goes wrong fails the test. */
#ifndef TESTS_LIB_SERVICE_H
#define TESTS_LIB_SERVICE_H
#include "tests/lib/runs.h"
#include "tests/lib/servers.h"

#define LONG_MS 30000 /* what ends in milliseconds unless something is broken */

/* Fails the test with the error's text; `call` names its error &err. */
#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* A new database with the schema and tenants t0 to t6 in it; or those put into the database of
 * that URL. */
const char *service_database(void);
void service_schema(const char *url);

struct test_service;
/* Starts one. Datasource "main" is `url` (NULL: see the settings), no broker, runs_classes unless
 * `classes` is given. Settings "key=value", last NULL. Its log is kept, and shown with
 * JOBS_TEST_LOG=1. */
struct test_service *service_start(const char *url, const struct job_class *const *classes, ...)
    __attribute__((sentinel));
/* The same with the settings as an array, all of them (may be NULL), and a properties file; returns
 * what job_service_start returned. */
int service_try(const char *file, const char *const *settings,
                const struct job_class *const *classes, struct test_service **ret,
                struct jobs_error *err);
struct job_service *service_of(struct test_service *service);
/* How many lines of its log hold that text. */
size_t service_said(struct test_service *service, const char *text);
/* Drains it, with so many ms of grace; must succeed. NULL is fine. */
void service_stop_within(struct test_service *service, int64_t grace);
void service_stop(struct test_service *service); /* enough grace for everything to end */

/* `count` jobs of a class with parameter "n" from 0 on, spread over tenants t0 … t<tenants - 1>.
 * `options`: further options of job_submit_many as a JSON object, or NULL. One transaction. */
void submit_many(const char *url, const char *class_name, int count, int tenants,
                 const char *options);
/* One job; `arguments`: the rest of job_submit's, such as "'t0', 'count', priority => 7". Returns
 * the id; caller frees. */
char *submit(const char *url, const char *format, ...) JOBS_PRINTF(2, 3);

/* Until `count` jobs are SUCCEEDED, FAILED or ABORTED; otherwise the test fails, saying how far it
 * came. */
void wait_final(const char *url, int64_t count, int64_t timeout);
/* Until the job has that status; otherwise the test fails, saying which it has. */
void wait_status(const char *url, const char *id, const char *status);
/* A column of v_job as text ("" for null); caller frees. */
char *job_column(const char *url, const char *id, const char *column);
void assert_job(const char *url, const char *id, const char *column, const char *expected);
int64_t count_jobs(const char *url, const char *condition);
#endif
