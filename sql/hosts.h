/* The hosts that a connection string names. libpq goes on to the next one when one refuses, but
 * leaves it to its caller to give one up that does not answer at all: so they are tried one by
 * one, each with its share of the time. */
#ifndef SQL_HOSTS_H
#define SQL_HOSTS_H
#include <stddef.h>

struct hosts {
    size_t count;                       /* 0: one, or none that is named: libpq's own affair */
    char **names, **addresses, **ports; /* each NULL, or `count` texts of which none is empty */
};

void hosts_read(struct hosts *ret, const char *url);
void hosts_done(struct hosts *hosts);
#endif
