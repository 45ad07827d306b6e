//! What the gate found, kept per backend for writers, who have it confirmed under the head lock anyway.

use super::principal::Key;
use super::store::ProjectAccess;
use crate::ids::ProjectId;
use std::cell::RefCell;
use std::collections::HashMap;

/// Most entries; a pooled connection may serve very many users.
const MOST: usize = 1000;

thread_local! {
    static KEPT: RefCell<HashMap<(ProjectId, Key), ProjectAccess>> = RefCell::default();
}

/// What was found last time.
pub fn find(project: ProjectId, key: Key) -> Option<ProjectAccess> {
    KEPT.with_borrow(|kept| kept.get(&(project, key)).cloned())
}

/// Remembers.
pub fn keep(project: ProjectId, key: Key, found: &ProjectAccess) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert((project, key), found.clone());
    });
}

/// Forgets everything, after what is known of somebody has changed here.
pub fn forget() {
    KEPT.with_borrow_mut(HashMap::clear);
}
