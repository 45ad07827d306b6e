//! What a delta archive says about itself, beside the files that changed.

use crate::error::{Error, Result};
use crate::pure::archive::Limits;
use crate::pure::path::{FilePath, shorten};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// First entry of a delta archive: a [`Delta`] as JSON.
pub const DELTA_PATH: &str = ".quire/delta.json";

/// From which state of a project to which a delta archive leads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The bundle it builds on.
    pub since_seq: i64,
    /// The bundle it leads to.
    pub seq: i64,
    /// The files that went away, sorted.
    #[serde(serialize_with = "write_paths", deserialize_with = "read_paths")]
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
        let delta: Self =
            serde_json::from_slice(bytes).map_err(|error| invalid(&shorten(&error.to_string())))?;
        if delta.deleted.len() as u64 > limits.max_files {
            return Err(Error::limit(format!("{DELTA_PATH} names too many files"), limits.max_files));
        }
        if delta.since_seq < 0 || delta.seq < delta.since_seq {
            return Err(invalid("seq must not be before since_seq"));
        }
        if !delta.deleted.is_sorted_by(|before, after| before < after) {
            return Err(invalid("deleted must be sorted, without duplicates"));
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

fn read_paths<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<FilePath>, D::Error> {
    let raw = Vec::<String>::deserialize(deserializer)?;
    raw.iter().map(|path| FilePath::parse(path).map_err(|error| de::Error::custom(error.message()))).collect()
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
            since_seq: 3,
            seq: 5,
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
