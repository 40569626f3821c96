/* Parameters of a run: the JSON object of the user, read for declared parameters, passed on as text
 * otherwise. */
#ifndef JOB_PARAMETERS_H
#define JOB_PARAMETERS_H
#include "module/jobs.h"

struct parameters; /* never changes once parsed: every thread may read it */

/* Parses a JSON object (values nested up to 512 deep). Anything else: JOBS_EINVAL. The text is
 * copied. Of a name that comes twice the last one counts, as in PostgreSQL's jsonb. */
int parameters_parse(const char *json, struct parameters **ret, struct jobs_error *err);
void parameters_free(struct parameters *p); /* NULL is fine */

/* Are all declared (last: name NULL; NULL: nothing declared, all is accepted) there, not JSON null
 * unless optional, and of their type? JOBS_EINVAL names the parameter, the type wanted and the one
 * found. When a class declares parameters, any other name is refused (the text names similar ones).
 */
int parameters_check(const struct parameters *p, const struct job_parameter *declared,
                     struct jobs_error *err);

/* Readers: `otherwise` when absent, null or of another type. Texts belong to p.
 * An integer is a JSON number without fraction within 64 bits ("7", also "7.0" and "7e2"). */
const char *parameters_string(const struct parameters *p, const char *name, const char *otherwise);
int64_t parameters_integer(const struct parameters *p, const char *name, int64_t otherwise);
double parameters_number(const struct parameters *p, const char *name, double otherwise);
bool parameters_boolean(const struct parameters *p, const char *name, bool otherwise);
/* The value's JSON text exactly as the user wrote it (big numbers unaltered), NULL when absent;
 * name NULL: the whole object. */
const char *parameters_json(const struct parameters *p, const char *name);
#endif
