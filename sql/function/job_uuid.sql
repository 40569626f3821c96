-- A new uuid of version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits.
-- out: uuid, in order of creation to the millisecond
create or replace function @schema@.job_uuid() returns uuid
language sql volatile parallel safe
return encode(
    set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
            placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
            from 1 for 6),
        52, 1), 53, 1), -- version nibble 0100 of the random uuid becomes 0111
    'hex')::uuid;
