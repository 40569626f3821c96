/* One message that is coming in: method frame, header frame, body frames. Copies all at once, so
 * that librabbitmq's memory can be released after each frame. */
#ifndef AMQP_CONTENT_H
#define AMQP_CONTENT_H
#include "amqp/bus.h"
#include "amqp/rabbitmq.h"
#include "module/base/buf.h"

struct content_text { /* a short string: at most 255 bytes */
    char data[256];
};

enum content_kind { CONTENT_NONE /* no message is under way */, CONTENT_DELIVERY, CONTENT_RETURN };

struct content {
    size_t max_length; /* 0 = no limit */
    enum content_kind kind;
    bool has_header;
    int return_code;
    struct content_text return_text, consumer_tag, exchange, routing_key;
    struct content_text content_type, message_id, correlation_id, reply_to, type, user_id;
    struct bus_delivery delivery; /* its texts point to those above, to headers and body */
    uint64_t body_size, received;
    struct buf body;
    struct bus_header *headers; /* one block, their texts behind them */
};

void content_begin_delivery(struct content *content, const amqp_basic_deliver_t *method);
void content_begin_return(struct content *content, const amqp_basic_return_t *method);
/* Takes a header or body frame. False: no message was under way, or the frame does not fit; the
 * peer talks nonsense. */
bool content_add(struct content *content, const amqp_frame_t *frame);
bool content_is_complete(const struct content *content);
void content_reset(struct content *content); /* no message is under way; memory is kept */
void content_done(struct content *content);
#endif
