/* One that receives events of the service, on a thread of its own. */
#ifndef TESTS_BENCH_SUBSCRIBER_H
#define TESTS_BENCH_SUBSCRIBER_H
#include "tests/bench/bench.h"

struct subscriber;
/* Binds a queue of its own to all of <service>.events and receives from now on, until subscriber_close.
 * heard (may be NULL): called on its thread with each event's message id (<jobId>/<version>). */
struct subscriber *subscriber_open(const struct bench *bench,
                                   void (*heard)(void *arg, const char *message_id), void *arg);
/* The same for the events of one class only. */
struct subscriber *subscriber_open_class(const struct bench *bench, const char *class_name);
size_t subscriber_count(const struct subscriber *subscriber);
/* Bytes of all bodies so far. */
size_t subscriber_bytes(const struct subscriber *subscriber);
/* Waits for so many messages in all, and returns the time of the last (clock_now). */
int64_t subscriber_wait(struct subscriber *subscriber, size_t count);
/* When the first came. */
int64_t subscriber_first(const struct subscriber *subscriber);
void subscriber_close(struct subscriber *subscriber);
#endif
