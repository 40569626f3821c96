#include "tests/fault/suite/faults.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/fault/suite/database.h"
#include "tests/fault/suite/random.h"
#include "tests/lib/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum fault_kind {
    FAULT_KILL,
    FAULT_FREEZE,
    FAULT_LEAVE,
    FAULT_BACKENDS,
    FAULT_BACKEND_CRASH,
    FAULT_PG_FAST,
    FAULT_PG_IMMEDIATE,
    FAULT_PG_CUT,
    FAULT_PG_HOLE,
    FAULT_PG_DEAF,
    FAULT_SUBMIT_DEAF,
    FAULT_BUS_CUT,
    FAULT_BUS_HOLE,
    FAULT_BROKER,
    FAULT_ROW_LOCK,
    FAULT_TABLE_LOCK,
    FAULT_DISK,
    FAULT_KINDS
};

/* Kinds are dealt from a shuffled deck, so that a short run sees most of them. How long a fault lasts
 * is within `least` to `most` ms. */
static const struct kind {
    const char *name;
    int cards, least, most;
} kinds[FAULT_KINDS] = {
    [FAULT_KILL] = {"kill -9 of a jobsd", 3, 500, 6000},
    [FAULT_FREEZE] = {"SIGSTOP of a jobsd", 2, 1000, 25000},
    [FAULT_LEAVE] = {"SIGTERM and restart of a jobsd", 2, 0, 0},
    [FAULT_BACKENDS] = {"sessions of jobsd ended", 2, 0, 0},
    [FAULT_BACKEND_CRASH] = {"kill -9 of a backend", 1, 0, 0},
    [FAULT_PG_FAST] = {"PostgreSQL restart, fast", 1, 0, 3000},
    [FAULT_PG_IMMEDIATE] = {"PostgreSQL restart, immediate", 1, 0, 3000},
    [FAULT_PG_CUT] = {"connections to PostgreSQL cut", 1, 0, 0},
    [FAULT_PG_HOLE] = {"black hole before PostgreSQL", 2, 1000, 15000},
    [FAULT_PG_DEAF] = {"answers to a jobsd lost", 2, 5, 500},
    [FAULT_SUBMIT_DEAF] = {"answers to clients lost", 2, 5, 500},
    [FAULT_BUS_CUT] = {"connections to RabbitMQ cut", 1, 0, 0},
    [FAULT_BUS_HOLE] = {"black hole before RabbitMQ", 1, 1000, 12000},
    [FAULT_BROKER] = {"RabbitMQ restart", 1, 0, 0},
    [FAULT_ROW_LOCK] = {"row of a job locked", 2, 1000, 3000},
    [FAULT_TABLE_LOCK] = {"t_job_ready locked", 1, 1000, 3000},
    [FAULT_DISK] = {"workspace's disk full", 1, 1000, 4000},
};

#define DECK_MOST 64

/* What ends a fault that lasts. */
struct ending {
    enum fault_kind kind;
    int instance;
    int64_t at; /* ms */
};

struct faults {
    struct faults_options options;
    struct chance chance;
    struct database database, locker;
    bool locked;
    int64_t next; /* ms: when the next one is due */
    enum fault_kind deck[DECK_MOST];
    int cards; /* left in it */
    struct ending endings[64];
    size_t ending_count;
    size_t done[FAULT_KINDS], skipped;
};

static int64_t now_ms(void) { return clock_now() / CLOCK_MS; }

static void say(const struct faults *f, const char *what, const char *who, int64_t ms) {
    if (!f->options.verbose)
        return;
    printf("%9.3f %s%s%s", (double)now_ms() / 1000, what, who[0] ? " " : "", who);
    if (ms > 0)
        printf(", %lld ms", (long long)ms);
    printf("\n");
}

/* ---- faults that last: their ends ---- */

static void ends_in(struct faults *f, enum fault_kind kind, int instance, int64_t ms) {
    if (f->ending_count == sizeof f->endings / sizeof *f->endings)
        program_give_up("too many faults at a time");
    f->endings[f->ending_count++] = (struct ending){kind, instance, now_ms() + ms};
}

static bool is_under(const struct faults *f, enum fault_kind kind, int instance) {
    for (size_t i = 0; i < f->ending_count; i++)
        if (f->endings[i].kind == kind && f->endings[i].instance == instance)
            return true;
    return false;
}

static void empty_disk(const struct faults *f) {
    char path[600];
    snprintf(path, sizeof path, "%s/ballast", f->options.disk);
    unlink(path);
}

static void end_fault(struct faults *f, const struct ending *ending) {
    struct fleet *fleet = f->options.fleet;
    int i = ending->instance;
    switch (ending->kind) {
    case FAULT_KILL:
    case FAULT_LEAVE: fleet_begin(fleet, i); break;
    case FAULT_FREEZE: fleet_thaw(fleet, i); break;
    case FAULT_PG_HOLE:
        proxy_set_mode(fleet_pg_proxy(fleet, i), PROXY_PASS);
        fleet_reachable(fleet, i);
        break;
    case FAULT_PG_DEAF:
        proxy_cut(fleet_pg_proxy(fleet, i));
        proxy_set_mode(fleet_pg_proxy(fleet, i), PROXY_PASS);
        break;
    case FAULT_SUBMIT_DEAF:
        proxy_cut(f->options.lossy);
        proxy_set_mode(f->options.lossy, PROXY_PASS);
        break;
    case FAULT_BUS_HOLE: proxy_set_mode(fleet_bus_proxy(fleet, i), PROXY_PASS); break;
    case FAULT_ROW_LOCK:
    case FAULT_TABLE_LOCK:
        database_drop(&f->locker);
        f->locked = false;
        break;
    case FAULT_DISK: empty_disk(f); break;
    default: break;
    }
}

static void end_due(struct faults *f, int64_t by) {
    for (size_t i = 0; i < f->ending_count;) {
        struct ending ending = f->endings[i];
        if (ending.at > by) {
            i++;
            continue;
        }
        f->endings[i] = f->endings[--f->ending_count];
        end_fault(f, &ending);
    }
}

/* ---- beginning ---- */

static bool execute(struct faults *f, const char *sql) {
    PGresult *result = database_try(&f->database, sql, 0, NULL);
    bool hit = result && PQntuples(result) > 0;
    PQclear(result);
    return hit;
}

/* The whole server crashes and recovers when a backend is killed. */
static bool crash_backend(struct faults *f) {
    PGresult *result = database_try(&f->database,
                                    "select pid from pg_stat_activity where application_name like "
                                    "'jobs %' and backend_type = 'client backend' limit 1",
                                    0, NULL);
    bool hit = result && PQntuples(result) == 1;
    if (hit)
        kill((pid_t)strtol(PQgetvalue(result, 0, 0), NULL, 10), SIGKILL);
    PQclear(result);
    return hit;
}

static bool restart_pg(struct faults *f, bool crash, int64_t ms) {
    (crash ? test_pg_crash : test_pg_stop)(f->options.pg);
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    test_pg_restart(f->options.pg);
    return true;
}

/* In a session of its own, until that is closed. */
static bool lock(struct faults *f, const char *sql) {
    if (f->locked)
        return false;
    PGresult *begun = database_try(&f->locker, "begin", 0, NULL);
    PGresult *result = begun ? database_try(&f->locker, sql, 0, NULL) : NULL;
    f->locked = result != NULL;
    if (!f->locked)
        database_drop(&f->locker);
    PQclear(begun);
    PQclear(result);
    return f->locked;
}

static bool fill_disk(const struct faults *f) {
    char path[600], page[4096];
    if (!f->options.disk)
        return false;
    snprintf(path, sizeof path, "%s/ballast", f->options.disk);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    memset(page, 0, sizeof page);
    while (fd >= 0 && write(fd, page, sizeof page) > 0)
        ;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool is_healthy(const struct faults *f, int i) {
    return fleet_state(f->options.fleet, i) == INSTANCE_UP && !is_under(f, FAULT_PG_HOLE, i) &&
           !is_under(f, FAULT_PG_DEAF, i);
}

/* Somebody must be left to go on with the work. */
static bool is_spare(const struct faults *f, int instance) {
    int others = 0;
    for (int i = 0; i < fleet_count(f->options.fleet); i++)
        others += i != instance && is_healthy(f, i);
    return is_healthy(f, instance) && others > 0;
}

static bool begin_at_instance(struct faults *f, enum fault_kind kind, int i, int64_t ms) {
    struct fleet *fleet = f->options.fleet;
    if (kind == FAULT_BUS_CUT) {
        proxy_cut(fleet_bus_proxy(fleet, i));
        return true;
    }
    if (kind == FAULT_BUS_HOLE) {
        if (is_under(f, kind, i))
            return false;
        proxy_set_mode(fleet_bus_proxy(fleet, i), PROXY_HOLE);
        ends_in(f, kind, i, ms);
        return true;
    }
    if (!is_spare(f, i))
        return false;
    if (kind == FAULT_KILL) {
        fleet_kill(fleet, i);
        recovery_killed(f->options.recovery, fleet_name(fleet, i));
    } else if (kind == FAULT_FREEZE) {
        fleet_freeze(fleet, i);
    } else if (kind == FAULT_LEAVE) {
        fleet_leave(fleet, i);
        return true;
    } else if (kind == FAULT_PG_CUT) {
        proxy_cut(fleet_pg_proxy(fleet, i));
        return true;
    } else if (kind == FAULT_PG_HOLE) {
        fleet_cut_off(fleet, i);
        proxy_set_mode(fleet_pg_proxy(fleet, i), PROXY_HOLE);
    } else {
        proxy_set_mode(fleet_pg_proxy(fleet, i), PROXY_DEAF);
    }
    ends_in(f, kind, i, ms);
    return true;
}

static bool begin_fault(struct faults *f, enum fault_kind kind, int i, int64_t ms) {
    switch (kind) {
    case FAULT_BACKENDS:
        return execute(f, "select pg_terminate_backend(pid) from pg_stat_activity where "
                          "application_name like 'jobs %' order by random() limit 2");
    case FAULT_BACKEND_CRASH: return crash_backend(f);
    case FAULT_PG_FAST: return restart_pg(f, false, ms);
    case FAULT_PG_IMMEDIATE: return restart_pg(f, true, ms);
    case FAULT_SUBMIT_DEAF:
        if (is_under(f, kind, 0))
            return false;
        proxy_set_mode(f->options.lossy, PROXY_DEAF);
        ends_in(f, kind, 0, ms);
        return true;
    case FAULT_BROKER:
        test_broker_stop(f->options.broker);
        test_broker_restart(f->options.broker);
        return true;
    case FAULT_ROW_LOCK:
    case FAULT_TABLE_LOCK:
        if (!lock(f, kind == FAULT_TABLE_LOCK
                         ? "lock table jobs.t_job_ready"
                         : "select from jobs.t_job_info where id = any(array(select unnest(ids) "
                           "from jobs.t_job_claim limit 3)) for update skip locked"))
            return false;
        ends_in(f, kind, 0, ms);
        return true;
    case FAULT_DISK:
        if (is_under(f, kind, 0) || !fill_disk(f))
            return false;
        ends_in(f, kind, 0, ms);
        return true;
    default: return begin_at_instance(f, kind, i, ms);
    }
}

static void shuffle(struct faults *f) {
    f->cards = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        for (int i = 0; i < kinds[kind].cards; i++)
            f->deck[f->cards++] = (enum fault_kind)kind;
    for (int i = f->cards - 1; i > 0; i--) {
        int64_t j = chance_between(&f->chance, 0, i);
        enum fault_kind kind = f->deck[i];
        f->deck[i] = f->deck[j];
        f->deck[j] = kind;
    }
}

static enum fault_kind deal(struct faults *f) {
    if (f->cards == 0)
        shuffle(f);
    return f->deck[--f->cards];
}

/* All numbers are drawn whether they are needed or not: the sequence is the seed's alone. */
static void draw_fault(struct faults *f) {
    enum fault_kind kind = deal(f);
    int i = (int)chance_between(&f->chance, 0, fleet_count(f->options.fleet) - 1);
    int64_t ms = chance_between(&f->chance, kinds[kind].least, kinds[kind].most),
            rest = chance_between(&f->chance, 1000, 5000);
    kind = f->options.kills_only ? FAULT_KILL : kind;
    ms = f->options.kills_only ? 500 : ms;
    bool done = begin_fault(f, kind, i, ms);
    f->done[kind] += done;
    f->skipped += !done;
    if (done)
        say(f, kinds[kind].name, kind <= FAULT_LEAVE ? fleet_name(f->options.fleet, i) : "", ms);
    f->next = now_ms() + (done ? rest : 100);
}

/* Those that left come back. */
static void bring_back(struct faults *f) {
    fleet_watch(f->options.fleet);
    for (int i = 0; i < fleet_count(f->options.fleet); i++)
        if (fleet_state(f->options.fleet, i) == INSTANCE_DOWN && !is_under(f, FAULT_KILL, i))
            fleet_begin(f->options.fleet, i);
}

/* Each has been there for longer than the lease, so that it may judge the others. */
static bool is_calm(const struct faults *f) {
    const struct fleet *fleet = f->options.fleet;
    for (int i = 0; i < fleet_count(fleet); i++)
        if (fleet_state(fleet, i) != INSTANCE_UP ||
            now_ms() - fleet_since(fleet, i) < FLEET_LEASE_MS + 1500)
            return false;
    return recovery_open(f->options.recovery) == 0;
}

int64_t faults_step(struct faults *f) {
    end_due(f, now_ms());
    bring_back(f);
    if (now_ms() >= f->next && (!f->options.kills_only || is_calm(f)))
        draw_fault(f);
    return 20;
}

void faults_heal(struct faults *f) {
    end_due(f, INT64_MAX);
    while (fleet_able(f->options.fleet) < fleet_count(f->options.fleet)) {
        bring_back(f);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

struct faults *faults_new(const struct faults_options *options) {
    struct faults *f = MEM_NEW(struct faults);
    f->options = *options;
    f->chance = chance_begin(options->seed, 0);
    f->database.url = f->locker.url = options->pg_url;
    f->next = now_ms() + 2000;
    return f;
}

size_t faults_count(const struct faults *f) {
    size_t count = 0;
    for (int i = 0; i < FAULT_KINDS; i++)
        count += f->done[i];
    return count;
}

void faults_print(const struct faults *f) {
    printf("faults: %zu (%zu draws were impossible just then)\n", faults_count(f), f->skipped);
    for (int i = 0; i < FAULT_KINDS; i++)
        if (f->done[i] > 0)
            printf("  %4zu  %s\n", f->done[i], kinds[i].name);
}

void faults_free(struct faults *f) {
    database_drop(&f->database);
    database_drop(&f->locker);
    free(f);
}
