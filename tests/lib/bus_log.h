/* Handlers that write down what a bus reports, and waiting for it. For tests; checks with cmocka.
 */
#ifndef TESTS_LIB_BUS_LOG_H
#define TESTS_LIB_BUS_LOG_H
#include "amqp/bus.h"

enum { BUS_LOG_TAGS = 20000, BUS_LOG_DELIVERIES = 64 };

struct bus_log {
    struct bus *bus;
    unsigned char outcome[BUS_LOG_TAGS]; /* of tag: 0 = none yet, else 1 + enum bus_outcome */
    int settled, acks, nacks, unknown;   /* tags */
    int returns, deliveries, cancels, blocks, unblocks;
    int return_code, acks_at_return;
    bool answer, acknowledge; /* what to do with deliveries: publish to reply_to, bus_ack */
    struct {                  /* the first ones; texts "" when absent */
        uint64_t tag;
        bool redelivered, has_x_death, persistent;
        size_t length;
        int64_t timestamp;
        char routing_key[256], exchange[256], message_id[256], correlation_id[256], reply_to[256],
            user_id[256];
        char content_type[256], type[256], consumer_tag[256], tenant[256], body[256];
        unsigned checksum;
    } delivery[BUS_LOG_DELIVERIES];
};

/* A zeroed log for `bus`; free() it. */
struct bus_log *bus_log_new(struct bus *bus);
struct bus_handlers bus_log_handlers(struct bus_log *log);
/* Polls until *counter is at least `least`; the test fails after 20 s or when the bus reports
 * anything but 0. */
void bus_log_wait(struct bus_log *log, const int *counter, int least);
/* Polls until bus_poll returns an error, which is returned. */
int bus_log_wait_error(struct bus_log *log, struct jobs_error *err);
unsigned bus_log_checksum(const char *body, size_t length);
#endif
