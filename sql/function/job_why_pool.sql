-- The part of job_why that is about slots.
-- in: a class    out: a reason when every slot of the instances that have it is taken, else null
create or replace function @schema@.job_why_pool(class_name text) returns jsonb
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    instances bigint;
    slots bigint;
    busy bigint;
begin
    select count(*), sum(i.pool_size), sum((
        select count(distinct u.id) from t_job_claim c cross join lateral unnest(c.ids) u(id)
        join t_job_info j on j.id = u.id
        where c.instance = i.id and j.instance = i.id and j.status = 'RUNNING'))
    into instances, slots, busy
    from t_job_instance i where not i.lost and job_why_pool.class_name = any(i.class_names);
    if instances = 0 or busy < slots then
        return null;
    end if;
    return job_why_reason('pool_full', format('all %s slots of %s are taken', slots,
        case when instances = 1 then 'the instance that has its class' else format('the %s instances that have its class', instances) end));
end
$$;
