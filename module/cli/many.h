/* jobctl stop and retry by filter instead of by ids. */
#ifndef CLI_MANY_H
#define CLI_MANY_H
#include "module/cli/cli.h"

/* Neither ids nor a filter, both, or --limit without a filter: EXIT_USAGE. *ret_filtered: is it by
 * filter? */
int many_check(const struct cli *cli, bool *ret_filtered);
/* Both print what they did, also when they failed halfway. */
int many_stop(struct cli *cli);
int many_retry(struct cli *cli);
#endif
