/* Roles of PostgreSQL, for the verbs about tenants. */
#ifndef CLI_ROLES_H
#define CLI_ROLES_H

struct cli;
/* Gives the tenant that role ("-": the usual name), over cli->store; an exit status. */
int cli_set_role(struct cli *cli, const char *tenant, const char *given);
#endif
