/* A TCP proxy in front of PostgreSQL that loses, delays and cuts what single sessions say, so that
 * a commit's answer can be lost or an old session be late. Sessions are told apart by their
 * application_name. One thread of its own; any thread may call. */
#ifndef TESTS_LIB_PG_PROXY_H
#define TESTS_LIB_PG_PROXY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_proxy;

struct pg_proxy *pg_proxy_start(const char *url);
const char *pg_proxy_url(const struct pg_proxy *proxy); /* lives as long as the proxy */
void pg_proxy_stop(struct pg_proxy *proxy);

enum pg_proxy_way { PG_PROXY_TO_SERVER, PG_PROXY_TO_CLIENT };

/* Of the sessions of that name which are open now: once the client sends `text` (part of a message,
 * such as a statement's name; NULL: at once), what is sent this way is kept back, that message
 * too. */
void pg_proxy_hold(struct pg_proxy *proxy, const char *name, enum pg_proxy_way way,
                   const char *text);
/* Until at least so many bytes are kept back in all; false after `timeout` ms. */
bool pg_proxy_wait_held(struct pg_proxy *proxy, size_t bytes, int64_t timeout);
/* Closes the client's side of the sessions of that name that keep something back: the client sees
 * its connection end, the server notices nothing. */
void pg_proxy_cut_clients(struct pg_proxy *proxy, const char *name);
/* Passes on what was kept back from the server but for the last `keep` bytes. */
void pg_proxy_release(struct pg_proxy *proxy, size_t keep);
/* Does what servers said to clients that were cut off hold that text? */
bool pg_proxy_heard(struct pg_proxy *proxy, const char *text);
/* Closes sessions whose client was cut off; what was kept back is lost. */
void pg_proxy_drop(struct pg_proxy *proxy);
#endif
