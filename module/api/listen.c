/* The port: libmicrohttpd with one thread of its own, epoll, and connections that sleep while a
 * database works for them. */
#include "module/api/request.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY = 32768 /* of a connection: bounds its headers */, BACKLOG = 1024 };

int listen_address(const char *text, char **ret_host, char **ret_port, bool *ret_loopback,
                   struct jobs_error *err) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    char *host = mem_text_n(text + bracket, (size_t)(colon - text) - 2 * bracket);
    int rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc != 0) {
        error_set(err, JOBS_ECONFIG, "jobs.api.listen = %.200s: %s", text, gai_strerror(rc));
        free(host);
        return JOBS_ECONFIG;
    }
    const void *address = found->ai_addr;
    const struct sockaddr_in *v4 = address;
    const struct sockaddr_in6 *v6 = address;
    *ret_loopback = found->ai_family == AF_INET
                        ? (ntohl(v4->sin_addr.s_addr) >> 24) == 127
                        : found->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    freeaddrinfo(found);
    *ret_host = host;
    *ret_port = mem_text(colon + 1);
    return 0;
}

static int open_socket(const struct api *api, const struct addrinfo *to, struct jobs_error *err) {
    int on = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, JOBS_EDB, "socket: %s", strerrordesc_np(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error_set(err, JOBS_EDB, "api: cannot listen on %.200s:%s: %s", api->host, api->port,
              strerrordesc_np(errno));
    close(fd);
    return JOBS_EDB;
}

static int bind_port(const struct api *api, struct jobs_error *err) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    int rc = getaddrinfo(api->host, api->port, &hints, &found);
    if (rc != 0)
        return error_set(err, JOBS_EDB, "api: %.200s: %s", api->host, gai_strerror(rc));
    rc = open_socket(api, found, err);
    freeaddrinfo(found);
    return rc;
}

static void note_url(struct api *api, int fd) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[NI_MAXSERV] = "";
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    const char *bracket = strchr(api->host, ':') ? "[" : "";
    pthread_mutex_lock(&api->lock);
    snprintf(api->url, sizeof api->url, "%s://%s%.200s%s:%s", api->certificate ? "https" : "http",
             bracket, api->host, bracket[0] ? "]" : "", port);
    pthread_mutex_unlock(&api->lock);
}

static struct MHD_Daemon *start(struct api *api, int fd) {
    const struct config *config = api_config(api);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, api->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, api->key},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    unsigned most = (unsigned)config_integer(config, "jobs.api.connections");
    unsigned each = (unsigned)config_integer(config, "jobs.api.connections.address");
    unsigned idle = (unsigned)(config_integer(config, "jobs.api.timeout") / 1000);
    if (!api->certificate)
        tls[0].option = MHD_OPTION_END;
    return MHD_start_daemon(flags | (api->certificate ? MHD_USE_TLS : 0), 0, NULL, NULL,
                            request_handle, api, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_URI_LOG_CALLBACK, request_begin, api,
                            MHD_OPTION_NOTIFY_COMPLETED, request_end, api,
                            MHD_OPTION_NOTIFY_CONNECTION, peers_notify, &api->peers,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
                            MHD_OPTION_CONNECTION_LIMIT, most, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            each, MHD_OPTION_CONNECTION_TIMEOUT, idle ? idle : 1,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 0,
                            MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

int listen_begin(struct api *api, struct jobs_error *err) {
    int fd = bind_port(api, err);
    if (fd < 0)
        return fd;
    errno = 0;
    api->daemon = start(api, fd);
    if (!api->daemon) {
        close(fd);
        return error_set(err, JOBS_ECONFIG, "api: libmicrohttpd does not start%s (%s)",
                         api->certificate ? "; are jobs.api.tls.certificate and .key a pair?" : "",
                         strerrordesc_np(errno));
    }
    note_url(api, fd);
    return 0;
}
