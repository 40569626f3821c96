-- The part of job_why that is about what a PENDING job waits for.
-- in: the job's row    out: an array of reasons
create or replace function @schema@.job_why_pending(j @schema@.t_job_info) returns jsonb
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    due constant timestamptz := j.trigger_after_date;
    last t_job_attempt;
begin
    if not exists (select from t_job_timer t where t.due = j.trigger_after_date and t.id = j.id) then
        return jsonb_build_array(job_why_reason('not_released', 'it is PENDING without a date: nobody acts on it before it is released'));
    end if;
    select * into last from t_job_attempt a where a.job_id = j.id and a.attempt = j.attempt;
    if last.outcome = 'SNOOZED' then
        return jsonb_build_array(job_why_reason('snoozed', format('its attempt %s asked to go on later: not before %s',
            j.attempt, job_why_date(due)), due));
    elsif last.outcome = 'FAILED' then
        return jsonb_build_array(job_why_reason('back_off', format('its attempt %s failed (%s: %s); the next one begins at %s',
            j.attempt, last.error_kind, left(last.error, 200), job_why_date(due)), due));
    elsif j.error_kind = 'WORKSPACE' then
        return jsonb_build_array(job_why_reason('workspace_full', format('%s; looked at again at %s', left(j.error, 200),
            job_why_date(due)), due));
    elsif j.error_kind is not null then -- handed back: quarantine and missing classes have reasons of their own
        return jsonb_build_array(job_why_reason('handed_back', format('an instance handed it back (%s: %s); it is queued again at %s',
            j.error_kind, left(j.error, 200), job_why_date(due)), due));
    end if;
    return jsonb_build_array(job_why_reason('trigger_date', format('it is not to begin before %s', job_why_date(due)), due));
end
$$;
