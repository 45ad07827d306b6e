//! `number.json`: texts of numbers.

use super::{canonical, check, value};
use crate::json::inexact_number;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct File {
    about: &'static str,
    spellings: BTreeMap<&'static str, String>,
    doubles: BTreeMap<String, String>,
}

const ABOUT: &str = "spellings: numbers as somebody may write them, and their canonical text. doubles: the 64 bits (IEEE 754) \
    in hex, and the canonical text (RFC 8785).";

/// Of two texts that are equally short either is taken, and one is stored. Without exponents, as PostgreSQL hands them on.
const SPELLINGS: [&str; 20] = [
    "-0",
    "-0.0",
    "1.0",
    "1.50000000000000000000",
    "1424953923781206.2",
    "1424953923781206.25",
    "1424953923781206.3",
    "1424953923781206.7",
    "1424953923781206.8",
    "0.000000029802322387695312",
    "0.000000029802322387695313",
    "0.10000000000000001",
    "0.1000000000000000055511151231257827021181583404541015625",
    "0.0000001",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740992",
    "18446744073709551616",
    "100000000000000000000",
    "1000000000000000000000",
];

/// Where layout, sign or size change.
const EDGES: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    0.1,
    0.2,
    1e-5,
    1e-6,
    1e-7,
    -1.5e-7,
    1e20,
    1e21,
    -1e21,
    999_999_999_999_999_900_000.0,
    5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    f64::EPSILON,
    9_007_199_254_740_992.0,
    1_424_953_923_781_206.2,
];

/// Bits that look random and are always the same (SplitMix64).
fn patterns() -> impl Iterator<Item = u64> {
    let mut state = 8785u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

#[test]
fn numbers() {
    let spellings = SPELLINGS.into_iter().map(|text| {
        assert_eq!(inexact_number(text), None);
        (text, canonical(&value(text)))
    });
    let any = patterns().take(300).map(f64::from_bits);
    // What has a fraction or an end where there are no digits left, and powers of two, at whose edge the digits are fewer.
    let in_the_middle = patterns().take(60).map(|bits| ((1 << 52 | bits >> 12) as f64) / 4.0);
    let powers = (-1074..=1023).step_by(31).chain(-30..=80).map(|power| 2f64.powi(power));
    let tens = (-30..=30).map(|power| format!("1e{power}").parse().expect("a number"));
    let doubles = EDGES.into_iter().chain(any).chain(in_the_middle).chain(powers).chain(tens);
    let doubles = doubles
        .filter(|double| double.is_finite())
        .map(|double| (format!("{:016x}", double.to_bits()), canonical(&double)));
    check("number", &File { about: ABOUT, spellings: spellings.collect(), doubles: doubles.collect() });
}
