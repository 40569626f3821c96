/* JobService as programs embed it: the service and, unless jobs.api.listen is empty, its HTTP
 * interface. */
#include "module/api/api.h"
#include "module/service/service.h"

#include <stdio.h>

int job_service_start(const struct job_service_options *options, struct job_service **ret,
                      struct jobs_error *err) {
    struct job_service *service;
    int rc = service_open(options, &service, err);
    if (rc < 0)
        return rc;
    rc = api_start(service, &service->api, err);
    if (rc < 0) {
        service_close(service, 0, NULL);
        return rc;
    }
    *ret = service;
    return 0;
}

int job_service_reload(struct job_service *service, struct jobs_error *err) {
    int rc = service_reread(service, err);
    if (rc == 0)
        api_reload(service->api);
    return rc;
}

int job_service_url(struct job_service *service, char *ret_url, size_t size,
                    struct jobs_error *err) {
    (void)err;
    api_url(service->api, ret_url, size);
    return 0;
}

int job_service_stop(struct job_service *service, int64_t grace, struct jobs_error *err) {
    if (!service)
        return 0;
    api_stop(service->api);
    service->api = NULL;
    return service_close(service, grace, err);
}
