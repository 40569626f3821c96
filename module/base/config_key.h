/* The table of configuration keys, and how names and values are read against it. For the config_*.c
 * files and their tests; others use config.h. */
#ifndef BASE_CONFIG_KEY_H
#define BASE_CONFIG_KEY_H
#include "module/base/buf.h"
#include "module/jobs.h"

enum config_type {
    CONFIG_TEXT,     /* 1 to `high` bytes */
    CONFIG_NAME,     /* [a-z0-9][a-z0-9_-]{0,62} */
    CONFIG_SCHEMA,   /* a PostgreSQL schema */
    CONFIG_PATH,     /* absolute */
    CONFIG_CGROUP,   /* auto, off or an absolute path */
    CONFIG_LISTEN,   /* address:port */
    CONFIG_INTEGER,  /* low to high */
    CONFIG_DURATION, /* low to high, ms */
    CONFIG_SPAN,     /* two durations, "10s..15m"; one alone counts as both */
    CONFIG_SIZE,     /* low to high, bytes */
    CONFIG_BOOL,
    CONFIG_CHOICE,   /* one of `choices` */
    CONFIG_DATABASE, /* libpq URL or connection string */
    CONFIG_AMQP,     /* amqp:// or amqps:// */
    CONFIG_HTTP,     /* http:// or https:// */
    CONFIG_FILE      /* name of a file that holds the value of `stands_for` */
};

enum {
    CONFIG_RELOADABLE = 1, /* a running service takes a new value */
    CONFIG_SECRET = 2,     /* never printed (URLs are masked instead) */
    CONFIG_EMPTY = 4,      /* may be empty; a number is 0 then */
    CONFIG_HOST_NAME = 8   /* default: this host's name */
};

struct config_key {
    const char *name; /* with <name> and <NAME> as placeholders: "jobs.class.<name>.env.<NAME>" */
    enum config_type type;
    unsigned flags;
    int64_t low, high;
    const char *choices;    /* "auto|never" */
    const char *otherwise;  /* the default; NULL: not set */
    const char *example;    /* for the sample when there is no default */
    const char *stands_for; /* an old name or a .file: the key that is meant */
    const char *section;    /* begins a section of sample and manual */
    const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* Names in a key: <name> and <NAME> as found (not terminated). */
struct config_names {
    const char *text[2];
    size_t length[2];
};

/* The row of a dotted key or, `variable` set, of an environment variable's name; NULL: unknown. */
const struct config_key *config_key_find(const char *text, bool variable,
                                         struct config_names *ret_names);
/* The row with exactly this name; it must exist. */
const struct config_key *config_key_named(const char *name);
bool config_key_is_template(const struct config_key *key);
/* The full dotted key. Names that come from a variable are lower-cased, with - for _. Caller frees.
 */
char *config_key_format(const struct config_key *key, const struct config_names *names,
                        bool variable);
/* Are the datasource, class and variable names in this dotted key well formed? */
int config_key_check_names(const struct config_key *key, const char *full, struct jobs_error *err);
/* " (did you mean X?)" or "" for an unknown key or variable. Caller frees. */
char *config_key_suggest(const char *text, bool variable);

/* Reads a value. `ret` gets one number, or two (CONFIG_SPAN). False: not what the key allows. */
bool config_value_read(const struct config_key *key, const char *text, int64_t ret[2]);
/* What the key allows: "a whole number from 1 to 1000". */
void config_value_describe(const struct config_key *key, struct buf *out);
#endif
