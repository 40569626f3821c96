/* JSON objects for programs, as jobctl --json prints them and the HTTP interface answers: begin,
 * fields, end. Values that are JSON already are put in as they are. All add to a buf. */
#ifndef JOB_JSON_H
#define JOB_JSON_H
#include "module/base/buf.h"

void json_begin(struct buf *out);
void json_text(struct buf *out, const char *name, const char *text); /* NULL: left out */
void json_raw(struct buf *out, const char *name, const char *json);  /* likewise */
void json_integer(struct buf *out, const char *name, int64_t value);
void json_boolean(struct buf *out, const char *name, bool value);
void json_date(struct buf *out, const char *name, int64_t date); /* 0: left out */
void json_end(struct buf *out);                                  /* no line feed */
/* "2030-01-31T12:00:00.123456Z", without quotes. */
void json_iso_date(struct buf *out, int64_t date);

/* A job as a JSON object, members named as the columns of v_job; what is not there is left out. */
void json_job(struct buf *out, const struct job_info *job);
/* Its members alone, for those who add more. */
void json_job_members(struct buf *out, const struct job_info *job);
#endif
