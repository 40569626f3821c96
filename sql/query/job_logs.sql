-- What is kept of what a job's attempts printed and logged.
-- in:  tenant, id, attempt (null: all)
-- out: a row per attempt that said something, the first one first; one with nulls when there is none; no row: job unknown
select l.attempt, l.tail
from @schema@.t_job_info j
left join @schema@.t_job_log l on l.job_id = j.id and ($3::int is null or l.attempt = $3::int)
where j.tenant = $1::text and j.id = $2::uuid
order by l.attempt;
