/* The keeper: what one instance per datasource, the holder of the relay's lease, does beside the
 * relay: folds counts, reads the figures for metrics, forgets sleepers that are gone, removes what retention does not keep, and
 * carries out the commands that come over AMQP.
 *
 * Commands come through the durable queue "<service>.commands.<datasource>". A command is
 * acknowledged after the database's commit; what cannot be carried out goes to "<service>.dead"
 * with the reason. While the database is away nothing is consumed.
 *
 * One thread of its own, all signals blocked, with one database session and one broker
 * connection. */
#ifndef SERVICE_KEEPER_H
#define SERVICE_KEEPER_H
#include "module/base/log.h"
#include "module/service/commands.h"
#include "module/service/figures.h"
#include "sql/sql.h"

struct keeper;

/* Texts are copied. */
struct keeper_options {
    const struct log *log; /* outlives the keeper */
    const char *datasource, *service;
    const char *amqp_url; /* NULL or "": no commands */
    enum command_trust trust;
    bool vhosts; /* each tenant commands in its own virtual host, which proves who it is */
    struct sql_options sql; /* of the keeper's own session */
    bool only_datasource;   /* of this service: its queue takes the commands of all tenants */
    int64_t succeeded_days, failed_days; /* that ended jobs are kept; 0: for ever */
    int64_t audit_days;                  /* the same of entries of the audit log */
    size_t metrics_tenants;              /* how many tenants metrics name */
};

/* Since keeper_start. */
struct keeper_stats {
    uint64_t folded;   /* deltas of counts */
    uint64_t commands; /* carried out */
    uint64_t dead;     /* sent to <service>.dead */
    uint64_t purged;   /* jobs removed by retention */
    bool consuming;
};

/* Needs neither server to be up. The keeper is idle until keeper_hold. */
int keeper_start(const struct keeper_options *options, struct keeper **ret, struct jobs_error *err);
/* Does this instance hold the relay's lease? Without it the keeper closes its sessions. */
void keeper_hold(struct keeper *keeper, bool held);
/* Any thread, until keeper_stop. */
struct figures *keeper_figures(struct keeper *keeper);
/* The service has got another datasource, or has no other any more. */
void keeper_set_only(struct keeper *keeper, bool only);
void keeper_get_stats(const struct keeper *keeper, struct keeper_stats *ret);
/* Ends the thread and frees the keeper. A server that hangs at that moment may hold it for 5 s.
 * NULL is fine. */
void keeper_stop(struct keeper *keeper);
#endif
