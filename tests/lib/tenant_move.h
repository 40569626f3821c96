/* Moving a tenant "mv" between two datasources "a" and "b" of one configuration: with much of
 * everything, held at a step and killed there, and whether all has come. Include cmocka's friends and
 * cmocka.h as well. */
#ifndef TESTS_LIB_TENANT_MOVE_H
#define TESTS_LIB_TENANT_MOVE_H
#include <sys/types.h>

struct pg_conn;

struct move_pair {
    const char *a, *b; /* databases: source, target */
    char config[64];   /* a file; unlink it */
};

struct move_pair move_pair_new(void);
/* Jobs in every state that may be moved, with all that belongs to them; and a neighbour's beside
 * them in the same outbox row. */
void move_fill(const struct move_pair *pair);
/* All there is of the tenant, as text. Caller frees. */
char *move_picture(const char *url);
/* Moved whole: as it was, the source has nothing of it, both are sound, and what waits to be
 * broadcast is each job's whole history. Unlinks the configuration. */
void move_assert_done(const struct move_pair *pair, const char *before);

/* `jobctl tenant move mv --to b` as a process. */
pid_t move_start(const struct move_pair *pair);
void move_assert_ends_well(pid_t pid);
/* Until the tenant is in that phase of a move there; "none": in none, or not there. */
void move_wait_phase(const char *url, const char *phase);
/* Until somebody of another session waits for a lock on that table. */
void move_wait_blocked(const char *url, const char *table);
/* Lets nobody change that table, until move_let_go. */
struct pg_conn *move_hold(const char *url, const char *table);
void move_let_go(struct pg_conn *db);

enum { MOVE_MARKED, MOVE_COPYING, MOVE_ARRIVED, MOVE_HAS_LEFT, MOVE_ACTIVATED, MOVE_STEPS };
/* Brings a move to that step, holds it there and kills it. */
void move_kill_at(const struct move_pair *pair, int step);
#endif
