#include "tenant/rights.h"

#include "module/base/error.h"

#include <stdio.h>
#include <string.h>

#define NOTHING "^$"

void tenant_vhost_name(const char *service, const char *tenant, char ret[TENANT_VHOST_SIZE]) {
    snprintf(ret, TENANT_VHOST_SIZE, "%.100s.%.63s", service, tenant);
}

/* A name as a regular expression that matches it alone. Names hold letters, digits, _ - and . */
static void quote(const char *name, char ret[128]) {
    size_t n = 0;
    for (; *name && n < 125; name++) {
        if (*name == '.')
            ret[n++] = '\\';
        ret[n++] = *name;
    }
    ret[n] = '\0';
}

static void add_topic(struct tenant_rights *rights, const char *service, const char *what,
                      const char *write, const char *read) {
    struct tenant_topic *topic = &rights->topics[rights->topic_count++];
    snprintf(topic->exchange, sizeof topic->exchange, "%.100s.%s", service, what);
    snprintf(topic->write, sizeof topic->write, "%s", write);
    snprintf(topic->read, sizeof topic->read, "%s", read);
}

int tenant_rights(const char *service, const char *tenant, bool alone, struct tenant_rights *ret,
                  struct jobs_error *err) {
    char s[128], own[80], stop[80];
    size_t n = strlen(tenant);
    if (strcmp(tenant, "amq") == 0 || (strncmp(service, tenant, n) == 0 && strchr(".", service[n])))
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%s\": its queues, named %s.…, would be the %s's; give the "
                         "service another name (jobs.service), or the tenant",
                         tenant, tenant, strcmp(tenant, "amq") == 0 ? "broker" : "service");
    quote(service, s);
    snprintf(own, sizeof own, "^%s\\.", tenant);
    snprintf(stop, sizeof stop, "^%s\\.stop$", tenant);
    *ret = (struct tenant_rights){0};
    snprintf(ret->configure, sizeof ret->configure, "%s", own);
    snprintf(ret->write, sizeof ret->write, "^(%s\\.commands$|%s\\.)", s, tenant);
    /* The log holds all tenants' events. */
    snprintf(ret->read, sizeof ret->read, "^(%s\\.(events|progress%s)$|%s\\.)", s,
             alone ? "|events\\.log" : "", tenant);
    if (alone)
        return 0;
    add_topic(ret, service, "events", NOTHING, own);
    add_topic(ret, service, "progress", NOTHING, own);
    add_topic(ret, service, "commands", stop, NOTHING);
    return 0;
}
