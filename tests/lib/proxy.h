/* A TCP proxy in front of a server, to cut, to refuse and to silence its connections at will. One
 * thread of its own. */
#ifndef TESTS_LIB_PROXY_H
#define TESTS_LIB_PROXY_H
#include <stdbool.h>

struct proxy;

/* To the host and port in `url` (amqp://…). Refuses until told otherwise if `refusing`. */
struct proxy *proxy_start(const char *url, bool refusing);
/* `url` with the proxy's address; lives as long as the proxy. */
const char *proxy_url(const struct proxy *proxy);
/* Closes all connections that are open now. */
void proxy_cut(struct proxy *proxy);
/* Closes new ones at once, or no longer. */
void proxy_refuse(struct proxy *proxy, bool refusing);
/* What becomes of bytes on the way, from now on, for the connections that are open and for those to
 * come. What was kept back goes on once they pass again. */
enum proxy_mode {
    PROXY_PASS,
    PROXY_DEAF, /* what the server says is kept back */
    PROXY_HOLE  /* nothing passes, nothing is closed, nobody is answered: a black hole */
};
void proxy_set_mode(struct proxy *proxy, enum proxy_mode mode);
/* A connection in which the client sends this text (may be NULL: none) is a black hole from then on,
 * until the client closes it; the others are not touched. Set before they begin. */
void proxy_swallow(struct proxy *proxy, const char *text);
int proxy_swallowed(struct proxy *proxy); /* so far */
/* Connections accepted so far, refused ones too. */
int proxy_connections(struct proxy *proxy);
void proxy_stop(struct proxy *proxy);
#endif
