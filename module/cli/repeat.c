#include "module/cli/repeat.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static void pause_for(int64_t ms) {
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

void repeat_home(struct buf *out) { buf_text(out, "\x1b[H\x1b[J"); /* home, clear to the end */ }

int repeat(bool terminal, int64_t interval, int (*look)(void *arg, bool *ret_done), void *arg) {
    struct sigaction act = {.sa_handler = interrupt};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (terminal)
        fputs("\x1b[?25l\x1b[?7l\x1b[2J", stdout); /* no cursor, long lines are cut, clear */
    int status;
    bool done = false;
    while (!(status = look(arg, &done)) && !interrupted && !done)
        pause_for(interval);
    if (terminal) {
        fputs("\x1b[?7h\x1b[?25h", stdout);
        fflush(stdout);
    }
    return status;
}
