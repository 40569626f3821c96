/* What a tenant's user may do on the broker: queues (and exchanges) of its own, named <tenant>.…,
 * its events, its commands. The same in every jobs.amqp.vhost.mode; where tenants share a virtual
 * host topic permissions keep them apart. No I/O. */
#ifndef TENANT_RIGHTS_H
#define TENANT_RIGHTS_H
#include "module/jobs.h"

#define TENANT_VHOST_SIZE 192

/* The virtual host of a tenant in jobs.amqp.vhost.mode=tenant: <service>.<tenant>. */
void tenant_vhost_name(const char *service, const char *tenant, char ret[TENANT_VHOST_SIZE]);

struct tenant_topic {
    char exchange[160];
    char write[160], read[160]; /* regular expressions that routing keys must match */
};

struct tenant_rights {
    char configure[160], write[320], read[480]; /* regular expressions that names must match */
    struct tenant_topic topics[3];
    size_t topic_count; /* 0: it is alone in its virtual host */
};

/* alone: the virtual host is the tenant's. JOBS_EINVAL: its queues would have names of the service's
 * or the broker's own. */
int tenant_rights(const char *service, const char *tenant, bool alone, struct tenant_rights *ret,
                  struct jobs_error *err);
#endif
