/* librabbitmq as its examples use it: publish, and read the confirms as they come. */
#include "module/base/mem.h"
#include "tests/bench/broadcast.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD 4000

struct bare {
    amqp_connection_state_t connection;
    char *url;
    uint64_t published, confirmed;
};

static void check(const struct bare *bare, const char *what) {
    if (amqp_get_rpc_reply(bare->connection).reply_type != AMQP_RESPONSE_NORMAL)
        bench_die(what, "refused by the broker");
}

static void bare_open(struct bare *bare, const struct bench *bench, const char *exchange) {
    struct amqp_connection_info info;
    bare->url = mem_text(bench->amqp_url);
    amqp_default_connection_info(&info);
    if (amqp_parse_url(bare->url, &info) != AMQP_STATUS_OK)
        bench_die(bench->amqp_url, "not understood");
    bare->connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(bare->connection);
    if (!socket || amqp_socket_open(socket, info.host, info.port) != AMQP_STATUS_OK)
        bench_die(info.host, "not reached");
    if (amqp_login(bare->connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user,
                   info.password)
            .reply_type != AMQP_RESPONSE_NORMAL)
        bench_die("login", "refused by the broker");
    amqp_channel_open(bare->connection, 1);
    check(bare, "channel");
    amqp_confirm_select(bare->connection, 1);
    check(bare, "confirm.select");
    amqp_exchange_declare(bare->connection, 1, amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
    check(bare, "exchange.declare");
}

/* Reads one frame with a confirm in it; waits for it. */
static void read_confirm(struct bare *bare) {
    amqp_frame_t frame;
    if (amqp_simple_wait_frame(bare->connection, &frame) != AMQP_STATUS_OK)
        bench_die("bare publisher", "lost the connection");
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        bench_die("bare publisher", "got something else than a confirm");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    bare->confirmed = ack->multiple ? ack->delivery_tag : bare->confirmed + 1;
    amqp_maybe_release_buffers_on_channel(bare->connection, 1);
}

static void publish(struct bare *bare, const char *exchange, const char *body, size_t size,
                    bool mark) {
    char id[60], key[60];
    snprintf(id, sizeof id, "0190c8f2-1234-7abc-8def-%012zx/1", (size_t)bare->published);
    snprintf(key, sizeof key, "t%zu.QUEUED.%s", (size_t)bare->published % 10,
             mark ? BROADCAST_MARK : "noop");
    amqp_table_entry_t tenant = {.key = amqp_cstring_bytes("tenant"),
                                 .value = {.kind = AMQP_FIELD_KIND_UTF8,
                                           .value.bytes = amqp_cstring_bytes("t0")}};
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
                                                    AMQP_BASIC_DELIVERY_MODE_FLAG |
                                                    AMQP_BASIC_MESSAGE_ID_FLAG |
                                                    AMQP_BASIC_HEADERS_FLAG,
                                          .content_type =
                                              amqp_cstring_bytes("application/cloudevents+json"),
                                          .delivery_mode = 2,
                                          .message_id = amqp_cstring_bytes(id),
                                          .headers = {.num_entries = 1, .entries = &tenant}};
    const amqp_bytes_t bytes = {.len = size, .bytes = (void *)(uintptr_t)body};
    if (amqp_basic_publish(bare->connection, 1, amqp_cstring_bytes(exchange),
                           amqp_cstring_bytes(key), 0, 0, &properties, bytes) != AMQP_STATUS_OK)
        bench_die("bare publisher", "cannot publish");
    bare->published++;
}

void broadcast_bare(const struct bench *bench, size_t count, size_t size) {
    struct bare bare = {0};
    char exchange[80], *body = mem_zero(size + 1, 1);
    memset(body, 'x', size);
    snprintf(exchange, sizeof exchange, "%s.events", bench->service);
    bare_open(&bare, bench, exchange);
    while (bare.confirmed < count) {
        bool waiting = bare.published == count || bare.published - bare.confirmed >= AHEAD;
        if (waiting)
            read_confirm(&bare);
        else
            publish(&bare, exchange, body, size,
                    bare.published == 0 || bare.published + 1 == count);
    }
    amqp_connection_close(bare.connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(bare.connection);
    free(bare.url);
    free(body);
}
