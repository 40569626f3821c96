/* The control connection: listens, beats, renews the lease of the relay; that it is there
 * says that this process lives. It writes nothing else and never waits behind a tick. */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H
#include "module/service/datasource.h"

void *control_main(void *arg); /* the thread; arg: its datasource */
#endif
