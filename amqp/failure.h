/* librabbitmq tells failures in three ways: a negative int, a reply union, and the reply of the
 * latest call. Here all become a code, a text and the state of the bus. */
#ifndef AMQP_FAILURE_H
#define AMQP_FAILURE_H
#include "amqp/connection.h"

/* What an int status of `doing` means: below 0 the connection is lost. */
int failure_of_status(struct bus *bus, int status, const char *doing, struct jobs_error *err);
/* What a reply of `doing` on `channel` means. A refusal closes that channel; this answers the
 * broker's close. */
int failure_of_reply(struct bus *bus, amqp_rpc_reply_t reply, amqp_channel_t channel,
                     const char *doing, struct jobs_error *err);
/* The same for the functions that leave their reply with the connection. */
int failure_of_latest(struct bus *bus, amqp_channel_t channel, const char *doing,
                      struct jobs_error *err);

/* The broker's connection.close and channel.close: answers, notes why. Return the error's code. */
int failure_connection_closed(struct bus *bus, const amqp_connection_close_t *close,
                              const char *doing, struct jobs_error *err);
int failure_channel_closed(struct bus *bus, amqp_channel_t channel,
                           const amqp_channel_close_t *close, const char *doing,
                           struct jobs_error *err);
#endif
