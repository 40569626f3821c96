/* The jobsd processes of the suite. Each start is an *incarnation* with a number of its own, from
 * 1. Main thread only: a process ends with the thread that started it. */
#ifndef SUITE_INSTANCES_H
#define SUITE_INSTANCES_H
#include "tests/lib/proxy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_MOST 3
#define FLEET_LEASE_MS 6000

enum instance_state { INSTANCE_DOWN, INSTANCE_UP, INSTANCE_FROZEN, INSTANCE_LEAVING };

struct fleet_options {
    int count;
    const char *pg_url, *amqp_url;
    const char *service, *dir; /* of logs */
    const char *record, *workspace;
    bool quiet; /* nothing but kills: grace is long */
};

struct fleet;
/* Starts them all. The options must outlive it. */
struct fleet *fleet_start(const struct fleet_options *options);
void fleet_free(struct fleet *fleet); /* all must be down */

int fleet_count(const struct fleet *fleet);
enum instance_state fleet_state(const struct fleet *fleet, int i);
int64_t fleet_since(const struct fleet *fleet, int i); /* ms: when it came into that state */
int fleet_able(const struct fleet *fleet);             /* how many are up */
/* jobs.instance.name of the incarnation: "i<instance>.<incarnation>". */
const char *fleet_name(const struct fleet *fleet, int i);
/* Each has proxies of its own before PostgreSQL and RabbitMQ. */
struct proxy *fleet_pg_proxy(const struct fleet *fleet, int i);
struct proxy *fleet_bus_proxy(const struct fleet *fleet, int i);

void fleet_begin(struct fleet *fleet, int i);  /* it was down */
void fleet_kill(struct fleet *fleet, int i);   /* SIGKILL */
void fleet_leave(struct fleet *fleet, int i);  /* SIGTERM */
void fleet_freeze(struct fleet *fleet, int i); /* SIGSTOP */
void fleet_thaw(struct fleet *fleet, int i);   /* SIGCONT */
/* The instance cannot be seen by the others from now on, or can again: to be known by the auditor.
 * The functions above do it themselves. */
void fleet_cut_off(struct fleet *fleet, int i);
void fleet_reachable(struct fleet *fleet, int i);
/* Takes note of processes that ended. One that ended unasked or, asked, by a signal is a violation;
 * it is printed. */
void fleet_watch(struct fleet *fleet);
size_t fleet_violations(const struct fleet *fleet);

/* When the incarnation was killed, INT64_MAX: never. */
int64_t fleet_died(const struct fleet *fleet, int incarnation);
/* Had it been cut off for longer than 5 s when something else began its job at `at`? */
bool fleet_was_cut_off(const struct fleet *fleet, int incarnation, int64_t at);
/* Prints what sanitizers said in the logs; how many logs. */
size_t fleet_complaints(const struct fleet *fleet);
#endif
