-- Which of these own jobs shall stop?
-- in: $1 instance, $2 ids    out: rows (id)
select j.id from unnest($2::uuid[]) x(id) join @schema@.t_job_info j on j.id = any(array[x.id])
where j.stop_requested and j.instance = $1::uuid and j.status in ('TO_BE_RUN', 'RUNNING');
