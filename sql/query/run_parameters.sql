-- Parameters of one job, as the text of a JSON object; for those too large to come with the claim.
-- in: job id    out: one row (parameters)
select coalesce(jsonb_object_agg(p.name, p.value), '{}')::text as parameters
from @schema@.t_job_parameters p where p.job_id = $1::uuid;
