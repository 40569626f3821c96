-- Pauses a class.
-- in: class name, tenant (null: for all)    out: one row
select @schema@.job_class_pause($1::text, $2::text);
