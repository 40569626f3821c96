/* A broker for what a real one cannot be asked to do: one connection, a script after the handshake.
 */
#ifndef TESTS_LIB_FAKE_BROKER_H
#define TESTS_LIB_FAKE_BROKER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_broker;

/* Listens on a free port of 127.0.0.1. A thread takes one connection, does the handshake up to the
 * client's channel with confirms (if asked for), then runs `script` (may be NULL) and leaves the
 * connection open until stop. */
struct fake_broker *fake_broker_start(bool handshake, void (*script)(int fd, void *arg), void *arg);
/* amqp://…, valid until stop. */
const char *fake_broker_url(const struct fake_broker *broker);
void fake_broker_stop(struct fake_broker *broker);

/* For scripts. The next frame's kind (0: the connection ended); *ret_method: class << 16 | method
 * of a method frame. */
int fake_broker_read(int fd, uint32_t *ret_method);
/* Reads up to and with the next whole basic.publish. */
bool fake_broker_read_publish(int fd);
void fake_broker_send(int fd, uint16_t channel, uint32_t method, const void *arguments,
                      size_t length);
void fake_broker_confirm(int fd, bool ack, uint64_t tag, bool multiple);
#endif
