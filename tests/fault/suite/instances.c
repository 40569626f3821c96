#include "tests/fault/suite/instances.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define CUT_OFF_MS 5000 /* the others may take its jobs after so long */
#define AFTERGLOW 3000  /* ms in which one that woke hears that it was lost, and stops its runs */
#define LEAVE_MS 60000

struct instance {
    enum instance_state state;
    int64_t since;
    pid_t pid;
    int incarnation;
    char name[32], log[512];
    struct proxy *pg_proxy, *bus_proxy;
};

struct outage {
    int incarnation;
    int64_t from, to;
    bool dead;
};

struct fleet {
    const struct fleet_options *options;
    struct instance instances[FLEET_MOST];
    int incarnations;
    struct outage *outages;
    size_t outage_count;
    size_t violations;
};

static int64_t now_ms(void) { return clock_now() / CLOCK_MS; }

static void enter(struct instance *instance, enum instance_state state) {
    instance->state = state;
    instance->since = now_ms();
}

/* ---- what the auditor will ask ---- */

static void outage_begin(struct fleet *fleet, int incarnation, bool dead) {
    fleet->outages = mem_grow(fleet->outages, fleet->outage_count + 1, sizeof *fleet->outages);
    fleet->outages[fleet->outage_count++] = (struct outage){incarnation, now_ms(), INT64_MAX, dead};
}

static void outage_end(struct fleet *fleet, int incarnation) {
    for (size_t i = 0; i < fleet->outage_count; i++)
        if (fleet->outages[i].incarnation == incarnation && fleet->outages[i].to == INT64_MAX &&
            !fleet->outages[i].dead)
            fleet->outages[i].to = now_ms();
}

void fleet_cut_off(struct fleet *fleet, int i) {
    outage_begin(fleet, fleet->instances[i].incarnation, false);
}

void fleet_reachable(struct fleet *fleet, int i) {
    outage_end(fleet, fleet->instances[i].incarnation);
}

int64_t fleet_died(const struct fleet *fleet, int incarnation) {
    for (size_t i = 0; i < fleet->outage_count; i++)
        if (fleet->outages[i].incarnation == incarnation && fleet->outages[i].dead)
            return fleet->outages[i].from;
    return INT64_MAX;
}

bool fleet_was_cut_off(const struct fleet *fleet, int incarnation, int64_t at) {
    for (size_t i = 0; i < fleet->outage_count; i++) {
        const struct outage *o = &fleet->outages[i];
        if (o->incarnation == incarnation && at - o->from >= CUT_OFF_MS &&
            (o->to == INT64_MAX || at - o->to <= AFTERGLOW))
            return true;
    }
    return false;
}

/* ---- processes ---- */

static const char *keep(char *texts[], size_t *count, const char *key, const char *value) {
    struct buf text = {0};
    buf_format(&text, "%s=%s", key, value);
    return texts[(*count)++] = buf_take(&text);
}

static void launch(struct fleet *fleet, struct instance *instance) {
    const struct fleet_options *o = fleet->options;
    char *texts[16], number[16];
    size_t n = 0, argc = 1;
    const char *argv[32] = {BUILD_DIR "/bin/jobsd"};
    snprintf(number, sizeof number, "%d", instance->incarnation);
    /* Every other one does not wait for its runs when it leaves: they are stopped and go on
     * elsewhere. */
    const char *grace = o->quiet || instance->incarnation % 2 ? "3s" : "100ms";
    const char *const settings[][2] = {
        {"jobs.datasource.main.url", proxy_url(instance->pg_proxy)},
        {"jobs.amqp.url", proxy_url(instance->bus_proxy)},
        {"jobs.service", o->service},
        {"jobs.instance.name", instance->name},
        {"jobs.classes.dir", CLASSES_DIR},
        {"jobs.workspace.dir", o->workspace},
        {"jobs.class.child.env.FAULT_SUITE_RECORD", o->record},
        {"jobs.class.child.env.FAULT_SUITE_INCARNATION", number},
        {"jobs.class.child.idle", "20ms"}, /* hosts come and go between its jobs */
        {"jobs.api.listen", ""},
        {"jobs.lease.ms", "6s"},
        {"jobs.shutdown.grace.ms", grace},
        {"jobs.pool.size", "10"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        argv[argc++] = "--set";
        argv[argc++] = keep(texts, &n, settings[i][0], settings[i][1]);
    }
    const char *environment[] = {keep(texts, &n, "FAULT_SUITE_RECORD", o->record),
                                 keep(texts, &n, "FAULT_SUITE_INCARNATION", number), NULL};
    instance->pid = program_start(argv, environment, instance->log);
    while (n > 0)
        free(texts[--n]);
}

void fleet_begin(struct fleet *fleet, int i) {
    struct instance *instance = &fleet->instances[i];
    if (instance->state != INSTANCE_DOWN)
        return;
    instance->incarnation = ++fleet->incarnations;
    snprintf(instance->name, sizeof instance->name, "i%d.%d", i, instance->incarnation);
    snprintf(instance->log, sizeof instance->log, "%s/i%d.%d.log", fleet->options->dir, i,
             instance->incarnation);
    launch(fleet, instance);
    enter(instance, INSTANCE_UP);
}

static void violation(struct fleet *fleet, const struct instance *instance, int status) {
    fleet->violations++;
    printf("VIOLATION: jobsd %s ended by itself or badly: status %d; its log is %s\n",
           instance->name, status, instance->log);
}

void fleet_kill(struct fleet *fleet, int i) {
    struct instance *instance = &fleet->instances[i];
    outage_begin(fleet, instance->incarnation, true);
    int status = program_end(instance->pid, SIGKILL, LEAVE_MS);
    if (status != 128 + SIGKILL)
        violation(fleet, instance, status);
    enter(instance, INSTANCE_DOWN);
}

void fleet_leave(struct fleet *fleet, int i) {
    kill(fleet->instances[i].pid, SIGTERM);
    enter(&fleet->instances[i], INSTANCE_LEAVING);
}

void fleet_freeze(struct fleet *fleet, int i) {
    fleet_cut_off(fleet, i);
    kill(fleet->instances[i].pid, SIGSTOP);
    enter(&fleet->instances[i], INSTANCE_FROZEN);
}

void fleet_thaw(struct fleet *fleet, int i) {
    kill(fleet->instances[i].pid, SIGCONT);
    fleet_reachable(fleet, i);
    enter(&fleet->instances[i], INSTANCE_UP);
}

static void watch(struct fleet *fleet, struct instance *instance) {
    int status;
    if (instance->state == INSTANCE_LEAVING &&
        now_ms() - instance->since > LEAVE_MS * test_time_factor()) {
        violation(fleet, instance, -1);
        kill(instance->pid, SIGKILL);
        instance->since = now_ms();
    }
    if (waitpid(instance->pid, &status, WNOHANG) != instance->pid)
        return;
    /* Without a database at hand the ends of runs cannot be written: 1, and others take over. */
    if (instance->state != INSTANCE_LEAVING || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
        violation(fleet, instance, status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        printf("  note: jobsd %s left with status 1 (%s)\n", instance->name, instance->log);
    outage_begin(fleet, instance->incarnation, true);
    enter(instance, INSTANCE_DOWN);
}

void fleet_watch(struct fleet *fleet) {
    for (int i = 0; i < fleet->options->count; i++)
        if (fleet->instances[i].state != INSTANCE_DOWN)
            watch(fleet, &fleet->instances[i]);
}

/* ---- the fleet ---- */

struct fleet *fleet_start(const struct fleet_options *options) {
    struct fleet *fleet = MEM_NEW(struct fleet);
    fleet->options = options;
    for (int i = 0; i < options->count; i++) {
        fleet->instances[i].pg_proxy = proxy_start(options->pg_url, false);
        fleet->instances[i].bus_proxy = proxy_start(options->amqp_url, false);
        fleet_begin(fleet, i);
    }
    return fleet;
}

void fleet_free(struct fleet *fleet) {
    for (int i = 0; i < fleet->options->count; i++) {
        proxy_stop(fleet->instances[i].pg_proxy);
        proxy_stop(fleet->instances[i].bus_proxy);
    }
    free(fleet->outages);
    free(fleet);
}

int fleet_count(const struct fleet *fleet) { return fleet->options->count; }

enum instance_state fleet_state(const struct fleet *fleet, int i) {
    return fleet->instances[i].state;
}

int64_t fleet_since(const struct fleet *fleet, int i) { return fleet->instances[i].since; }

int fleet_able(const struct fleet *fleet) {
    int able = 0;
    for (int i = 0; i < fleet->options->count; i++)
        able += fleet->instances[i].state == INSTANCE_UP;
    return able;
}

const char *fleet_name(const struct fleet *fleet, int i) { return fleet->instances[i].name; }

struct proxy *fleet_pg_proxy(const struct fleet *fleet, int i) {
    return fleet->instances[i].pg_proxy;
}

struct proxy *fleet_bus_proxy(const struct fleet *fleet, int i) {
    return fleet->instances[i].bus_proxy;
}

size_t fleet_violations(const struct fleet *fleet) { return fleet->violations; }

size_t fleet_complaints(const struct fleet *fleet) {
    char *found;
    const char *argv[] = {"sh", "-c",
                          "grep -l -e 'Sanitizer' -e 'runtime error:' -e 'ssertion' \"$0\"/*.log",
                          fleet->options->dir, NULL};
    bool any = program_run(argv, &found) == 0;
    if (any)
        printf("VIOLATION: sanitizers or assertions spoke in:\n%s", found);
    free(found);
    return any;
}
