/* A command line cut into words as systemd's ExecStart= does it: blanks separate, "…" and '…' keep
 * together, a backslash escapes (\n \t \s \\ \" \' \xHH). No shell, nothing is expanded. */
#ifndef WORKER_WORDS_H
#define WORKER_WORDS_H
#include "module/jobs.h"

/* *ret_words: last NULL, words_free. JOBS_ECONFIG: an open quote, an unknown escape, no word. */
int words_split(const char *text, char ***ret_words, struct jobs_error *err);
void words_free(char **words);
#endif
