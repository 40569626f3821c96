/* Inside of a keeper, for the keeper_*.c files. */
#ifndef SERVICE_KEEPER_PRIVATE_H
#define SERVICE_KEEPER_PRIVATE_H
#include "module/base/clock.h"
#include "module/base/table.h"
#include "module/service/keeper.h"
#include "module/service/opening.h"
#include "module/service/retention.h"

#include <pthread.h>
#include <stdatomic.h>

struct keeper_tenant {
    char *user; /* of the broker: who may command it */
    bool seen;  /* in the last look at t_tenant */
    bool bound; /* on the present connection */
};

struct keeper {
    /* With a virtual host per tenant each tenant has a *line*: a keeper with a connection and
     * commands of its own, and without anything else: the rest is that of `top`, its texts too. */
    struct keeper *top;   /* itself, when it is no line */
    char *tenant, *vhost; /* of a line */
    bool vhosts;
    struct table lines;  /* tenant to its struct keeper */
    int64_t listened_at; /* of a line */

    /* Never change after start. */
    const struct log *log;
    char *datasource, *service, *amqp_url, *url, *schema, *application_name;
    char *queue, *commands_exchange, *dead_exchange;
    struct sql_options sql_options;
    enum command_trust trust;
    pthread_t thread;
    int wake_fd; /* eventfd: a note was left */

    /* Any thread. */
    atomic_bool stopping, held, consuming;
    atomic_bool only_datasource; /* a reload may change it */
    atomic_ullong folded, carried_out, dead, purged;

    /* The keeper's thread only. */
    struct buf text; /* scratch */
    struct figures figures;

    /* Database. */
    struct sql *sql;
    bool sql_down; /* logged */
    int64_t next_open, next_fold, next_look;
    int64_t next_fold_all; /* not only from this place on: */
    char fold_from[32];
    struct table tenants; /* name to struct keeper_tenant */
    int64_t looked_at;    /* at t_tenant; 0: not yet in this session */
    struct retention retention;

    /* Broker. */
    struct bus *bus;
    struct opening opening; /* of a line: its connection is being made */
    size_t openings;        /* of lines, under way */
    struct list commands;   /* command.link: delivered and not yet acknowledged, oldest first */
    bool bus_down, refusal; /* logged */
    bool bound_as_only;     /* of the present connection */
    bool bindings_due, restart, homeless; /* homeless: the dead have no queue */
    int64_t next_connect, connect_wait;
};

/* keeper_tenants.c */
/* Reads t_tenant. Negative: the database failed. */
int keeper_look(struct keeper *keeper, struct jobs_error *err);
/* The broker user of a tenant, or NULL: there is no such tenant. Looks again for one that is
 * new. */
int keeper_tenant_user(struct keeper *keeper, const char *tenant, const char **ret,
                       struct jobs_error *err);
void keeper_forget_bindings(struct keeper *keeper);
void keeper_forget_tenants(struct keeper *keeper);

/* keeper_bus.c */
/* A line's connection is made by a thread of its own, and is there at a later turn. */
void keeper_connect(struct keeper *keeper, int64_t now);
/* Binds the queue for tenants that are new, unbinds those that are gone. */
void keeper_bind(struct keeper *keeper);
/* Handles what has come in. */
void keeper_listen(struct keeper *keeper);
/* What is not acknowledged goes back to the queue. */
void keeper_disconnect(struct keeper *keeper);
void keeper_lose(struct keeper *keeper, const struct jobs_error *why);

/* keeper_lines.c */
/* A turn of all lines' connections and commands. Returns when something is due. */
int64_t keeper_turn_lines(struct keeper *top, int64_t now);
/* Waits until then for a note or what a broker brings, and handles that. */
void keeper_wait_lines(struct keeper *top, int timeout_ms);
void keeper_disconnect_lines(struct keeper *top); /* they stay, with what they have complained of */
void keeper_end_lines(struct keeper *top);

/* keeper_command.c */
/* Carries out what is due. Returns when the next one is due, INT64_MAX if none waits. */
int64_t keeper_work(struct keeper *keeper, int64_t now);
/* Handlers of the bus for the copies that were sent to the dead. */
void keeper_buried(struct keeper *keeper, uint64_t publish_tag, bool safe);
void keeper_postpone_burials(struct keeper *keeper);

/* keeper.c */
/* The database failed: logged once in a row; a broken session is closed, and the consumer with
 * it. */
void keeper_fail(struct keeper *keeper, const struct jobs_error *why);
#endif
