#include "module/worker/program.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/worker/answer.h"
#include "module/worker/lines.h"
#include "module/worker/run_object.h"
#include "module/worker/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LINE_MAX_BYTES (RUN_RESULT_MAX + RUN_ERROR_MAX + 1024)
#define EXIT_FOR_GOOD 65 /* EX_DATAERR of sysexits.h */

/* What the program has said about this job. */
struct said {
    struct talk talk; /* first */
    struct lines answers, output;
    bool stays;    /* it takes further jobs */
    bool answered; /* anything at all */
    bool finished; /* result, error or snooze: `code` says which */
    int code;      /* to be returned; 0 unless something was said */
    bool failed;   /* the last of these was an error */
    char *bad;     /* the first line that could not be read */
    char *text;    /* what it said last that it is doing */
};

/* ---- the job line ---- */

static void add_deadline(struct buf *line, const struct job *job) {
    int64_t deadline = atomic_load(&job->deadline);
    struct timespec now;
    struct tm tm;
    char text[40];
    if (deadline == 0) {
        buf_text(line, "null");
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms =
        (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + (deadline - clock_now()) / CLOCK_MS;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_format(line, "\"%s.%03dZ\"", text, (int)(ms % 1000));
}

/* The user's JSON as it is, but in one line: outside of its strings a newline is a blank. */
static void add_parameters(struct buf *line, const struct job *job) {
    size_t start = line->length;
    buf_text(line, *job->parameters_text ? job->parameters_text : "{}");
    for (char *c = line->data + start; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

static void add_text(struct buf *line, const char *name, const char *text) {
    buf_format(line, ",\"%s\":", name);
    if (*text)
        buf_json_string(line, text);
    else
        buf_text(line, "null");
}

static void make_line(struct buf *line, const struct job *job) {
    buf_text(line, "{\"id\":"), buf_json_string(line, job->id);
    add_text(line, "tenant", job->tenant);
    add_text(line, "class", job->class_name);
    buf_format(line, ",\"attempt\":%u,\"attempts\":", job->attempt);
    if (job->attempts > 0)
        buf_format(line, "%u", job->attempts);
    else
        buf_text(line, "null");
    buf_text(line, ",\"parameters\":"), add_parameters(line, job);
    add_text(line, "workspace", job_workspace(job));
    add_text(line, "traceparent", job->traceparent);
    buf_text(line, ",\"deadline\":"), add_deadline(line, job);
    buf_text(line, "}\n");
}

/* ---- answer lines ---- */

static void note_bad(struct said *s, const char *text) {
    job_log(s->talk.job, LOG_LEVEL_WARNING, "%s", text);
    if (!s->bad)
        s->bad = mem_text(text);
    s->talk.over = s->talk.over || s->stays; /* who knows where its next answer begins */
}

static void note_end_of_job(struct said *s, const struct answer *a) {
    struct job *job = s->talk.job;
    if (a->error) {
        s->code = a->retry == ANSWER_FOR_GOOD   ? job_fail_for_good(job, "%s", a->error)
                  : a->retry == ANSWER_RETRY_IN ? job_retry_in(job, a->delay, "%s", a->error)
                                                : job_fail(job, "%s", a->error);
    } else if (a->snooze) {
        s->code = job_snooze(job, a->delay);
    } else if (a->result) {
        s->code = job_succeed_as(job, a->result_class_name, a->result);
    } else {
        return;
    }
    s->finished = true;
    s->failed = a->error != NULL;
}

/* Programs say it at every step: it is news only when it has changed. */
static void note_text(struct said *s, const char *text) {
    if (s->text && strcmp(s->text, text) == 0)
        return;
    free(s->text);
    s->text = mem_text(text);
    run_set_text(s->talk.job, text);
    job_log(s->talk.job, LOG_LEVEL_INFO, "%s", text);
}

static void obey(struct said *s, const struct answer *a) {
    struct job *job = s->talk.job;
    job_set_completion_count(job, a->count);
    job_advance_completion(job, a->advance);
    if (a->completion >= 0)
        run_set_completion(job, a->completion);
    if (a->text)
        note_text(s, a->text);
    if (a->log)
        job_log(job, a->level, "%s", a->log);
    note_end_of_job(s, a);
    if (!a->end || !s->stays)
        return;
    if (a->end_id && strcmp(a->end_id, job->id) != 0)
        job_log(job, LOG_LEVEL_WARNING, "the end of another job was said: %s", a->end_id);
    else
        s->talk.over = true;
}

static void take_answer(void *arg, const char *line, size_t length) {
    struct said *s = arg;
    struct jobs_error err = {0};
    struct answer answer;
    char text[200];
    s->answered = true;
    if (s->talk.over) {
        job_log(s->talk.job, LOG_LEVEL_WARNING, "something was said after the end of the job");
    } else if (!line) {
        snprintf(
            text, sizeof text,
            "an answer line is over %zu bytes (a result may have %zu): put what is larger into a "
            "store and answer where it is",
            LINE_MAX_BYTES, RUN_RESULT_MAX);
        note_bad(s, text);
    } else if (answer_read(line, length, &answer, &err) < 0) {
        note_bad(s, err.text);
    } else {
        obey(s, &answer);
        answer_done(&answer);
    }
}

static void on_answers(struct talk *talk, const char *bytes, size_t length) {
    lines_feed(&((struct said *)(void *)talk)->answers, bytes, length);
}

static void on_output(struct talk *talk, const char *bytes, size_t length) {
    lines_feed(&((struct said *)(void *)talk)->output, bytes, length);
}

/* ---- what becomes of it ---- */

/* Edited on another system: "#!/bin/sh" and a carriage return name a file that nobody has. */
static bool has_dos_line_ends(const char *path) {
    char line[256];
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    return read && strncmp(line, "#!", 2) == 0 && strstr(line, "\r\n");
}

/* Why exec failed, in words that say what to do. */
static const char *exec_hint(const char *command, int code) {
    if (code == EACCES)
        return " (is it executable, and for the user that it runs as?)";
    if (code == ENOEXEC)
        return " (does its first line name the interpreter, as #!/bin/sh?)";
    if (code == ENOENT && has_dos_line_ends(command))
        return " (its first line ends with a carriage return: save it with Unix line ends)";
    return code == ENOENT ? " (is it, or the interpreter of its first line, there?)" : "";
}

static int code_of_start_failure(struct said *s) {
    const struct child *c = s->talk.child;
    const char *command = c->class->settings.argv[0], *step = c->report.step;
    bool exec = strcmp(step, "exec") == 0;
    return run_fail_kind(s->talk.job, RUN_FAILED, "CLASS", "%s cannot be started: %s%s%s%s",
                         command, exec ? "" : step, exec ? "" : ": ", strerror(c->report.code),
                         exec ? exec_hint(command, c->report.code) : "");
}

static int code_of_exit(struct said *s) {
    struct job *job = s->talk.job;
    int status = s->talk.child->report.code;
    if (!s->talk.child->lost && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
        s->talk.child->report.over == SPAWN_OVER_NOTHING) {
        if (s->bad)
            return run_fail_kind(job, RUN_FAILED_FOR_GOOD, "RESULT", "%s", s->bad);
        if (s->stays && !s->finished && !s->talk.stopping)
            return run_fail_kind(job, RUN_FAILED, "CRASH",
                                 "it ended before it said {\"end\":true} for this job");
        /* Going quietly when asked to is no success: there may be work left. */
        return s->talk.stopping && !s->finished ? job_aborted(job) : s->code;
    }
    bool exited = !s->talk.child->lost && WIFEXITED(status);
    if (exited && s->failed)
        return WEXITSTATUS(status) == EXIT_FOR_GOOD && s->code != 0
                   ? job_fail_for_good(job, "%s", job->error ? job->error : "")
                   : s->code;
    char *how = talk_how_it_ended(&s->talk);
    int code = !exited ? run_fail_kind(job, RUN_FAILED, "CRASH", "%s", how)
               : WEXITSTATUS(status) == EXIT_FOR_GOOD
                   ? job_fail_for_good(job, "%s", how)
                   : job_fail(job, "%s%s%s", how, s->bad ? "; " : "", s->bad ? s->bad : "");
    free(how);
    return code;
}

static int code_of(struct said *s) {
    const struct child *c = s->talk.child;
    if (c->ended && c->report.event == SPAWN_FAILED)
        return code_of_start_failure(s);
    if (c->ended || c->lost)
        return code_of_exit(s);
    return s->bad ? run_fail_kind(s->talk.job, RUN_FAILED_FOR_GOOD, "RESULT", "%s", s->bad)
                  : s->code;
}

/* True: the job was not taken, try another child. */
static bool talk_about(struct job *job, struct child *child, const struct buf *line,
                       int *ret_code) {
    bool stays = child->class->settings.jobs > 1;
    struct said s = {
        .talk = {.job = job,
                 .child = child,
                 .send = line->data,
                 .send_length = line->length,
                 .close_input = !stays,
                 .on_answers = on_answers,
                 .on_output = on_output},
        .answers = {.max = LINE_MAX_BYTES, .line = take_answer, .arg = &s},
        .output = {.prefix = "::job ", .max = LINE_MAX_BYTES, .line = take_answer, .arg = &s},
        .stays = stays};
    talk_run(&s.talk);
    if (!s.talk.over) {
        lines_end(&s.answers);
        lines_end(&s.output);
    }
    bool again = !s.answered && talk_was_not_read(&s.talk);
    if (!again)
        *ret_code = code_of(&s);
    if (s.talk.over && !s.bad && !s.talk.stopping)
        child_give_back(child);
    else
        child_discard(child);
    lines_done(&s.answers);
    lines_done(&s.output);
    free(s.bad);
    free(s.text);
    return again;
}

int program_class_run(struct job *job) {
    struct child_class *class = job_shared(job);
    struct jobs_error err = {0};
    struct child *child;
    struct buf line = {0};
    char attempt[12];
    snprintf(attempt, sizeof attempt, "%u", job->attempt);
    const char *const more[] = {
        "JOBS_ID", job->id,          "JOBS_TENANT",      job->tenant,   "JOBS_ATTEMPT",
        attempt,   "JOBS_WORKSPACE", job_workspace(job), "TRACEPARENT", job->traceparent,
        NULL};
    bool stays = class->settings.jobs > 1, again = false;
    int code = 0;
    if (child_lend_workspace(class, job, &err) < 0)
        return run_fail_kind(job, RUN_FAILED, "WORKSPACE", "%s", err.text);
    make_line(&line, job);
    do {
        if (child_take(class, again, stays ? NULL : job_workspace(job), stays ? NULL : more, &child,
                       &err) < 0)
            code = run_fail_kind(job, RUN_FAILED, "CLASS", "%s", err.text), again = false;
        else
            again = talk_about(job, child, &line, &code);
    } while (again);
    buf_done(&line);
    return code;
}
