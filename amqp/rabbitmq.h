/* librabbitmq's headers; from 0.12 on they live in a folder. Only files of this folder include this
 * one. */
#ifndef AMQP_RABBITMQ_H
#define AMQP_RABBITMQ_H
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif
#include <string.h>

/* A text as librabbitmq's bytes, not copied; NULL is empty. (Its struct has no const; it does not
 * write there.) */
static inline amqp_bytes_t rabbitmq_bytes(const char *text) {
    union {
        const void *in;
        void *out;
    } cast = {text};
    return (amqp_bytes_t){.len = text ? strlen(text) : 0, .bytes = cast.out};
}
#endif
