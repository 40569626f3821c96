/* Looking again and again, until Ctrl-C: `jobctl watch` and the like. */
#ifndef CLI_REPEAT_H
#define CLI_REPEAT_H
#include "module/base/buf.h"

/* Calls `look` every `interval` ms until it says that it is done, returns something else than
 * EXIT_OK, or SIGINT or SIGTERM comes. `terminal`: the screen is cleared before, and look begins
 * with repeat_home. Returns look's last status. */
int repeat(bool terminal, int64_t interval, int (*look)(void *arg, bool *ret_done), void *arg);
/* Everything that follows is painted over what was there. */
void repeat_home(struct buf *out);
#endif
