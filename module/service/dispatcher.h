/* The dispatcher: sleeps until something happened, then sends ticks until nothing is due. */
#ifndef SERVICE_DISPATCHER_H
#define SERVICE_DISPATCHER_H
#include "module/service/datasource.h"

void *dispatcher_main(void *arg); /* the thread; arg: its datasource */
#endif
