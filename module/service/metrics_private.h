/* Inside of the metrics, for the metrics*.c files. */
#ifndef SERVICE_METRICS_PRIVATE_H
#define SERVICE_METRICS_PRIVATE_H
#include "module/base/buf.h"

struct job_service;

void metrics_write_datasources(struct job_service *service, struct buf *out);
void metrics_write_figures(struct job_service *service, struct buf *out);
#endif
