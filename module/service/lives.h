/* The book of live jobs of a datasource: where they are, and what happens to them outside of a
 * tick. Dispatcher thread only. */
#ifndef SERVICE_LIVES_H
#define SERVICE_LIVES_H
#include "module/service/datasource.h"

/* Leaves the old list, joins the new one. */
void live_move(struct datasource *ds, struct live *live, enum live_state state);
/* Enters a job that was claimed, in no list yet. */
void lives_enter(struct datasource *ds, struct live *live, enum live_state state);
/* What is launched between these two goes to the pool at once, in order. Nothing is stopped, fenced or
 * handed back in between. */
void lives_gather(struct datasource *ds);
void lives_put(struct datasource *ds);
/* Sends it on its way: to the pool, or where its class, its parameters or its caution ask for.
 * `parameters` NULL: to be fetched. */
void live_launch(struct datasource *ds, struct live *live, const char *parameters);
/* The slot that is kept for a CAREFUL one, if any. */
void live_release(struct datasource *ds, struct live *live);
/* A CAREFUL one whose RUNNING is committed goes to the pool, if the control connection was heard of
 * lately. */
void live_start_careful(struct datasource *ds, struct live *live);
/* It is over, in the database too or fenced off: forgets and frees it. */
void live_finish(struct datasource *ds, struct live *live);
/* Takes it out of the pool or of where it waits; false: it runs. Its state is undefined until it is
 * moved. */
bool live_withdraw(struct datasource *ds, struct live *live);
/* Somebody asked it to stop. */
void live_stop(struct datasource *ds, struct live *live);
/* The database does not know it as ours: drops it, or lets it run out unheard. */
void live_fence(struct datasource *ds, struct live *live);

/* Takes over what the pool's threads put into the inbox. */
void lives_collect(struct datasource *ds);
/* Hands back what has waited for a slot for longer than a second, or everything that has not begun
 * when draining. */
void lives_hand_back(struct datasource *ds, int64_t now);
/* When a job will have waited for too long, or INT64_MAX. */
int64_t lives_hand_back_at(const struct datasource *ds);
/* How many runs last for longer than `age` already. */
size_t lives_lasting(const struct datasource *ds, int64_t now, int64_t age);
/* Brings the books up to date with the runs under way. */
void lives_use(struct datasource *ds, int64_t now);
/* Tells every run to stop. */
void lives_stop_runs(struct datasource *ds, enum run_stop_reason reason);
#endif
