//! SQL functions of membership. A project always keeps an owner.

use super::store;
use crate::args::{actor_arg, required};
use crate::db::Answer;
use crate::definer::definer;
use crate::event::channel;
use crate::gate::{self, Access, Action, Role, managed, require_project};
use crate::ids::{ActorId, Pg};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Code, Error, Result};
use quire_core::reason::Reason;
use serde_json::json;

/// Adds a member, or changes their role.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn set_project_member(project_uuid: Option<Uuid>, member: Option<Uuid>, role: Option<&str>) -> JsonB {
    definer(|| set(project_uuid, member, role))
}

fn set(project_uuid: Option<Uuid>, member: Option<Uuid>, role: Option<&str>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    let member = actor_arg("member", member)?;
    let role = Role::parse(required("role", role)?)?;
    let by = access.author()?;
    let access = managed(access)?;
    if role != Role::Owner {
        keep_an_owner(&access, member)?;
    }
    store::set_member(access.project, member, role, by)?;
    Ok(JsonB(json!({"member": member.to_string(), "role": role.as_str()})))
}

/// Deletes a member; their history stays. Anybody may leave.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn delete_project_member(project_uuid: Option<Uuid>, member: Option<Uuid>) {
    definer(|| delete(project_uuid, member));
}

fn delete(project_uuid: Option<Uuid>, member: Option<Uuid>) -> Result<()> {
    let leaves = member.is_some() && gate::current()?.actor == member.map(ActorId::from_pg);
    let access = require_project(if leaves { Action::Belong } else { Action::Manage }, project_uuid)?;
    let member = ActorId::from_pg(required("member", member)?);
    if leaves && !access.may(Action::Write) {
        return store::leave(access.project, member);
    }
    let access = managed(access)?;
    if store::member_role(access.project, member)?.is_none() {
        return Err(Error::not_found("no such member").with("member", member.to_string()));
    }
    keep_an_owner(&access, member)?;
    channel::close(access.project)?;
    store::remove_member(access.project, member)
}

/// The members of a project.
#[pg_extern(stable, sql = false)]
fn list_project_members(project_uuid: Option<Uuid>, fcinfo: FunctionCallInfo) {
    definer(|| {
        let access = require_project(Action::Belong, project_uuid)?;
        store::list_members(Answer::of(fcinfo), access.project)
    });
}

/// Refuses to take the last owner away.
fn keep_an_owner(access: &Access, member: ActorId) -> Result<()> {
    let is_owner = store::member_role(access.project, member)? == Some(Role::Owner);
    if is_owner && store::other_owners(access.project, member)? == 0 {
        return Err(Error::new(Code::Invariant, "a project needs an owner")
            .because(Reason::LastOwner)
            .hint("make somebody else an owner first"));
    }
    Ok(())
}
