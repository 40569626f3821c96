/* The connections that are open: who is there, and since when a whole request is waited for. */
#ifndef API_PEERS_H
#define API_PEERS_H
#include "module/base/list.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct peer {
    struct list link;
    int fd;
    char address[64];           /* without port */
    atomic_llong waiting_since; /* clock_now(); 0: a request is in hand */
};

struct peers {
    pthread_mutex_t lock;
    struct list list; /* peer.link */
    size_t count;
};

void peers_init(struct peers *peers);
void peers_done(struct peers *peers);
/* Callback of libmicrohttpd; `cls` is the struct peers. */
void peers_notify(void *cls, struct MHD_Connection *connection, void **context,
                  enum MHD_ConnectionNotificationCode code);
struct peer *peers_of(struct MHD_Connection *connection);
/* Closes those that have not sent a whole request for `most` microseconds. Returns how many. */
size_t peers_close_slow(struct peers *peers, int64_t most);
size_t peers_count(struct peers *peers);
#endif
