/* Ends calls that hang: shuts the socket down when a deadline passes, so that whatever waits on it
 * fails. librabbitmq sends without a deadline, and a broker with a memory or disk alarm stops
 * reading for as long as it likes while its heartbeats still come. SO_SNDTIMEO does nothing on a
 * non-blocking socket; TCP_USER_TIMEOUT works on recent kernels only, and ends connections that are
 * merely blocked while nobody waits. One thread per watchdog, asleep while nothing is armed. */
#ifndef AMQP_WATCHDOG_H
#define AMQP_WATCHDOG_H
#include "module/jobs.h"

struct watchdog;

/* Keeps a duplicate of the descriptor: librabbitmq closes its own whenever it likes, and the number
 * may then be somebody else's. */
int watchdog_new(int fd, struct watchdog **ret, struct jobs_error *err);
void watchdog_free(struct watchdog *watchdog);

/* The socket is shut down unless watchdog_disarm comes within `timeout` microseconds. Cheap: two
 * short locks, a wake-up of the thread at most once per timeout. */
void watchdog_arm(struct watchdog *watchdog, int64_t timeout);
void watchdog_disarm(struct watchdog *watchdog);
bool watchdog_has_fired(struct watchdog *watchdog);
#endif
