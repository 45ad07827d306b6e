//! The clock, and times as PostgreSQL has them.

use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;

/// 2000-01-01, PostgreSQL's epoch, in microseconds since 1970.
const POSTGRES_EPOCH: Micros = 946_684_800_000_000;

/// PostgreSQL's timestamp of a time.
pub fn to_pg(at: Micros) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at - POSTGRES_EPOCH)
        .map_err(|_| Error::internal("a time is out of range"))
}

/// The time of a PostgreSQL timestamp.
pub fn from_pg(at: TimestampWithTimeZone) -> Micros {
    pgrx::pg_sys::TimestampTz::from(at).saturating_add(POSTGRES_EPOCH)
}

/// The clock now, for a statement.
pub fn pg_now() -> Result<TimestampWithTimeZone> {
    to_pg(now())
}

/// The clock now.
pub fn now() -> Micros {
    // SAFETY: reads the clock.
    unsafe { pgrx::pg_sys::GetCurrentTimestamp() + POSTGRES_EPOCH }
}
