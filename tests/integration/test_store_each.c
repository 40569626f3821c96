/* Jobs of several submits in one commit, on a connection that keeps the statement prepared. */
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/store/each.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/store_fixture.h"

static const struct store_submit both = {.who = "token:test", .address = "127.0.0.1", .count = 2};

/* The second of two jobs is wrong; what is right is made all the same. */
static void create(const struct job_info_service *s, struct store_created made[2]) {
    const struct job_info infos[] = {
        {.size = sizeof infos[0], .tenant = "acme", .class_name = "noop"},
        {.size = sizeof infos[0], .tenant = "acme", .class_name = "no such name!"}};
    const bool pendings[] = {false, false};
    STORE_OK(store_create_each(s, infos, pendings, 2, &both, 1, made, &err));
    assert_int_equal(made[0].err.code, 0);
    assert_string_equal(made[1].err.sqlstate, "JB002");
}

static int prepared(struct pg_conn *db) {
    PGresult *r = PQexec(db, "select count(*) from pg_prepared_statements");
    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    int n = atoi(PQgetvalue(r, 0, 0));
    PQclear(r);
    return n;
}

static void only_a_connection_that_is_kept_prepares(void **state) {
    const struct store_fixture *f = *state;
    struct store_created made[2];
    struct job_info_service kept = {.db = store_connect(f->url)};
    create(&f->s, made);
    assert_int_equal(prepared(f->s.db), 0);
    STORE_OK(store_keep_prepared(&kept, &err));
    for (int i = 0; i < 8; i++) { /* also by the plan that PostgreSQL keeps */
        create(&kept, made);
        assert_int_equal(store_status(f, made[0].id), JOB_QUEUED);
        assert_int_equal(prepared(kept.db), 1);
    }
    PQreset(kept.db);
    create(&kept, made); /* what was prepared went with the old session */
    assert_int_equal(prepared(kept.db), 1);
    PQfinish(kept.db);
    store_check_clean(&f->s);
}

/* What is prepared for one schema must not answer for another. */
static void another_schema_is_not_answered(void **state) {
    const struct store_fixture *f = *state;
    struct store_created made[2];
    struct job_info_service kept = {.db = store_connect(f->url)};
    STORE_OK(store_keep_prepared(&kept, &err));
    create(&kept, made);
    kept.schema = "elsewhere";
    const struct job_info info = {.size = sizeof info, .tenant = "acme", .class_name = "noop"};
    const bool pending = false;
    const struct store_submit one = {.who = "token:test", .address = "127.0.0.1", .count = 1};
    STORE_FAILS(JOBS_ESCHEMA, "job_create_each",
                store_create_each(&kept, &info, &pending, 1, &one, 1, made, &err));
    PQfinish(kept.db);
}

/* Somebody has a transaction open that used an id: that id's job alone cannot be made, and the
 * others do not wait. */
static void an_open_transaction_delays_its_id_alone(void **state) {
    const struct store_fixture *f = *state;
    enum { COUNT = 40, HELD = 17 };
    static const char held[] = "00000000-0000-7000-8000-00000000000a";
    struct job_info infos[COUNT];
    bool pendings[COUNT] = {false};
    struct store_created made[COUNT];
    char ids[COUNT][37];
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "00000000-0000-7000-8000-1000000000%02d", i);
        infos[i] = (struct job_info)JOB_INFO(.tenant = "acme", .class_name = "noop",
                                             .id = i == HELD ? held
                                                   : i % 2   ? ids[i]
                                                             : NULL);
    }
    const struct store_submit all = {.who = "token:test", .address = "127.0.0.1", .count = COUNT};
    struct pg_conn *other = store_connect(f->url);
    store_sql(other, "begin; select jobs.job_submit('acme', 'noop', id => "
                     "'00000000-0000-7000-8000-00000000000a')");
    store_sql(f->s.db, "set lock_timeout = '5s'");
    for (int round = 0; round < 2; round++) {
        int64_t began = clock_now();
        STORE_OK(store_create_each(&f->s, infos, pendings, COUNT, &all, 1, made, &err));
        assert_true(clock_now() - began < 2500 * CLOCK_MS);
        for (int i = 0; i < COUNT; i++)
            if (i != HELD)
                assert_int_equal(store_status(f, made[i].id), JOB_QUEUED);
        assert_int_equal(made[HELD].err.code, round ? 0 : JOBS_ETIMEOUT);
        if (round == 0) {
            assert_non_null(strstr(made[HELD].err.text, "try again"));
            store_sql(other, "commit");
        }
    }
    assert_string_equal(made[HELD].id, held);
    PGresult *result = PQexec(f->s.db, "show lock_timeout");
    assert_string_equal(PQgetvalue(result, 0, 0), "5s");
    PQclear(result);
    store_sql(f->s.db, "reset lock_timeout");
    PQfinish(other);
    store_check_clean(&f->s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_connection_that_is_kept_prepares),
        cmocka_unit_test(another_schema_is_not_answered),
        cmocka_unit_test(an_open_transaction_delays_its_id_alone),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
