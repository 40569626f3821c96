/* What the files of `jobctl tenant …` share. */
#ifndef CLI_VERB_TENANT_H
#define CLI_VERB_TENANT_H
#include "module/cli/cli.h"

/* Makes the tenant that the command line names, with its --weight, --max-running, …. */
int cli_tenant_create(struct cli *cli);
#endif
