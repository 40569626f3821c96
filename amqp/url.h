/* amqp:// and amqps:// URLs. */
#ifndef AMQP_URL_H
#define AMQP_URL_H
#include "amqp/rabbitmq.h"
#include "module/jobs.h"

struct url {
    struct amqp_connection_info info; /* its texts point into `text` */
    char *text, *ca;                  /* ca: ?cacertfile= or NULL */
};

/* JOBS_EINVAL; the text does not repeat the URL, which holds a password. On error nothing is kept.
 */
int url_parse(const char *text, struct url *ret, struct jobs_error *err);
void url_done(struct url *url);
#endif
