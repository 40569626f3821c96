/* The table of verbs. */
#include "module/cli/verb.h"

#define STATUSES "PENDING QUEUED TO_BE_RUN RUNNING SUCCEEDED FAILED ABORTED"

/* clang-format off */
#define LIMITS \
    {0, "weight", "N", "share of the slots, 1 to 1000 (1)", NULL}, \
    {0, "max-running", "N", "jobs that may run at a time, in all instances; none: no limit", "none"}, \
    {0, "max-queued", "N", "jobs that may wait; a submit above it is refused; none: no limit", "none"}
/* clang-format on */

static const struct option token_options[] = {
    {0, "role", "ROLE", "viewer reads; operator also submits and changes jobs; admin all",
     "viewer operator admin"},
    {0, "expires", "DATE", "it no longer counts from then on", NULL},
    {0, "all-tenants", NULL, "for all tenants of the datasource", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option audit_options[] = {
    {0, "job", "ID", "about this job alone", NULL},
    {0, "limit", "N", "at most, up to 1000 (100)", NULL},
    {0, "before", "NUMBER", "go on before this entry (its id in --json)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option default_options[] = {
    LIMITS,
    {0, NULL, NULL, NULL, NULL},
};

static const struct option settings_options[] = {
    LIMITS,
    {0, "state", "STATE", "PAUSED: none of its jobs is chosen; MAINTENANCE: none is taken either",
     "ACTIVE PAUSED MAINTENANCE"},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option move_options[] = {
    {0, "to", "DATASOURCE", "where it goes; --datasource says where it is, if that is not clear",
     NULL},
    {0, "stop", NULL, "stop what runs; it is waited for otherwise", NULL},
    {0, "timeout", "DURATION", "wait no longer than this for what runs (60s)", NULL},
    {0, "events-for", "DURATION",
     "wait no longer than this for the broker (10s); events that are left go along", NULL},
    {0, "cancel", NULL, "take a move back that has not been decided", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option remove_options[] = {
    {0, "force", NULL, "stop its jobs and wait until they have ended", NULL},
    {0, "discard-events", NULL, "do not wait until its events are broadcast: they are lost", NULL},
    {0, "timeout", "DURATION", "give up after this time (60s)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option apply_options[] = {
    {0, "dry-run", NULL, "say what would be done, change nothing", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option migrate_options[] = {
    {0, "roles", NULL, "make the roles of the schema too, and give them their rights", NULL},
    {0, "print", NULL, "with --roles: print the SQL for an administrator, change nothing", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option create_options[] = {
    LIMITS,
    {0, "state", "STATE", "PAUSED: none of its jobs is chosen; MAINTENANCE: none is taken either",
     "ACTIVE PAUSED MAINTENANCE"},
    {0, "role", "ROLE", "its role in PostgreSQL, see `jobctl tenant role`; - for the usual name",
     NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option role_options[] = {
    {0, "print", NULL, "print the SQL for an administrator, change nothing", NULL},
    {0, "none", NULL, "it has no role from now on; the role itself stays", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option amqp_options[] = {
    {0, "apply", NULL, "do it instead of printing it", NULL},
    {0, "user", "USER", "becomes the tenant's user (the one named like the tenant)", NULL},
    {0, "password-file", "FILE", "with --apply: its first line is the user's password", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option shares_options[] = {
    {'w', "watch", NULL, "again and again, until Ctrl-C", NULL},
    {0, "interval", "DURATION", "with --watch: look this often (1s)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option submit_options[] = {
    {'p', "parameter", "NAME=TEXT",
     "a parameter; NAME:=JSON for a value that is no text; may be repeated", NULL},
    {0, "parameters", "JSON",
     "all parameters as one JSON object; @FILE reads it from there, - from stdin", NULL},
    {0, "priority", "N", "higher first (0)", NULL},
    {0, "pending", NULL, "store it; nobody acts on it before `jobctl release`", NULL},
    {0, "at", "DATE", "not before this date, e.g. 2030-01-31T12:00:00Z", NULL},
    {0, "in", "DURATION", "not before this time has passed, e.g. 5m", NULL},
    {0, "expires", "DATE", "FAILED when it was not chosen by then", NULL},
    {0, "description", "TEXT", "for people", NULL},
    {0, "owner", "TEXT", "whose it is", NULL},
    {0, "related-type", "TEXT", "type of the object it is about", NULL},
    {0, "related-id", "TEXT", "id of the object it is about", NULL},
    {0, "attempts", "N", "runs until it counts as FAILED (the class's own)", NULL},
    {0, "timeout", "DURATION", "of one run (the class's own)", NULL},
    {0, "backoff", "DURATION", "pause before the second run, doubled each time (the class's own)",
     NULL},
    {0, "locked", NULL, "keep it for ever", NULL},
    {0, "traceparent", "TEXT", "W3C trace context for its run", NULL},
    {0, "id", "UUID", "its id; the same one twice makes one job", NULL},
    {'w', "wait", NULL, "wait for its end, as `jobctl wait` does", NULL},
    {0, "wait-timeout", "DURATION", "wait no longer than this", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option run_options[] = {
    {'p', "parameter", "NAME=TEXT",
     "a parameter; NAME:=JSON for a value that is no text; may be repeated", NULL},
    {0, "parameters", "JSON",
     "all parameters as one JSON object; @FILE reads it from there, - from stdin", NULL},
    {0, "timeout", "DURATION", "of the run (the class's own)", NULL},
    {0, "classes-dir", "DIR", "directory of shared objects with classes (jobs.classes.dir)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option class_set_options[] = {
    {0, "max-running", "N", "jobs of all tenants together; none: no limit", "none"},
    {0, "max-running-per-tenant", "N", "jobs of each tenant; none: no limit", "none"},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option class_pause_options[] = {
    {'t', "tenant", "TENANT", "for this tenant alone (for all)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option show_options[] = {
    {0, "attempts", NULL, "with every attempt that began", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option logs_options[] = {
    {0, "attempt", "N", "of this attempt alone", NULL},
    {0, NULL, NULL, NULL, NULL},
};

/* clang-format off */
#define FILTERS \
    {'s', "status", "STATUS", "in this status; several with commas or repeated", STATUSES}, \
    {0, "class", "CLASS", "of this class", NULL}, \
    {0, "owner", "TEXT", "of this owner", NULL}, \
    {0, "related-type", "TEXT", "about objects of this type", NULL}, \
    {0, "related-id", "TEXT", "about the object of this id", NULL}
/* clang-format on */

static const struct option list_options[] = {
    FILTERS,
    {'n', "limit", "N", "at most N jobs (100)", NULL},
    {0, "after", "ID", "the page behind this job, the last one of the page before", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option watch_options[] = {
    FILTERS,
    {'n', "limit", "N", "at most N jobs (as many as fit; 100 without a terminal)", NULL},
    {0, "interval", "DURATION", "look this often (500ms)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

/* clang-format off */
#define MANY \
    {0, "older-than", "DURATION", "created longer ago than this, such as 2h", NULL}, \
    {0, "newer-than", "DURATION", "created within this time", NULL}, \
    {0, "all", NULL, "all of the tenant", NULL}, \
    {'n', "limit", "N", "at most N jobs (all)", NULL}
/* clang-format on */

static const struct option stop_options[] = {
    FILTERS,
    MANY,
    {0, "amqp", NULL,
     "send the command over AMQP, as a microservice would, and wait for the answer", NULL},
    {0, "timeout", "DURATION", "with --amqp: wait no longer than this for the answer (10s)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option retry_options[] = {
    {0, "failed", NULL, "that FAILED: the same as --status FAILED", NULL},
    {0, "error-kind", "KIND", "that FAILED for this reason",
     "ERROR TIMEOUT CRASH EXPIRED CLASS PARAMETER WORKSPACE RESULT"},
    FILTERS,
    MANY,
    {0, NULL, NULL, NULL, NULL},
};

static const struct option lock_options[] = {
    {0, "off", NULL, "let it go again", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option wait_options[] = {
    {0, "timeout", "DURATION", "wait no longer than this, for all of them (without limit)", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option purge_options[] = {
    {0, "older-than", "DURATION",
     "that ended longer ago than this, such as 7d (jobs.retention.*.days)", NULL},
    {'s', "status", "STATUS", "in this status; several with commas or repeated",
     "SUCCEEDED FAILED ABORTED"},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option events_options[] = {
    {0, "key", "PATTERN", "routing key <tenant>.<STATUS>.<class> with * and # (<tenant>.# or #)",
     NULL},
    {'n', "count", "N", "end after N events", NULL},
    {0, "timeout", "DURATION",
     "end when this time has passed: status 124 if --count was not reached", NULL},
    {0, NULL, NULL, NULL, NULL},
};

static const struct option subscribe_options[] = {
    {0, "key", "PATTERN",
     "events of this routing key, <tenant>.<STATUS>.<class> with * and #; may be repeated "
     "(<tenant>.#)",
     NULL},
    {0, "kind", "KIND",
     "quorum: replicated where the broker is a cluster; classic: on one node; stream: kept when "
     "read (quorum)",
     "quorum classic stream"},
    {0, "ttl", "DURATION", "events that nobody took for so long go; 0: never (7d)", NULL},
    {0, "max-length", "N",
     "events kept, the oldest go first; 0: no bound (1000000; streams: 1 GiB)", NULL},
    {0, "list", NULL, "list the queues that were made so", NULL},
    {0, "delete", NULL, "delete the queue with the events in it", NULL},
    {0, NULL, NULL, NULL, NULL},
};

#define DATABASE WITH_DATABASE
#define TENANT (WITH_DATABASE | WITH_TENANT)

const struct verb verbs[] = {
    {"migrate", NULL, 0, 0, "Make or update the tables",
     "Needs the server itself or session pooling. --roles makes <schema>_daemon (for jobsd),\n"
     "<schema>_client (trusted with all tenants) and the group <schema>_tenant, or gives what is\n"
     "there its rights again.",
     DATABASE, migrate_options, verb_migrate, false},
    {"tenant create", "TENANT", 1, 1, "Make a tenant",
     "What is not given is what `jobctl tenant defaults` says.", DATABASE, create_options,
     verb_tenant_create, false},
    {"tenant role", "TENANT [ROLE]", 1, 2, "Give a tenant its role in PostgreSQL",
     "Who is that role, by login or SET ROLE, sees and commands this tenant's jobs and no "
     "other's.\n"
     "It is made if there is none, without a password. Named <schema>_tenant_<tenant> unless told.",
     DATABASE, role_options, verb_tenant_role, false},
    {"tenant amqp", "TENANT", 1, 1, "Print or apply what a tenant's user may do on the broker",
     "Printed as commands for rabbitmqctl, or done with --apply over the broker's management\n"
     "interface (jobs.amqp.management.url). With jobs.amqp.vhost.mode=tenant it has a virtual "
     "host\n"
     "of its own.",
     DATABASE | WITH_BROKER, amqp_options, verb_tenant_amqp, false},
    {"tenant list", NULL, 0, 0, "List tenants", NULL, DATABASE | WITH_JSON, NULL, verb_tenant_list,
     false},
    {"tenant show", "TENANT", 1, 1, "Show a tenant and its jobs by class and status", NULL,
     DATABASE | WITH_JSON, NULL, verb_tenant_show, false},
    {"tenant shares", "[TENANT]", 0, 1, "Show what tenants are owed, got and lag behind",
     "In slot-seconds, of tenants that had work in the last minute, as of a second ago. LAG is\n"
     "OWED - GOT since the tenant's present backlog began; near 0 for all is fair.",
     DATABASE | WITH_JSON, shares_options, verb_tenant_shares, false},
    {"tenant set", "TENANT", 1, 1, "Change a tenant's weight, limits or state",
     "Takes effect at once, without a restart.", DATABASE, settings_options, verb_tenant_set,
     false},
    {"tenant defaults", NULL, 0, 0, "Show or change what new tenants get",
     "Holds for tenants made by jobctl and by SQL; those that are there keep what they have.",
     DATABASE | WITH_JSON, default_options, verb_tenant_defaults, false},
    {"tenant apply", "FILE", 1, 1, "Make and change tenants as a file says; - for standard input",
     "FILE: a JSON array of objects with tenant, and if wanted weight, max_running, max_queued\n"
     "(null: no limit), state and datasource. All or none per datasource; applied twice it "
     "changes\n"
     "nothing. Tenants that are not in it are left alone.",
     DATABASE | WITH_JSON, apply_options, verb_tenant_apply, false},
    {"tenant pause", "TENANT", 1, 1, "Choose none of its jobs",
     "Jobs are still taken, and what runs goes on.", DATABASE, NULL, verb_tenant_pause, false},
    {"tenant resume", "TENANT", 1, 1, "End a pause or a maintenance", NULL, DATABASE, NULL,
     verb_tenant_resume, false},
    {"tenant maintenance", "TENANT", 1, 1, "Take no more jobs from it, choose none",
     "What runs goes on.", DATABASE, NULL, verb_tenant_maintenance, false},
    {"tenant move", "TENANT", 1, 1, "Move a tenant with all its jobs to another datasource",
     "It is in maintenance meanwhile. Ids, order, attempts, logs and events stay; nothing is lost\n"
     "or run twice. When it was interrupted, do it again: it goes on where it was.",
     DATABASE, move_options, verb_tenant_move, false},
    {"tenant remove", "TENANT", 1, 1, "Delete a tenant with its jobs and queues of events",
     "Refused while it has jobs that have not ended, unless forced. First the tenant is closed\n"
     "(MAINTENANCE); when the time is over it stays so: remove it again, or resume it.",
     DATABASE | WITH_BROKER, remove_options, verb_tenant_remove, false},
    {"submit", "CLASS", 1, 1, "Create a job",
     "Prints its id. With --wait, prints status and result too and exits as `jobctl wait` does.",
     TENANT | WITH_HTTP | WITH_JSON, submit_options, verb_submit, false},
    {"run", "CLASS", 1, 1, "Run a class here and now, without any server",
     "Prints its progress (stderr) and its result. The built-in classes that read below a root "
     "directory\n"
     "(jobs.class.<name>.root) read everywhere if none is set. Ctrl-C asks the run to stop.",
     WITH_CONFIG | WITH_JSON, run_options, verb_run, false},
    {"show", "ID", 1, 1, "Show a job", NULL, TENANT | WITH_HTTP | WITH_JSON, show_options,
     verb_show, false},
    {"logs", "ID", 1, 1, "Show what a job printed and logged",
     "The end of it is kept with each attempt, as long as the job.", TENANT | WITH_JSON,
     logs_options, verb_logs, false},
    {"why", "ID", 1, 1, "Say why a job does not run",
     "The weightiest reason first, and when it will begin, as far as that can be said. Of a job "
     "that\nruns or has ended: that.",
     TENANT | WITH_HTTP | WITH_JSON, NULL, verb_why, false},
    {"list", NULL, 0, 0, "List jobs, newest first", NULL, TENANT | WITH_HTTP | WITH_JSON,
     list_options, verb_list, false},
    {"release", "ID…", 1, -1, "Let PENDING jobs go", NULL, TENANT | WITH_HTTP, NULL, verb_release,
     false},
    {"stop", "[ID…]", 0, -1, "Ask jobs to stop: by their ids, or all that a filter means",
     "Prints the status after the call: a RUNNING job ends ABORTED soon. By filter it goes "
     "through\n"
     "the tenant's jobs in batches of 500, each a transaction of its own, and prints how many.",
     TENANT | WITH_HTTP | WITH_BROKER, stop_options, verb_stop, false},
    {"retry", "[ID…]", 0, -1,
     "Queue FAILED or ABORTED jobs again: by their ids, or all that a filter means",
     "By filter it goes through them in batches of 500, each a transaction of its own.",
     TENANT | WITH_HTTP, retry_options, verb_retry, false},
    {"lock", "ID…", 1, -1, "Keep jobs from retention", NULL, TENANT | WITH_HTTP, lock_options,
     verb_lock, false},
    {"wait", "ID…", 1, -1, "Wait until jobs have ended",
     "Exits 0 when all SUCCEEDED, 1 when one FAILED or was ABORTED, 124 when the time is over.",
     TENANT | WITH_HTTP | WITH_JSON, wait_options, verb_wait, false},
    {"watch", "[ID…]", 0, -1,
     "Watch jobs: a live table on a terminal, a line for each change otherwise",
     "With ids: these jobs, until all have ended. Without: all of the tenant, until Ctrl-C.",
     TENANT | WITH_JSON, watch_options, verb_watch, false},
    {"events", NULL, 0, 0, "Print events as they are broadcast",
     "With --json: the bodies as they come (CloudEvents).", WITH_TENANT | WITH_BROKER | WITH_JSON,
     events_options, verb_events, false},
    {"subscribe", "[NAME]", 0, 1, "Give a subscriber a durable queue of a tenant's events",
     "NAME is \"<tenant>.…\". The queue is bound to <service>.events and collects from then on,\n"
     "whether or not somebody listens. Called again with other keys it is bound with those "
     "instead.\n"
     "--list, of all tenants unless one is named with --tenant; --delete NAME.",
     TENANT | WITH_BROKER | WITH_JSON, subscribe_options, verb_subscribe, false},
    {"stats", NULL, 0, 0, "Number of jobs by tenant, class and status",
     "Of all tenants unless one is named.", TENANT | WITH_HTTP | WITH_JSON, NULL, verb_stats,
     false},
    {"classes", NULL, 0, 0, "List job classes and who offers them", NULL, DATABASE | WITH_JSON,
     NULL, verb_classes, false},
    {"class list", NULL, 0, 0, "The same", NULL, DATABASE | WITH_JSON, NULL, verb_classes, false},
    {"class set", "CLASS", 1, 1, "Limit how many jobs of a class run at a time",
     "Over all instances, in effect within a second, also for jobs that are queued. Keys\n"
     "jobs.class.<name>.max_running and .max_running_per_tenant of a jobsd go before.",
     DATABASE, class_set_options, verb_class_set, false},
    {"class pause", "CLASS", 1, 1, "Choose none of its jobs",
     "They stay QUEUED in their order, and what runs goes on.", DATABASE, class_pause_options,
     verb_class_pause, false},
    {"class resume", "CLASS", 1, 1, "End a pause of a class", NULL, DATABASE, class_pause_options,
     verb_class_resume, false},
    {"instances", NULL, 0, 0, "List instances of jobsd", NULL, DATABASE | WITH_JSON, NULL,
     verb_instances, false},
    {"health", NULL, 0, 0, "Say whether database and broker can be worked with",
     "Asks the servers, all that are configured; with --url http://… what that jobsd says of its "
     "own\n"
     "(no token is needed). Exits 1 when something is down.",
     DATABASE | WITH_HTTP | WITH_JSON | WITH_BROKER, NULL, verb_health, false},
    {"fsck", NULL, 0, 0, "Check that the tables agree with each other",
     "Prints what does not, and then exits 1. Takes one snapshot, changes nothing.",
     DATABASE | WITH_JSON, NULL, verb_fsck, false},
    {"quarantine list", NULL, 0, 0, "List job classes that are parked for a tenant",
     "A class is parked for ten minutes when five of its runs crashed within ten minutes. Its "
     "jobs\n"
     "wait then (PENDING). Of all tenants unless one is named.",
     TENANT | WITH_JSON, NULL, verb_quarantine_list, false},
    {"quarantine release", "CLASS", 1, 1, "End a quarantine", "Its jobs go on within a minute.",
     TENANT, NULL, verb_quarantine_release, false},
    {"token create", "NAME", 1, 1, "Make a token for the HTTP interface and print it",
     "It is shown this once; what is stored is a hash of it. NAME says whose it is, and stands in\n"
     "the audit log.",
     TENANT | WITH_JSON, token_options, verb_token_create, false},
    {"token list", NULL, 0, 0, "List the tokens of the HTTP interface",
     "Of all tenants unless one is named.", TENANT | WITH_JSON, NULL, verb_token_list, false},
    {"token revoke", "ID", 1, 1, "End a token", "Within five seconds no jobsd takes it any more.",
     TENANT, NULL, verb_token_revoke, false},
    {"audit", NULL, 0, 0, "List who changed what over the HTTP interface, the latest first",
     "Of all tenants unless one is named.", TENANT | WITH_JSON, audit_options, verb_audit, false},
    {"purge", NULL, 0, 0, "Remove jobs that ended long ago",
     "Prints how many. Of all tenants unless one is named; locked jobs stay. jobsd does the same\n"
     "all the time, for jobs older than jobs.retention.succeeded.days and .failed.days.",
     TENANT, purge_options, verb_purge, false},
    {"completion", "bash|zsh|man", 1, 1, "Print the shell completion or the man page", NULL, 0,
     NULL, verb_completion, true},
    {NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL, false},
};

static const struct {
    unsigned group;
    const struct option options[5];
} groups[] = {
    {WITH_TENANT,
     {{'t', "tenant", "TENANT", "whose jobs (JOBS_TENANT)", NULL}, {0, NULL, NULL, NULL, NULL}}},
    {WITH_JSON, {{0, "json", NULL, "JSON, one object a line", NULL}, {0, NULL, NULL, NULL, NULL}}},
    {WITH_DATABASE,
     {{0, "url", "URL", "of the database, as libpq takes it (JOBS_DATASOURCE_<NAME>_URL)", NULL},
      {0, "schema", "SCHEMA", "of the tables (jobs)", NULL},
      {0, "datasource", "NAME", "which one, when several are configured", NULL},
      {0, NULL, NULL, NULL, NULL}}},
    {WITH_HTTP,
     {{0, "token", "TOKEN", "for a --url of a jobsd, http://… (JOBS_TOKEN)", NULL},
      {0, NULL, NULL, NULL, NULL}}},
    {WITH_BROKER,
     {{0, "amqp-url", "URL", "of the broker (JOBS_AMQP_URL)", NULL},
      {0, "service", "NAME", "begins the names of exchanges (JOBS_SERVICE, jobs)", NULL},
      {0, NULL, NULL, NULL, NULL}}},
    {WITH_CONFIG,
     {{'c', "config", "FILE", "read jobsd.properties", NULL}, {0, NULL, NULL, NULL, NULL}}},
};
static const struct option help_option = {'h', "help", NULL, "show this", NULL};

void verb_each_option(const struct verb *verb, void (*each)(void *arg, const struct option *option),
                      void *arg) {
    for (const struct option *o = verb->options; o && o->name; o++)
        each(arg, o);
    unsigned with = verb->with | (verb->with & (WITH_DATABASE | WITH_BROKER) ? WITH_CONFIG : 0u);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        for (const struct option *o = groups[i].options; with & groups[i].group && o->name; o++)
            each(arg, o);
    each(arg, &help_option);
}
