-- Uuids of version 7 (RFC 9562): 48 bits of Unix milliseconds, 12 bits of their fraction, then random bits. Until the year 2527.
-- job_uuid_at: in:  at: microseconds since 1970; random: 62 bits of it are taken    out: uuid
-- job_uuid:    out: a new one, in order of creation to the microsecond
-- Each parameter stands once in the body, so that these are inlined, also for arguments that are volatile.
create or replace function @schema@.job_uuid_at(at bigint, random bigint) returns uuid
language sql immutable parallel safe
return ('0' || overlay(to_hex(at * 512 / 125 /* 4096ths of a millisecond */) placing '7' from 12 for 0)
    || to_hex(random & 4611686018427387903 | -9223372036854775808 /* the two highest bits are 10 */))::uuid;

create or replace function @schema@.job_uuid() returns uuid
language sql volatile parallel safe
return @schema@.job_uuid_at((date_part('epoch', clock_timestamp()) * 1000000)::bigint,
    uuid_hash_extended(gen_random_uuid(), 0));
