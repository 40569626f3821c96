-- Deletes the next jobs of a tenant that have ended, with all that belongs to them: a batch. One that somebody holds is left for the
-- next one.
-- in:  tenant, how many at most    out: how many were deleted
create or replace function @schema@.tenant_delete_jobs(of_tenant text, most int) returns int
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    ret int;
begin
    with k as materialized (
        select j.id from t_job_info j
        where j.tenant = of_tenant and j.status in ('SUCCEEDED', 'FAILED', 'ABORTED')
        order by j.id limit most
        for update of j skip locked
    ), j as (
        delete from t_job_info j using k where j.id = any(array[k.id])
        returning j.id, j.class_name, j.status
    ), p as (
        delete from t_job_parameters p using j where p.job_id = any(array[j.id])
    ), a as (
        delete from t_job_attempt a using j where a.job_id = any(array[j.id])
    ), l as (
        delete from t_job_log l using j where l.job_id = any(array[j.id])
    ), f as (
        delete from t_job_failure f using j where f.tenant = of_tenant and f.id = any(array[j.id])
    ), c as (
        insert into t_job_count_delta (tenant, class_name, status, n)
        select of_tenant, j.class_name, j.status, -count(*) from j group by 2, 3
    )
    select count(*) into ret from j;
    return ret;
end
$$;
