-- Which of these jobs have ended, or are not there.
-- in: ids    out: a row (id) each
select u.id from unnest($1::uuid[]) u(id)
left join @schema@.t_job_info j on j.id = u.id
where j.id is null or j.status in ('SUCCEEDED', 'FAILED', 'ABORTED');
