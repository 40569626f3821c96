#include "amqp/connection.h"

#include "amqp/batch.h"
#include "amqp/failure.h"
#include "amqp/url.h"
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum { FRAME_MAX = 131072, CHANNEL_MAX = 8, TIMEOUT = 10000, HEARTBEAT = 10 };
#define GOODBYE CLOCK_SECOND

static struct timeval timeval_of(int64_t microseconds) {
    return (struct timeval){.tv_sec = microseconds / CLOCK_SECOND,
                            .tv_usec = microseconds % CLOCK_SECOND};
}

static char *describe(const struct url *url) {
    struct buf buf = {0};
    bool brackets = strchr(url->info.host, ':') != NULL;
    buf_format(&buf, brackets ? "AMQP broker [%s]:%d" : "AMQP broker %s:%d", url->info.host,
               url->info.port);
    buf_format(&buf, ", virtual host %s", url->info.vhost);
    return buf_take(&buf);
}

/* Debian's place of the system's authorities; OpenSSL's own variable names another. */
static const char *system_authorities(void) {
    const char *file = getenv("SSL_CERT_FILE");
    return file && *file ? file : "/etc/ssl/certs/ca-certificates.crt";
}

static int make_socket(struct bus *bus, const struct url *url, amqp_socket_t **ret,
                       struct jobs_error *err) {
    amqp_socket_t *socket =
        url->info.ssl ? amqp_ssl_socket_new(bus->amqp) : amqp_tcp_socket_new(bus->amqp);
    if (!socket)
        return error_set(err, JOBS_ENOMEM, "%s: no socket", bus->where);
    if (url->info.ssl) {
        const char *ca = url->ca ? url->ca : system_authorities();
        if (amqp_ssl_socket_set_cacert(socket, ca) != AMQP_STATUS_OK)
            return error_set(err, JOBS_EINVAL, "%s: cannot read the certificates of %s", bus->where,
                             ca);
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
    }
    *ret = socket;
    return 0;
}

static int connect_socket(struct bus *bus, const struct url *url, struct jobs_error *err) {
    amqp_socket_t *socket = NULL;
    int result = make_socket(bus, url, &socket, err);
    if (result < 0)
        return result;
    struct timeval timeout = timeval_of(bus->timeout);
    int status = amqp_socket_open_noblock(socket, url->info.host, url->info.port, &timeout);
    if (status < 0)
        return failure_of_status(bus, status, "connect", err);
    return watchdog_new(amqp_socket_get_sockfd(socket), &bus->watchdog, err);
}

static amqp_table_entry_t yes(const char *name) {
    return (amqp_table_entry_t){.key = rabbitmq_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

/* librabbitmq adds what it can do itself. */
static amqp_rpc_reply_t login(struct bus *bus, const struct url *url,
                              const struct bus_options *options) {
    amqp_table_entry_t can[] = {yes("connection.blocked"), yes("publisher_confirms"),
                                yes("basic.nack"), yes("consumer_cancel_notify"),
                                yes("authentication_failure_close")};
    amqp_table_entry_t entries[2] = {{.key = rabbitmq_bytes("capabilities"),
                                      .value.kind = AMQP_FIELD_KIND_TABLE},
                                     {.key = rabbitmq_bytes("connection_name"),
                                      .value.kind = AMQP_FIELD_KIND_UTF8}};
    entries[0].value.value.table =
        (amqp_table_t){.num_entries = sizeof(can) / sizeof(can[0]), .entries = can};
    entries[1].value.value.bytes = rabbitmq_bytes(options->name);
    amqp_table_t properties = {.num_entries = options->name ? 2 : 1, .entries = entries};
    return amqp_login_with_properties(bus->amqp, url->info.vhost, CHANNEL_MAX, FRAME_MAX,
                                      options->heartbeat > 0 ? options->heartbeat : HEARTBEAT,
                                      &properties, AMQP_SASL_METHOD_PLAIN, url->info.user,
                                      url->info.password);
}

/* A close during the login is a refusal: user, password or virtual host. */
static int log_in(struct bus *bus, const struct url *url, const struct bus_options *options,
                  struct jobs_error *err) {
    int result = failure_of_reply(bus, login(bus, url, options), 0, "log in", err);
    if (result == BUS_ELOST &&
        (bus->reply_code == AMQP_ACCESS_REFUSED || bus->reply_code == AMQP_NOT_ALLOWED)) {
        bus->lost.code = result = BUS_EREFUSED;
        if (err)
            err->code = result;
    }
    return result;
}

int connection_open_channel(struct bus *bus, struct jobs_error *err) {
    amqp_channel_open(bus->amqp, BUS_CHANNEL);
    int result = failure_of_latest(bus, BUS_CHANNEL, "open a channel", err);
    if (result < 0 || !bus->confirms)
        return result;
    amqp_confirm_select(bus->amqp, BUS_CHANNEL);
    return failure_of_latest(bus, BUS_CHANNEL, "ask for confirms", err);
}

static int establish(struct bus *bus, const struct url *url, const struct bus_options *options,
                     struct jobs_error *err) {
    int64_t until = clock_now() + bus->timeout;
    int result = connect_socket(bus, url, err);
    if (result < 0)
        return result;
    int64_t left = until - clock_now();
    struct timeval handshake = timeval_of(left > CLOCK_MS ? left : CLOCK_MS),
                   rpc = timeval_of(bus->timeout);
    amqp_set_handshake_timeout(bus->amqp, &handshake);
    amqp_set_rpc_timeout(bus->amqp, &rpc);
    watchdog_arm(bus->watchdog, left > CLOCK_MS ? left : CLOCK_MS);
    result = log_in(bus, url, options, err);
    if (result == 0)
        result = connection_open_channel(bus, err);
    watchdog_disarm(bus->watchdog);
    return result;
}

int bus_open(const struct bus_options *options, struct bus **ret, struct jobs_error *err) {
    struct url url;
    int result = url_parse(options->url, &url, err);
    if (result < 0)
        return result;
    char vhost[256];
    if (options->vhost) {
        snprintf(vhost, sizeof vhost, "%s", options->vhost);
        url.info.vhost = vhost;
    }
    struct bus *bus = MEM_NEW(struct bus);
    bus->where = describe(&url);
    bus->user = mem_text(url.info.user);
    bus->tls = url.info.ssl;
    bus->timeout = (options->timeout > 0 ? options->timeout : TIMEOUT) * CLOCK_MS;
    bus->confirms = options->confirms;
    bus->content.max_length = options->max_length;
    bus->amqp = amqp_new_connection();
    result = bus->amqp ? establish(bus, &url, options, err)
                       : error_set(err, JOBS_ENOMEM, "%s: no memory", bus->where);
    url_done(&url);
    if (result < 0) {
        bus->lost.code = result; /* no goodbye */
        bus_close(bus);
        return result;
    }
    *ret = bus;
    return 0;
}

/* The watchdog also watches the end: a TLS goodbye waits for the peer. */
void bus_close(struct bus *bus) {
    if (!bus)
        return;
    if (bus->watchdog)
        watchdog_arm(bus->watchdog, bus->timeout < GOODBYE ? bus->timeout : GOODBYE);
    if (bus->lost.code == 0)
        amqp_connection_close(bus->amqp, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(bus->amqp);
    watchdog_free(bus->watchdog);
    window_done(&bus->window);
    batch_done(bus);
    content_done(&bus->content);
    free(bus->where);
    free(bus->user);
    free(bus);
}

int connection_begin(struct bus *bus, struct jobs_error *err) {
    if (bus->lost.code)
        return failure_of_status(bus, AMQP_STATUS_CONNECTION_CLOSED, "", err);
    watchdog_arm(bus->watchdog, bus->timeout);
    return 0;
}

void connection_end(struct bus *bus) { watchdog_disarm(bus->watchdog); }

int connection_begin_channel(struct bus *bus, struct jobs_error *err) {
    if (bus->lost.code == 0 && bus->channel_closed) {
        if (err)
            *err = bus->close;
        return BUS_ECHANNEL;
    }
    return connection_begin(bus, err);
}

int connection_check_short(const char *what, const char *text, struct jobs_error *err) {
    if (text && strlen(text) > BUS_SHORT)
        return error_set(err, JOBS_EINVAL, "AMQP: %s over %d bytes", what, BUS_SHORT);
    return 0;
}

bool bus_is_lost(const struct bus *bus) { return bus->lost.code != 0; }
const char *bus_user(const struct bus *bus) { return bus->user; }
int bus_reply_code(const struct bus *bus) { return bus->reply_code; }
bool bus_is_blocked(const struct bus *bus) { return bus->blocked; }
size_t bus_unconfirmed(const struct bus *bus) { return bus->window.open; }

int bus_fd(const struct bus *bus) { return bus->lost.code ? -1 : amqp_get_sockfd(bus->amqp); }

bool bus_wants_read(const struct bus *bus) {
    return bus->lost.code || bus->channel_closed || amqp_frames_enqueued(bus->amqp) ||
           amqp_data_in_buffer(bus->amqp);
}
