-- The part of job_why that is about limits that are reached: which, and who holds them.
-- in: the job's row    out: an array of reasons
create or replace function @schema@.job_why_limited(j @schema@.t_job_info) returns jsonb
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    most record;
    ret jsonb := '[]';
    live bigint;
    others bigint;
    holders text;
begin
    for most in
        select x.word, x.n, x.sentence, x.of_class, x.of_tenant from (
            select 'limit_tenant', t.max_running, format('its tenant may have %s jobs running (max_running)', t.max_running), false, true
            from t_tenant t where t.tenant = j.tenant
            union all
            select 'limit_class', k.max_running, format('%s jobs of the class %s may run, of all tenants together', k.max_running,
                k.class_name), true, false
            from t_job_class k where k.class_name = j.class_name
            union all
            select 'limit_class_tenant', k.max_running_per_tenant, format('%s jobs of the class %s may run of each tenant',
                k.max_running_per_tenant, k.class_name), true, true
            from t_job_class k where k.class_name = j.class_name) x(word, n, sentence, of_class, of_tenant)
        where x.n is not null
    loop
        select count(*), count(*) filter (where x.tenant <> j.tenant),
            string_agg(format('%s on %s', x.id, x.name), ', ' order by x.id) filter (where x.place <= 3 and x.tenant = j.tenant)
        into live, others, holders from (
            select l.id, l.tenant, coalesce(i.name, 'a lost instance') as name,
                row_number() over (partition by l.tenant order by l.id) as place
            from (select distinct o.id, o.tenant, o.instance
                from t_job_claim c cross join lateral unnest(c.ids) u(id) join t_job_info o on o.id = u.id
                where o.instance = c.instance and o.status in ('TO_BE_RUN', 'RUNNING')
                    and (not most.of_tenant or c.tenant = j.tenant)
                    and (not most.of_class or o.class_name = j.class_name)) l
            left join t_job_instance i on i.id = l.instance) x;
        if live >= most.n then
            ret := ret || job_why_reason(most.word, format('%s, and %s: %s', most.sentence,
                case when live = 1 then '1 does' else live || ' do' end, concat_ws(', ', holders,
                case when live - others > 3 then format('%s more of its tenant', live - others - 3) end,
                case when others > 0 then format('%s of other tenants', others) end,
                case when live = 0 then 'none is let through' end)));
        end if;
    end loop;
    return ret;
end
$$;
