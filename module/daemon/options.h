/* The command line of jobsd. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H
#include <stdio.h>

enum action { RUN, CHECK, PRINT_CONFIG, SAMPLE, MANUAL, VERSION, HELP };

struct options {
    enum action action;
    const char *file;      /* NULL: none */
    const char **settings; /* "key=value", last NULL */
};

/* Texts point into argv. 0, or -1: not understood, and said so on stderr. */
int options_read(int argc, char **argv, struct options *ret);
void options_done(struct options *options);
void options_usage(FILE *out);
#endif
