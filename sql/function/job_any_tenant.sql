-- Who may call this may act for every tenant: the owner of the schema, and the roles of the daemon and of trusted clients. It is
-- its privilege that counts, see job_check_caller.
-- out: true
create or replace function @schema@.job_any_tenant() returns boolean
language sql immutable
return true;
