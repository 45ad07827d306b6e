//! Settings of a project: a JSON object with known keys only, kept as the caller gave it and read with defaults.

use crate::bucket::RateLimit;
use crate::error::{Error, Result};
use crate::label::asset_type_of;
use serde_json::{Map, Value};

/// Largest file by default: 64 MiB.
pub const DEFAULT_MAX_FILE_BYTES: i64 = 64 << 20;
/// Largest file a project may allow: what one PostgreSQL value can hold with room to spare.
pub const LARGEST_MAX_FILE_BYTES: i64 = 512 << 20;

/// Most bytes of an entity by default: 16 MiB.
pub const DEFAULT_MAX_ENTITY_BYTES: i64 = 16 << 20;
/// Most bytes of an entity a project may allow: 64 MiB, what a `jsonb` holds with room to spare.
pub const LARGEST_MAX_ENTITY_BYTES: i64 = 64 << 20;

/// Largest asset that arrives in pieces by default: 1 GiB.
pub const DEFAULT_MAX_ASSET_BYTES: i64 = 1 << 30;
/// Largest such asset a project may allow: 64 GiB.
pub const LARGEST_MAX_ASSET_BYTES: i64 = 64 << 30;

/// Most days, of anything.
const MOST_DAYS: i64 = 36_500;
/// Most types with a retention of their own.
const MAX_ASSET_TYPES: usize = 100;

/// Snapshots that stay by default.
pub const DEFAULT_SNAPSHOTS_KEPT: i64 = 10;
/// Days that a snapshot stays by default.
pub const DEFAULT_SNAPSHOTS_MAX_AGE: i64 = 30;

/// What goes out by NOTIFY when a bundle is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Broadcast {
    /// Event name, seq and time; once per transaction.
    #[default]
    Hint,
    /// The whole payload of every event.
    Full,
    /// Nothing.
    Off,
}

/// Where else events go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RealtimeSink {
    /// Nowhere.
    #[default]
    None,
    /// Supabase Realtime.
    Supabase,
}

/// The settings in force.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// Largest file, in bytes.
    pub max_file_bytes: i64,
    /// Largest asset that arrives in pieces, in bytes.
    pub max_asset_bytes: i64,
    /// Most bytes of an entity, each field counted with 1 KiB at least.
    pub max_entity_bytes: i64,
    /// Most bytes that the current files and assets may have together.
    pub max_project_bytes: Option<i64>,
    /// Most current files.
    pub max_files: Option<i64>,
    /// Writes per actor.
    pub rate_limit: Option<RateLimit>,
    /// Whether the server may write the change that brings branches of documents together.
    pub server_merge: bool,
    /// NOTIFY.
    pub broadcast: Broadcast,
    /// Where else events go.
    pub realtime_sink: RealtimeSink,
    /// How many snapshots stay.
    pub snapshots_kept: i64,
    /// How long, in days.
    pub snapshots_max_age: i64,
}

/// All that there are.
const NAMES: [&str; 13] = [
    "max_file_bytes",
    "max_asset_bytes",
    "max_entity_bytes",
    "max_project_bytes",
    "max_files",
    "rate_limit",
    "server_merge",
    "broadcast",
    "realtime_sink",
    "retention_days",
    "asset_retention_days",
    "snapshots_kept",
    "snapshots_max_age",
];

impl Settings {
    /// Reads and checks a settings object; 22023 for an unknown key or a bad value.
    pub fn parse(value: &Value) -> Result<Self> {
        let Value::Object(object) = value else {
            return Err(Error::validation("settings must be a JSON object"));
        };
        let mut settings = Settings {
            max_file_bytes: DEFAULT_MAX_FILE_BYTES,
            max_asset_bytes: DEFAULT_MAX_ASSET_BYTES,
            max_entity_bytes: DEFAULT_MAX_ENTITY_BYTES,
            max_project_bytes: None,
            max_files: None,
            rate_limit: None,
            server_merge: true,
            broadcast: Broadcast::Hint,
            realtime_sink: RealtimeSink::None,
            snapshots_kept: DEFAULT_SNAPSHOTS_KEPT,
            snapshots_max_age: DEFAULT_SNAPSHOTS_MAX_AGE,
        };
        for (key, value) in object {
            settings.set(key, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        match key {
            "max_file_bytes" => self.max_file_bytes = positive(key, value, LARGEST_MAX_FILE_BYTES)?,
            "max_asset_bytes" => self.max_asset_bytes = positive(key, value, LARGEST_MAX_ASSET_BYTES)?,
            "max_entity_bytes" => self.max_entity_bytes = positive(key, value, LARGEST_MAX_ENTITY_BYTES)?,
            "max_project_bytes" => self.max_project_bytes = Some(positive(key, value, i64::MAX)?),
            "max_files" => self.max_files = Some(positive(key, value, i64::MAX)?),
            "rate_limit" => self.rate_limit = Some(rate_limit(value)?),
            "server_merge" => {
                self.server_merge = value.as_bool().ok_or_else(|| {
                    Error::validation("setting server_merge must be true or false").with("setting", key)
                })?;
            }
            "broadcast" => self.broadcast = broadcast(value)?,
            "realtime_sink" => self.realtime_sink = realtime_sink(value)?,
            "retention_days" => days(key, value)?,
            "asset_retention_days" => asset_retention_days(key, value)?,
            "snapshots_kept" => self.snapshots_kept = positive(key, value, 10_000)?,
            "snapshots_max_age" => self.snapshots_max_age = positive(key, value, MOST_DAYS)?,
            _ => {
                return Err(Error::validation(format!("unknown setting {:?}", crate::text::shorten(key)))
                    .with("setting", crate::text::shorten(key))
                    .hint(format!("known settings: {}", NAMES.join(", "))));
            }
        }
        Ok(())
    }
}

/// `current` with the members of `changes` laid over it; a null takes a setting back to its default.
pub fn merged(current: &Value, changes: &Value) -> Result<Value> {
    let Value::Object(changes) = changes else {
        return Err(Error::validation("settings must be a JSON object"));
    };
    let mut settings: Map<String, Value> = current.as_object().cloned().unwrap_or_default();
    for (key, value) in changes {
        // A name that there is not any more is refused by what is left of it.
        if value.is_null() && (settings.remove(key).is_some() || NAMES.contains(&key.as_str())) {
            continue;
        }
        settings.insert(key.clone(), value.clone());
    }
    let settings = Value::Object(settings);
    Settings::parse(&settings)?;
    Ok(settings)
}

fn realtime_sink(value: &Value) -> Result<RealtimeSink> {
    match value.as_str() {
        Some("none") => Ok(RealtimeSink::None),
        Some("supabase") => Ok(RealtimeSink::Supabase),
        _ => Err(Error::validation("setting realtime_sink must be none or supabase")
            .with("setting", "realtime_sink")),
    }
}

fn positive(key: &str, value: &Value, largest: i64) -> Result<i64> {
    value.as_i64().filter(|number| (1..=largest).contains(number)).ok_or_else(|| {
        Error::validation(format!("setting {key} must be an integer from 1 to {largest}"))
            .with("setting", key)
    })
}

/// Checked only: `quire_store.retention` reads it. 0 keeps nothing that is not current.
fn days(key: &str, value: &Value) -> Result<()> {
    match value.as_i64() {
        Some(0..=MOST_DAYS) => Ok(()),
        _ => Err(Error::validation(format!("setting {key} must be a number of days from 0 to {MOST_DAYS}"))
            .with("setting", key)),
    }
}

fn asset_retention_days(key: &str, value: &Value) -> Result<()> {
    let types = value.as_object().filter(|types| types.len() <= MAX_ASSET_TYPES).ok_or_else(|| {
        Error::validation(format!(
            "setting {key} must be an object {{asset_type: days}} of at most {MAX_ASSET_TYPES} types"
        ))
        .with("setting", key)
    })?;
    types.iter().try_for_each(|(asset_type, value)| {
        asset_type_of(asset_type)?;
        days(key, value)
    })
}

fn rate_limit(value: &Value) -> Result<RateLimit> {
    serde_json::from_value::<RateLimit>(value.clone())
        .ok()
        .filter(|limit| limit.per_minute > 0 && limit.burst > 0)
        .ok_or_else(|| {
            Error::validation("setting rate_limit must be {\"per_minute\": n, \"burst\": n} with n above 0")
                .with("setting", "rate_limit")
        })
}

fn broadcast(value: &Value) -> Result<Broadcast> {
    match value.as_str() {
        Some("hint") => Ok(Broadcast::Hint),
        Some("full") => Ok(Broadcast::Full),
        Some("off") => Ok(Broadcast::Off),
        _ => {
            Err(Error::validation("setting broadcast must be hint, full or off").with("setting", "broadcast"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_and_every_key() {
        let defaults = Settings::parse(&json!({})).expect("valid");
        assert_eq!(defaults.max_file_bytes, DEFAULT_MAX_FILE_BYTES);
        assert_eq!(defaults.broadcast, Broadcast::Hint);
        let all = json!({"max_file_bytes": 10, "max_asset_bytes": 30, "max_project_bytes": 20, "max_files": 3, "broadcast": "off",
                         "rate_limit": {"per_minute": 60, "burst": 5}, "retention_days": 0,
                         "asset_retention_days": {"image": 0, "render": 7}});
        let settings = Settings::parse(&all).expect("valid");
        assert_eq!(settings.rate_limit, Some(RateLimit { per_minute: 60, burst: 5 }));
        assert_eq!(settings.max_files, Some(3));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for bad in [
            json!([]),
            json!({"max_file_byte": 1}),
            json!({"max_file_bytes": 0}),
            json!({"max_file_bytes": "1"}),
            json!({"max_file_bytes": 1i64 << 40}),
            json!({"max_files": -1}),
            json!({"retention_days": -1}),
            json!({"retention_days": 1.5}),
            json!({"asset_retention_days": 3}),
            json!({"asset_retention_days": {"": 3}}),
            json!({"asset_retention_days": {"image": "3"}}),
            json!({"max_asset_bytes": 1i64 << 40}),
            json!({"broadcast": "loud"}),
            json!({"rate_limit": {"per_minute": 0, "burst": 1}}),
            json!({"rate_limit": {"per_minute": 1, "burst": 1, "x": 1}}),
            json!({"rate_limit": null}),
            json!({"server_merge": "no"}),
        ] {
            assert!(Settings::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn null_takes_a_setting_back() {
        let current = json!({"max_files": 3, "broadcast": "off"});
        assert_eq!(
            merged(&current, &json!({"max_files": null})).expect("valid"),
            json!({"broadcast": "off"})
        );
        assert!(merged(&current, &json!({"max_file": null})).is_err());
        for name in NAMES {
            assert_eq!(merged(&json!({}), &json!({name: null})).expect("its default already"), json!({}));
            let unknown = Settings::parse(&json!({name: [[]]}))
                .expect_err("no value of any")
                .message()
                .contains("unknown");
            assert!(!unknown, "{name}");
        }
    }
}
