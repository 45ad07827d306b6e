//! Numbers that JSON carries as doubles (IEEE 754 binary64).
//!
//! A double stands for its exact value, for its shortest text, and for what it is rounded to with at most 17 digits, either way where
//! it is in the middle: of two texts that are equally short and equally near, ECMAScript (`JSON.stringify`), Python and PostgreSQL
//! need not print the same one. Canonical is ECMAScript's (RFC 8785). No double stands for any other number.

/// Significant digits that distinguish every double from all others.
const DOUBLE_DIGITS: usize = 17;
/// Significant digits after the first that the exact value of a double has at most.
const EXACT_DIGITS: usize = 766;

/// Whether a double stands for a number, which has no exponent: whether what is stored in its place is the same number.
pub fn is_exact(number: &str) -> bool {
    let Some(double) = number.parse::<f64>().ok().filter(|double| double.is_finite()) else { return false };
    let given = significant(number);
    if given == significant(&double.to_string()) {
        return true;
    }
    // A text of these digits that is read as this double can only be of this size.
    let exact = format!("{double:.EXACT_DIGITS$e}");
    let exact = significant(exact.split_once('e').map_or("", |(digits, _)| digits));
    given == exact || given.len() <= DOUBLE_DIGITS && is_rounded(&exact, &given)
}

/// The significant digits of a number without an exponent.
fn significant(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// Whether `digits` are what `exact` ones are rounded to, either way from the middle.
fn is_rounded(exact: &str, digits: &str) -> bool {
    let Some((kept, rest)) = exact.split_at_checked(digits.len()) else { return false };
    let down = rest <= "5";
    let up = rest >= "5";
    down && kept.trim_end_matches('0') == digits || up && one_more(kept) == digits
}

/// A number in decimal digits and one, without the zeros at its end.
fn one_more(digits: &str) -> String {
    let kept = digits.trim_end_matches('9');
    match kept.split_at_checked(kept.len().wrapping_sub(1)) {
        Some((before, last)) => {
            let last = last.parse::<u8>().unwrap_or_default() + 1;
            format!("{before}{last}")
        }
        None => "1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::canonical;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::hash::{BuildHasher, Hasher, RandomState};

    /// The digits and the exponent of the shortest text of a double, by trying all (ECMAScript, Number::toString): the fewest
    /// digits; of those the nearest; of two the even one.
    fn shortest(double: f64) -> (String, i32) {
        let exact = format!("{:.EXACT_DIGITS$e}", double.abs());
        let (mantissa, exponent) = exact.split_once('e').expect("an exponent");
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let exponent: i32 = exponent.parse().expect("a number");
        for length in 1..=DOUBLE_DIGITS {
            let (kept, rest) = digits.split_at(length);
            let kept: u64 = kept.parse().expect("digits");
            let is_down_nearer = match rest.trim_end_matches('0').cmp("5") {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => kept.is_multiple_of(2),
                std::cmp::Ordering::Greater => false,
            };
            for number in if is_down_nearer { [kept, kept + 1] } else { [kept + 1, kept] } {
                let scale = exponent + 1 - length as i32;
                if format!("{number}e{scale}").parse() == Ok(double.abs()) {
                    let text = number.to_string();
                    let scale = scale + (text.len() - text.trim_end_matches('0').len()) as i32;
                    return (text.trim_end_matches('0').to_owned(), scale);
                }
            }
        }
        panic!("seventeen digits always suffice");
    }

    /// The next random bits (SplitMix64).
    fn mixed(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number without an exponent, as PostgreSQL prints it.
    fn plain(digits: &str, scale: i32) -> String {
        let point = digits.len() as i32 + scale;
        match usize::try_from(scale) {
            Ok(zeros) => format!("{digits}{}", "0".repeat(zeros)),
            Err(_) if point > 0 => {
                let (whole, fraction) = digits.split_at(point as usize);
                format!("{whole}.{fraction}")
            }
            Err(_) => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        }
    }

    /// The text of a double, by the steps of ECMAScript (Number::toString, with its note on ties), which RFC 8785 asks for.
    fn ecmascript(double: f64) -> String {
        if double == 0.0 {
            return "0".to_owned();
        }
        let (digits, scale) = shortest(double);
        let sign = if double < 0.0 { "-" } else { "" };
        let point = digits.len() as i32 + scale;
        if (-5..=21).contains(&point) {
            return format!("{sign}{}", plain(&digits, scale));
        }
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if point > 0 { "+" } else { "-" };
        format!("{sign}{first}{dot}{rest}e{exponent_sign}{}", (point - 1).abs())
    }

    #[test]
    fn any_64_bits_have_the_text_of_ecmascript() {
        let seed = RandomState::new().build_hasher().finish();
        println!("seed {seed}");
        let mut state = seed;
        for n in 0..6_000 {
            let bits = mixed(&mut state);
            // Every other one is of a size where the layout changes.
            let of_size = (bits & !(0x7ff << 52)) | ((990 + (bits >> 52) % 128) << 52);
            let double = f64::from_bits(if n % 2 == 0 { bits } else { of_size });
            match canonical(&double) {
                Ok(text) => assert_eq!(
                    String::from_utf8(text).expect("UTF-8"),
                    ecmascript(double),
                    "seed {seed}, bits {:016x}",
                    double.to_bits()
                ),
                Err(_) => assert!(!double.is_finite(), "seed {seed}, bits {:016x}", double.to_bits()),
            }
        }
    }

    #[test]
    fn the_layout_changes_where_it_should() {
        for (double, text) in [
            (-0.0, "0"),
            (1e20, "100000000000000000000"),
            (-1e21, "-1e+21"),
            (1.5e300, "1.5e+300"),
            (0.000_001, "0.000001"),
            (0.000_000_12, "1.2e-7"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            // Of two equally short texts, the even one.
            (1_424_953_923_781_206.2, "1424953923781206.2"),
            (1_424_953_923_781_206.8, "1424953923781206.8"),
            (2f64.powi(-25), "2.9802322387695312e-8"),
        ] {
            assert_eq!(ecmascript(double), text);
            assert_eq!(canonical(&double).expect("canonical"), text.as_bytes());
        }
    }

    /// Doubles of which two texts are equally short and equally near, as fractions of a second since 1970 are.
    fn in_the_middle() -> impl Strategy<Value = u64> {
        ((1u64 << 52)..(1 << 53)).prop_map(|n| (n as f64 / 4.0).to_bits())
    }

    proptest! {
        /// Whatever a program prints for a double is taken, and is the double's own canonical text.
        #[test]
        fn every_double_is_taken_as_it_is_printed(bits in prop_oneof![any::<u64>(), in_the_middle()]) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite() && double != 0.0);
            let (digits, scale) = shortest(double);
            let sign = if double < 0.0 { "-" } else { "" };
            let seventeen = format!("{:.16e}", double.abs());
            let (mantissa, exponent) = seventeen.split_once('e').expect("an exponent");
            let exponent: i32 = exponent.parse().expect("a number");
            let own = canonical(&double).expect("canonical");
            let texts = [
                format!("{sign}{}", plain(&digits, scale)),
                format!("{sign}{}", plain(&mantissa.replace('.', ""), exponent - 16)),
                double.to_string(),
            ];
            for text in texts {
                prop_assert_eq!(is_exact(&text), true);
                let value: Value = serde_json::from_str(&text).expect("JSON");
                prop_assert_eq!(&canonical(&value).expect("canonical"), &own, "{}", text);
            }
            // The canonical text has the shortest digits.
            let own = String::from_utf8(own).expect("UTF-8");
            let (mantissa, _) = own.split_once('e').unwrap_or((&own, ""));
            prop_assert_eq!(significant(mantissa), digits);
        }

        /// A number that is between two doubles is no double's text.
        #[test]
        fn what_is_between_two_doubles_is_found(whole in (1u64 << 53)..(1 << 54), digit in 1u8..10) {
            let double = (whole & !1) as f64;
            // Eighteen digits that are not what the double has.
            let text = format!("{}.00{digit}", double);
            prop_assert_eq!(is_exact(&text), false);
        }
    }
}
