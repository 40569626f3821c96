#include "module/api/peers.h"

#include "module/base/clock.h"
#include "module/base/mem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void peers_init(struct peers *peers) {
    pthread_mutex_init(&peers->lock, NULL);
    list_init(&peers->list);
    peers->count = 0;
}

void peers_done(struct peers *peers) { pthread_mutex_destroy(&peers->lock); }

static void read_address(struct MHD_Connection *connection, char *ret, socklen_t size) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    const char *text = NULL;
    if (address && address->sa_family == AF_INET)
        text = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                         ret, size);
    else if (address && address->sa_family == AF_INET6)
        text = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                         ret, size);
    if (!text)
        memcpy(ret, "?", 2);
}

static struct peer *arrive(struct peers *peers, struct MHD_Connection *connection) {
    struct peer *peer = MEM_NEW(struct peer);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    peer->fd = info ? info->connect_fd : -1;
    read_address(connection, peer->address, sizeof peer->address);
    atomic_store(&peer->waiting_since, clock_now());
    pthread_mutex_lock(&peers->lock);
    list_push_back(&peers->list, &peer->link);
    peers->count++;
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

void peers_notify(void *cls, struct MHD_Connection *connection, void **context,
                  enum MHD_ConnectionNotificationCode code) {
    struct peers *peers = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = arrive(peers, connection);
    } else if (*context) { /* its descriptor is still open: nobody else has this number */
        struct peer *peer = *context;
        pthread_mutex_lock(&peers->lock);
        list_remove(&peer->link);
        peers->count--;
        pthread_mutex_unlock(&peers->lock);
        free(peer);
        *context = NULL;
    }
}

struct peer *peers_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

size_t peers_close_slow(struct peers *peers, int64_t most) {
    int64_t now = clock_now();
    size_t closed = 0;
    pthread_mutex_lock(&peers->lock);
    LIST_EACH (&peers->list, link) {
        struct peer *peer = LIST_ENTRY(link, struct peer, link);
        int64_t since = atomic_load(&peer->waiting_since);
        if (since && now - since > most) {
            shutdown(peer->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
            atomic_store(&peer->waiting_since, now);
            closed++;
        }
    }
    pthread_mutex_unlock(&peers->lock);
    return closed;
}

size_t peers_count(struct peers *peers) {
    pthread_mutex_lock(&peers->lock);
    size_t count = peers->count;
    pthread_mutex_unlock(&peers->lock);
    return count;
}
