/* For tests of JobInfoService: a migrated database with the tenants acme and globex, and a
 * connection to it. Include cmocka's friends and cmocka.h as well. */
#ifndef TESTS_LIB_STORE_FIXTURE_H
#define TESTS_LIB_STORE_FIXTURE_H
#include "module/jobs.h"

struct store_fixture {
    const char *url;
    struct job_info_service s; /* on a connection of its own */
};

/* For cmocka_run_group_tests: one database for the tests of a file. */
int store_fixture_up(void **state);
int store_fixture_down(void **state);

struct pg_conn *store_connect(const char *conninfo); /* PQfinish it */
/* A statement on that very connection; fails the test on an error. */
void store_sql(struct pg_conn *db, const char *sql);
/* A QUEUED job of class noop; the id is written to ret_id. */
void store_create(const struct job_info_service *s, const char *tenant, struct job_uuid *ret_id);
/* The job's status by its row. */
enum job_status store_status(const struct store_fixture *f, const char *id);
/* Makes the job look as a daemon would leave it in this status (receipt, failure row, …). */
void store_move(const struct store_fixture *f, const char *id, enum job_status status);
/* Fails the test unless jobctl's checks find nothing. */
void store_check_clean(const struct job_info_service *s);

/* `call` names its error &err; it is kept for what follows in the block. */
#define STORE_OK(call)                           \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)
/* The call must fail with this code and `part` in the error's text. */
#define STORE_FAILS(want, part, call)                                                            \
    do {                                                                                         \
        struct jobs_error err = {0};                                                             \
        int rc_ = (call);                                                                        \
        if (rc_ != (want) || err.code != (want) || !strstr(err.text, part))                      \
            fail_msg("%s: %d, %d \"%s\", not %d \"%s\"", #call, rc_, err.code, err.text, (want), \
                     part);                                                                      \
    } while (0)
#endif
