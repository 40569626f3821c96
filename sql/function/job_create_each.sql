-- Creates jobs, each for itself: one that is wrong does not hinder the others. As many as can be go together; when that fails
-- the first and the second half are tried, and so on down to the culprits.
-- in:  as job_create, but parameters as text, judged here
-- out: rows in order: the id, or the SQLSTATE and the text of what is wrong
-- An id that an open transaction has used is waited for 10 ms at most, and then is that job's mistake (55P03): somebody who leaves a
-- transaction open delays nobody else.
-- Errors: only those that are not about values
create or replace function @schema@.job_create_each(tenants text[], class_names text[], parameters text[], priorities int[],
    ats timestamptz[], pendings boolean[], expires timestamptz[], descriptions text[], owners text[], attempts int[],
    backoffs interval[], timeouts interval[], related_types text[], related_ids text[], lockeds boolean[],
    traceparents text[], ids uuid[])
returns table (id uuid, state text, why text)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
#variable_conflict use_column
declare
    given boolean := array_remove(ids, null) <> '{}';
    patience text := current_setting('lock_timeout');
    n int := cardinality(tenants);
    m int := n / 2;
    a int;
    z int;
begin
    begin
        if given then
            perform set_config('lock_timeout', '10ms', true);
        end if;
        return query select c.id, null::text, null::text
        from job_create(tenants, class_names, parameters::jsonb[], priorities, ats, pendings, expires, descriptions, owners,
            attempts, backoffs, timeouts, related_types, related_ids, lockeds, traceparents, ids) with ordinality c(id, n)
        order by c.n;
        if given then
            perform set_config('lock_timeout', patience, true);
        end if;
        return;
    exception when others then
        if sqlstate !~ '^(JB|21|22|23|54)' and not (given and sqlstate = '55P03') then
            raise;
        end if;
        if n = 1 then
            return query select null::uuid, sqlstate, case sqlstate when '55P03' then
                'another transaction, which is still open, has used this id: try again' else sqlerrm end;
            return;
        end if;
    end;
    for i in 0 .. 1 loop
        a := case i when 0 then 1 else m + 1 end;
        z := case i when 0 then m else n end;
        return query select c.id, c.state, c.why
        from job_create_each(tenants[a:z], class_names[a:z], parameters[a:z], priorities[a:z], ats[a:z], pendings[a:z],
            expires[a:z], descriptions[a:z], owners[a:z], attempts[a:z], backoffs[a:z], timeouts[a:z], related_types[a:z],
            related_ids[a:z], lockeds[a:z], traceparents[a:z], ids[a:z]) c;
    end loop;
end
$$;
