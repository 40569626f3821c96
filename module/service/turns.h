/* Whose turn is it? The datasources of a service share its pool, and each asks for slots by itself:
 * the one whose run has just ended would always be first. So one that gets none says that it waits,
 * and who had its turn later than that one lets it go first. Any thread. */
#ifndef SERVICE_TURNS_H
#define SERVICE_TURNS_H
#include "module/service/datasource.h"

/* Reserves up to `want` slots of the pool and returns how many it got: none when another datasource
 * is to go first, and then *ret_first is false: nothing is to be claimed ahead either. */
size_t turns_take(struct datasource *ds, size_t want, bool *ret_first);
/* A slot is free: the one that has waited longest is woken. */
void turns_wake(struct datasource *ds);
#endif
