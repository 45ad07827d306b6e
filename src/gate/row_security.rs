//! What row level security asks, for the views: whether the caller may read a project.
//!
//! A statement asks for each row, so the answers are kept with it. It looks at the projects it meets one by one, because there may be
//! very many public ones that it never meets; a statement that meets many asks for all at once.

use super::principal::{Principal, presenter};
use super::{Action, require, store};
use crate::db::handed_out;
use crate::definer::{definer, raising};
use crate::ids::Pg;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, Uuid, pg_sys};
use quire_core::ability::Need;
use quire_core::error::{Error, Result};
use std::collections::{HashMap, HashSet};
use std::ffi::CStr;

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
        Some(bound) if bound.allows(Need::ReadFiles) => {
            require(Action::Read, bound.project()).map(|access| Some(Some(access.project.pg())))
        }
        Some(_) => Ok(Some(None)),
    }
}

/// What a statement has asked.
struct Asked {
    /// The functions that tell: of one project, and of all. What they do runs with the search path that is pinned to them, which for
    /// every row would cost too much.
    one: pg_sys::Oid,
    every: pg_sys::Oid,
    /// Of the row before.
    last: Option<(Uuid, bool)>,
    one_by_one: HashMap<Uuid, bool>,
    all: Option<HashSet<Uuid>>,
}

impl Asked {
    /// By name: which functions those are is nobody's to say who may call this one.
    fn new() -> Result<Self> {
        Ok(Self {
            one: function(c"may_read_project", &[pg_sys::UUIDOID])?,
            every: function(c"readable_projects", &[])?,
            last: None,
            one_by_one: HashMap::new(),
            all: None,
        })
    }

    fn is_readable(&mut self, project: Uuid) -> bool {
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
                    pg_sys::OidFunctionCall1Coll(self.one, pg_sys::InvalidOid, argument).value() & 1 == 1
                };
                self.one_by_one.insert(project, is_readable);
                is_readable
            }
            (None, None) => {
                // SAFETY: the function returns an array of uuids, which are copied.
                let projects = unsafe {
                    let array = pg_sys::OidFunctionCall0Coll(self.every, pg_sys::InvalidOid);
                    Vec::<Uuid>::from_datum(array, false).unwrap_or_default()
                };
                self.all.insert(projects.into_iter().collect()).contains(&project)
            }
        };
        self.last = Some((project, is_readable));
        is_readable
    }
}

/// A function of the storage schema, by its name and the types of its arguments.
fn function(name: &CStr, arguments: &[pg_sys::Oid]) -> Result<pg_sys::Oid> {
    // SAFETY: look-ups in PostgreSQL's caches by NUL-terminated names; the vector holds as many oids as it says.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(c"quire_store".as_ptr(), true);
        let types = pg_sys::buildoidvector(arguments.as_ptr(), arguments.len() as i32);
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Anum_pg_proc_oid as i16,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::from(types),
            pg_sys::Datum::from(schema),
            pg_sys::Datum::from(0usize),
        )
    };
    match found {
        pg_sys::InvalidOid => Err(Error::internal("a function of quire_store is missing")),
        found => Ok(found),
    }
}

/// The policy of every table that a view touches: whether the caller may read a project.
// Outside definer: it asks functions that go through it.
#[pg_extern(sql = false)]
fn is_readable(project_id: Uuid, fcinfo: FunctionCallInfo) -> bool {
    raising(move || asked(fcinfo).map(|asked| asked.is_readable(project_id)))
}

/// What the running statement has asked.
fn asked(fcinfo: FunctionCallInfo) -> Result<&'static mut Asked> {
    // SAFETY: the call is the one that is running. PostgreSQL keeps fn_extra for it, null at first, as long as the memory context that
    // it names, with which the answers go.
    unsafe {
        let function = (*fcinfo).flinfo;
        if (*function).fn_extra.is_null() {
            let asked = PgMemoryContexts::For((*function).fn_mcxt).leak_and_drop_on_delete(Asked::new()?);
            (*function).fn_extra = asked.cast();
        }
        Ok(&mut *(*function).fn_extra.cast::<Asked>())
    }
}
