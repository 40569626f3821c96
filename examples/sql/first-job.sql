-- A job created in the same transaction as the data that it is about: both are there, or none.
--
--   psql "$JOBS_DATASOURCE_MAIN_URL" -f examples/sql/first-job.sql
--
-- Needs the tables (jobctl migrate) and the tenant (jobctl tenant create acme).
\set ON_ERROR_STOP on

create temp table invoice (number int primary key, state text not null);

begin;
insert into invoice values (4711, 'TO_BE_PRINTED');
select jobs.job_submit('acme', 'sleep', '{"ms": 300}', priority => 10, description => 'print invoice 4711',
    related_type => 'invoice', related_id => '4711') as id \gset
commit;

-- Rolled back: no job, no event.
begin;
select jobs.job_submit('acme', 'noop', description => 'never was');
rollback;

-- Many at once, in order.
select jobs.job_submit_many('acme', '[
    {"class_name": "noop", "description": "first"},
    {"class_name": "noop", "description": "next century", "at": "2100-01-01T00:00:00Z"}
]');

-- v_job is the stable face of a job.
select status, class_name, priority, description, related_type, related_id from jobs.v_job where id = :'id';

-- Stop it again: the status after the call. Errors have SQLSTATEs of their own, such as JB007 for an unknown job.
select jobs.job_stop('acme', :'id');
