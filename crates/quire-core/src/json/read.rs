//! Reading JSON of strangers, however long it is: with a look at interrupts and memory on the way, and with errors of quire's own
//! where what is read is not as it should be.

use crate::error::{Error, Result};
use crate::interrupt::Meter;
use serde::de::{self, DeserializeOwned, DeserializeSeed};
use std::cell::RefCell;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::rc::Rc;

/// What is read without a look: it takes a few milliseconds.
const SHORT: usize = 64 << 10;

/// How a visitor, which can only hand on an error of its reader's, ends the reading with one of quire's.
#[derive(Clone, Default)]
pub struct Stop(Rc<RefCell<Option<Error>>>);

impl Stop {
    /// What the visitor returns.
    pub fn with<E: de::Error>(&self, error: Error) -> E {
        let message = error.message().to_owned();
        self.0.replace(Some(error));
        E::custom(message)
    }
}

/// The value of a JSON text; `wrong` words why there is none.
pub fn read<T: DeserializeOwned>(json: &[u8], wrong: impl FnOnce(&str) -> Error) -> Result<T> {
    if json.len() <= SHORT {
        return serde_json::from_slice(json).map_err(|error| wrong(&error.to_string()));
    }
    read_with(json, |_| PhantomData::<T>, wrong)
}

/// What a visitor makes of a JSON text.
pub fn read_with<S: DeserializeSeed<'static>>(
    json: &[u8],
    seed: impl FnOnce(Stop) -> S,
    wrong: impl FnOnce(&str) -> Error,
) -> Result<S::Value> {
    let stop = Stop::default();
    let watched = Watched { rest: json, meter: Meter::default(), stop: stop.clone() };
    let mut reader = serde_json::Deserializer::from_reader(watched);
    let value = seed(stop.clone()).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| stop.0.take().unwrap_or_else(|| wrong(&error.to_string())))
}

struct Watched<'a> {
    rest: &'a [u8],
    meter: Meter,
    stop: Stop,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.rest.read(buffer)?;
        let asked = self.meter.took(length);
        asked.map_err(|error| io::Error::other(self.stop.with::<serde_json::Error>(error)))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    fn wrong(reason: &str) -> Error {
        Error::validation(reason)
    }

    #[test]
    fn short_and_long_texts_are_read_alike() {
        for count in [0, 1, SHORT] {
            let value = Value::from(vec![json!({"a": [1.5, "é"]}); count]);
            let text = value.to_string();
            assert_eq!(read::<Value>(text.as_bytes(), wrong).expect("reads"), value);
            assert_eq!(read::<Box<RawValue>>(text.as_bytes(), wrong).expect("reads").get(), text);
            for broken in [format!("{text}]"), format!("{text} 1"), text[..text.len() - 1].to_owned()] {
                assert_eq!(
                    read::<Value>(broken.as_bytes(), wrong).expect_err("broken").code(),
                    Code::Validation
                );
            }
        }
    }

    #[test]
    fn a_visitor_stops_with_an_error_of_its_own() {
        struct Seed(Stop);
        impl<'de> DeserializeSeed<'de> for Seed {
            type Value = ();
            fn deserialize<D: de::Deserializer<'de>>(self, _: D) -> std::result::Result<(), D::Error> {
                Err(self.0.with(Error::limit("enough", 1)))
            }
        }
        let error = read_with(b"1", Seed, wrong).expect_err("stopped");
        assert_eq!((error.code(), error.message()), (Code::Limit, "enough"));
    }
}
