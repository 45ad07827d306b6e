//! What a delta archive says about itself, beside the files that changed.

use crate::archive::Limits;
use crate::error::{Error, Result};
use crate::id::Seq;
use crate::interrupt;
use crate::json::{Stop, read_with};
use crate::path::FilePath;
use crate::text::shorten;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};
use std::fmt;

/// First entry of a delta archive: a [`Delta`] as JSON.
pub const DELTA_PATH: &str = ".quire/delta.json";

/// From which state of a project to which a delta archive leads.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Delta {
    /// The bundle it builds on.
    pub since_seq: Seq,
    /// The bundle it leads to.
    pub seq: Seq,
    /// The files that went away, sorted.
    #[serde(serialize_with = "write_paths")]
    pub deleted: Vec<FilePath>,
}

impl Delta {
    /// `{"since_seq": n, "seq": m, "deleted": [..]}`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::internal(format!("no JSON form of a delta: {error}")))
    }

    /// Of an archive of anybody; a deleted path counts like a file.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        if bytes.len() as u64 > limits.max_name_bytes {
            return Err(too_long(limits));
        }
        // Each takes four bytes, with quotes and a comma.
        let paths = (bytes.len() / 4).min(usize::try_from(limits.max_files).unwrap_or(usize::MAX));
        interrupt::room(paths.saturating_mul(size_of::<FilePath>()))?;
        let reading = |stop| Reading { limits, paths, stop };
        let delta = read_with(bytes, reading, |reason| invalid(&shorten(reason)))?;
        if delta.since_seq < Seq::ZERO || delta.seq < delta.since_seq {
            return Err(invalid("seq must not be before since_seq"));
        }
        Ok(delta)
    }
}

/// PT413 for more bytes than names may have.
pub fn too_long(limits: &Limits) -> Error {
    Error::limit(format!("{DELTA_PATH} is too long"), limits.max_name_bytes)
}

fn invalid(reason: &str) -> Error {
    Error::validation(format!("{DELTA_PATH} is not valid: {reason}"))
}

fn write_paths<S: Serializer>(paths: &[FilePath], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(FilePath::as_str))
}

/// Reads a [`Delta`], and of its paths none that is one too many or not behind the one before.
#[derive(Clone)]
struct Reading<'l> {
    limits: &'l Limits,
    /// How many there may be at most.
    paths: usize,
    stop: Stop,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Delta;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Delta, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Delta;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Delta, A::Error> {
        const MEMBERS: &[&str] = &["since_seq", "seq", "deleted"];
        let (mut since_seq, mut seq, mut deleted) = (None, None, None);
        while let Some(key) = members.next_key::<String>()? {
            let is_first = match key.as_str() {
                "since_seq" => since_seq.replace(members.next_value()?).is_none(),
                "seq" => seq.replace(members.next_value()?).is_none(),
                "deleted" => deleted.replace(members.next_value_seed(Paths(self.clone()))?).is_none(),
                _ => return Err(de::Error::unknown_field(&shorten(&key), MEMBERS)),
            };
            if !is_first {
                return Err(de::Error::custom(format!("duplicate field {key}")));
            }
        }
        let missing = de::Error::missing_field;
        Ok(Delta {
            since_seq: since_seq.ok_or_else(|| missing("since_seq"))?,
            seq: seq.ok_or_else(|| missing("seq"))?,
            deleted: deleted.ok_or_else(|| missing("deleted"))?,
        })
    }
}

struct Paths<'l>(Reading<'l>);

impl<'de> DeserializeSeed<'de> for Paths<'_> {
    type Value = Vec<FilePath>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Vec<FilePath>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Paths<'_> {
    type Value = Vec<FilePath>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Vec<FilePath>, A::Error> {
        let Reading { limits, paths, stop } = self.0;
        let mut paths: Vec<FilePath> = Vec::with_capacity(paths);
        while let Some(path) = items.next_element::<String>()? {
            interrupt::step().map_err(|error| stop.with(error))?;
            if paths.len() as u64 >= limits.max_files {
                let error = Error::limit(format!("{DELTA_PATH} names too many files"), limits.max_files);
                return Err(stop.with(error));
            }
            let path = FilePath::parse(&path).map_err(|error| de::Error::custom(error.message()))?;
            if paths.last().is_some_and(|last| *last >= path) {
                return Err(de::Error::custom("deleted must be sorted, without duplicates"));
            }
            paths.push(path);
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const LIMITS: Limits = Limits {
        max_files: 2,
        max_file_bytes: 100,
        max_total_bytes: 100,
        max_name_bytes: 100,
        bytes_per_file: 0,
    };

    #[test]
    fn round_trip() {
        let delta = Delta {
            since_seq: Seq(3),
            seq: Seq(5),
            deleted: ["a\"b", "c"].map(|path| FilePath::parse(path).expect("valid")).to_vec(),
        };
        let bytes = delta.to_bytes().expect("JSON");
        assert_eq!(bytes, br#"{"since_seq":3,"seq":5,"deleted":["a\"b","c"]}"#);
        assert_eq!(Delta::parse(&bytes, &LIMITS).expect("valid"), delta);
    }

    #[test]
    fn refuses_what_no_exporter_writes() {
        for (json, code) in [
            (r#"{"since_seq":0,"seq":1,"deleted":["../a"]}"#, Code::Validation),
            (r#"{"since_seq":0,"seq":1,"deleted":["b","a"]}"#, Code::Validation),
            (r#"{"since_seq":0,"seq":1,"deleted":["a","a"]}"#, Code::Validation),
            (r#"{"since_seq":2,"seq":1,"deleted":[]}"#, Code::Validation),
            (r#"{"since_seq":-1,"seq":1,"deleted":[]}"#, Code::Validation),
            (r#"{"since_seq":0,"seq":1,"deleted":[],"more":1}"#, Code::Validation),
            (r#"{"since_seq":0,"seq":1}"#, Code::Validation),
            ("[]", Code::Validation),
            ("", Code::Validation),
            (r#"{"since_seq":0,"seq":1,"deleted":["a","b","c"]}"#, Code::Limit),
            (&" ".repeat(101), Code::Limit),
        ] {
            assert_eq!(Delta::parse(json.as_bytes(), &LIMITS).expect_err(json).code(), code, "{json}");
        }
    }
}
