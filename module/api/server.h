/* The server: what its files share. */
#ifndef API_SERVER_H
#define API_SERVER_H
#include "module/api/api.h"
#include "module/api/database.h"
#include "module/api/peers.h"
#include "module/base/config.h"
#include "module/base/log.h"

#include <microhttpd.h>
#include <pthread.h>

struct auth;

struct api {
    /* Never change after start. */
    struct job_service *service;
    const struct log *log;
    struct database **databases, **fronts; /* fronts: of tokens and submits, which are quick */
    size_t database_count;
    struct auth *auth;
    void **states; /* of the parts */
    size_t part_count;
    char *host, *port;       /* to listen on */
    char *certificate, *key; /* PEM; NULL: no TLS */
    bool loopback;

    /* Any thread. */
    atomic_bool stopping;
    atomic_size_t buffered; /* bytes of bodies in memory */
    atomic_size_t in_hand;  /* requests whose connection is suspended */
    struct peers peers;

    /* Of the clock thread; others read `url` under the lock. */
    pthread_mutex_t lock;
    char url[300];
    struct MHD_Daemon *daemon;
    pthread_t clock_thread;
    int quit_fd;
    bool complained;  /* that it cannot listen */
    int64_t next_try; /* to listen */
};

const struct config *api_config(const struct api *api);
/* Opens the port. JOBS_EDB: not now. listen.c */
int listen_begin(struct api *api, struct jobs_error *err);
/* Splits jobs.api.listen and says whether it is a loopback address. */
int listen_address(const char *text, char **ret_host, char **ret_port, bool *ret_loopback,
                   struct jobs_error *err);
#endif
