-- Why does a job not run? Every reason there is, the weightiest first; of one that runs or has ended, that.
-- in:  tenant, id
-- out: {"id", "status", "reasons": [{"reason": a word, "text": a sentence, "until"?: a date}], "estimated_start": a date or null,
--      "ahead"?: jobs of its tenant that come first, at most 1001 (more than 1000)}; docs/why.md lists the words. Dates: UTC.
--      Of other tenants' jobs only their number is told, and only where they hold a limit of the class or the slots.
-- Errors: JB001 not the caller's tenant, JB007 job unknown
create or replace function @schema@.job_why(tenant text, id uuid) returns jsonb
language plpgsql stable security definer
set search_path = @schema@, pg_temp
as $$
declare
    j t_job_info;
    i t_job_instance;
    ret jsonb;
begin
    perform job_check_caller(array[tenant]);
    select * into j from t_job_info t where t.id = job_why.id and t.tenant = job_why.tenant;
    if not found then
        raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
    end if;
    select * into i from t_job_instance t where t.id = j.instance;
    if j.status in ('SUCCEEDED', 'FAILED', 'ABORTED') then
        ret := jsonb_build_object('estimated_start', null, 'reasons', jsonb_build_array(job_why_reason('final',
            format('it ended %s at %s%s', j.status, job_why_date(j.stop_date),
                case when j.error_kind is not null then format(' (%s: %s)', j.error_kind, left(j.error, 200)) else '' end))));
    elsif j.status in ('TO_BE_RUN', 'RUNNING') then
        ret := jsonb_build_object('estimated_start', null, 'reasons', case when j.stop_requested
            then jsonb_build_array(job_why_reason('stopping', 'it was asked to stop and is about to end')) else '[]' end
            || case when j.status = 'RUNNING'
                then job_why_reason('running', format('it runs on instance %s (%s) since %s, attempt %s, %s %% done',
                    coalesce(i.name, j.instance::text), coalesce(i.host, 'unknown'), job_why_date(j.start_date), j.attempt,
                    j.percent_completed))
                else job_why_reason('chosen', format('instance %s (%s) chose it at %s and begins it as soon as a slot is free',
                    coalesce(i.name, j.instance::text), coalesce(i.host, 'unknown'), job_why_date(j.status_date))) end
            || case when i.lost or i.id is null
                then job_why_reason('instance_lost', 'that instance is gone; another one takes the job over within seconds')
                else '[]' end);
    else
        ret := job_why_waiting(j);
    end if;
    return jsonb_build_object('id', j.id, 'status', j.status) || ret;
end
$$;
