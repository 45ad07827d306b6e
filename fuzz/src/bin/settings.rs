//! Settings of a project. Input: those there are, and a change of them.

#![no_main]

use fuzz::{accepted, json, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::settings::{
    LARGEST_MAX_ASSET_BYTES, LARGEST_MAX_ENTITY_BYTES, LARGEST_MAX_FILE_BYTES, Settings, merged,
};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let pieces: Option<Vec<Value>> = pieces(data).map(json).collect();
    let Some([current, changes]) = pieces.as_deref() else { return };
    let Some(settings) = accepted(Settings::parse(current)) else { return };
    assert!((1..=LARGEST_MAX_FILE_BYTES).contains(&settings.max_file_bytes));
    assert!((1..=LARGEST_MAX_ASSET_BYTES).contains(&settings.max_asset_bytes));
    assert!((1..=LARGEST_MAX_ENTITY_BYTES).contains(&settings.max_entity_bytes));
    assert!(settings.max_project_bytes.is_none_or(|bytes| bytes > 0));
    assert!(settings.rate_limit.is_none_or(|limit| limit.per_minute > 0 && limit.burst > 0));
    assert_eq!(merged(current, &json!({})).as_ref(), Ok(current), "no change changes nothing");
    assert_eq!(merged(&json!({}), current).as_ref(), Ok(current), "settings are a change of none");
    let new = accepted(merged(current, changes));
    assert_eq!(new, changed(current, changes).filter(|new| Settings::parse(new).is_ok()));
    let Some(new) = new else { return };
    Settings::parse(&new).expect("what was merged is read");
    let again = changes.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null());
    let again = again.map(|(key, value)| (key.clone(), value.clone())).collect();
    assert_eq!(merged(&new, &again).as_ref(), Ok(&new), "a change that was made changes nothing");
});

/// What a change makes of settings: of a null the default, which it may be already.
fn changed(current: &Value, changes: &Value) -> Option<Value> {
    let mut new = current.clone();
    for (key, value) in changes.as_object()? {
        let mut is_back = value.is_null() && new.as_object_mut()?.remove(key).is_some();
        if value.is_null() && !is_back {
            let refused = Settings::parse(&json!({key: null})).expect_err("null is no value");
            is_back = !refused.message().starts_with("unknown setting");
        }
        if !is_back {
            new[key] = value.clone();
        }
    }
    Some(new)
}
