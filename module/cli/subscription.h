/* Queues of subscribers on the broker: made as a subscription says, deleted. */
#ifndef CLI_SUBSCRIPTION_H
#define CLI_SUBSCRIPTION_H
#include "amqp/bus.h"
#include "module/cli/cli.h"
#include "module/store/subscription.h"

/* Declares the queue and binds it to "<service>.events" with its keys; unbinds those of `before`
 * that it no longer has. BUS_EREFUSED: a queue of that name is there and different, or this user
 * may not. */
int subscription_declare(struct bus *bus, const char *service,
                         const struct store_subscription *what, char *const *before,
                         size_t before_count, struct jobs_error *err);
/* For the removal of a tenant, which forgets its subscriptions: their queues, which go with it. */
struct subscription_queues {
    struct bus *bus; /* NULL: there is none */
    char **names;
    size_t count;
};
/* Before: reads which there are and connects to the broker if there is any, so that nothing is
 * removed while it cannot be reached. A status with its message printed. */
int subscription_queues_find(struct cli *cli, const char *tenant, struct subscription_queues *ret);
/* After: deletes them, with the events in them, if the tenant is gone; frees. A queue that cannot be
 * deleted is named. */
int subscription_queues_end(struct subscription_queues *queues, bool gone);
#endif
