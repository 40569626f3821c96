/* fault_suite: real jobsd processes under load from several tenants, against servers of their own;
 * everything that can go wrong does, at random; then an audit. Exit status 1 on any violation. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "tests/fault/suite/audit.h"
#include "tests/fault/suite/faults.h"
#include "tests/fault/suite/load.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "faults"
#define DRAIN_MS 180000

static const char usage[] =
    "usage: fault_suite [--minutes N | --seconds N] [--seed S] [--instances 2|3]\n"
    "                   [--rate JOBS-PER-SECOND] [--kills-only] [--verbose] [--keep]\n"
    "Default: 60 seconds of faults, a seed of its own, 2 instances. --kills-only: nothing but\n"
    "kill -9, one after another, each recovered from. --keep: leave the logs where they are.\n";

struct suite {
    int64_t seconds;
    uint64_t seed;
    int instances, rate;
    bool kills_only, verbose, keep;

    char dir[64], disk[96], record[96];
    bool has_disk;
    struct test_pg *pg;
    struct test_broker *broker;
    struct proxy *lossy;
    const char *url;
    struct ledger ledger;
    struct fleet_options fleet_options;
    struct fleet *fleet;
    struct subscriber *subscriber;
    struct recovery *recovery;
    struct load *load;
    struct faults *faults;
};

static int64_t number_of(const char *text, int64_t least, int64_t most) {
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*end || end == text || number < least || number > most) {
        fprintf(stderr, "fault_suite: not a number from %lld to %lld: %s\n", (long long)least,
                (long long)most, text);
        exit(2);
    }
    return number;
}

static void read_options(struct suite *s, int argc, char **argv) {
    static const struct option options[] = {
        {"minutes", required_argument, NULL, 'm'},
        {"seconds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},
        {"instances", required_argument, NULL, 'i'},
        {"rate", required_argument, NULL, 'r'},
        {"kills-only", no_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},
        {"keep", no_argument, NULL, 'K'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
        switch (c) {
        case 'm': s->seconds = 60 * number_of(optarg, 1, 10000); break;
        case 's': s->seconds = number_of(optarg, 1, 600000); break;
        case 'S': s->seed = (uint64_t)number_of(optarg, 0, INT64_MAX); break;
        case 'i': s->instances = (int)number_of(optarg, 2, FLEET_MOST); break;
        case 'r': s->rate = (int)number_of(optarg, 1, 2000); break;
        case 'k': s->kills_only = true; break;
        case 'v': s->verbose = true; break;
        case 'K': s->keep = true; break;
        default: fputs(usage, stderr), exit(2);
        }
    if (optind < argc)
        fputs(usage, stderr), exit(2);
}

/* A file system of 1 MiB that only this process and those it starts see; it goes with them. */
static void make_disk(struct suite *s) {
    snprintf(s->disk, sizeof s->disk, "%s/disk", s->dir);
    mkdir(s->disk, 0700);
    s->has_disk = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                  mount("fault-suite", s->disk, "tmpfs", 0, "size=1m,mode=700") == 0;
    if (!s->has_disk)
        printf("no small file system (needs root): the disk will not be full\n");
}

static void make_folder(struct suite *s) {
    snprintf(s->dir, sizeof s->dir, "/var/tmp/jobs-faults.XXXXXX");
    if (!mkdtemp(s->dir))
        program_give_up("no folder for logs");
    snprintf(s->record, sizeof s->record, "%s/record", s->dir);
    make_disk(s);
}

static void forget_settings(void) {
    for (char **variable = environ; *variable;) {
        size_t n = strcspn(*variable, "=");
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)n, *variable);
        if (strncmp(name, "JOBS_", 5) == 0 && strncmp(name, "JOBS_TEST_", 10) != 0)
            unsetenv(name); /* the next one moves here */
        else
            variable++;
    }
}

/* The tables are made by the first jobsd, as in life. */
static void begin(struct suite *s) {
    make_folder(s);
    s->pg = test_pg_start();
    s->broker = test_broker_start();
    s->url = test_pg_database(s->pg);
    s->lossy = proxy_start(s->url, false);
    s->subscriber = subscriber_start(test_broker_url(s->broker), SERVICE);
    s->recovery = recovery_start(s->url);
    ledger_init(&s->ledger);
    s->fleet_options = (struct fleet_options){.count = s->instances,
                                              .pg_url = s->url,
                                              .amqp_url = test_broker_url(s->broker),
                                              .service = SERVICE,
                                              .dir = s->dir,
                                              .record = s->record,
                                              .workspace = s->disk,
                                              .quiet = s->kills_only};
    s->fleet = fleet_start(&s->fleet_options);
    if (!test_wait_sql(s->url, 30000, "select to_regclass('jobs.t_job_instance') is not null") ||
        !test_wait_sql(s->url, 30000, "select count(*) = %d from jobs.t_job_instance",
                       s->instances))
        program_give_up("jobsd does not come up: see %s", s->dir);
    test_sql(s->url,
             "insert into jobs.t_tenant (tenant) select 't' || n from "
             "generate_series(0, %d) n",
             LOAD_TENANTS - 1);
    s->load = load_start(&(struct load_options){.seed = s->seed,
                                                .pg_url = s->url,
                                                .lossy_url = proxy_url(s->lossy),
                                                .rate = s->rate,
                                                .ledger = &s->ledger,
                                                .subscriber = s->subscriber});
    s->faults = faults_new(&(struct faults_options){.seed = s->seed,
                                                    .fleet = s->fleet,
                                                    .pg = s->pg,
                                                    .pg_url = s->url,
                                                    .broker = s->broker,
                                                    .lossy = s->lossy,
                                                    .recovery = s->recovery,
                                                    .disk = s->has_disk ? s->disk : NULL,
                                                    .kills_only = s->kills_only,
                                                    .verbose = s->verbose});
}

static void break_things(struct suite *s) {
    int64_t until = clock_now() + s->seconds * CLOCK_SECOND, told = clock_now();
    while (clock_now() < until && fleet_violations(s->fleet) == 0) {
        int64_t ms = faults_step(s->faults);
        nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
        if (clock_now() - told < 60 * CLOCK_SECOND)
            continue;
        told = clock_now();
        printf("%lld s to go: %zu faults, %zu jobs, %zu ended\n",
               (long long)((until - told) / CLOCK_SECOND), faults_count(s->faults),
               ledger_count(&s->ledger), subscriber_get(s->subscriber).final);
        fflush(stdout);
    }
    faults_heal(s->faults);
    load_stop(s->load);
}

static size_t judge(struct suite *s) {
    struct audit_options options = {.pg_url = s->url,
                                    .record = s->record,
                                    .ledger = &s->ledger,
                                    .subscriber = s->subscriber,
                                    .fleet = s->fleet};
    int64_t began = clock_now();
    size_t violations = !audit_wait(&options, DRAIN_MS);
    printf("all ended %.1f s after the last fault\n", (double)(clock_now() - began) / 1e6);
    return violations + audit_run(&options);
}

static size_t end_fleet(struct suite *s) {
    for (int i = 0; i < s->instances; i++)
        if (fleet_state(s->fleet, i) == INSTANCE_UP)
            fleet_leave(s->fleet, i);
    for (int down = 0; down < s->instances;) {
        fleet_watch(s->fleet);
        down = 0;
        for (int i = 0; i < s->instances; i++)
            down += fleet_state(s->fleet, i) == INSTANCE_DOWN;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return fleet_violations(s->fleet) + fleet_complaints(s->fleet);
}

static size_t print_recovery(const struct suite *s) {
    struct recovery_times t = recovery_get(s->recovery);
    printf("recovery after kill -9: %zu kills that hit jobs, p50 %.1f s, p95 %.1f s, most %.1f s "
           "(%zu hit none)\n",
           t.count, (double)t.p50 / 1000, (double)t.p95 / 1000, (double)t.most / 1000, t.idle);
    if (!s->kills_only || t.p95 <= 10000 * test_time_factor())
        return 0;
    printf("VIOLATION: recovery takes longer than 10 s\n");
    return 1;
}

static void print_run(const struct suite *s) {
    struct load_counts load = load_get(s->load);
    printf("seed %llu, %d instances, %lld s\n", (unsigned long long)s->seed, s->instances,
           (long long)s->seconds);
    faults_print(s->faults);
    printf("jobs: %zu acknowledged in %zu submits, %zu submits repeated; %zu stops, %zu retries, "
           "%zu locks\n",
           ledger_count((struct ledger *)(uintptr_t)&s->ledger), load.submits, load.repeated,
           load.stops, load.retries, load.locks);
}

static void clean_up(struct suite *s, bool bad) {
    fleet_free(s->fleet);
    recovery_stop(s->recovery);
    subscriber_stop(s->subscriber);
    faults_free(s->faults);
    load_free(s->load);
    proxy_stop(s->lossy);
    ledger_done(&s->ledger);
    test_pg_free(s->pg);
    test_broker_free(s->broker);
    if (s->has_disk)
        umount2(s->disk, MNT_DETACH);
    if (bad || s->keep)
        printf("logs and record of runs: %s\n", s->dir);
    else
        free(program_read((const char *const[]){"rm", "-r", s->dir, NULL}));
}

int main(int argc, char **argv) {
    struct suite s = {.seconds = 60, .instances = 2, .rate = test_time_factor() > 1 ? 25 : 100};
    if (getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed)
        return 1;
    s.seed %= 1000000;
    read_options(&s, argc, argv);
    forget_settings();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed %llu\n", (unsigned long long)s.seed);
    begin(&s);
    break_things(&s);
    size_t violations = judge(&s);
    violations += end_fleet(&s);
    print_run(&s);
    violations += print_recovery(&s);
    printf("%s: %zu violations\n", violations ? "FAILED" : "passed", violations);
    clean_up(&s, violations > 0);
    return violations > 0;
}
