/* The PostgreSQL role of a tenant: who is it, by login or SET ROLE, sees and commands this tenant's
 * jobs and no other's (docs/isolation.md). On the caller's connection and inside its transaction;
 * errors as in tenant/tenant.h, and JOBS_EINVAL for a role that would see more than one tenant or
 * while the roles of the schema are missing, JOBS_EDB (42501) when the login may not make roles. */
#ifndef TENANT_ROLE_H
#define TENANT_ROLE_H
#include "module/jobs.h"

#define TENANT_ROLE_SIZE 64

/* <schema>_tenant_<tenant>; JOBS_EINVAL when that is too long for a role. */
int tenant_role_name(const struct job_info_service *s, const char *tenant,
                     char ret[TENANT_ROLE_SIZE], struct jobs_error *err);
/* Makes the role if there is none and gives it to the tenant. role NULL: the tenant has none from
 * now on; the role itself stays. */
int tenant_set_role(const struct job_info_service *s, const char *tenant, const char *role,
                    struct jobs_error *err);
/* The statements that would do so, one call each; nothing is changed. */
int tenant_print_role(const struct job_info_service *s, const char *tenant, const char *role,
                      void (*line)(void *arg, const char *statement), void *arg,
                      struct jobs_error *err);
/* Its user on the broker, copied to ret; `user` (NULL: as it is) becomes it. JOBS_EINVAL: that is
 * another tenant's. */
int tenant_amqp_user(const struct job_info_service *s, const char *tenant, const char *user,
                     char ret[256], struct jobs_error *err);
#endif
