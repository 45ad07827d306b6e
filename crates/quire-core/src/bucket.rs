//! Token bucket: how many writes an actor may make in a row, and how fast the allowance comes back.

use serde::{Deserialize, Serialize};

const MICROS_PER_MINUTE: f64 = 60_000_000.0;

/// The setting `rate_limit` of a project.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Writes a minute that come back.
    pub per_minute: u32,
    /// Writes that may be made in a row.
    pub burst: u32,
}

/// What is left in a bucket after one write, or how many milliseconds to wait.
pub fn take(limit: RateLimit, tokens: Option<f64>, elapsed_micros: i64) -> Result<f64, u64> {
    let burst = f64::from(limit.burst);
    let per_minute = f64::from(limit.per_minute);
    let refill = elapsed_micros.max(0) as f64 * per_minute / MICROS_PER_MINUTE;
    let available = tokens.map_or(burst, |tokens| (tokens + refill).min(burst));
    if available >= 1.0 {
        Ok(available - 1.0)
    } else {
        Err(((1.0 - available) * MICROS_PER_MINUTE / per_minute / 1000.0).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { per_minute: 60, burst: 3 };

    #[test]
    fn a_full_bucket_allows_the_burst_and_no_more() {
        let mut tokens = None;
        for _ in 0..3 {
            tokens = Some(take(LIMIT, tokens, 0).expect("within the burst"));
        }
        assert_eq!(take(LIMIT, tokens, 0), Err(1000));
        assert_eq!(take(LIMIT, tokens, 400_000), Err(600));
        assert_eq!(take(LIMIT, tokens, 1_000_000), Ok(0.0));
    }

    #[test]
    fn a_clock_that_steps_back_takes_nothing_away() {
        assert_eq!(take(LIMIT, Some(1.0), -5_000_000), Ok(0.0));
    }

    #[test]
    fn never_more_than_the_burst() {
        assert_eq!(take(LIMIT, Some(0.0), i64::MAX / 4), Ok(2.0));
    }
}
