-- Migration 1: the tables of one datasource.
-- No index on, or partial by, a column that changes while a job lives: status changes stay HOT updates.

do $$
begin
    if to_regnamespace('@schema@') is null then -- one that is there may be of a login that may make none
        create schema @schema@;
    end if;
end
$$;

-- Migrations applied. A build whose newest migration is below min_build must not run on this schema.
create table @schema@.t_schema (
    version int primary key,
    min_build int not null,
    applied_date timestamptz not null default clock_timestamp()
);
insert into @schema@.t_schema (version, min_build) values (1, 1);

create type @schema@.job_status as enum ('PENDING', 'QUEUED', 'TO_BE_RUN', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED');

-- What a tenant gets that is made without saying more, by jobctl or by a plain insert.
create table @schema@.t_tenant_default (
    one boolean primary key default true check (one),
    weight int not null default 1 check (weight between 1 and 1000),
    max_running int check (max_running >= 0),
    max_queued int check (max_queued >= 0)
);
insert into @schema@.t_tenant_default default values;
create function @schema@.tenant_default(setting text) returns int
language sql stable
set search_path = @schema@, pg_temp
as $$
    select case setting when 'weight' then d.weight when 'max_running' then d.max_running when 'max_queued' then d.max_queued end
    from t_tenant_default d
$$;

-- Owners of jobs. null for a limit: none.
create table @schema@.t_tenant (
    tenant text collate "C" primary key check (tenant ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    weight int not null default @schema@.tenant_default('weight') check (weight between 1 and 1000),
    max_running int default @schema@.tenant_default('max_running') check (max_running >= 0),
    max_queued int default @schema@.tenant_default('max_queued') check (max_queued >= 0),
    state text not null default 'ACTIVE' check (state in ('ACTIVE', 'PAUSED', 'MAINTENANCE')),
    role text collate "C",                            -- of PostgreSQL: who is it sees this tenant and no other
    settings jsonb not null default '{}',
    created_date timestamptz not null default clock_timestamp()
);

create index i_tenant_role on @schema@.t_tenant (role) where role is not null;

-- What is known of a class in this datasource; written by instances at start and by jobctl, read by submits and claims. A class
-- with a limit or a pause has a lane, of its own name, and keeps it: its jobs do not stand before those of others.
create table @schema@.t_job_class (
    class_name text collate "C" primary key,
    lane text collate "C" not null default '' check (lane in ('', class_name)),
    max_running int check (max_running >= 0),         -- of all tenants together
    max_running_per_tenant int check (max_running_per_tenant >= 0),
    paused boolean not null default false,
    at_most_once boolean not null default false,      -- a lost run of it is not run again
    lane_date timestamptz,                            -- when it got its lane
    settled boolean not null default true             -- no job of it is live that was claimed before that
);
create index i_job_class_lane on @schema@.t_job_class (class_name) where lane <> '';

-- Classes that are paused for one tenant.
create table @schema@.t_job_class_pause (
    class_name text collate "C" not null,
    tenant text collate "C" not null,
    primary key (class_name, tenant)
);

-- One job as the user sees it. fillfactor: three or four versions of a row fit beside it (measured: 50 is best under a held snapshot).
create table @schema@.t_job_info (
    id uuid primary key,
    tenant text collate "C" not null,
    class_name text collate "C" not null,
    status @schema@.job_status not null,
    priority int not null default 0,                  -- higher first
    description text,
    owner text,
    created_date timestamptz not null default clock_timestamp(),
    queued_date timestamptz,
    start_date timestamptz,
    stop_date timestamptz,
    status_date timestamptz not null default clock_timestamp(),
    expiration_date timestamptz,
    trigger_after_date timestamptz,
    percent_completed int not null default 0,
    estimated_completion timestamptz,
    attempt int not null default 0,                   -- only grows; one claim is one attempt
    attempt_base int not null default 0,              -- attempts that do not count: before a retry, handed back, snoozed
    max_attempts int,                                 -- null: the class's own
    crashes int not null default 0,                   -- lost while RUNNING, since the last retry
    suspect boolean not null default false,           -- was lost once: RUNNING is committed before it starts
    version int not null,                             -- event number, +1 with every status change
    instance uuid,                                    -- who has it, or had it last
    lane text collate "C" not null default '',
    ready_seq bigint,                                 -- its seq in t_job_ready: place in the queue, also after a hand-back
    stop_requested boolean not null default false,
    result jsonb,
    result_class_name text,
    error_kind text,
    error text,
    locked boolean not null default false,            -- retention leaves it
    related_type text,
    related_id text,
    traceparent text,
    timeout interval,                                 -- null: the class's own
    backoff interval,                                 -- null: the class's own
    parameters_bytes int not null default 0           -- of the JSON object; 0: none given
) with (fillfactor = 50);
-- "is not null" says nothing, but keeps these indexes out of statements that look jobs up by id alone: on a table that is empty
-- when they are planned, reading a whole index for its last column looks as cheap as the primary key.
-- No key is there twice: looking for duplicates at each split of a page would be in vain (measured: 4 % of a submit).
create index i_job_info_tenant on @schema@.t_job_info (tenant, id) with (deduplicate_items = off) where tenant is not null;
create index i_job_info_class on @schema@.t_job_info (tenant, class_name, id) with (deduplicate_items = off)
where tenant is not null;
create index i_job_info_related on @schema@.t_job_info (tenant, related_type, related_id) where related_id is not null;

-- No foreign key to t_job_info (measured: +72 % on submit); retention deletes both, jobctl fsck looks for orphans.
create table @schema@.t_job_parameters (
    job_id uuid not null,
    name text collate "C" not null,
    value jsonb not null,
    class_name text,
    primary key (job_id, name)
);

-- One narrow row per QUEUED job. vacuum_truncate takes an exclusive lock: off.
create table @schema@.t_job_ready (
    lane text collate "C" not null default '',
    tenant text collate "C" not null,
    priority int not null,
    seq bigint generated by default as identity (cache 1),
    id uuid not null
) with (vacuum_truncate = off);
create index i_job_ready on @schema@.t_job_ready (lane, tenant, priority desc, seq) with (deduplicate_items = off);

-- One narrow row per PENDING job with a date.
create table @schema@.t_job_timer (
    due timestamptz not null,
    id uuid not null,
    tenant text collate "C" not null,
    primary key (due, id)
) with (vacuum_truncate = off);

-- Receipts: which instance took which jobs. Deleted when all its jobs ended.
create table @schema@.t_job_claim (
    instance uuid not null,
    tick bigint not null,
    tenant text collate "C" not null,
    ids uuid[] not null,
    lane text collate "C" not null default '',        -- of all its jobs
    primary key (instance, tick, tenant, lane)
) with (vacuum_truncate = off);
-- What limits are counted by.
create index i_job_claim_tenant on @schema@.t_job_claim (tenant);
create index i_job_claim_lane on @schema@.t_job_claim (lane, tenant) where lane <> '';

-- Ended attempts that were not the last one of their job (v_job_attempt adds the last).
create table @schema@.t_job_attempt (
    job_id uuid not null,
    attempt int not null,
    tenant text collate "C" not null,
    instance uuid,
    start_date timestamptz,
    stop_date timestamptz,
    outcome text not null,                            -- FAILED, ABORTED, SNOOZED, HANDED_BACK
    error_kind text,
    error text,
    primary key (job_id, attempt)
);

-- The end of what an attempt printed and logged.
create table @schema@.t_job_log (
    job_id uuid not null,
    attempt int not null,
    tail text not null,
    primary key (job_id, attempt)
);

-- Runs that crashed lately, by their own doing as far as is known: only added to by ticks; counted and removed once a second.
create table @schema@.t_job_crash (
    tenant text collate "C" not null,
    class_name text collate "C" not null,
    date timestamptz not null default clock_timestamp()
) with (vacuum_truncate = off);

-- Classes that are parked for a tenant because their runs crash again and again.
create table @schema@.t_job_quarantine (
    tenant text collate "C" not null,
    class_name text collate "C" not null,
    until timestamptz not null,
    crashes int not null,
    reason text not null,
    primary key (tenant, class_name)
);

-- One row per FAILED or ABORTED job.
create table @schema@.t_job_failure (
    tenant text collate "C" not null,
    id uuid not null,
    primary key (tenant, id)
);

-- Queues that subscribers have on the broker, made by jobctl subscribe.
create table @schema@.t_job_subscription (
    name text collate "C" primary key,                -- of the queue
    tenant text collate "C" not null,
    keys text[] not null,                             -- what it is bound with
    kind text not null check (kind in ('quorum', 'classic', 'stream')),
    ttl_ms bigint check (ttl_ms > 0),                 -- events older than that go; null: never
    most bigint check (most > 0),                     -- events kept, the newest; null: no bound
    created_date timestamptz not null default clock_timestamp()
);

-- Status changes not yet broadcast: one row per statement that made them, self-contained, all arrays of one length.
-- An element is one change or, when middles[i] is not null, two: middles[i] at versions[i] - 1, then statuses[i].
create table @schema@.t_job_outbox (
    id bigint generated always as identity (cache 1) primary key,
    ids uuid[] not null,
    tenants text[] not null,
    class_names text[] not null,
    middles @schema@.job_status[] not null,
    statuses @schema@.job_status[] not null,
    versions int[] not null,
    attempts int[] not null,
    percents int[] not null,
    middle_dates timestamptz[] not null,
    dates timestamptz[] not null,
    extras text[] not null                            -- job_extras(), or null
) with (vacuum_truncate = off);
alter table @schema@.t_job_outbox
    alter column ids set storage external, alter column tenants set storage external,
    alter column class_names set storage external, alter column middles set storage external,
    alter column statuses set storage external, alter column versions set storage external,
    alter column attempts set storage external, alter column percents set storage external,
    alter column middle_dates set storage external, alter column dates set storage external,
    alter column extras set storage external;

-- Status changes that wait for their tenant's own virtual host: an outbox row, split by tenant.
create table @schema@.t_job_outbox_parked (
    tenant text collate "C" not null,
    id bigint not null,                               -- of the outbox row
    ids uuid[] not null,
    tenants text[] not null,
    class_names text[] not null,
    middles @schema@.job_status[] not null,
    statuses @schema@.job_status[] not null,
    versions int[] not null,
    attempts int[] not null,
    percents int[] not null,
    middle_dates timestamptz[] not null,
    dates timestamptz[] not null,
    extras text[] not null,
    primary key (tenant, id)
) with (vacuum_truncate = off);

-- Incarnations of jobsd.
create table @schema@.t_job_instance (
    id uuid primary key,
    name text not null,
    host text not null,
    pid int not null,
    version text not null,
    class_names text[] not null,
    pool_size int not null,
    started_date timestamptz not null default clock_timestamp(),
    heartbeat bigint not null default 0,              -- a counter: observers compare it with what they saw before
    epoch int not null default 0,                     -- raised at every reconnect: older ticks can no longer commit
    lost boolean not null default false,              -- never unset
    lost_date timestamptz,
    tick_pid int,
    tick_start timestamptz,
    recorder_pid int,                                 -- a second tick session, under load
    recorder_start timestamptz,
    control_pid int,
    control_start timestamptz
) with (fillfactor = 50, vacuum_truncate = off);

-- The books of each instance, once a second: what tenants were given and owed, of those that had work in the last minute.
create table @schema@.t_job_share (
    instance uuid not null,
    tenant text collate "C" not null,
    weight int not null,
    got_us bigint not null,                           -- slot-microseconds its runs took
    lag_us bigint not null,                           -- owed - got since its present backlog began, 0 without one
    running int not null,
    backlogged boolean not null,                      -- it has queued jobs that could be chosen
    updated timestamptz not null,
    primary key (instance, tenant)
) with (fillfactor = 50, vacuum_truncate = off);

-- Lease of the relay: who broadcasts.
create table @schema@.t_job_relay (
    one boolean primary key default true check (one),
    instance uuid,
    until timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into @schema@.t_job_relay default values;

-- Who sleeps? Submits notify only while somebody does.
create table @schema@.t_job_wake (
    one boolean primary key default true check (one),
    sleepers uuid[] not null default '{}'
) with (fillfactor = 50);
insert into @schema@.t_job_wake default values;

-- Counts by status: changes are appended and folded into t_job_count in the background; v_job_count adds both.
create table @schema@.t_job_count_delta (
    tenant text collate "C" not null,
    class_name text collate "C" not null,
    status @schema@.job_status not null,
    n bigint not null
) with (vacuum_truncate = off);
create table @schema@.t_job_count (
    tenant text collate "C" not null,
    class_name text collate "C" not null,
    status @schema@.job_status not null,
    n bigint not null,
    entered bigint not null default 0,                -- how many came to it; only grows
    primary key (tenant, class_name, status)
) with (fillfactor = 50);

-- API tokens: who holds the secret may do what the role allows, for one tenant or (null) for all of this datasource.
create table @schema@.t_job_token (
    id uuid primary key,
    hash text collate "C" not null unique,            -- sha256 of the secret, in hex; the secret is kept nowhere
    name text not null check (octet_length(name) between 1 and 255),
    tenant text collate "C",
    role text not null check (role in ('viewer', 'operator', 'admin')),
    created_date timestamptz not null default clock_timestamp(),
    expiration_date timestamptz,
    revoked_date timestamptz,
    last_used_date timestamptz                        -- to the minute
) with (fillfactor = 50);

-- Who changed what through the HTTP interface or with jobctl token. Removed after jobs.api.audit.days.
create table @schema@.t_job_audit (
    id bigint generated always as identity primary key,
    date timestamptz not null default clock_timestamp(),
    who text not null,
    address text,
    action text not null,
    tenant text collate "C",
    job uuid,
    count int,
    outcome text not null,
    detail text
);
create index i_job_audit_job on @schema@.t_job_audit (job, id) where job is not null;
create index i_job_audit_tenant on @schema@.t_job_audit (tenant, id) where tenant is not null;
