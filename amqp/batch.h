/* Messages that are put together in memory and written in large pieces. librabbitmq writes each
 * frame by itself, three for a message. */
#ifndef AMQP_BATCH_H
#define AMQP_BATCH_H
#include "amqp/connection.h"

/* Between bus_batch_begin and bus_batch_end, where the frames can be written past librabbitmq. */
bool batch_is_open(const struct bus *bus);
/* Adds the frames of one message, whose parts were checked; `size`: bytes that its properties need
 * at most. Writes when much has come together. Errors as bus_publish. */
int batch_add(struct bus *bus, const amqp_basic_publish_t *method,
              const amqp_basic_properties_t *properties, size_t size, amqp_bytes_t body,
              struct jobs_error *err);
void batch_done(struct bus *bus);
#endif
