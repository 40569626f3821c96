#include "module/base/clock.h"
#include "tests/bench/submits.h"
#include "tests/bench/system.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WARM_UP 300 /* ms: a daemon that sleeps is told, and finds out that it is told often */
#define LOOK_EVERY 10
#define SESSIONS_MOST 20
#define SLEEPER "00000000-0000-7000-8000-00000000beef"

enum { NOBODY, DAEMON, EACH, SIDES };
static const char *const names[SIDES] = {"nobody sleeps", "beside a daemon", "notify each time"};

enum { RATE, CPU, ASLEEP, JOBSD, LOOKS, COLUMNS };
static const struct report_column columns[] = {{"submits", "per s", 0},
                                               {"CPU of their sessions", "us each", 1},
                                               {"somebody sleeps", "% of time", 1},
                                               {"daemon", "% of a CPU", 1},
                                               {"its sessions", "% of a CPU", 1},
                                               {NULL, NULL, 0}};
static const struct report_column ratios[] = {{"submits", "", 3}, {"CPU", "", 3}, {NULL, NULL, 0}};

struct submitter {
    pthread_t thread;
    PGconn *db;
    atomic_bool *ending;
    atomic_size_t count;
};

struct side {
    struct bench bench; /* a schema of its own */
    struct submitter all[TURNS_CONNECTIONS];
    struct child jobsd; /* pid 0: none */
    pid_t sessions[SESSIONS_MOST];
    size_t session_count;
    double values[COLUMNS][TURNS_ROUNDS];
};

static void *submit(void *arg) {
    struct submitter *s = arg;
    while (!atomic_load(s->ending)) {
        PGresult *result = PQexecPrepared(s->db, "s", 0, NULL, NULL, NULL, 0);
        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            bench_die("job_submit", PQerrorMessage(s->db));
        PQclear(result);
        atomic_fetch_add(&s->count, 1);
    }
    return NULL;
}

/* Submits so far, and CPU seconds of the sessions that they came on. */
static void so_far(struct side *side, size_t connections, double *ret_count, double *ret_cpu) {
    *ret_count = *ret_cpu = 0;
    for (size_t i = 0; i < connections; i++) {
        *ret_count += (double)atomic_load(&side->all[i].count);
        *ret_cpu += system_cpu_exact(PQbackendPID(side->all[i].db));
    }
}

static double cpu_of_sessions(const struct side *side) {
    double sum = 0;
    for (size_t i = 0; i < side->session_count; i++)
        sum += system_cpu_exact(side->sessions[i]);
    return sum;
}

/* Which part of the next `ms` somebody sleeps. */
static double watch(const struct side *side, size_t ms) {
    int64_t end = clock_now() + (int64_t)ms * CLOCK_MS;
    double looks = 0, asleep = 0;
    while (clock_now() < end) {
        looks++;
        asleep += bench_number(&side->bench, "select (sleepers <> '{}')::int from t_job_wake");
        poll(NULL, 0, LOOK_EVERY);
    }
    return asleep / looks;
}

static void turn(struct side *side, const struct turns *turns, size_t round) {
    atomic_bool ending = false;
    for (size_t i = 0; i < turns->connections; i++) {
        side->all[i].ending = &ending;
        pthread_create(&side->all[i].thread, NULL, submit, &side->all[i]);
    }
    poll(NULL, 0, WARM_UP);
    double count, cpu, later_count, later_cpu;
    so_far(side, turns->connections, &count, &cpu);
    int64_t began = clock_now();
    double jobsd = system_cpu(side->jobsd.pid), sessions = cpu_of_sessions(side);
    double asleep = watch(side, turns->ms);
    so_far(side, turns->connections, &later_count, &later_cpu);
    double took = (double)(clock_now() - began) / 1e6;
    atomic_store(&ending, true);
    for (size_t i = 0; i < turns->connections; i++)
        pthread_join(side->all[i].thread, NULL);
    side->values[RATE][round] = (later_count - count) / took;
    side->values[CPU][round] = (later_cpu - cpu) * 1e6 / (later_count - count);
    side->values[ASLEEP][round] = asleep * 100;
    side->values[JOBSD][round] = (system_cpu(side->jobsd.pid) - jobsd) * 100 / took;
    side->values[LOOKS][round] = (cpu_of_sessions(side) - sessions) * 100 / took;
}

static void note_sessions(struct side *side) {
    PGresult *rows =
        PQexec(side->bench.db, "select pid from pg_stat_activity where application_name "
                               "like 'jobs %' and datname = current_database()");
    for (int i = 0; i < PQntuples(rows) && i < SESSIONS_MOST; i++)
        side->sessions[side->session_count++] = atoi(PQgetvalue(rows, i, 0));
    PQclear(rows);
}

/* The tenant is paused: the daemon wakes up, and has nothing to run. */
static void begin(struct side *side, const struct bench *bench, int which, size_t connections) {
    side->bench = *bench;
    bench_begin(&side->bench, 1);
    bench_sql(&side->bench, "update t_tenant set state = 'PAUSED'");
    if (which == EACH)
        bench_sql(&side->bench, "update t_job_wake set sleepers = '{" SLEEPER "}'");
    for (size_t i = 0; i < connections; i++) {
        side->all[i].db = bench_connect(&side->bench);
        PQclear(PQprepare(side->all[i].db, "s", "select job_submit('t0', 'noop')", 0, NULL));
    }
    if (which == DAEMON) {
        daemon_start(&side->bench, &side->jobsd, false, NULL);
        bench_wait_idle(&side->bench);
        note_sessions(side);
    }
}

static void end(struct side *side, int which, size_t connections) {
    if (which == DAEMON)
        child_stop(&side->jobsd);
    for (size_t i = 0; i < connections; i++)
        PQfinish(side->all[i].db);
    bench_end(&side->bench);
}

static double median_ratio(const double *of, const double *to, size_t n) {
    double all[TURNS_ROUNDS];
    for (size_t i = 0; i < n; i++)
        all[i] = of[i] / to[i];
    return bench_median(all, n);
}

static void conclude(struct report *report, struct side *sides, size_t rounds) {
    double kept[SIDES][2];
    for (int side = 0; side < SIDES; side++) {
        kept[side][RATE] =
            median_ratio(sides[side].values[RATE], sides[NOBODY].values[RATE], rounds);
        kept[side][CPU] = median_ratio(sides[side].values[CPU], sides[NOBODY].values[CPU], rounds);
    }
    report_table(report, "one at a time, medians", columns);
    for (int side = 0; side < SIDES; side++) {
        double row[COLUMNS];
        for (int i = 0; i < COLUMNS; i++)
            row[i] = bench_median(sides[side].values[i], rounds);
        report_row(report, names[side], row);
    }
    report_table(report, "against nobody sleeps, medians of the rounds' ratios", ratios);
    for (int side = DAEMON; side < SIDES; side++)
        report_row(report, names[side], kept[side]);
}

void submit_turns(const struct bench *bench, struct report *report, const struct turns *turns) {
    static struct side sides[SIDES];
    for (int side = 0; side < SIDES; side++)
        begin(&sides[side], bench, side, turns->connections);
    for (size_t round = 0; round < turns->rounds; round++)
        for (int side = 0; side < SIDES; side++)
            turn(&sides[side], turns, round);
    for (int side = 0; side < SIDES; side++)
        end(&sides[side], side, turns->connections);
    conclude(report, sides, turns->rounds);
}
