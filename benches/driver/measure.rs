//! Taking turns, and medians.

use crate::{Bench, Result};
use postgres::types::ToSql;
use postgres::{Client, Statement};
use std::time::Instant;

/// What one run of a contender gives: one number per thing measured.
pub type Sample = Vec<f64>;

/// One way to do the work. It gets the round; 0 is the warm-up.
pub type Contender<'a> = Box<dyn FnMut(usize) -> Result<Sample> + 'a>;

/// The samples of every contender, in the order of the rounds.
pub type Samples = Vec<Vec<Sample>>;

/// Lets the contenders take turns: one round that does not count, then as many as asked for. Who goes first changes from
/// round to round.
pub fn alternate(bench: &Bench, what: &str, contenders: &mut [Contender]) -> Result<Samples> {
    let (rounds, count) = (bench.options.rounds, contenders.len());
    let mut samples = vec![Vec::with_capacity(rounds); count];
    for round in 0..=rounds {
        for turn in 0..count {
            let index = (turn + round) % count;
            bench.say(match round {
                0 => format!("{what}: warm-up"),
                _ => format!("{what}: round {round} of {rounds}"),
            });
            let sample = contenders[index](round)?;
            if round > 0 {
                samples[index].push(sample);
            }
        }
    }
    Ok(samples)
}

/// One number of each of a contender's samples.
pub fn column(samples: &[Sample], index: usize) -> Vec<f64> {
    samples.iter().filter_map(|sample| sample.get(index).copied()).collect()
}

/// Milliseconds that something takes.
pub fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

/// The middle one; of an even number the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// A parameter of a statement.
pub type Param = Box<dyn ToSql + Sync>;

/// A query that must give so many rows. The time lasts until the client has them all.
pub struct Read {
    client: Client,
    statement: Statement,
    params: Vec<Param>,
    rows: usize,
    repeats: usize,
}

impl Read {
    /// Prepares the query.
    pub fn new(mut client: Client, sql: &str, params: Vec<Param>, rows: usize) -> Result<Self> {
        let statement = client.prepare(sql)?;
        Ok(Self { client, statement, params, rows, repeats: 3 })
    }

    /// The median time of a few executions, in milliseconds.
    pub fn run(&mut self) -> Result<Sample> {
        let params: Vec<&(dyn ToSql + Sync)> = self.params.iter().map(AsRef::as_ref).collect();
        let mut times = Vec::with_capacity(self.repeats);
        for _ in 0..self.repeats {
            let mut received = 0;
            times.push(timed(|| {
                received = self.client.query(&self.statement, &params)?.len();
                Ok(())
            })?);
            if received != self.rows {
                return Err(format!("{received} rows came, not {}", self.rows).into());
            }
        }
        Ok(vec![median(&times)])
    }

    /// As one who takes turns with others.
    pub fn contender(mut self) -> Contender<'static> {
        Box::new(move |_| self.run())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
