/* Parameters of a run: the JSON object of the user, read for declared parameters, passed on as text otherwise. */
#ifndef JOB_PARAMETERS_H
#define JOB_PARAMETERS_H
#include "module/jobs.h"

struct parameters;
/* Parses a JSON object (depth up to 512). Anything else: JOBS_EINVAL. The text is copied. */
int parameters_parse(const char *json, struct parameters **ret, struct jobs_error *err);
void parameters_free(struct parameters *p);
/* Are all declared (last: name NULL; NULL: none declared) there, not JSON null unless optional, and of their type?
 * JOBS_EINVAL names the parameter, the type wanted and the one found. Undeclared ones are accepted when the class declares none;
 * when it declares some, an unknown name is refused (text names similar ones). */
int parameters_check(const struct parameters *p, const struct job_parameter *declared, struct jobs_error *err);
/* Readers: `otherwise` when absent, null or of another type. Texts belong to p. */
const char *parameters_string(struct parameters *p, const char *name, const char *otherwise);
int64_t parameters_integer(struct parameters *p, const char *name, int64_t otherwise);
double parameters_number(struct parameters *p, const char *name, double otherwise);
bool parameters_boolean(struct parameters *p, const char *name, bool otherwise);
/* The value's JSON text exactly as the user wrote it (big numbers unaltered), NULL when absent; name NULL: the whole object. */
const char *parameters_json(struct parameters *p, const char *name);
#endif
