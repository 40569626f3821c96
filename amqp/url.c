#include "amqp/url.h"

#include "amqp/bus.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

static char slash[] = "/"; /* librabbitmq's struct has no const; nobody writes there */

/* Cuts the query off `url->text`: librabbitmq would take it for a part of the virtual host. */
static int take_query(struct url *url, struct jobs_error *err) {
    char *query = strchr(url->text, '?');
    if (!query)
        return 0;
    *query++ = 0;
    for (char *at = query, *key; (key = strsep(&at, "&"));) {
        if (strncmp(key, "cacertfile=", 11) != 0)
            return error_set(err, JOBS_EINVAL,
                             "AMQP URL: only cacertfile= is known after the question mark");
        url->ca = key + 11;
    }
    return 0;
}

int url_parse(const char *text, struct url *ret, struct jobs_error *err) {
    struct url url = {.text = mem_text(text)};
    int result = take_query(&url, err);
    amqp_default_connection_info(&url.info);
    if (result == 0 && amqp_parse_url(url.text, &url.info) != AMQP_STATUS_OK)
        result = error_set(err, JOBS_EINVAL,
                           "AMQP URL: amqp[s]://user:password@host:port/vhost expected, "
                           "special characters percent-encoded");
    if (result < 0) {
        url_done(&url);
        return result;
    }
    if (!*url.info.vhost)
        url.info.vhost = slash;
    *ret = url;
    return 0;
}

/* Not only free(): it holds a password. */
void url_done(struct url *url) {
    if (url->text)
        explicit_bzero(url->text, strlen(url->text));
    free(url->text);
    *url = (struct url){0};
}

int bus_url_parts(const char *text, char ret_user[256], char ret_vhost[256],
                  struct jobs_error *err) {
    struct url url;
    int rc = url_parse(text, &url, err);
    if (rc < 0)
        return rc;
    if (strlen(url.info.user) > 255 || strlen(url.info.vhost) > 255)
        rc = error_set(err, JOBS_EINVAL, "AMQP URL: user or virtual host is over 255 bytes");
    else {
        strcpy(ret_user, url.info.user);
        strcpy(ret_vhost, url.info.vhost);
    }
    url_done(&url);
    return rc;
}
