/* Commands that come over AMQP: reading and judging one message, and the answer. No I/O.
 *
 * StopJobEvent: exchange "<service>.commands", routing key "<tenant>.stop", body {"jobId":
 * "<uuid>", "version": n}; with the optional version it stops the job only while that is its
 * version, so that a message that arrives a second time after a retry does nothing. */
#ifndef SERVICE_COMMANDS_H
#define SERVICE_COMMANDS_H
#include "amqp/bus.h"
#include "module/base/buf.h"
#include "module/base/list.h"

/* jobs.amqp.commands.trust, in this order. */
enum command_trust {
    COMMAND_TRUST_USER_ID, /* the broker-validated user_id must belong to the tenant */
    COMMAND_TRUST_VHOST    /* who may publish here may stop jobs */
};

/* A copy of what is needed of a message; absent texts are NULL. */
struct command {
    struct list link;
    uint64_t tag; /* to acknowledge it by */
    char *routing_key, *body, *user_id, *reply_to, *correlation_id, *content_type, *message_id;
    size_t length;
    bool has_x_death;

    /* Filled by command_read. */
    char tenant[64], id[37];
    int64_t version; /* 0: whatever it is */

    /* For the one who carries it out. */
    bool known;           /* its sender may command this tenant */
    bool postponed;       /* logged: it has to wait */
    const char *reason;   /* why it goes to the dead; static text */
    int64_t due;          /* not before this time of clock_now() */
    uint64_t publish_tag; /* of its copy for the dead, while unconfirmed */
};

struct command *command_new(const struct bus_delivery *delivery);
void command_free(struct command *command);

/* Fills tenant, id and version, as far as it gets. NULL, or why this is no command (static
 * text). */
const char *command_read(struct command *command);
/* May the sender command `command->tenant`, whose broker user is `tenant_user`? `own_user`, the
 * service's own, is the administrator. NULL, or why not (static text). */
const char *command_judge(const struct command *command, enum command_trust trust,
                          const char *tenant_user, const char *own_user);
/* May an answer be sent to its reply_to: a direct reply, or a queue "<tenant>.…"? (Else it could
 * be any queue.) */
bool command_may_reply(const struct command *command);

/* Answers: {"jobId", "status"}, or as in RFC 9457 {"type", "title", "detail", "code"}. `ret` is
 * cleared first. */
void command_answer(const struct command *command, const char *status, struct buf *ret);
void command_refusal(const char *title, const struct jobs_error *why, struct buf *ret);
#endif
