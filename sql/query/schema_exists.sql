-- out: one row (present)
select to_regclass('@schema@.t_schema') is not null as present;
