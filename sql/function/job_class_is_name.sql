-- May a class be called that? It is of the form [A-Za-z0-9][A-Za-z0-9_.-]{0,127}. (As one regular expression the bound would make
-- the test five times as slow: it becomes 128 states.)
-- in: class_name    out: whether; null for null
create or replace function @schema@.job_class_is_name(class_name text) returns boolean
language sql immutable parallel safe
return class_name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]*$' and octet_length(class_name) <= 128;
