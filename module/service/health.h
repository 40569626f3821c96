/* How a service is, for probes, people and systemd.
 *
 * ready: may work be sent here? PostgreSQL and RabbitMQ are asked for real, each by a thread of its
 * own and at most once a second, so that one that hangs holds up neither the others nor the caller.
 * live: do the threads of this process move? Asks nobody: a database that is away is no reason to
 * restart this process. */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H
#include "module/base/buf.h"

#define HEALTH_MOST_MS 3000 /* a server that has not answered by then is down */

struct health;
struct job_service;

enum health_status {
    HEALTH_OK,
    HEALTH_WARNING, /* works, but somebody should look at it */
    HEALTH_DOWN
};

struct health_check {
    char name[80]; /* "datasource:main", "amqp", "pool", … */
    enum health_status status;
    char detail[1000]; /* "" when there is nothing to say */
};

struct health_report {
    enum health_status status; /* the worst of its checks */
    size_t count;
    struct health_check *checks;
};

/* The service must outlive it; its threads start at the first question. */
struct health *health_new(struct job_service *service);
/* Waits for questions under way: 2 s each at most, plus name resolution. NULL is fine. */
void health_free(struct health *health);

/* Returns within HEALTH_MOST_MS and a little. Any thread. health_report_done frees what it made. */
void health_ready(struct health *health, struct health_report *ret);
void health_live(struct job_service *service, struct health_report *ret);
void health_report_done(struct health_report *report);
/* {"status":"ok","checks":[{"name":…,"status":…,"detail":…}]}; the status is "down" only when a
 * check is. */
void health_json(const struct health_report *report, struct buf *out);
/* One line for systemctl status, without asking anybody: "running 3 of 10 slots; main: 12 jobs …" */
void health_line(struct job_service *service, struct buf *out);
#endif
