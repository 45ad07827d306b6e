//! What row level security asks, for the views: whether the caller may read a project.
//!
//! A statement asks for each row, so what it was told is kept with it. It looks at the projects it meets one by one, because there may be
//! very many public ones that it never meets; a statement that meets many asks for all at once.

use super::principal::{Principal, presenter};
use super::{Action, require, store};
use crate::db::handed_out;
use crate::definer::{definer, raising};
use crate::error::Result;
use crate::pure::ability::Need;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, Uuid, pg_sys};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;

/// Projects that are looked at one by one.
const MOST_ONE_BY_ONE: usize = 32;

/// All projects the caller may read.
#[pg_extern(schema = "quire_store", stable)]
#[search_path(pg_catalog, pg_temp)]
fn readable_projects() -> Vec<Uuid> {
    definer(|| {
        handed_out::tells_of_no_log();
        presenter().and_then(|principal| match readable_by_token(&principal)? {
            Some(project) => Ok(project.into_iter().collect()),
            None => store::readable_projects(principal.actor, principal.is_admin),
        })
    })
}

/// Whether the caller may read one.
#[pg_extern(schema = "quire_store", stable)]
#[search_path(pg_catalog, pg_temp)]
fn may_read_project(project_id: Uuid) -> bool {
    definer(|| {
        handed_out::tells_of_no_log();
        presenter().and_then(|principal| match readable_by_token(&principal)? {
            Some(project) => Ok(project == Some(project_id)),
            None => store::is_readable(project_id, principal.actor, principal.is_admin),
        })
    })
}

/// The project that a token allows to read, if the caller comes with one. Also refuses a token that is dead by now.
fn readable_by_token(principal: &Principal) -> Result<Option<Option<Uuid>>> {
    match &principal.token {
        None => Ok(None),
        Some(bound) if bound.token.allows(Need::ReadFiles) => {
            require(Action::Read, bound.project()).map(|access| Some(Some(access.project.pg())))
        }
        Some(_) => Ok(Some(None)),
    }
}

/// What a statement was told.
#[derive(Default)]
struct Told {
    /// Of the row before.
    last: Option<(Uuid, bool)>,
    one_by_one: HashMap<Uuid, bool>,
    all: Option<HashSet<Uuid>>,
}

impl Told {
    fn is_readable(&mut self, project: Uuid, one: pg_sys::Oid, all: pg_sys::Oid) -> bool {
        if let Some((last, is_readable)) = self.last
            && last == project
        {
            return is_readable;
        }
        let is_readable = match (&self.all, self.one_by_one.get(&project)) {
            (Some(all), _) => all.contains(&project),
            (None, Some(is_readable)) => *is_readable,
            (None, None) if self.one_by_one.len() < MOST_ONE_BY_ONE => {
                // SAFETY: the function takes a uuid and returns a boolean; an error of its own unwinds.
                let is_readable = unsafe {
                    let argument = project.into_datum().unwrap_or(pg_sys::Datum::from(0usize));
                    pg_sys::OidFunctionCall1Coll(one, pg_sys::InvalidOid, argument).value() & 1 == 1
                };
                self.one_by_one.insert(project, is_readable);
                is_readable
            }
            (None, None) => {
                // SAFETY: the function returns an array of uuids, which are copied.
                let projects = unsafe {
                    let array = pg_sys::OidFunctionCall0Coll(all, pg_sys::InvalidOid);
                    Vec::<Uuid>::from_datum(array, false).unwrap_or_default()
                };
                self.all.insert(projects.into_iter().collect()).contains(&project)
            }
        };
        self.last = Some((project, is_readable));
        is_readable
    }
}

/// The policy of every table that a view touches: whether the caller may read a project. The functions that are asked come as
/// arguments: what they do runs with the search path that is pinned to them, which for every row would cost too much.
// Outside definer: it asks functions that go through it.
#[pg_extern(sql = false)]
fn is_readable(project_id: Uuid, one: pg_sys::Oid, all: pg_sys::Oid, fcinfo: FunctionCallInfo) -> bool {
    // SAFETY: the call is the one that is running. PostgreSQL keeps fn_extra for it, null at first, as long as the memory context that
    // it names, with which what was told goes.
    let told = unsafe {
        let function = (*fcinfo).flinfo;
        if (*function).fn_extra.is_null() {
            let told = PgMemoryContexts::For((*function).fn_mcxt).leak_and_drop_on_delete(Told::default());
            (*function).fn_extra = told.cast();
        }
        &mut *(*function).fn_extra.cast::<Told>()
    };
    let told = AssertUnwindSafe(told);
    raising(move || Ok({ told }.0.is_readable(project_id, one, all)))
}
