//! Chance for tests inside of the crate and outside of it, each of which includes this file.

use super::Hash;

/// Numbers that look random and come again with the same seed.
pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    /// With the seed in `QUIRE_SEED`, or a new one; prints it. In a test of several rounds each has its own, and the last one that a
    /// failing test prints is that of the round in which it failed.
    pub fn new() -> Self {
        Self::of(uuid::Uuid::now_v7().as_u64_pair().1)
    }

    /// With the seed in `QUIRE_SEED`, or this one; prints it.
    pub fn of(seed: u64) -> Self {
        let given = std::env::var("QUIRE_SEED").map(|seed| seed.parse().expect("QUIRE_SEED is a number"));
        let seed = given.unwrap_or(seed);
        println!("QUIRE_SEED={seed}");
        Self { seed, thrown: 0 }
    }

    /// Others, for a thread, that come again with these.
    #[allow(dead_code, reason = "not everybody who includes this file has threads")]
    pub fn another(&mut self) -> Self {
        Self { seed: self.throw(usize::MAX) as u64, thrown: 0 }
    }

    /// From 0 to below `sides`.
    pub fn throw(&mut self, sides: usize) -> usize {
        self.thrown += 1;
        let hash = Hash::of_parts([&self.seed.to_le_bytes()[..], &self.thrown.to_le_bytes()]);
        let number = u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight"));
        (number % sides as u64) as usize
    }
}
