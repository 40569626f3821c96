#include "tests/lib/tenant_move.h"

#include "tests/lib/audit.h"
#include "tests/lib/program.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct move_pair move_pair_new(void) {
    struct move_pair pair = {service_database(), service_database(),
                             "/var/tmp/jobs-test-move.XXXXXX"};
    int fd = mkstemp(pair.config);
    assert_true(fd >= 0);
    dprintf(fd, "jobs.datasource.a.url = %s\njobs.datasource.b.url = %s\n", pair.a, pair.b);
    close(fd);
    test_sql(pair.a,
             "insert into jobs.t_tenant (tenant, weight, max_queued) values ('mv', 7, 999)");
    test_sql(pair.b, "insert into jobs.t_job_class (class_name, lane) values ('slow', 'slow')");
    return pair;
}

void move_fill(const struct move_pair *pair) {
    struct store_fixture f = {.url = pair->a, .s = {.db = store_connect(pair->a)}};
    test_sql(pair->a,
             "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
             "pool_size) values ('00000000-0000-7000-8000-00000000000a', 'a', 'here', 1, '0', "
             "'{noop}', 4)");
    test_sql(pair->a, "select jobs.job_create(array['mv', 't0', 'mv'], array['slow', 'noop', "
                      "'noop'], array['{\"n\": null, \"t\": \"a\\tb\\\\n\\u00e4\"}', '{}', "
                      "'{}']::jsonb[], '{5,0,-1}', '{null,null,null}', '{f,f,f}', "
                      "'{null,null,null}', '{null,null,null}', '{\"o w\",null,null}', "
                      "'{3,null,null}', '{null,null,null}', '{null,null,null}', "
                      "'{null,null,null}', '{null,null,null}', '{f,f,f}', '{null,null,null}', "
                      "'{null,null,null}')");
    test_sql(pair->a,
             "select jobs.job_submit('mv', 'noop', pending => true), "
             "jobs.job_submit('mv', 'noop', at => now() + interval '1 h'), "
             "jobs.job_submit('mv', 'noop', at => now() + interval '1 h', pending => true), "
             "jobs.job_submit('mv', 'noop', parameters => jsonb_build_object('large', "
             "repeat('x', 100000)))");
    test_sql(pair->a, "select jobs.job_submit('mv', 'noop') from generate_series(1, 50)");
    for (int i = 0; i < 6; i++) {
        struct job_uuid id;
        store_create(&f.s, "mv", &id);
        store_move(&f, id.text, i % 2 ? JOB_FAILED : JOB_SUCCEEDED);
        test_sql(pair->a,
                 "update jobs.t_job_info set result = 'null' where id = '%s'; insert into "
                 "jobs.t_job_log values ('%s', 1, e'a\\tlog\\n'); insert into jobs.t_job_attempt "
                 "values ('%s', 0, 'mv', null, now(), now(), 'SNOOZED', null, null)",
                 id.text, id.text, id.text);
    }
    test_sql(pair->a, "insert into jobs.t_job_quarantine values ('mv', 'c', 'infinity', 5, 'r')");
    PQfinish(f.s.db);
}

char *move_picture(const char *url) {
    return test_sql_value(
        url,
        "set timezone = 'UTC'; select concat_ws(chr(10), "
        "(select string_agg(v::text, chr(10) order by v.id) from jobs.v_job v where tenant = "
        "'mv'), "
        "(select string_agg(a::text, chr(10) order by a.job_id, a.attempt) from "
        "jobs.t_job_attempt a where tenant = 'mv'), "
        "(select string_agg(l::text, chr(10) order by l.job_id, l.attempt) from jobs.t_job_log "
        "l), "
        "(select string_agg(f.id::text, chr(10) order by f.id) from jobs.t_job_failure f where "
        "tenant = 'mv'), "
        "(select string_agg(q::text, chr(10)) from jobs.t_job_quarantine q where tenant = "
        "'mv'), "
        "(select string_agg(p::text, chr(10)) from jobs.t_job_class_pause p where tenant = 'mv'), "
        "(select string_agg(s::text, chr(10)) from jobs.t_job_subscription s where tenant = "
        "'mv'), "
        "(select string_agg(k::text, chr(10)) from jobs.t_job_token k where tenant = 'mv'), "
        "(select string_agg(concat(r.id, r.priority), chr(10) order by r.priority desc, r.seq) "
        "from jobs.t_job_ready r where tenant = 'mv'), "
        "(select string_agg(t::text, chr(10) order by t.id) from jobs.t_job_timer t where "
        "tenant = 'mv'), "
        "(select string_agg(c::text, chr(10) order by c.class_name, c.status) from "
        "jobs.v_job_count c where tenant = 'mv' and n <> 0), "
        "(select concat(weight, max_running, max_queued, state, settings) from jobs.t_tenant "
        "where tenant = 'mv'))");
}

void move_assert_done(const struct move_pair *pair, const char *before) {
    char *after = move_picture(pair->b);
    if (strcmp(before, after) != 0)
        fail_msg("before:\n%s\nafter:\n%s", before, after);
    free(after);
    after = move_picture(pair->a);
    assert_string_equal(after ? after : "", "");
    free(after);
    audit(pair->a);
    audit(pair->b);
    assert_int_equal(test_sql_integer(pair->a,
                                      "select count(*) from jobs.t_job_outbox where 'mv' = "
                                      "any(tenants)"),
                     0);
    /* a job that is submitted now comes after those that were waiting */
    test_sql(pair->b, "select jobs.job_submit('mv', 'noop', id => "
                      "'00000000-0000-7000-8000-0000000000ff')");
    assert_int_equal(test_sql_integer(pair->b,
                                      "select count(*) from jobs.t_job_ready where tenant = 'mv' "
                                      "and seq >= (select ready_seq from jobs.t_job_info where id "
                                      "= '00000000-0000-7000-8000-0000000000ff')"),
                     1);
    assert_int_equal(test_sql_integer(pair->b, "select count(*) from jobs.t_job_ready where lane = "
                                               "'slow'"),
                     1); /* lanes are the target's */
    unlink(pair->config);
}

pid_t move_start(const struct move_pair *pair) {
    return program_start((const char *const[]){"jobctl", "tenant", "move", "mv", "-c", pair->config,
                                               "--to", "b", "--events-for", "0", NULL},
                         NULL, NULL);
}

static void kill_move(pid_t pid) {
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

void move_wait_phase(const char *url, const char *phase) {
    if (!test_wait_sql(url, LONG_MS,
                       "select coalesce((select settings -> 'move' ->> 'phase' from jobs.t_tenant "
                       "where tenant = 'mv'), 'none') = '%s'",
                       phase))
        fail_msg("phase %s did not come", phase);
}

void move_wait_blocked(const char *url, const char *table) {
    if (!test_wait_sql(url, LONG_MS,
                       "select count(*) > 0 from pg_locks where not granted and relation = "
                       "'jobs.%s'::regclass",
                       table))
        fail_msg("nobody waits for %s", table);
}

struct pg_conn *move_hold(const char *url, const char *table) {
    struct pg_conn *db = store_connect(url);
    char command[100];
    snprintf(command, sizeof command, "begin; lock table jobs.%s in share mode", table);
    store_sql(db, command);
    return db;
}

void move_let_go(struct pg_conn *db) { PQfinish(db); }

void move_kill_at(const struct move_pair *pair, int step) {
    struct pg_conn *writer = store_connect(pair->a), *here = NULL, *there = NULL;
    store_sql(writer, "begin; select jobs.job_submit('t0', 'noop')");
    pid_t pid = move_start(pair);
    move_wait_phase(pair->a, "LEAVING"); /* now it waits for the writer */
    if (step == MOVE_COPYING)
        there = move_hold(pair->b, "t_job_parameters");
    if (step >= MOVE_ARRIVED)
        here = move_hold(pair->a, "t_tenant"); /* to lock its row is allowed, to change it is not */
    if (step > MOVE_MARKED)
        PQfinish(writer);
    if (step == MOVE_COPYING)
        move_wait_blocked(pair->b, "t_job_parameters");
    if (step >= MOVE_ARRIVED) {
        move_wait_phase(pair->b, "ARRIVING");
        move_wait_blocked(pair->a, "t_tenant");
    }
    if (step >= MOVE_HAS_LEFT) {
        there = move_hold(pair->b, "t_tenant");
        move_let_go(here);
        move_wait_phase(pair->a, "LEFT");
        move_wait_blocked(pair->b, "t_tenant");
    }
    if (step == MOVE_ACTIVATED) {
        here = move_hold(pair->a, "t_tenant");
        move_let_go(there);
        move_wait_phase(pair->b, "none");
        move_wait_blocked(pair->a, "t_tenant");
    }
    kill_move(pid);
    if (step == MOVE_MARKED)
        PQfinish(writer);
    if (step == MOVE_COPYING || step == MOVE_HAS_LEFT)
        move_let_go(there);
    if (step == MOVE_ARRIVED || step == MOVE_ACTIVATED)
        move_let_go(here);
}

void move_assert_ends_well(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
