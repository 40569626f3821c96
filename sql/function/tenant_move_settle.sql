-- At the target, last in the transaction that copies: what belongs to the datasource and not to the tenant. Lanes are those of the
-- classes here; counts are made.
-- in:  tenant    out: jobs: how many came; running: how many of them are TO_BE_RUN or RUNNING (then it may not be committed)
create or replace function @schema@.tenant_move_settle(of_tenant text, out jobs bigint, out running bigint)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform job_class_lane(p.class_name) from t_job_class_pause p where p.tenant = of_tenant; -- pauses came along
    update t_job_info j set lane = l.lane
    from (select j.id, coalesce(c.lane, '') as lane from t_job_info j left join t_job_class c on c.class_name = j.class_name
        where j.tenant = of_tenant and j.lane <> coalesce(c.lane, '')) l
    where j.id = l.id;
    update t_job_ready r set lane = j.lane from t_job_info j where j.id = r.id and r.tenant = of_tenant and r.lane <> j.lane;
    insert into t_job_count_delta (tenant, class_name, status, n)
    select of_tenant, j.class_name, j.status, count(*) from t_job_info j where j.tenant = of_tenant group by 2, 3;
    select count(*), count(*) filter (where j.status in ('TO_BE_RUN', 'RUNNING')) into jobs, running
    from t_job_info j where j.tenant = of_tenant;
end
$$;
