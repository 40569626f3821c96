-- A date as job_why tells it: RFC 3339, UTC.
create or replace function @schema@.job_why_date(date timestamptz) returns text
language sql stable
return to_char(date at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
