-- Records a queue that a subscriber has on the broker, so that it is known and goes with its tenant; who calls declares it there.
-- in:  tenant; name of the queue, "<tenant>.NAME"; keys: patterns of routing keys, each "<tenant>.PATTERN"; kind: quorum, classic, stream;
--      ttl_ms: events older than that go (null: never); most: events kept (null: no bound; none for streams)
-- out: the keys it had before, null when it is new
-- Errors: JB001 not the caller's tenant, JB008 it is there with another kind or bounds, JB009 the tenant is being moved, 22023 a name
--      or key that is not the tenant's
create or replace function @schema@.job_subscribe(tenant text, name text, keys text[], kind text, ttl_ms bigint, most bigint)
returns text[]
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    before t_job_subscription;
    bad text;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    perform tenant_hold(tenant);
    if name is null or not starts_with(name, tenant || '.') or name = tenant || '.' or name !~ '^[A-Za-z0-9._-]{3,255}$' then
        raise exception using errcode = '22023', message = format(
            'a queue of tenant "%s" is named "%s.NAME", of letters, digits, ".", "_" and "-", 255 at most; not %s', tenant, tenant,
            quote_nullable(left(name, 80)));
    elsif coalesce(cardinality(keys), 0) not between 1 and 100 then
        raise exception using errcode = '22023', message = 'a queue is bound with 1 to 100 keys';
    end if;
    select k into bad from unnest(keys) k
    where k is null or not starts_with(k, tenant || '.') or k !~ '^[A-Za-z0-9._*#-]{3,255}$' limit 1;
    if found then
        raise exception using errcode = '22023', message = format(
            'a key of tenant "%s" begins with "%s.", such as "%s.FAILED.#"; not %s', tenant, tenant, tenant,
            quote_nullable(left(bad, 80)));
    end if;
    insert into t_job_subscription (name, tenant, keys, kind, ttl_ms, most) values (name, tenant, keys, kind, ttl_ms, most)
    on conflict do nothing;
    if found then
        return null;
    end if;
    select * into before from t_job_subscription s where s.name = job_subscribe.name for update;
    if (before.kind, before.ttl_ms, before.most) is distinct from (kind, ttl_ms, most) then
        raise exception using errcode = 'JB008', message = format('the queue %s is there already, of another kind or with other bounds: '
            'delete it first, with the events in it', name);
    end if;
    update t_job_subscription s set keys = job_subscribe.keys where s.name = job_subscribe.name;
    return before.keys;
end
$$;
