/* The feeds of live events: one for all tenants or, where each tenant has a virtual host of its own,
 * one for each tenant that somebody listens to. */
#ifndef API_FEEDS_H
#define API_FEEDS_H
#include "module/api/api.h"
#include "module/feed/feed.h"

struct feeds;
/* *ret is NULL where there are no live events: no broker, or no log. */
int feeds_start(struct api *api, struct feeds **ret, struct jobs_error *err);
/* Closes all streams. NULL is fine. */
void feeds_stop(struct feeds *feeds);
/* The feed with the events of that tenant ("": of all), to be given back: it is not stopped before.
 * `feeds` may be NULL. API_EAWAY: there is none. Any thread. */
int feeds_take(struct feeds *feeds, const char *tenant, struct feed **ret, struct jobs_error *err);
void feeds_give_back(struct feeds *feeds, const char *tenant);
/* The sums of all. Any thread. */
void feeds_get_stats(struct feeds *feeds, struct feed_stats *ret);
#endif
