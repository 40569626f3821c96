-- Where a look at a bounded number of a tenant's jobs, the newest first, ends. Planned for its values at each call.
-- in:  $1 tenant; null = any: $2 class name, $3 related id; $4 only below this id (null: from the newest); $5 how many to look at;
--      $6 among FAILED and ABORTED ones alone
-- out: at most one row: id of the last of them; none: it comes to the end
(select j.id from @schema@.t_job_info j
where not $6::boolean and j.tenant = $1::text and ($2::text is null or j.class_name = $2::text)
    and ($3::text is null or j.related_id = $3::text) and ($4::uuid is null or j.id < $4::uuid)
order by j.id desc offset $5::int - 1 limit 1)
union all
(select f.id from @schema@.t_job_failure f
where $6::boolean and f.tenant = $1::text and ($4::uuid is null or f.id < $4::uuid)
order by f.id desc offset $5::int - 1 limit 1);
