//! Times as microseconds since 1970-01-01 00:00 UTC, and as the RFC 3339 text that events carry.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// `2026-01-02T03:04:05.678901Z`.
pub fn rfc3339(at: Micros) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| at.to_string())
}

/// The other way; no more exact than microseconds.
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Micros::try_from(at.unix_timestamp_nanos().div_euclid(1000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_microseconds() {
        assert_eq!(rfc3339(1_700_000_000_123_456), "2023-11-14T22:13:20.123456Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn reads_what_it_prints() {
        for at in [0, -1, 1_700_000_000_123_456] {
            assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
        }
        assert_eq!(parse_rfc3339("2023-11-14T23:13:20.123456789+01:00"), Some(1_700_000_000_123_456));
        for text in ["", "yesterday", "2023-11-14", "9223372036854775807"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
