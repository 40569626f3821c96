#include "tests/lib/fake_broker.h"

#include <arpa/inet.h>
#include <endian.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_broker {
    int listener;
    bool handshake;
    void (*script)(int fd, void *arg);
    void *arg;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    int client; /* under the lock: -1 before the connection and after stop */
};

enum { METHOD = 1, HEADER = 2, BODY = 3 };

static bool read_all(int fd, void *to, size_t length) {
    return recv(fd, to, length, MSG_WAITALL) == (ssize_t)length;
}

static void send_all(int fd, const void *data, size_t length) {
    for (const char *at = data; length > 0;) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the client went away: its test will say */
        at += sent, length -= (size_t)sent;
    }
}

/* Returns the frame's kind with its payload (caller frees), 0 at the end. */
static int read_frame(int fd, char **ret, size_t *ret_length) {
    unsigned char head[7], tail;
    if (!read_all(fd, head, sizeof(head)))
        return 0;
    uint32_t length;
    memcpy(&length, head + 3, 4);
    length = be32toh(length);
    char *payload = malloc(length + 1);
    if (!payload || !read_all(fd, payload, length) || !read_all(fd, &tail, 1)) {
        free(payload);
        return 0;
    }
    *ret = payload;
    *ret_length = length;
    return head[0];
}

int fake_broker_read(int fd, uint32_t *ret_method) {
    char *payload;
    size_t length;
    int kind = read_frame(fd, &payload, &length);
    if (kind == 0)
        return 0;
    uint32_t method = 0;
    if (kind == METHOD && length >= 4)
        memcpy(&method, payload, 4);
    if (ret_method)
        *ret_method = be32toh(method);
    free(payload);
    return kind;
}

bool fake_broker_read_publish(int fd) {
    char *payload;
    size_t length;
    uint64_t left = UINT64_MAX; /* of the body; unknown before the header */
    while (left > 0) {
        int kind = read_frame(fd, &payload, &length);
        if (kind == 0)
            return false;
        if (kind == HEADER) {
            memcpy(&left, payload + 4, 8);
            left = be64toh(left);
        } else if (kind == BODY) {
            left -= length;
        }
        free(payload);
    }
    return true;
}

void fake_broker_send(int fd, uint16_t channel, uint32_t method, const void *arguments,
                      size_t length) {
    unsigned char frame[1024] = {METHOD};
    if (length > sizeof(frame) - 12)
        abort();
    uint16_t channel_be = htobe16(channel);
    uint32_t length_be = htobe32((uint32_t)length + 4), method_be = htobe32(method);
    memcpy(frame + 1, &channel_be, 2);
    memcpy(frame + 3, &length_be, 4);
    memcpy(frame + 7, &method_be, 4);
    if (length > 0)
        memcpy(frame + 11, arguments, length);
    frame[11 + length] = 0xce;
    send_all(fd, frame, length + 12);
}

void fake_broker_confirm(int fd, bool ack, uint64_t tag, bool multiple) {
    unsigned char arguments[9];
    tag = htobe64(tag);
    memcpy(arguments, &tag, 8);
    arguments[8] = multiple;
    fake_broker_send(fd, 1, ack ? 0x3c0050 : 0x3c0078, arguments, sizeof(arguments));
}

/* Answers what the client asks until its channel is ready. */
static bool shake_hands(int fd) {
    static const char start[] = "\0\011\0\0\0\0\0\0\0\005PLAIN\0\0\0\005en_US";
    static const char tune[] = "\0\010\0\002\0\0\0\0";
    char protocol[8];
    if (!read_all(fd, protocol, sizeof(protocol)))
        return false;
    fake_broker_send(fd, 0, 0xa000a, start, sizeof(start) - 1);
    for (;;) {
        uint32_t method;
        if (!fake_broker_read(fd, &method))
            return false;
        if (method == 0xa000b) /* start-ok */
            fake_broker_send(fd, 0, 0xa001e, tune, sizeof(tune) - 1);
        else if (method == 0xa0028) /* open */
            fake_broker_send(fd, 0, 0xa0029, "", 1);
        else if (method == 0x14000a) /* channel.open */
            fake_broker_send(fd, 1, 0x14000b, "\0\0\0", 4);
        else if (method == 0x55000a) { /* confirm.select */
            fake_broker_send(fd, 1, 0x55000b, NULL, 0);
            return true;
        }
    }
}

static void *serve(void *arg) {
    struct fake_broker *broker = arg;
    int fd = accept(broker->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    pthread_mutex_lock(&broker->lock);
    broker->client = fd;
    pthread_mutex_unlock(&broker->lock);
    if (broker->handshake && shake_hands(fd) && broker->script)
        broker->script(fd, broker->arg);
    return NULL;
}

struct fake_broker *fake_broker_start(bool handshake, void (*script)(int fd, void *arg),
                                      void *arg) {
    struct fake_broker *broker = calloc(1, sizeof(*broker));
    if (!broker)
        abort();
    *broker =
        (struct fake_broker){.handshake = handshake, .script = script, .arg = arg, .client = -1};
    pthread_mutex_init(&broker->lock, NULL);
    broker->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 16384; /* so that a script that does not read is noticed soon */
    setsockopt(broker->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    if (bind(broker->listener, (struct sockaddr *)&address, length) < 0 ||
        listen(broker->listener, 1) < 0 ||
        getsockname(broker->listener, (struct sockaddr *)&address, &length) < 0)
        abort();
    snprintf(broker->url, sizeof(broker->url), "amqp://someone:secret@127.0.0.1:%d",
             ntohs(address.sin_port));
    if (pthread_create(&broker->thread, NULL, serve, broker))
        abort();
    return broker;
}

const char *fake_broker_url(const struct fake_broker *broker) { return broker->url; }

void fake_broker_stop(struct fake_broker *broker) {
    shutdown(broker->listener, SHUT_RDWR);
    pthread_mutex_lock(&broker->lock);
    if (broker->client >= 0)
        shutdown(broker->client, SHUT_RDWR);
    pthread_mutex_unlock(&broker->lock);
    pthread_join(broker->thread, NULL);
    close(broker->listener);
    if (broker->client >= 0)
        close(broker->client);
    pthread_mutex_destroy(&broker->lock);
    free(broker);
}
